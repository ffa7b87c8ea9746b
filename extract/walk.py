"""Find files: walk folders in a stable order, without following link loops, in chunks of bounded size."""

import os
import re
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

CHUNK_FILES = 10_000

_BYTE = re.compile(rb"\\x([0-9a-f]{2})")
_ESCAPE = re.compile(rb"\\(?=x[0-9a-f]{2})")


@dataclass(frozen=True)
class Root:
    """A named place of the archive: files are known by root, folder below it and name, so a root may move.

    The path is the absolute one, as storable text.
    """

    root_id: int
    path: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class FoundFile:
    """One file as the folder listing shows it; `problem` says why it cannot be opened."""

    path: str
    name: str
    size: int = 0
    modification_time_ns: int = 0
    problem: str | None = None


@dataclass(frozen=True)
class Chunk:
    """Files of one folder whose names lie from `first` (inclusive) to `end` (exclusive), None for no bound.

    `folder` is relative to the root, '' for the root itself. `problem` says why the folder cannot be listed.
    """

    root: Root
    folder: str
    files: Sequence[FoundFile] = field(default_factory=list)
    first: str | None = None
    end: str | None = None
    problem: str | None = None


def storable(name: str) -> str:
    r"""Return a file name as text that PostgreSQL takes: bytes that are no UTF-8 become `\xNN`.

    A name that holds such letters itself keeps apart: its backslash becomes `\x5c`.
    """
    return _ESCAPE.sub(rb"\\x5c", os.fsencode(name)).decode("utf-8", "backslashreplace")


def file_system_path(stored: str) -> str:
    """Return the path that `storable` made a text of."""
    return os.fsdecode(_BYTE.sub(lambda match: bytes([int(match[1], 16)]), stored.encode()))


def holds(folder: str, path: str) -> bool:
    """Tell whether an absolute path is a folder or lies below it."""
    return path == folder or path.startswith(_inside(folder))


def root_of(path: str, roots: Sequence[Root]) -> Root | None:
    """Return the innermost root that holds an absolute path, None where no root does."""
    holding = [root for root in roots if holds(root.path, path)]
    return max(holding, key=lambda root: len(root.path), default=None)


def parts_of(path: str, roots: Sequence[Root]) -> Iterator[tuple[Root, str]]:
    """Yield what lies at or below an absolute folder, as roots and folders of theirs, '' for the whole root."""
    for root in roots:
        if holds(path, root.path):
            yield root, ""
        elif holds(root.path, path):
            yield root, os.path.relpath(path, root.path)


def walk(path: str, roots: Sequence[Root]) -> Iterator[Chunk]:
    """Yield the files at and below an absolute path, which one of the roots must hold."""
    root = root_of(storable(path), roots)
    assert root is not None
    if not Path(path).is_dir():
        folder, name = os.path.split(path)
        stored = storable(name)
        # Bounds of just this name (no name holds NUL): its neighbours are neither met nor missed.
        yield Chunk(root, _relative(folder, root), [_found(path, stored)], stored, stored + "\1")
        return
    by_path = {root.path: root for root in roots}
    waiting: list[tuple[str, Root, tuple[str, ...]]] = [(path, root, ())]
    while waiting:
        folder_path, root, jumps = waiting.pop()
        root = by_path.get(storable(folder_path), root)
        relative = _relative(folder_path, root)
        try:
            with os.scandir(folder_path) as listing:
                entries = sorted(((storable(entry.name), entry) for entry in listing), key=lambda pair: pair[0])
        except OSError as error:
            yield Chunk(root, relative, problem=os.strerror(error.errno or 0))
            continue
        files = []
        below = []
        for name, entry in entries:
            if not _is_folder(entry):
                files.append((name, entry.path))
            elif not entry.is_symlink():
                below.append((entry.path, root, jumps))
            else:
                here = os.path.realpath(folder_path)
                target = os.path.realpath(entry.path)
                if not any(holds(target, place) for place in (here, *jumps)):
                    below.append((entry.path, root, (*jumps, here)))
        waiting.extend(reversed(below))
        del entries
        starts = range(0, len(files), CHUNK_FILES) or range(1)
        for start in starts:
            part = files[start : start + CHUNK_FILES]
            end = start + CHUNK_FILES
            yield Chunk(
                root,
                relative,
                [_found(file_path, name) for name, file_path in part],
                first=part[0][0] if start else None,
                end=files[end][0] if end < len(files) else None,
            )


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _found(path: str, name: str) -> FoundFile:
    try:
        status = Path(path).stat()
    except OSError as error:
        return FoundFile(path, name, problem=os.strerror(error.errno or 0))
    problem = None if stat.S_ISREG(status.st_mode) else "not a regular file"
    return FoundFile(path, name, status.st_size, status.st_mtime_ns, problem)


def _inside(folder: str) -> str:
    return folder if folder.endswith("/") else folder + "/"


def _relative(folder: str, root: Root) -> str:
    stored = storable(folder)
    return "" if stored == root.path else stored[len(_inside(root.path)) :]
