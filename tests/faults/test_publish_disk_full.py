"""The disk fills up while a night is published to DuckDB: an error, and one whole night once there is room again (F11)."""

from __future__ import annotations

import resource
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pipeline.config import Config
from pipeline.errors import Unreachable
from tests.faults.laid_night import Scored, refused_in_words, shop_at
from tests.faults.publisher import OLD, night, publish, whole
from tests.faults.small_disk import mounted
from tests.faults.warm import begin
from tests.synthetic_lake import AS_OF

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


def test_a_folder_without_room_for_the_gates_page(scored_night: Scored, tmp_path: Path) -> None:
    """Nothing is published that was not checked, and the check ends with its page."""
    with mounted(tmp_path / "disk", 24) as disk:
        shop = shop_at(disk.place / "shop", "duckdb:///../../night.duckdb", scored_night)
        old = shop.lay("1")
        shop.publish()
        shutil.rmtree(shop.config.root / "data_docs")
        new = shop.lay("2")
        disk.fill(4096)
        said = tmp_path / "said"
        ended = begin(["publish", "--cutoff", str(AS_OF), "--config", str(shop.config.root / "nightcast.toml"), "--json"], said).ended()
        refused_in_words(ended, [30])
        assert "The disk of" in ended.said
        assert shop.look() == old
        disk.clear()
        shop.publish()
        assert shop.look() == new
