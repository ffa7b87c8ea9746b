"""The OS user that the embedded server runs as."""

import os
import pwd
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


class ServerError(RuntimeError):
    """The embedded server cannot do what was asked; the message says why and what to do."""


@dataclass(frozen=True)
class Account:
    """The OS user that the server runs as."""

    name: str
    uid: int
    gid: int

    @contextmanager
    def files(self) -> Iterator[None]:
        """Do file work as this user, so that root never follows a link that the user has planted."""
        if os.getuid() != 0:
            yield
            return
        groups = os.getgroups()
        os.setgroups([])
        os.setegid(self.gid)
        os.seteuid(self.uid)
        try:
            yield
        finally:
            os.seteuid(0)
            os.setegid(os.getgid())
            os.setgroups(groups)

    def run(self, *command: str | Path, stdin: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
        """Run a program as this user, untouched by the caller's PG* settings and working directory."""
        root = os.getuid() == 0
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        return subprocess.run(
            command,
            input=stdin,
            capture_output=True,
            cwd="/",
            env=environment | {"LC_ALL": "C"},
            user=self.uid if root else None,
            group=self.gid if root else None,
            extra_groups=[] if root else None,
        )

    def can_run(self, *command: str | Path) -> bool:
        """Tell whether a command succeeds as this user: the only sure test of what the user can reach."""
        try:
            return self.run(*command).returncode == 0
        except OSError:
            return False


def find_account(project: Path, home: Path) -> Account:
    """Return whom the server runs as: the caller, but for root (whom PostgreSQL refuses) an ordinary user.

    For root: ICDM_POSTGRES_USER, else the owner of the home there is, else the project's, else postgres or nobody.

    Raises:
        ServerError: the user does not exist or is root.
    """
    if os.getuid() != 0:
        return _named(os.getuid(), f"The OS user {os.getuid()} has no name, which PostgreSQL needs")
    if name := os.environ.get("ICDM_POSTGRES_USER"):
        account = _named(name, f"ICDM_POSTGRES_USER={name} is no OS user")
        if account.uid == 0:
            raise ServerError("ICDM_POSTGRES_USER must be an ordinary user: PostgreSQL refuses to run as root.")
        return account
    candidates: list[int | str] = [folder.stat().st_uid for folder in (home, project) if folder.exists()]
    for candidate in (*candidates, "postgres", "nobody"):
        # The owner of a mounted folder may have no entry here, and is no use then.
        if candidate != 0 and (found := account_of(candidate)):
            return found
    raise ServerError("No ordinary OS user to run PostgreSQL as: set ICDM_POSTGRES_USER to one.")


def account_of(user: int | str) -> Account | None:
    """Return the account of a user number or name, where the system has one."""
    try:
        entry = pwd.getpwuid(user) if isinstance(user, int) else pwd.getpwnam(user)
    except KeyError:
        return None
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def _named(user: int | str, complaint: str) -> Account:
    if found := account_of(user):
        return found
    raise ServerError(f"{complaint}: add an entry to the system's users, name another one, or set PGHOST.")
