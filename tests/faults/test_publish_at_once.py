"""Several processes publish the same cutoff at once: exactly one run's rows remain, and nothing is doubled (F4)."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.config import Config
from pipeline.warehouse import open_warehouse
from tests.faults.laid_night import Scored, shop_at
from tests.faults.publisher import NEW, OLD, ended, night, publish, started, whole
from tests.synthetic_lake import AS_OF
from tests.warehouse.engines import ENGINES
from tests.warehouse.nights import CUTOFF, TARGET

BUSY = 31


def test_three_processes_publishing_one_cutoff_leave_one_run(config: Config) -> None:
    nights = {f"run-{writer}-{turn}": OLD + 100 * writer for writer in range(3) for turn in range(3)}
    writers = [started(config, {name: users for name, users in nights.items() if name.startswith(f"run-{n}")}) for n in range(3)]
    assert [ended(writer) for writer in writers] == [0, 0, 0]
    (run_id,) = night(config)["runs"]
    assert run_id.endswith("-2")
    assert night(config) == whole(nights[run_id], run_id)


def test_a_second_publisher_waits_for_the_first_and_then_replaces_its_night(new_config: Callable[[str], Config]) -> None:
    config = new_config("postgresql")
    publish(config, OLD, "run-0")
    with open_warehouse(config) as first:
        first.begin(f"publish {TARGET} {CUTOFF}")  # type: ignore[attr-defined]
        second = threading.Thread(target=publish, args=(config, NEW, "run-2"))
        second.start()
        second.join(0.5)
        assert second.is_alive()
        first.execute("UPDATE user_scores SET run_id = 'run-1'")  # type: ignore[attr-defined]
        first.commit()  # type: ignore[attr-defined]
        second.join(30)
    assert night(config) == whole(NEW, "run-2")


@pytest.mark.parametrize("engine", ENGINES)
def test_commands_that_publish_one_night_at_once(
    scored_night: Scored, new_config: Callable[[str], Config], tmp_path: Path, engine: str
) -> None:
    """Of a first night and then of the same once more: each of them ends well, or says who was first."""
    shop = shop_at(tmp_path / "shop", new_config(engine).warehouse.url, scored_night)
    for version in ("1", "2"):
        new = shop.lay(version)
        said = [running.ended() for running in [shop.begin_publish() for _ in range(2)]]
        assert {ended.code for ended in said} <= {0, BUSY}, [ended.said for ended in said]
        assert len({ended.out for ended in said if ended.code == 0}) == 1
        assert shop.look() == shop.in_the_file() == new


def test_two_nights_that_are_published_at_once(scored_night: Scored, new_config: Callable[[str], Config], tmp_path: Path) -> None:
    """The newest and older ones that are filled in, none of which was there before."""
    shop = shop_at(tmp_path / "shop", new_config("postgresql").warehouse.url, scored_night)
    cutoffs = [AS_OF.plus_days(days) for days in (0, -1, -2)]
    new = {cutoff: shop.lay("1", cutoff) for cutoff in cutoffs}
    said = [running.ended() for running in [shop.begin_publish(cutoff) for cutoff in cutoffs]]
    assert [ended.code for ended in said] == [0, 0, 0], [ended.said for ended in said]
    assert {cutoff: shop.look(cutoff) for cutoff in cutoffs} == new
