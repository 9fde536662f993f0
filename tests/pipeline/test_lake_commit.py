"""Commits that cross. The races are real: processes that wait for one another, and then commit at the same moment."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from uuid import uuid4

import pyarrow as pa
import pytest
from deltalake import Schema

from pipeline import lake_commit
from pipeline.errors import Busy
from pipeline.lake import Lake
from pipeline.lake_commit import Change, Replacement, claim, replace
from tests.pipeline.lake_writers import SCHEMA, Order, commit, commit_pair, processes, write

WRITERS = 4
ROUNDS = 10
"""A race that is open goes wrong in more than every second round."""


@pytest.fixture(scope="module")
def pool() -> Iterator[ProcessPoolExecutor]:
    with processes(WRITERS) as opened:
        yield opened


@pytest.fixture(params=range(ROUNDS))
def lake(tmp_path: Path) -> Lake:
    return Lake(str(tmp_path))


@pytest.fixture
def alone(tmp_path: Path) -> Lake:
    return Lake(str(tmp_path))


def at_once(pool: ProcessPoolExecutor, lake: Lake, days: Sequence[str], expected: int | None = None) -> list[tuple[str, int]]:
    return list(pool.map(commit, [Order(lake.url, day, f"writer-{place}", expected) for place, day in enumerate(days)]))


def outcomes(found: list[tuple[str, int]]) -> Counter[str]:
    return Counter(outcome for outcome, _ in found)


def names(lake: Lake) -> list[str]:
    return sorted(lake.read("t")["by"].to_pylist())


def test_first_writers_of_different_days_of_a_new_table_all_succeed(lake: Lake, pool: ProcessPoolExecutor) -> None:
    assert outcomes(at_once(pool, lake, ["1", "2", "3", "4"])) == {"committed": 4}
    assert names(lake) == ["writer-0", "writer-1", "writer-2", "writer-3"]


def test_first_writers_of_one_day_of_a_new_table_never_double_it(lake: Lake, pool: ProcessPoolExecutor) -> None:
    found = outcomes(at_once(pool, lake, ["1"] * WRITERS))
    assert found["committed"] >= 1
    assert found["committed"] + found["busy"] == WRITERS
    assert len(names(lake)) == 1


def test_writers_of_one_day_and_of_another_leave_each_day_once(lake: Lake, pool: ProcessPoolExecutor) -> None:
    write(lake, "0", "before")
    found = outcomes(at_once(pool, lake, ["1", "2", "2", "1"]))
    assert found["committed"] >= 2
    assert found["committed"] + found["busy"] == WRITERS
    assert len(names(lake)) == 3


@pytest.mark.parametrize("there", [False, True])
def test_of_writers_of_one_day_made_from_one_version_one_commits_and_the_others_are_busy(
    alone: Lake, pool: ProcessPoolExecutor, there: bool
) -> None:
    before = write(alone, "1" if there else "0", "before")
    assert outcomes(at_once(pool, alone, ["1"] * WRITERS, before)) == {"committed": 1, "busy": WRITERS - 1}
    assert len(names(alone)) == (1 if there else 2)


@pytest.mark.parametrize("there", [False, True])
def test_writers_of_different_days_made_from_one_version_all_succeed(alone: Lake, pool: ProcessPoolExecutor, there: bool) -> None:
    days = ["1", "2", "3", "4"]
    before = max(write(alone, day, "before") for day in (days if there else ["0"]))
    found = at_once(pool, alone, days, before)
    assert sorted(version for _, version in found) == [before + place for place in (1, 2, 3, 4)]
    for day, (_, version) in zip(days, found, strict=True):
        held, earlier = (set(alone.files("t", version=each)) for each in (version, version - 1))
        assert [path.split("/")[-2] for path in held - earlier] == [f"day={day}"]


def test_a_commit_crossed_by_others_takes_as_many_tries_as_it_needs(alone: Lake) -> None:
    before = max(write(alone, str(day), "before") for day in range(6))
    for day in range(1, 6):
        write(alone, str(day), "crossing")
    assert write(alone, "0", "late", expected=before) == before + 6


def test_a_commit_that_is_crossed_for_ever_ends_busy(alone: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    before = max(write(alone, str(day), "before") for day in range(2))
    write(alone, "1", "crossing")
    monkeypatch.setattr(lake_commit, "ATTEMPTS", 1)
    with pytest.raises(Busy, match=r'Another run committed t \{"day": "0"\} at the same time'):
        write(alone, "0", "late", expected=before)


def test_replacing_everything_is_busy_when_anything_it_read_was_replaced(alone: Lake) -> None:
    before = write(alone, "1", "before")
    write(alone, "1", "crossing")
    with pytest.raises(Busy, match=r"t \{\} at the same time"):
        write(alone, "1", "all", replaces={}, expected=before)
    assert names(alone) == ["crossing"]


def test_what_is_wrong_with_a_commit_itself_is_not_called_busy(alone: Lake) -> None:
    write(alone, "1", "before")
    with pytest.raises(Exception, match="nothing") as caught:
        write(alone, "1", "again", replaces={"nothing": "1"})
    assert not isinstance(caught.value, Busy)
    assert names(alone) == ["before"]


def test_a_claim_is_one_text_whatever_the_order_of_its_keys() -> None:
    assert claim({"target": "buys", "cutoff": "x"}) == claim({"cutoff": "x", "target": "buys"}) == '{"cutoff": "x", "target": "buys"}'


def several(lake: Lake, days: Sequence[str], by: str) -> int:
    """One row a day, all in one commit."""
    parts = {day: lake.write_part("t", {"day": day}, uuid4().hex, pa.table({"by": [by]}, SCHEMA)) for day in days}
    return lake.commit_all("t", SCHEMA, [Change({"day": day}, [part], {"by": f"{by} {day}"}) for day, part in parts.items()])


def test_several_partitions_change_in_one_version_and_each_keeps_what_was_recorded(alone: Lake) -> None:
    assert several(alone, ["1", "2"], "new") == 0
    assert write(alone, "3", "alone") == 1
    assert several(alone, ["2", "3", "4"], "again") == 2
    assert alone.read("t").sort_by("day").to_pydict() == {"by": ["new", "again", "again", "again"], "day": ["1", "2", "3", "4"]}
    assert [alone.metadata("t", {"day": day}).get("by") for day in "12345"] == ["new 1", "again 2", "again 3", "again 4", None]
    assert write(alone, "2", "alone") == 3
    assert names(alone) == ["again", "again", "alone", "new"]
    assert sorted(alone.read("t", version=2)["by"].to_pylist()) == ["again", "again", "again", "new"]


def test_replaced_partitions_of_a_larger_table_leave_the_others(alone: Lake) -> None:
    schema = pa.schema([pa.field("n", pa.int64())])

    def change(target: str, cutoff: str, number: int) -> Change:
        parts = [
            alone.write_part("two", {"target": target, "cutoff": cutoff, "bucket": str(bucket)}, uuid4().hex, pa.table({"n": [number]}))
            for bucket in range(2)
        ]
        return Change({"cutoff": cutoff, "target": target}, parts, {})

    alone.commit_all("two", schema, [change(target, cutoff, 1) for target in "ab" for cutoff in "xy"])
    alone.commit_all("two", schema, [change("a", "x", 2), change("b", "y", 2)])
    found = alone.read("two", columns=["target", "cutoff", "n"]).sort_by([("target", "ascending"), ("cutoff", "ascending")])
    assert found["n"].to_pylist() == [2, 2, 1, 1, 1, 1, 2, 2]


def test_commits_of_several_partitions_that_share_one_never_double_it(lake: Lake, pool: ProcessPoolExecutor) -> None:
    write(lake, "0", "before")
    found = list(pool.map(commit_pair, [Order(lake.url, day, f"writer-{day}") for day in "1234"]))
    assert found.count("committed") >= 1
    assert set(found) <= {"committed", "busy"}
    rows = lake.read("t").to_pylist()
    assert Counter(row["day"] for row in rows)["shared"] == 1
    assert len(rows) == 2 + found.count("committed")


def test_crossing_commits_of_other_partitions_do_not_disturb_one_of_several(alone: Lake) -> None:
    several(alone, ["1", "2"], "before")
    base = alone.open("t")
    write(alone, "3", "crossing")
    part = alone.write_part("t", {"day": "1"}, "late", pa.table({"by": ["late"]}, SCHEMA))
    other = alone.write_part("t", {"day": "2"}, "late", pa.table({"by": ["late"]}, SCHEMA))
    changes = [Change({"day": "1"}, [part], {}), Change({"day": "2"}, [other], {})]
    schema = Schema.from_arrow(pa.schema([*SCHEMA, pa.field("day", pa.string())]))
    assert replace(Replacement(alone.uri("t"), schema, ["day"], changes), base) == 2
    assert names(alone) == ["crossing", "late", "late"]
    with pytest.raises(Busy, match="at the same time"):
        replace(Replacement(alone.uri("t"), schema, ["day"], changes), base)
