"""A publish killed at any step leaves the old night or the new one, and one plain rerun leaves the new one (F7, F10)."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

import duckdb
import pytest

from pipeline.config import Config
from pipeline.warehouse.duckdb_file import read_copy
from tests.faults.publisher import NEW, OLD, ended, night, publish, started, whole
from tests.warehouse.engines import config_at

SQL = "pipeline.warehouse.sql:SqlWarehouse"
OWN = {"duckdb": "pipeline.warehouse.duckdb:DuckDBWarehouse", "postgresql": "pipeline.warehouse.postgresql:PostgreSQLWarehouse"}
FILE = "pipeline.warehouse.duckdb_file"
STEPS = {
    f"{SQL}.publish:before": OLD,
    "pipeline.warehouse.sql:night_of:after": OLD,
    "OWN.begin:after": OLD,
    f"{SQL}.remove:after:1": OLD,
    "OWN.append:after:1": OLD,
    f"{SQL}.remove:after:2": OLD,
    "OWN.append:after:2": OLD,
    f"{SQL}.remove:after:3": OLD,
    "OWN.append:after:3": OLD,
    f"{SQL}.verify:after": OLD,
    "OWN.commit:before": OLD,
    "OWN.commit:after": NEW,
    f"{SQL}.checksum:after": NEW,
    "OWN.close:after": NEW,
}
"""Every step of a publish, and whose night readers see when the process dies there."""
COPY_STEPS = {f"{FILE}:refresh_read_copy:before": OLD, f"{FILE}:shutil.copyfileobj:after": OLD, f"{FILE}:refresh_read_copy:after": NEW}
"""Steps of the readers' copy in DuckDB, and whose night the copy holds then; the file itself holds the new one."""
CASES = [(engine, step, users) for engine in OWN for step, users in STEPS.items()]


def copied(config: Config) -> int:
    """Users in the readers' copy."""
    with duckdb.connect(read_copy(config.path("night.duckdb")), read_only=True) as reader:
        return int(reader.execute("SELECT count(*) FROM user_scores_latest").fetchall()[0][0])


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Checksum that the new night has when nothing goes wrong; it is the same on every engine."""
    return publish(config_at(tmp_path_factory.mktemp("undisturbed"), "duckdb:///night.duckdb"), NEW, "run-9")


@pytest.mark.parametrize(("engine", "step", "seen"), CASES)
def test_a_publish_killed_at_a_step_leaves_one_whole_night(
    new_config: Callable[[str], Config], undisturbed: str, engine: str, step: str, seen: int
) -> None:
    config = new_config(engine)
    publish(config, OLD, "run-1")
    assert ended(started(config, {"run-2": NEW}, die_at=step.replace("OWN", OWN[engine]))) == -9
    assert night(config) == whole(seen, "run-1" if seen == OLD else "run-2")
    assert publish(config, NEW, "run-3") == undisturbed
    assert night(config) == whole(NEW, "run-3")


@pytest.mark.parametrize(("step", "seen"), COPY_STEPS.items())
def test_the_readers_copy_is_always_a_whole_night(new_config: Callable[[str], Config], step: str, seen: int) -> None:
    config = new_config("duckdb")
    publish(config, OLD, "run-1")
    assert ended(started(config, {"run-2": NEW}, die_at=step)) == -9
    assert copied(config) == seen
    assert night(config) == whole(NEW, "run-2")
    publish(config, NEW, "run-3")
    assert copied(config) == NEW
    assert sorted(path.name for path in config.root.iterdir()) == ["night.duckdb", "night_read.duckdb"]


@pytest.mark.parametrize("step", ["pipeline.warehouse.duckdb_file:os.link:before", "pipeline.warehouse.duckdb_file:create:after"])
def test_a_first_night_killed_while_the_file_is_made_can_be_run_again(new_config: Callable[[str], Config], step: str) -> None:
    config = new_config("duckdb")
    assert ended(started(config, {"run-1": NEW}, die_at=step)) == -9
    publish(config, NEW, "run-2")
    assert night(config) == whole(NEW, "run-2")
    assert sorted(path.name for path in config.root.iterdir()) == ["night.duckdb", "night_read.duckdb"]


@pytest.mark.parametrize("engine", OWN)
def test_a_publish_killed_at_any_moment_leaves_one_whole_night(new_config: Callable[[str], Config], engine: str) -> None:
    config = new_config(engine)
    publish(config, OLD, "run-0")
    nights = {f"run-{n}": OLD + 100 * (n % 3) for n in range(500)}
    for seed in range(1, 3):
        before = night(config)["runs"]
        process = started(config, {f"{name}-{seed}": users for name, users in nights.items()})
        while night(config)["runs"] == before:
            time.sleep(0.05)
        time.sleep(random.Random(seed).random() / 2)
        process.kill()
        assert ended(process) == -9
        (run_id,) = night(config)["runs"]
        assert run_id not in before, "killed before it had published anything"
        assert night(config) == whole(nights[run_id.rpartition("-")[0]], run_id)
