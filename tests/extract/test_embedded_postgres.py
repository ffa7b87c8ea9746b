"""The server that lives with the project, and a site's own in its place: started, crashed, shared and refused."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from made_archives import KEY, PROJECT, rows, write_many

from extract.attributes import SEED
from extract.connection import NoServerError, connect, fallback_home, server_address, server_home
from extract.embedded_account import Account, account_of, find_account
from extract.embedded_postgres import main
from extract.embedded_programs import reachable_programs

EXAMPLE = PROJECT / "profiles.yml.example"
as_root = pytest.mark.skipif(os.getuid() != 0, reason="only root can act as another user")


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("PG")] + ["ICDM_POSTGRES_USER"]:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every OS user can enter, which pytest's own are not, with a path short enough for a socket."""
    folder = Path(tempfile.mkdtemp(prefix="icdm-test-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def make_project(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder.mkdir()
    (folder / "dbt_project.yml").touch()
    shutil.copy(EXAMPLE, folder)
    monkeypatch.setenv("DBT_PROJECT_DIR", str(folder))
    return folder


@pytest.fixture
def project(open_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A project without a server; one that a test starts is removed."""
    yield make_project(open_folder / "project", monkeypatch)
    assert run("remove").returncode == 0


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "extract.embedded_postgres", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def run_as(account: Account, command: str) -> int:
    """Run the command as another OS user, in a fork: that user may not reach this Python. Return the exit code."""
    child = os.fork()
    if child == 0:
        code = 70
        try:
            os.setgroups([])
            os.setgid(account.gid)
            os.setuid(account.uid)
            code = main([command])
        finally:
            # Whatever happened, the tests go on in the parent only.
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def user(name: str) -> Account:
    account = account_of(name)
    assert account
    return account


def up() -> str:
    done = run("up")
    assert done.returncode == 0, done.stderr
    return done.stdout


def keep_a_row() -> None:
    with connect("test") as connection:
        connection.execute("create table kept (value integer)")
        connection.execute("insert into kept values (42)")


def assert_row_is_kept() -> None:
    with connect("test") as connection:
        assert connection.execute("select value from kept").fetchall() == [(42,)]


def test_data_outlive_a_stop_and_a_crash(project: Path) -> None:
    command = [sys.executable, "-m", "extract.embedded_postgres", "up"]
    at_once = [subprocess.Popen(command, stdout=subprocess.DEVNULL) for _ in range(2)]
    assert [process.wait(60) for process in at_once] == [0, 0]
    assert "already running" in up()
    keep_a_row()

    assert run("down").returncode == run("down").returncode == 0
    with pytest.raises(NoServerError, match=r"make up.*PGHOST"):
        connect("test")
    (project / ".postgres" / "data.new").mkdir(mode=0o777)
    up()
    assert_row_is_kept()

    pid = int((project / ".postgres/data/postmaster.pid").read_text().split()[0])
    os.kill(pid, signal.SIGKILL)
    up()
    assert_row_is_kept()
    shown = run("psql", "-Atc", "select current_user, current_database(), value from kept")
    assert shown.stdout == "icdm|icdm|42\n"


def test_a_scan_whose_server_is_killed_ends_clearly_and_the_next_one_completes_it(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed for good, as by a power cut; the rows are those of an undisturbed run."""
    monkeypatch.setenv("ICDM_HMAC_KEY", KEY)
    shutil.copytree(PROJECT / SEED.parent, project / SEED.parent)
    write_many(tmp_path / "archive", 5000)
    code = "import sys; from extract.cli import main; sys.exit(main())"
    command = [sys.executable, "-c", code, "scan", str(tmp_path / "archive")]
    counts = "select count(*), count(distinct sop_instance_uid) from icdm_raw.instance"
    keys = "select file_name, series_key, header_key, instance_values from icdm_raw.instance order by 1"
    up()
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    with connect("test", autocommit=True) as connection:
        while not rows(connection, "select 1 where to_regclass('icdm_raw.series') is not null") or not rows(
            connection, "select 1 from icdm_raw.series"
        ):
            time.sleep(0.01)
        os.kill(int((project / ".postgres/data/postmaster.pid").read_text().split()[0]), signal.SIGKILL)
    _, message = process.communicate(timeout=60)
    assert process.returncode == 1 and "the database ended the scan" in message and "Traceback" not in message
    up()
    assert subprocess.run(command, timeout=60, stdout=subprocess.DEVNULL).returncode == 0
    with connect("test", autocommit=True) as connection:
        assert rows(connection, counts) == [(5000, 5000)]
        completed = rows(connection, keys)
        connection.execute("drop schema icdm_raw cascade")
    assert subprocess.run(command, timeout=60, stdout=subprocess.DEVNULL).returncode == 0
    with connect("test", autocommit=True) as connection:
        assert rows(connection, keys) == completed


def test_profile_is_written_but_a_site_s_own_is_kept(project: Path) -> None:
    up()
    profile = project / "profiles.yml"
    folder, _ = server_address(server_home(project))
    assert folder in profile.read_text() and "@" not in profile.read_text()
    assert profile.stat().st_mode & 0o777 == 0o600

    for own in ("icdm: {}\n", EXAMPLE.read_text()):
        profile.write_text(own)
        assert "left as it is" in up()
        assert profile.read_text() == own


def test_data_of_another_version_are_refused_and_named(project: Path) -> None:
    up()
    run("down")
    version = project / ".postgres/data/PG_VERSION"
    kept = version.read_text()
    version.write_text("9\n")
    refused = run("up")
    version.write_text(kept)
    assert refused.returncode == 1 and "made by PostgreSQL 9" in refused.stderr


def test_a_path_too_long_for_a_socket(open_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = make_project(open_folder / ("long" * 30), monkeypatch)
    try:
        up()
        folder, _ = server_address(server_home(project))
        assert not Path(folder).is_relative_to(project)
        assert Path(folder).stat().st_mode & 0o077 == 0
        keep_a_row()
    finally:
        assert run("remove").returncode == 0
    assert not Path(folder).exists() and not (project / ".postgres").exists()


@as_root
def test_an_ordinary_user_and_root_share_one_server(project: Path) -> None:
    nobody = user("nobody")
    os.chown(project, nobody.uid, nobody.gid)
    assert run_as(nobody, "up") == 0
    keep_a_row()
    assert "already running as nobody" in up()
    assert (project / "profiles.yml").stat().st_uid == nobody.uid
    assert run_as(nobody, "down") == run_as(nobody, "up") == 0
    assert_row_is_kept()


@as_root
def test_any_other_user_is_refused(project: Path, open_folder: Path) -> None:
    up()
    daemon = user("daemon")
    assert run_as(daemon, "up") == run_as(daemon, "down") == 1
    assert run("psql", "-Atc", "select 1").stdout == "1\n"

    mine = open_folder / "daemon"
    mine.mkdir()
    os.chown(mine, daemon.uid, daemon.gid)
    psql = reachable_programs(daemon, mine) / "psql"
    home = server_home(project)
    folder = Path(server_address(home)[0])
    for complaint in (b"Permission denied", b"Peer authentication failed"):
        refused = daemon.run(psql, f"host={folder} user=icdm dbname=icdm", "-c", "select 1")
        assert refused.returncode != 0 and complaint in refused.stderr
        # The second time with the doors of the file system open: the server's own rule must hold.
        for door in (home, folder, folder / ".s.PGSQL.5432"):
            door.chmod(0o777)


@as_root
def test_a_project_that_the_server_s_user_cannot_reach(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tmp_path.chmod(0o700)
    project = make_project(tmp_path / "project", monkeypatch)
    try:
        assert "the server lives in" in up()
        keep_a_row()
        assert server_home(project) == fallback_home(project)
    finally:
        assert run("remove").returncode == 0
    assert tmp_path.stat().st_mode & 0o777 == 0o700
    assert not fallback_home(project).exists() and not (project / ".postgres").exists()


@pytest.fixture
def site_server(open_folder: Path) -> Iterator[int]:
    """A site's own server on TCP, with a password; its port."""
    account = find_account(open_folder, open_folder)
    work = open_folder / "site"
    work.mkdir()
    os.chown(work, account.uid, account.gid)
    (work / "password").write_text("right")
    programs = reachable_programs(account, work)
    login = ("--username=icdm", "--auth=scram-sha-256", f"--pwfile={work / 'password'}")
    made = account.run(programs / "initdb", "--no-sync", f"--pgdata={work / 'data'}", *login)
    assert made.returncode == 0, made.stderr
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off"
    control = (programs / "pg_ctl", "--wait", "--pgdata", work / "data")
    started = account.run(*control, "--log", work / "log", "--options", options, "start")
    assert started.returncode == 0, (work / "log").read_text()
    yield port
    assert account.run(*control, "stop").returncode == 0


def test_a_site_s_own_server(project: Path, site_server: int, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = {"PGHOST": "127.0.0.1", "PGPORT": str(site_server), "PGPASSWORD": "right", "PGDATABASE": "postgres"}
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    assert "none started" in up()
    assert not (project / ".postgres").exists() and (project / "profiles.yml").exists()
    assert run("down").returncode == 0
    with connect("site-test") as connection:
        assert connection.execute("show application_name").fetchone() == ("site-test",)

    monkeypatch.setenv("PGPASSWORD", "wrong-secret")
    with pytest.raises(NoServerError, match="password authentication failed"):
        connect("site-test")
    refused = run("up")
    assert refused.returncode == 1 and "Check PGHOST, PGPORT" in refused.stderr
    assert "Traceback" not in refused.stderr and "wrong-secret" not in refused.stderr
