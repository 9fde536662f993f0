"""Where a batch is worked on before it counts: a folder that goes away with its process."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from pipeline import clock

PREFIX = "nightcast-ingest-"
LOCK = ".held"
SETTLED_SECONDS = 60.0
"""A folder younger than this may belong to a process that has not locked it yet."""


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


def _sweep(parent: Path) -> None:
    for folder in parent.glob(f"{PREFIX}*"):
        with suppress(OSError, Timeout):  # another user's, or at work
            if clock.now().timestamp() - folder.stat().st_mtime > SETTLED_SECONDS:
                with FileLock(folder / LOCK, timeout=0):
                    shutil.rmtree(folder)
