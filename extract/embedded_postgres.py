"""The PostgreSQL that lives with the project: `python -m extract.embedded_postgres up|down|psql|remove`.

Its home is `.postgres` in the project: `data`, `socket` and `server.log`. It listens on a unix socket only, and lets in
only the OS user it runs as, and root. Environment: ICDM_POSTGRES_BIN (a folder of PostgreSQL programs) and
ICDM_POSTGRES_USER (whom the server runs as when root starts it). With PGHOST set a site's own server is used instead.
"""

import argparse
import fcntl
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from extract.connection import (
    DEFAULT_NAME,
    FALLBACK_HOMES,
    connect,
    connection_parameters,
    fallback_home,
    path_hash,
    server_address,
    server_home,
)
from extract.embedded_account import Account, ServerError, account_of, find_account
from extract.embedded_programs import find_programs, reachable_programs, version
from extract.embedded_settings import PORT, settings
from extract.project import project_directory

SOCKET = f".s.PGSQL.{PORT}"
# macOS allows 103 bytes for a socket's path, Linux 107.
SOCKET_PATH_LIMIT = 103
START_SECONDS, RETRY_SECONDS, STOP_SECONDS = 300, 30, 60
PLACEHOLDER = "@SOCKET_FOLDER@"


@dataclass(frozen=True)
class Server:
    """One project's server: where it lives and whom it runs as."""

    home: Path
    account: Account

    @property
    def data(self) -> Path:
        """The data folder."""
        return self.home / "data"

    @property
    def pid_file(self) -> Path:
        """The file in which the running server keeps its process number and socket folder."""
        return self.data / "postmaster.pid"

    @property
    def log(self) -> Path:
        """The server's log since its last start."""
        return self.home / "server.log"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold off every other command on this home."""
        with self.account.files():
            lock = os.open(self.home / "lock", os.O_CREAT | os.O_RDWR, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def pid(self) -> int | None:
        """Return the process number of the running server."""
        try:
            pid = int(self.pid_file.read_text(encoding="utf-8").split("\n", 1)[0])
        except (FileNotFoundError, ValueError):
            return None
        return pid if is_postgres(pid) else None

    def answers(self) -> bool:
        """Tell whether the server lets us in."""
        try:
            host, port = server_address(self.home)
            psycopg.connect(host=host, port=port, user=DEFAULT_NAME, dbname="postgres", connect_timeout=5).close()
        except (ConnectionError, psycopg.OperationalError):
            return False
        return True


def is_postgres(pid: int) -> bool:
    """Tell whether a process is alive and a PostgreSQL: after a crash its number may be a zombie's, or another's."""
    if Path("/proc/self/stat").exists():
        try:
            line = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        except (FileNotFoundError, ProcessLookupError):
            return False
        return re.match(r"\d+ \(postgres\) [^ZX]", line) is not None
    listed = subprocess.run(["ps", "-o", "stat=,comm=", "-p", str(pid)], capture_output=True, text=True).stdout
    return re.match(r"[^Z\s]\S*\s+(.*/)?postgres\s*$", listed) is not None


def find_server(project: Path) -> Server:
    """Return the server of a project, wherever it lives or would live.

    Raises:
        ServerError: there is no user to run it as.
    """
    home = server_home(project)
    account = find_account(project, home)
    has_data = (home / "data").exists()
    if not has_data and os.getuid() == 0 and not account.can_run("/bin/sh", "-c", 'cd "$1"', "sh", project):
        home = fallback_home(project)
    return Server(home, account)


def socket_folder(home: Path) -> Path:
    """Return the folder of the server's socket: in the home, or where its path will not do, in the temp directory."""
    folder = home / "socket"
    # Connection strings and the profile split or quote at other characters.
    plain = re.fullmatch(r"[\w/.+@~ -]+", str(folder)) is not None
    if plain and len(os.fsencode(folder / SOCKET)) <= SOCKET_PATH_LIMIT:
        return folder
    return Path(tempfile.gettempdir()).resolve() / f"icdm-{path_hash(home)}"


def _make_socket_folder(server: Server) -> Path:
    folder = socket_folder(server.home)
    with server.account.files():
        try:
            folder.mkdir(mode=0o700, exist_ok=True)
        except PermissionError as error:
            raise ServerError(f"{server.account.name} cannot make {folder}: set TMPDIR to a folder it can.") from error
        found = folder.lstat()
    # Anyone may make a folder of this name in the temp directory, and would own our socket.
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != server.account.uid or found.st_mode & 0o077:
        raise ServerError(f"{folder} is not a private folder of {server.account.name}: remove it, or set TMPDIR.")
    return folder


def _make_home(server: Server) -> None:
    if server.home.parent == FALLBACK_HOMES:
        FALLBACK_HOMES.mkdir(mode=0o755, parents=True, exist_ok=True)
    server.home.mkdir(mode=0o700, exist_ok=True)
    if os.getuid() == 0 and server.home.lstat().st_uid == 0:
        os.chown(server.home, server.account.uid, server.account.gid, follow_symlinks=False)
    _check_owner(server)


def _check_owner(server: Server) -> None:
    owner = server.home.lstat().st_uid
    if owner != server.account.uid:
        raise ServerError(
            f"{server.home} belongs to the OS user {_name(owner)}, not to {server.account.name}: work as that user"
            + (f", or set ICDM_POSTGRES_USER={_name(owner)}." if os.getuid() == 0 else ", or set PGHOST.")
        )


def _name(uid: int) -> str:
    found = account_of(uid)
    return found.name if found else str(uid)


def _initialise(server: Server, programs: Path) -> None:
    major, _ = version(programs)
    if server.data.exists():
        made_by = (server.data / "PG_VERSION").read_text(encoding="utf-8").strip()
        if made_by != str(major):
            raise ServerError(
                f"{server.data} was made by PostgreSQL {made_by}, the programs in {programs} are of {major}: set "
                f"ICDM_POSTGRES_BIN to programs of {made_by}, or remove the data with "
                "`python -m extract.embedded_postgres remove` and load them again."
            )
        return
    # Only a finished data folder gets the name; one cut short is made anew.
    fresh = server.home / "data.new"
    with server.account.files():
        shutil.rmtree(fresh, ignore_errors=True)
    # The provider of 17 and later sorts by code point without asking the C library, and needs no installed locale.
    builtin = ("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C")
    made = server.account.run(
        programs / "initdb",
        f"--pgdata={fresh}",
        f"--username={DEFAULT_NAME}",
        "--auth=peer",
        "--encoding=UTF8",
        "--data-checksums",
        *(builtin if major >= 17 else ("--locale=C.UTF-8",)),
    )
    if made.returncode != 0:
        raise ServerError(f"PostgreSQL cannot make its data folder in {server.home}:\n{made.stderr.decode()}")
    with server.account.files():
        with (fresh / "postgresql.conf").open("a", encoding="utf-8") as configuration:
            configuration.write("\ninclude = 'icdm.conf'\n")
        fresh.rename(server.data)


def _configure(server: Server) -> None:
    lines = [f"{name} = '{value}'" for name, value in settings(_make_socket_folder(server)).items()]
    users = sorted({_name(0), server.account.name})
    with server.account.files():
        (server.data / "icdm.conf").write_text(
            "\n".join(["# Written at each start; changes here are lost.", *lines, ""]), encoding="utf-8"
        )
        (server.data / "pg_hba.conf").write_text(
            f"local all {DEFAULT_NAME} peer map={DEFAULT_NAME}\n", encoding="utf-8"
        )
        (server.data / "pg_ident.conf").write_text(
            "".join(f'{DEFAULT_NAME} "{user}" {DEFAULT_NAME}\n' for user in users), encoding="utf-8"
        )


def _start(server: Server, programs: Path) -> None:
    crashed = server.pid_file.exists()
    with server.account.files():
        if server.log.exists():
            server.log.replace(server.home / "server.log.old")
        # PostgreSQL asks only whether a process has the number that a dead server left, and a zombie or, in a restarted
        # container, any other has it for ever. It finds a dead server's children by itself, by their shared memory.
        if server.pid() is None:
            server.pid_file.unlink(missing_ok=True)
            (socket_folder(server.home) / f"{SOCKET}.lock").unlink(missing_ok=True)
    deadline = time.monotonic() + RETRY_SECONDS
    command = ("start", "--wait", f"--timeout={START_SECONDS}", "--pgdata", server.data, "--log", server.log)
    while server.account.run(programs / "pg_ctl", *command).returncode != 0 and not server.answers():
        # A dead server's children live on for a moment, and hold the data.
        if not crashed or time.monotonic() > deadline:
            advice = " Where processes of one that died still run, wait until they end, or end them." if crashed else ""
            raise ServerError(f"PostgreSQL does not start.{advice} The end of {server.log}:\n{_tail(server)}")
        time.sleep(0.5)


def _tail(server: Server) -> str:
    with server.account.files():
        if not server.log.exists():
            return "(no log was written)"
        return "\n".join(server.log.read_text(encoding="utf-8", errors="replace").splitlines()[-20:])


def _create_database(server: Server) -> None:
    name = os.environ.get("PGDATABASE") or DEFAULT_NAME
    host, port = server_address(server.home)
    with psycopg.connect(host=host, port=port, user=DEFAULT_NAME, dbname="postgres", autocommit=True) as connection:
        if not connection.execute("select 1 from pg_database where datname = %s", [name]).fetchone():
            connection.execute(psycopg.sql.SQL("create database {}").format(psycopg.sql.Identifier(name)))


def write_profile(project: Path, sockets: Path) -> None:
    """Write profiles.yml from profiles.yml.example, unless there is one that this function did not write."""
    example = (project / "profiles.yml.example").read_text(encoding="utf-8")
    profile = project / "profiles.yml"
    if profile.exists():
        mark = example.partition(PLACEHOLDER)[0]
        first = profile.read_text(encoding="utf-8").partition("\n")[0]
        # The example copied by hand has the mark too, but no socket folder in it.
        if not first.startswith(mark) or PLACEHOLDER in first:
            print(f"{profile} was not written by this command and is left as it is; delete it to get a new one.")
            return
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=project, prefix=".profiles-", delete=False) as file:
        file.write(example.replace(PLACEHOLDER, str(sockets)))
        if os.getuid() == 0:
            owner = project.stat()
            os.fchown(file.fileno(), owner.st_uid, owner.st_gid)
    Path(file.name).replace(profile)
    print(f"{profile} is written: dbt finds the server.")


def up() -> None:
    """Start the project's server, or with PGHOST check the site's own, and write the profile.

    Raises:
        ServerError: the server cannot be started.
        NoServerError: PGHOST is set and that server refuses us.
    """
    project = project_directory()
    if os.environ.get("PGHOST"):
        with connect("icdm-up") as connection:
            print(f"PGHOST is set: the server at {connection.info.host}:{connection.info.port} is used, none started.")
        write_profile(project, socket_folder(server_home(project)))
        return
    server = find_server(project)
    _make_home(server)
    with server.locked():
        running = server.answers()
        if not running:
            programs = reachable_programs(server.account, server.home)
            _initialise(server, programs)
            _configure(server)
            _start(server, programs)
        _create_database(server)
    sockets, _ = server_address(server.home)
    print(f"PostgreSQL {'was already running' if running else 'is running'} as {server.account.name}: {server.data}")
    if server.home.parent == FALLBACK_HOMES:
        print(f"{server.account.name} cannot reach {project}, so the server lives in {server.home}.")
    write_profile(project, Path(sockets))


def _stop(server: Server) -> bool:
    """Stop the server and wait; tell whether it was running."""
    pid = server.pid()
    if pid is None:
        return False
    # To PostgreSQL an interrupt means a fast shutdown: roll back, write everything, end.
    os.kill(pid, signal.SIGINT)
    deadline = time.monotonic() + STOP_SECONDS
    while is_postgres(pid):
        if time.monotonic() > deadline:
            raise ServerError(f"PostgreSQL (process {pid}) does not stop. The end of {server.log}:\n{_tail(server)}")
        time.sleep(0.1)
    return True


def down() -> None:
    """Stop the project's server; one that PGHOST names is left alone.

    Raises:
        ServerError: it does not stop.
    """
    if os.environ.get("PGHOST"):
        print("PGHOST is set: that server is not ours to stop.")
        return
    server = find_server(project_directory())
    if not server.home.exists():
        print("PostgreSQL is not running.")
        return
    _check_owner(server)
    with server.locked():
        print("PostgreSQL is stopped." if _stop(server) else "PostgreSQL is not running.")


def remove() -> None:
    """Stop the project's server and delete its home with all data, and its socket folder.

    Raises:
        ServerError: it does not stop.
    """
    server = find_server(project_directory())
    if not server.home.exists():
        print("There is no embedded server to remove.")
        return
    _check_owner(server)
    with server.locked():
        folders = {socket_folder(server.home)}
        if server.pid():
            folders.add(Path(server_address(server.home)[0]))
        _stop(server)
        with server.account.files():
            for folder in folders:
                shutil.rmtree(folder, ignore_errors=True)
        shutil.rmtree(server.home)
    if server.home.parent == FALLBACK_HOMES and not any(FALLBACK_HOMES.iterdir()):
        FALLBACK_HOMES.rmdir()
    print(f"{server.home} is removed.")


def psql(arguments: list[str]) -> None:
    """Become psql, connected as the project's commands are.

    Raises:
        ServerError: there is no psql.
        NoServerError: the embedded server is not running.
    """
    parameters = connection_parameters()
    program = shutil.which("psql") if os.environ.get("PGHOST") else None
    program = program or str(find_programs() / "psql")
    named = {"PGHOST": "host", "PGPORT": "port", "PGUSER": "user", "PGDATABASE": "dbname"}
    environment = os.environ | {variable: str(parameters[key]) for variable, key in named.items()}
    os.execve(program, [program, *arguments], environment)


def main(arguments: list[str] | None = None) -> int:
    """Run one command; return 0 where it is done, 1 where it failed."""
    parser = argparse.ArgumentParser(
        prog="python -m extract.embedded_postgres",
        description="Run the PostgreSQL that lives with the project.",
        epilog="up: start it, or check the server that PGHOST names, and write profiles.yml; down: stop it, the data "
        "stay; psql [ARGS]: open psql on it; remove: stop it and delete its data.",
    )
    parser.add_argument("command", choices=("up", "down", "psql", "remove"))
    given = sys.argv[1:] if arguments is None else arguments
    # What follows psql is psql's own, options included.
    own = 1 if given[:1] == ["psql"] else len(given)
    command = parser.parse_args(given[:own]).command
    # The server's user must be able to enter what root makes; what is private gets its mode by name.
    os.umask(0o022)
    try:
        if command == "psql":
            psql(given[own:])
        else:
            {"up": up, "down": down, "remove": remove}[command]()
    except (ServerError, OSError, subprocess.SubprocessError, psycopg.Error) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
