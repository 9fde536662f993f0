"""The disk fills up while a night is published to DuckDB: an error, and one whole night once there is room again (F11)."""

from __future__ import annotations

import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pipeline.config import Config
from pipeline.errors import Unreachable
from tests.faults.publisher import OLD, night, publish, whole

MANY = 40_000


@contextmanager
def room_for(path: Path, more: int) -> Iterator[None]:
    """No file may grow beyond the size of this one and so many bytes more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + more, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("more", [0, 1_500_000])
def test_a_disk_that_fills_up_leaves_one_whole_night(new_config: Callable[[str], Config], more: int) -> None:
    config = new_config("duckdb")
    publish(config, OLD, "run-1")
    with (
        room_for(config.path("night.duckdb"), more),
        pytest.raises(Unreachable, match=r"night\.duckdb cannot be opened or written: .*too large"),
    ):
        publish(config, MANY, "run-2")
    found = night(config)
    assert found in (whole(OLD, "run-1"), whole(MANY, "run-2"))
    publish(config, MANY, "run-3")
    assert night(config) == whole(MANY, "run-3")
