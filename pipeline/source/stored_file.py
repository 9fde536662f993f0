"""A file wherever it is stored, a local path or any fsspec URL: read only when it is at rest, and known to be the same afterwards.

A store that tells no modification time shows a file only when it is whole (object stores, HTTP); there is nothing to wait for.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from stat import S_ISREG
from typing import Any, BinaryIO

import fsspec
from fsspec.implementations.local import LocalFileSystem

from pipeline import clock
from pipeline.errors import NightcastError, SourceError, Unreachable

MOST_WAITS = 10
"""How often a file is waited for that changes every time it is looked at."""


class StoredFile:
    """An open file, as far as pyarrow needs one: `read`, `seek`, `tell`, `close`.

    place  where it is, for people
    Whatever goes wrong is a SourceError, or Unreachable where the store does not answer.
    """

    def __init__(self, url: str) -> None:
        self.place = shown(url)
        self.closed = False
        self._fs, self._path = locate(url)
        self._file: BinaryIO | None = None
        self._state: tuple[object, datetime | None] | None = None

    def open_settled(self, settle_seconds: float) -> None:
        """Wait until the file is `settle_seconds` old, or has not changed for as long, and open it."""
        self._state = self._settled(settle_seconds)
        try:
            self._file = self._fs.open(self._path, "rb")
        except Exception as error:
            raise failed(self.place, self._fs, error) from error

    def check_unchanged(self) -> None:
        """Raise SourceError if the file is not the one that was opened any more."""
        if self._look() != self._state:
            raise SourceError(f"{self.place} changed while it was read", mend="deliver a file under its name only when it is whole")

    def read(self, size: int = -1) -> bytes:
        """The next bytes, at most `size`; none at the end."""
        return self._done("read", size)  # type: ignore[no-any-return]

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go to a position."""
        return self._done("seek", offset, whence)  # type: ignore[no-any-return]

    def tell(self) -> int:
        """The position."""
        return self._done("tell")  # type: ignore[no-any-return]

    def close(self) -> None:
        """Close the file, if it is open."""
        if self._file is not None and not self.closed:
            self._file.close()
        self.closed = True

    def _done(self, what: str, *args: int) -> Any:
        try:
            return getattr(self._file, what)(*args)
        except Exception as error:
            raise failed(self.place, self._fs, error) from error

    def _settled(self, settle_seconds: float) -> tuple[object, datetime | None]:
        before = None
        for _ in range(MOST_WAITS):
            found = self._look()
            age = settle_seconds if found[1] is None else (clock.now() - found[1]).total_seconds()
            if age >= settle_seconds or found == before:  # the second: the store's clock is ahead of ours
                return found
            time.sleep(min(settle_seconds - age, settle_seconds))
            before = found
        raise SourceError(f"{self.place} is still being written", mend="run this again when it is delivered")

    def _look(self) -> tuple[object, datetime | None]:
        """What tells this content from any other, and when it was last changed, if the store says so."""
        try:
            self._fs.invalidate_cache(self._path)
            if not isinstance(self._fs, LocalFileSystem):
                return self._fs.ukey(self._path), _modified(self._fs, self._path)
            found = Path(self._path).stat()
        except Exception as error:
            raise failed(self.place, self._fs, error) from error
        if not S_ISREG(found.st_mode):
            raise SourceError(f"{self.place} is not a file", mend="point source.files at files")
        return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns), datetime.fromtimestamp(found.st_mtime, UTC)


@contextmanager
def open_stored(url: str, settle_seconds: float) -> Iterator[StoredFile]:
    """The file, open, at rest. Raises SourceError if there is none, or it keeps changing; Unreachable if its store does not answer."""
    file = StoredFile(url)
    try:
        file.open_settled(settle_seconds)
        yield file
    finally:
        file.close()


def shown(url: str) -> str:
    """The URL as people may see it: without a password in it, and without the signature of a presigned one."""
    if url.startswith("/"):
        return url
    open_to_all = re.sub("(?<=://)[^/]*@", "", url)
    return open_to_all.partition("?")[0] if re.match("(.*::)?https?://", url) else open_to_all


def locate(url: str) -> tuple[Any, str]:
    """The file system of an absolute local path or an fsspec URL, and the path in it. Raises SourceError if there is no such one."""
    if url.startswith("/"):
        return LocalFileSystem(), url
    try:
        return fsspec.url_to_fs(url)  # type: ignore[no-any-return]
    except (ImportError, ValueError) as error:
        mend = "write a local path or a URL such as s3://bucket/events/{date}.csv.gz, and install the package of its store"
        raise SourceError(f"{shown(url)} cannot be opened: {error}", mend=mend) from error


def failed(place: str, fs: object, error: Exception) -> NightcastError:
    """The error to raise for what a file system raised: SourceError, or Unreachable where trying again may help."""
    if isinstance(error, NightcastError):
        return error
    said = getattr(error, "strerror", None) or str(error) or type(error).__name__
    local = isinstance(fs, LocalFileSystem) and isinstance(error, OSError)
    if local or (isinstance(error, FileNotFoundError | PermissionError | IsADirectoryError) and not isinstance(error.__cause__, OSError)):
        return SourceError(f"{place} cannot be read: {said}", mend="check the file and its permissions")
    return Unreachable(f"{place} cannot be read: {said}", mend="run this again when its store answers")


def _modified(fs: Any, path: str) -> datetime | None:
    try:
        found = fs.modified(path)
    except (NotImplementedError, KeyError):
        return None
    if not isinstance(found, datetime):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
