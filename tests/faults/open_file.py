"""A process stopped in the middle of reading a file, so that the file can be changed under it."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PATIENCE_S = 30.0


@contextmanager
def paused_while_reading(pid: int, path: Path) -> Iterator[None]:
    """Stop the process as soon as it has read some of the file; let it go on afterwards."""
    deadline = time.monotonic() + PATIENCE_S
    while not _read_some(pid, path):
        assert time.monotonic() < deadline, f"{path} was not opened within {PATIENCE_S:g} s"
    os.kill(pid, signal.SIGSTOP)
    try:
        assert _read_some(pid, path), "it had read the file to its end before it could be stopped"
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def _read_some(pid: int, path: Path) -> bool:
    """Whether the process has the file open and is neither at its beginning nor at its end."""
    size = path.stat().st_size
    for link in Path(f"/proc/{pid}/fd").iterdir():
        try:
            if link.readlink() != path:
                continue
            told = Path(f"/proc/{pid}/fdinfo/{link.name}").read_text()
        except OSError:  # closed meanwhile
            continue
        position = int(told.split("pos:", 1)[1].split()[0])
        if 0 < position < size:
            return True
    return False
