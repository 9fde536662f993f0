"""A disk of a few megabytes, to be filled up."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

FILLER = "filler"


@dataclass(frozen=True)
class Disk:
    """A file system of its own."""

    place: Path

    @property
    def free(self) -> int:
        """Bytes that still fit."""
        found = os.statvfs(self.place)
        return found.f_bavail * found.f_frsize

    def fill(self, leave: int) -> None:
        """Take all room but so many bytes."""
        with (self.place / FILLER).open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, self.free - leave)

    def clear(self) -> None:
        """Give the room back."""
        (self.place / FILLER).unlink(missing_ok=True)


@contextmanager
def mounted(place: Path, mebibytes: int) -> Iterator[Disk]:
    """A file system in memory at this place. Skips the test where this process may not mount one."""
    place.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={mebibytes}m", "tmpfs", place], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"a small disk needs the right to mount one: {done.stderr.strip()}")
    try:
        yield Disk(place)
    finally:
        subprocess.run(["umount", "--lazy", place], check=True)
