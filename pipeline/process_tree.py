"""Processes that end when they should: with their parent, and with everything they started."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import FrameType

import psutil

SET_PARENT_DEATH_SIGNAL = 1
SET_CHILD_SUBREAPER = 36

_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


def die_with_parent(death: signal.Signals) -> Callable[[], None]:
    """For `Popen(preexec_fn=…)`: the child gets `death` when the thread that starts it ends, however it ends (Linux).

    The child's own children are not covered; they need the same, or a pipe to watch as Dask's workers have.
    """
    parent = os.getpid()

    def ask_kernel() -> None:
        if _libc is not None:
            _libc.prctl(SET_PARENT_DEATH_SIGNAL, int(death), 0, 0, 0)
            if os.getppid() != parent:
                os.kill(os.getpid(), signal.SIGKILL)

    return ask_kernel


def adopt_orphans() -> None:
    """Become the parent of descendants whose own parent ends, so that `stop` still finds them (Linux)."""
    if _libc is not None:
        _libc.prctl(SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def descendants() -> list[psutil.Process]:
    """Every process that this one started, directly or not, and that is still there."""
    return list(psutil.Process().children(recursive=True))


def tree(pid: int) -> list[psutil.Process]:
    """The process and everything below it; empty if it has ended."""
    try:
        root = psutil.Process(pid)
        return [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def stop(processes: Iterable[psutil.Process], grace: float) -> None:
    """SIGTERM to all, SIGKILL to those left after `grace` seconds, and to what they started meanwhile."""
    asked = list(processes)
    _signal(asked, signal.SIGTERM)
    left = psutil.wait_procs(asked, timeout=grace)[1]
    late = [child for process in left for child in tree(process.pid)]
    _signal(late, signal.SIGKILL)
    psutil.wait_procs(late, timeout=1.0)


@contextmanager
def ending_on_sigterm() -> Iterator[None]:
    """Let SIGTERM end the block as Ctrl-C does, so that what the block opened is closed. Only in the main thread; else nothing.

    Either one ends it as KeyboardInterrupt: engines that are stopped in the middle of a query make an error of their own of it.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []

    def interrupt(number: int, _frame: FrameType | None) -> None:
        came.append(number)
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    except Exception as error:
        if came:
            raise KeyboardInterrupt from error
        raise
    finally:
        for number, kept in before.items():
            signal.signal(number, kept)


def _signal(processes: Iterable[psutil.Process], number: signal.Signals) -> None:
    for process in processes:
        try:
            process.send_signal(number)
        except psutil.NoSuchProcess:
            continue
