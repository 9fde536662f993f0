"""Where a batch is worked on before it counts: a folder that goes away with its process, and errors that name a full disk."""

from __future__ import annotations

import errno
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from pipeline import clock
from pipeline.errors import NightcastError, Unreachable

PREFIX = "nightcast-ingest-"
LOCK = ".held"
SETTLED_SECONDS = 60.0
"""A folder younger than this may belong to a process that has not locked it yet."""

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
SAID_FULL = re.compile(r"no space left on device|disk quota exceeded|file too large|failed to offload data block", re.IGNORECASE)
"""What the engines below say of a full disk; the last is DuckDB's, which spills to what is left of it."""


@contextmanager
def private_folder() -> Iterator[Path]:
    """A temporary folder of this process, removed at the end; those that killed processes have left are removed first."""
    _sweep(Path(tempfile.gettempdir()))
    with tempfile.TemporaryDirectory(prefix=PREFIX) as name, FileLock(Path(name) / LOCK):
        yield Path(name)


def subfolder(folder: Path, name: str) -> Path:
    """A new folder in the folder."""
    made = folder / name
    made.mkdir()
    return made


@contextmanager
def naming_full_disk(place: str | Path) -> Iterator[None]:
    """Turn the many ways in which a full disk is reported into one: Unreachable, which says that `place` is full. May be nested."""
    try:
        yield
    except NightcastError:
        raise
    except Exception as error:
        if not (isinstance(error, OSError) and error.errno in FULL) and not SAID_FULL.search(str(error)):
            raise
        raise Unreachable(
            f"The disk of {place} is full: {str(error).partition(chr(10))[0]}",
            mend="free space there, then run this again: a day is in whole or not at all, and is replaced whole",
        ) from error


def _sweep(parent: Path) -> None:
    for folder in parent.glob(f"{PREFIX}*"):
        with suppress(OSError, Timeout):  # another user's, or at work
            if clock.now().timestamp() - folder.stat().st_mtime > SETTLED_SECONDS:
                with FileLock(folder / LOCK, timeout=0):
                    shutil.rmtree(folder)
