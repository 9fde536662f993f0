"""Progress bars on stderr, so that stdout stays the result."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from rich.progress import Progress

Item = TypeVar("Item")


def track(items: Iterable[Item], label: str, total: int, show: bool) -> Iterator[Item]:
    """The items, with a bar that counts them as they pass; no bar when `show` is False."""
    if not show:
        yield from items
        return
    with _bar() as progress:
        yield from progress.track(items, total=total, description=label)


@contextmanager
def counter(label: str, show: bool) -> Iterator[Callable[[], None]]:
    """Call what it gives once per step: a bar counts the steps, of which nobody knows how many there will be. None when `show` is False."""
    if not show:
        yield lambda: None
        return
    with _bar() as progress:
        task = progress.add_task(label, total=None)
        yield lambda: progress.advance(task)


def _bar() -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=Console(stderr=True), redirect_stdout=False, redirect_stderr=False)
