"""Zip archives, read in place: their members are files at `archive.zip!/inner/path`."""

import posixpath
import shutil
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from lzma import LZMAError
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

from extract.walk import FoundFile, file_system_path

SIGNATURES = (b"PK\x03\x04", b"PK\x05\x06")  # a member, or the end of an empty archive
REASON = "zip archive"

# What zipfile and its decompressors raise; RuntimeError asks for a password.
_BROKEN = (zipfile.BadZipFile, zlib.error, LZMAError, EOFError, OSError, ValueError, NotImplementedError, RuntimeError)


class ArchiveError(Exception):
    """The archive, or a member of it, cannot be read; the argument is what exactly."""


def inner_folder(folder: str, name: str, inner: str = "") -> str:
    """Return the folder of an archive's members, given that of the archive, its name and the path inside."""
    return posixpath.join(folder, f"{name}!", inner).rstrip("/")


def archive_of(folder_path: str) -> tuple[Path, str] | None:
    """Return the archive that the stored path of a folder leads into, and the folder inside; None for one on disk."""
    parts = folder_path.split("/")
    for end, part in enumerate(parts, 1):
        if part.endswith("!"):
            archive = Path(file_system_path("/".join(parts[:end])[:-1]))
            if archive.is_file():
                return archive, "/".join(parts[end:])
    return None


class Archive:
    """An open zip archive."""

    def __init__(self, found: FoundFile) -> None:
        """Open it. Raises ArchiveError where its directory is broken."""
        self.found = found
        try:
            self.file = zipfile.ZipFile(found.path)
        except _BROKEN as error:
            raise ArchiveError("the archive's directory is broken") from error

    def __enter__(self) -> "Archive":
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()

    def members(self) -> Iterator[tuple[str, FoundFile, zipfile.ZipInfo]]:
        """Yield inner folder, file and directory entry of every member that is a file, each path once."""
        entries = {info.filename.replace("\0", ""): info for info in self.file.infolist() if not info.is_dir()}
        for path, info in entries.items():
            text = path.encode("utf-8", "replace").decode().lstrip("/")
            inner, name = posixpath.split(text)
            yield inner, FoundFile(self.found.path, name, info.file_size, self.found.modification_time_ns), info

    @contextmanager
    def open(self, info: zipfile.ZipInfo) -> Iterator[BinaryIO]:
        """Open a member. Raises ArchiveError where it is encrypted or broken."""
        try:
            with self.file.open(info) as member:
                member.declared_size = info.file_size  # type: ignore[attr-defined]
                yield member  # type: ignore[misc]
        except _BROKEN as error:
            encrypted = bool(info.flag_bits & 1)
            raise ArchiveError("encrypted" if encrypted else "the member is broken") from error


@contextmanager
def file_in_place(root_path: str, folder: str, name: str) -> Iterator[Path]:
    """Give a known file as a path; of a member of an archive, that of a copy that is deleted afterwards.

    Raises ArchiveError (the member is encrypted, broken or gone) and OSError.
    """
    place = posixpath.join(root_path, folder)
    inside = archive_of(place)
    if inside is None:
        yield Path(file_system_path(posixpath.join(place, name)))
    else:
        archive, inner = inside
        with _copied(archive, posixpath.join(inner, name)) as copy:
            yield copy


@contextmanager
def _copied(path: Path, wanted: str) -> Iterator[Path]:
    with Archive(FoundFile(str(path), path.name)) as archive, TemporaryDirectory() as directory:
        for inner, member, info in archive.members():
            if posixpath.join(inner, member.name) == wanted:
                copy = Path(directory, f"copy-{Path(wanted).name[-100:]}")
                with archive.open(info) as packed, copy.open("wb") as file:
                    shutil.copyfileobj(packed, file)
                yield copy
                return
    raise ArchiveError("the member is gone")
