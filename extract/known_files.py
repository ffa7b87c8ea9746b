"""What earlier runs saw: roots and their files. The same SQL serves schema icdm_raw and the state of Parquet parts."""

from collections.abc import Iterable
from typing import Any, Literal, NamedTuple, Protocol

from extract.archive import REASON as ARCHIVE_REASON
from extract.walk import Root, root_of

VANISHED_LIMIT = 0.05


class RawRowsError(RuntimeError):
    """The rows there are, in the database or in Parquet parts, cannot take this run; the message says why."""


class State(Protocol):
    """Where runs are known: a PostgreSQL connection, or the state read from parts."""

    def execute(self, query: Any, params: Any = None, /) -> Any: ...

    def cursor(self) -> Any: ...

    def commit(self) -> None: ...


class KnownFile(NamedTuple):
    size: int
    modification_time_ns: int
    layout_id: int
    run_id: int
    is_archive: bool


def roots(state: State) -> list[Root]:
    """Return every root that is known."""
    return [Root(*row) for row in state.execute("select root_id, root_path, root_name from icdm_raw.root")]


def add_root(state: State, path: str) -> None:
    """Add a root that goes by its path. Raises RawRowsError where the root of that name has moved elsewhere."""
    for root in roots(state):
        if root.name == path:
            raise RawRowsError(f"root {path} is now at {root.path}; give the place it has left another --root NAME")
    state.execute("insert into icdm_raw.root (root_name, root_path) values (%(path)s, %(path)s)", {"path": path})
    state.commit()


def save_root(state: State, name: str, path: str) -> None:
    """Add a root, name the one at that path, or move the one of that name there.

    Raises RawRowsError where the files at that path are known under another root: they would be met twice.
    """
    known = roots(state)
    is_known = any(root.name == name for root in known)
    holder = root_of(path, [root for root in known if root.name != name])
    if holder is not None and (is_known or holder.path != path):
        raise RawRowsError(
            f"{path} belongs to root {holder.name} ({holder.path}), where its files are known; scan it without --root"
        )
    if holder is not None:
        query = "update icdm_raw.root set root_name = %(name)s where root_id = %(id)s"
        state.execute(query, {"name": name, "id": holder.root_id})
    else:
        query = (
            "insert into icdm_raw.root (root_name, root_path) values (%(name)s, %(path)s)"
            " on conflict (root_name) do update set root_path = excluded.root_path"
        )
        state.execute(query, {"name": name, "path": path})
    state.commit()


def known_files(state: State, folder_key: int, first: str | None, end: str | None) -> dict[str, KnownFile]:
    """Return what an earlier run saw in a folder, by file name, from one name (inclusive) to another (exclusive)."""
    rows = state.execute(
        """
        select file_name, file_size, modification_time_ns, layout_id, run_id, is_archive from (
            select folder_key, file_name, file_size, modification_time_ns, layout_id, run_id, removed_run_id,
                false as is_archive
            from icdm_raw.instance
            union all
            select folder_key, file_name, file_size, modification_time_ns, layout_id, run_id, removed_run_id,
                reason = %(archive)s as is_archive
            from icdm_raw.rejected_file
        ) as known
        where folder_key = %(folder)s and removed_run_id is null
          and (cast(%(first)s as text) is null or file_name >= %(first)s)
          and (cast(%(end)s as text) is null or file_name < %(end)s)
        """,
        {"folder": folder_key, "first": first, "end": end, "archive": ARCHIVE_REASON},
    )
    return {name: KnownFile(*facts) for name, *facts in rows}


class Vanished:
    """The files of earlier runs that this run misses: gathered while walking, checked at the end."""

    def __init__(self, state: State, collation: Literal['collate "C"', ""]) -> None:
        self.state = state
        state.execute(
            f"create temporary table vanished_file (folder_key bigint, file_name text {collation},"
            " primary key (folder_key, file_name))"
        )
        state.execute("create temporary table visited_folder (folder_key bigint primary key)")
        state.commit()

    def visit(self, folder_key: int) -> None:
        """Note a folder whose listing was seen: only what it misses has vanished."""
        query = "insert into visited_folder values (%(folder)s) on conflict do nothing"
        self.state.execute(query, {"folder": folder_key})

    def visit_below(self, root: Root, below: str) -> None:
        """Note the folders of a root at and below one that could not be listed: nothing there has vanished."""
        self.state.execute(
            """
            insert into visited_folder
            select folder_key from icdm_raw.folder
            where root_id = %(root)s
              and (%(below)s = '' or folder = %(below)s or substr(folder, 1, length(%(below)s) + 1) = %(below)s || '/')
            on conflict do nothing
            """,
            {"root": root.root_id, "below": below},
        )

    def miss(self, folder_key: int, names: Iterable[str]) -> None:
        """Note files that an earlier run saw in this folder and that are not there now."""
        query = "insert into vanished_file values (%(folder)s, %(name)s) on conflict do nothing"
        self.state.cursor().executemany(query, [{"folder": folder_key, "name": name} for name in names])

    def miss_unvisited(self, root: Root, below: str, run_id: int) -> None:
        """Note every file of a root's unvisited folders at or below `below` ('' for all) not met since `run_id`."""
        self.state.execute(
            """
            insert into vanished_file
            select known.folder_key, known.file_name
            from icdm_raw.folder
            inner join (
                select folder_key, file_name from icdm_raw.instance
                where removed_run_id is null and run_id < %(run)s
                union all
                select folder_key, file_name from icdm_raw.rejected_file
                where removed_run_id is null and run_id < %(run)s
            ) as known on folder.folder_key = known.folder_key
            where folder.root_id = %(root)s
              and (
                  %(below)s = '' or folder.folder = %(below)s
                  or substr(folder.folder, 1, length(%(below)s) + 1) = %(below)s || '/'
              )
              and not exists (select 1 from visited_folder where visited_folder.folder_key = folder.folder_key)
            on conflict do nothing
            """,
            {"root": root.root_id, "below": below, "run": run_id},
        )

    def check(self, accept: bool) -> int:
        """Return how many files have vanished.

        Raises RawRowsError where a root misses more than 5 % of its files and `accept` is false: an unmounted share
        must not empty the tables.
        """
        rows = self.state.execute(
            """
            select root.root_name, count(vanished_file.file_name), count(*)
            from icdm_raw.root
            inner join icdm_raw.folder on root.root_id = folder.root_id
            inner join (
                select folder_key, file_name from icdm_raw.instance where removed_run_id is null
                union all
                select folder_key, file_name from icdm_raw.rejected_file where removed_run_id is null
            ) as known on folder.folder_key = known.folder_key
            left join vanished_file
                on known.folder_key = vanished_file.folder_key and known.file_name = vanished_file.file_name
            -- A row without a file name is a folder that could not be listed before.
            where exists (select 1 from vanished_file) and known.file_name <> ''
            group by root.root_name
            """
        ).fetchall()
        self.state.commit()
        for name, gone, known in rows:
            if gone > VANISHED_LIMIT * known and not accept:
                raise RawRowsError(
                    f"{gone:,} of {known:,} files known under {name} are gone. Nothing was removed. If the "
                    "archive is mounted and they are meant to be gone, scan again with --accept-vanished."
                )
        return sum(gone for _, gone, _ in rows)
