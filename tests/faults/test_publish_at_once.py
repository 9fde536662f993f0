"""Several processes publish the same cutoff at once: exactly one run's rows remain, and nothing is doubled (F4)."""

from __future__ import annotations

import threading
from collections.abc import Callable

from pipeline.config import Config
from pipeline.warehouse import open_warehouse
from tests.faults.publisher import NEW, OLD, ended, night, publish, started, whole
from tests.warehouse.nights import CUTOFF, TARGET


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
