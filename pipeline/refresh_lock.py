"""One refresh of a local lake, or one move of a target's champion, at a time: the others wait, and learn who holds the lock."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from pipeline import clock
from pipeline.errors import Busy

WAIT_SECONDS = 600.0


@contextmanager
def refresh_lock(path: Path) -> Iterator[None]:
    """Hold the lock at `path`; the system frees it when its process ends, however it ends.

    Who holds it stands beside it in a file, because waiting truncates the lock file itself.
    Raises Busy, naming the holder, after `WAIT_SECONDS`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    holder = path.with_suffix(".holder")
    lock = FileLock(path)
    try:
        lock.acquire(timeout=WAIT_SECONDS)
    except Timeout as error:
        named = holder.read_text(encoding="utf-8") if holder.exists() else "an unknown process"
        raise Busy(f"{path} is held by {named}; waited {WAIT_SECONDS:.0f} s", mend="let that run end, then run this again") from error
    try:
        holder.write_text(f"process {os.getpid()} on {socket.gethostname()} since {clock.now():%Y-%m-%dT%H:%M:%SZ}", encoding="utf-8")
        yield
    finally:
        holder.unlink(missing_ok=True)
        lock.release()
