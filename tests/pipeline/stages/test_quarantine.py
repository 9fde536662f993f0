from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest

from pipeline.config import Config
from pipeline.errors import Busy, ConfigError, MissingInput, ValidationFailed
from pipeline.lake import Lake
from pipeline.stages import ingest, quarantine
from pipeline.warehouse import open_warehouse

HEADER = "id,user,time,kind,value"
COLUMNS = {"event_id": "id", "user_id": "user", "event_time": "time", "event_type": "kind", "value": "value"}
FIFTH, SIXTH = date(2026, 1, 5), date(2026, 1, 6)
END_OF_FIFTH, END_OF_SIXTH = (datetime(2026, 1, day, tzinfo=UTC) for day in (6, 7))

Shop = Callable[..., Config]


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """A configuration in the test's folder that does not know the type `click`, unless `types` has it."""

    def build(*types: str, validation: dict[str, Any] | None = None, **source: Any) -> Config:
        place = {} if "streams" in source else {"files": "{date}.csv", "columns": COLUMNS}
        settings = {"event_types": ["view", *types], "settle_seconds": 0, **place, **source}
        target = {"kind": "occurs", "event_type": "view", "horizon_days": 7}
        rules = {"max_quarantined_share": 0.9, **(validation or {})}
        return Config(root=tmp_path, source=settings, targets={"t": target}, validation=rules, lake={"buckets": 4})

    return build


def deliver(config: Config, day: date, *lines: str) -> None:
    (config.root / f"{day}.csv").write_text("\n".join([HEADER, *lines]) + "\n", encoding="utf-8")


def line(number: int, kind: str = "view", *, day: date = FIFTH, value: str = "1") -> str:
    return f"e{number},u{number},{day} 10:00:00,{kind},{value}"


@pytest.fixture
def taken(shop: Shop) -> Config:
    """Two days; of the fifth, two clicks and two rows that no rule will ever let in were refused."""
    config = shop()
    deliver(config, FIFTH, line(1), line(2, "click"), "broken", line(3), line(4, "click"), line(5, value="much"))
    deliver(config, SIXTH, line(6, day=SIXTH))
    ingest.run(config, FIFTH, SIXTH, show=False)
    return config


def events(config: Config, day: date = FIFTH) -> pl.DataFrame:
    return pl.DataFrame(Lake(config.lake_url).read("events", {"day": str(day)}))


def known_from(config: Config) -> dict[str, datetime]:
    return dict(events(config).select("event_id", "available_at").sort("event_id").iter_rows())


def rows(config: Config, sql: str) -> list[tuple[Any, ...]]:
    with open_warehouse(config) as warehouse:
        return [tuple(row.values()) for row in warehouse.query(sql).to_pylist()]


RUN = "SELECT rows, accepted, quarantined, duplicates, readmitted, run_id FROM validation_runs WHERE batch_date = DATE '2026-01-05'"
REFUSED = "SELECT row, rule, place, source_row FROM quarantined_events WHERE batch_date = DATE '2026-01-05' ORDER BY row"


def test_days_are_listed_with_the_rows_of_each_rule(taken: Config) -> None:
    found = quarantine.listed(taken, None, None)["refused"]
    own = {"day": "2026-01-05", "quarantined": 4}
    assert [{name: row[name] for name in row if name != "example"} for row in found] == [
        {**own, "rule": "event_type_unknown", "rows": 2},
        {**own, "rule": "line", "rows": 1},
        {**own, "rule": "value", "rows": 1},
    ]
    assert "'click' is not one of view" in found[0]["example"]
    assert quarantine.listed(taken, SIXTH, None) == quarantine.listed(taken, None, date(2026, 1, 4)) == {"refused": []}
    assert quarantine.listed(taken, FIFTH, FIFTH)["refused"] == found


def test_rows_are_shown_as_they_came(taken: Config) -> None:
    found = quarantine.shown(taken, FIFTH, rule=None, limit=20)
    assert (found["day"], found["quarantined"], [row["row"] for row in found["rows"]]) == ("2026-01-05", 4, [3, 4, 6, 7])
    assert found["rows"][1] == {
        "row": 4,
        "place": "2026-01-05.csv line 4",
        "rule": "line",
        "reason": found["rows"][1]["reason"],
        "source_row": '{"line":"broken"}',
    }
    assert json.loads(found["rows"][0]["source_row"]) == dict(zip(HEADER.split(","), line(2, "click").split(","), strict=True))
    assert [row["row"] for row in quarantine.shown(taken, FIFTH, rule="event_type_unknown", limit=1)["rows"]] == [3]
    assert [row["row"] for row in quarantine.shown(taken, FIFTH, rule="value", limit=9)["rows"]] == [7]
    assert quarantine.shown(taken, SIXTH, rule=None, limit=9)["rows"] == []


def test_a_day_that_is_not_committed_has_nothing_to_show_or_readmit(taken: Config) -> None:
    for act in (
        lambda: quarantine.shown(taken, date(2026, 1, 9), rule=None, limit=9),
        lambda: quarantine.readmit(taken, date(2026, 1, 9), None),
    ):
        with pytest.raises(MissingInput, match="2026-01-09 is not in the lake"):
            act()


def test_rows_come_back_known_from_the_end_of_the_batch_they_come_back_in(taken: Config, shop: Shop) -> None:
    before, refused, version = events(taken), rows(taken, REFUSED), Lake(taken.lake_url).version("events")
    result = quarantine.readmit(shop("click"), FIFTH, None)
    assert {name: result[name] for name in ("day", "into", "back", "accepted", "quarantined", "duplicates", "readmitted")} == {
        "day": "2026-01-05",
        "into": "2026-01-06",
        "back": 2,
        "accepted": 4,
        "quarantined": 2,
        "duplicates": 0,
        "readmitted": 2,
    }
    assert result["lake_version"] == version + 1
    assert known_from(taken) == {"e1": END_OF_FIFTH, "e2": END_OF_SIXTH, "e3": END_OF_FIFTH, "e4": END_OF_SIXTH}
    after = events(taken)
    assert after.filter(pl.col("event_id").is_in(before["event_id"].to_list())).equals(before), "what was committed has changed"
    assert after.filter(pl.col("event_id") == "e2").rows(named=True)[0]["event_time"] == datetime(2026, 1, 5, 10, tzinfo=UTC)
    assert rows(taken, RUN) == [(6, 4, 2, 0, 2, result["run_id"])]
    assert rows(taken, REFUSED) == [row for row in refused if row[1] != "event_type_unknown"]


def test_readmitting_again_changes_nothing(taken: Config, shop: Shop) -> None:
    config, lake = shop("click"), Lake(taken.lake_url)
    quarantine.readmit(config, FIFTH, SIXTH)
    before, version = events(config), lake.version("events")
    result = quarantine.readmit(config, FIFTH, date(2026, 1, 9))
    assert (result["back"], result["readmitted"], result["lake_version"]) == (0, 2, None)
    assert lake.version("events") == version
    assert events(config).equals(before)


def test_nothing_comes_back_while_nothing_is_mended(taken: Config) -> None:
    before, version = rows(taken, RUN), Lake(taken.lake_url).version("events")
    assert quarantine.readmit(taken, FIFTH, None)["back"] == 0
    assert quarantine.readmit(taken, SIXTH, None)["back"] == 0
    assert (rows(taken, RUN), Lake(taken.lake_url).version("events")) == (before, version)


def test_ingesting_the_day_again_keeps_what_came_back_and_when(taken: Config, shop: Shop) -> None:
    config = shop("click")
    quarantine.readmit(config, FIFTH, SIXTH)
    before = events(config)
    for _ in range(2):
        ingest.run(config, FIFTH, FIFTH, show=False)
        assert events(config).equals(before)
        assert [row[:5] for row in rows(config, RUN)] == [(6, 4, 2, 0, 2)]


def test_rows_mended_later_come_back_beside_those_that_did_before(taken: Config, shop: Shop) -> None:
    quarantine.readmit(shop("click"), FIFTH, SIXTH)
    mended = shop("click", columns={name: column for name, column in COLUMNS.items() if name != "value"})
    result = quarantine.readmit(mended, FIFTH, date(2026, 1, 8))
    assert (result["back"], result["accepted"], result["quarantined"], result["readmitted"]) == (1, 5, 1, 3)
    assert known_from(taken) == {
        "e1": END_OF_FIFTH,
        "e2": END_OF_SIXTH,
        "e3": END_OF_FIFTH,
        "e4": END_OF_SIXTH,
        "e5": datetime(2026, 1, 9, tzinfo=UTC),
    }


def test_an_event_that_is_known_already_does_not_come_back(shop: Shop) -> None:
    config = shop()
    deliver(config, FIFTH, line(1), line(2, "click"), line(2))
    ingest.run(config, FIFTH, FIFTH, show=False)
    result = quarantine.readmit(shop("click"), FIFTH, None)
    assert (result["back"], result["quarantined"], result["duplicates"]) == (0, 0, 1)
    assert sorted(known_from(config)) == ["e1", "e2"]
    assert [row[:5] for row in rows(config, RUN)] == [(3, 2, 0, 1, 0)]


@pytest.mark.parametrize("step", ["put_file", "put_part", "commit"])
@pytest.mark.parametrize("after", [False, True])
def test_dying_anywhere_and_running_again_ends_the_same(
    step: str, after: bool, taken: Config, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = getattr(Lake, step)

    def die(*words: Any, **named: Any) -> None:
        if after:
            original(*words, **named)
        raise KeyboardInterrupt

    config = shop("click")
    monkeypatch.setattr(Lake, step, die)
    with pytest.raises(KeyboardInterrupt):
        quarantine.readmit(config, FIFTH, SIXTH)
    monkeypatch.undo()
    quarantine.readmit(config, FIFTH, SIXTH)
    assert known_from(config) == {"e1": END_OF_FIFTH, "e2": END_OF_SIXTH, "e3": END_OF_FIFTH, "e4": END_OF_SIXTH}
    assert [row[:5] for row in rows(config, RUN)] == [(6, 4, 2, 0, 2)]
    assert [row[0] for row in rows(config, REFUSED)] == [4, 7]


def test_a_day_that_is_ingested_meanwhile_is_not_overwritten(taken: Config, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    config, original = shop("click"), quarantine.to_batch

    def meanwhile(*words: Any, **named: Any) -> Any:
        monkeypatch.undo()
        ingest.run(taken, FIFTH, FIFTH, show=False)
        return original(*words, **named)

    monkeypatch.setattr(quarantine, "to_batch", meanwhile)
    with pytest.raises(Busy, match="2026-01-05"):
        quarantine.readmit(config, FIFTH, SIXTH)
    assert sorted(known_from(config)) == ["e1", "e3"]


def test_a_readmission_that_does_not_pass_the_gate_changes_nothing(taken: Config, shop: Shop) -> None:
    before = events(taken)
    with pytest.raises(ValidationFailed, match="2026-01-05 did not pass validation"):
        quarantine.readmit(shop("click", validation={"min_rows": 9}), FIFTH, SIXTH)
    assert events(taken).equals(before)


def test_rows_cannot_come_back_before_they_came(taken: Config, shop: Shop) -> None:
    with pytest.raises(ConfigError, match="Rows of 2026-01-05 cannot come back on 2026-01-04"):
        quarantine.readmit(shop("click"), FIFTH, date(2026, 1, 4))


def test_nothing_comes_back_into_what_is_published(taken: Config, shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    """Scores as of the 9th saw all that was known by the end of the 8th."""
    run = {
        "model_name": "m",
        "model_version": "1",
        "run_id": "r",
        "eligible": 1,
        "scored": 1,
        "refused": 0,
        "checksum": "c",
        "lake_version": 0,
    }
    at = datetime(2026, 1, 9, tzinfo=UTC)
    with open_warehouse(taken) as warehouse:
        night = {**run, "started_at": at, "finished_at": at}
        warehouse.replace("score_runs", {"target": "t", "cutoff": at}, pa.Table.from_pylist([night]))
    assert quarantine.readmit(taken, FIFTH, None)["into"] == "2026-01-09"
    assert not caplog.records
    quarantine.readmit(shop("click"), FIFTH, date(2026, 1, 8))
    assert "scores as of 2026-01-09T00:00:00Z are published already" in caplog.text
    assert known_from(taken)["e2"] == at


def test_rows_of_several_streams_keep_their_numbers_and_places(shop: Shop, tmp_path: Path) -> None:
    streams = {
        "orders": {"files": "{date}.csv", "columns": COLUMNS},
        "clicks": {"files": "{date}.jsonl", "columns": {"user_id": "u", "event_time": "t", "event_type": "k"}},
    }
    source = {"streams": streams}
    config = shop(**source)
    deliver(config, FIFTH, line(1), line(2, "click"), line(3, "odd"))
    clicks = [
        {"u": f"c{number}", "t": "2026-01-05T10:00:00Z", "k": kind, "n": number} for number, kind in enumerate(["view", "click", "odd"])
    ]
    (tmp_path / "2026-01-05.jsonl").write_text("\n".join(json.dumps(each) for each in clicks) + "\n{broken\n")
    ingest.run(config, FIFTH, FIFTH, show=False)
    before = rows(config, REFUSED)
    assert [row[2].rpartition("/")[2] for row in before] == [
        *(f"2026-01-05.csv line {number}" for number in (3, 4)),
        *(f"2026-01-05.jsonl line {number}" for number in (2, 3, 4)),
    ]
    assert quarantine.readmit(shop("click", **source), FIFTH, None)["back"] == 2
    assert rows(config, REFUSED) == [before[1], *before[3:]]
    assert sorted(events(config)["user_id"]) == ["c0", "c1", "u1", "u2"]
    again = events(config)
    ingest.run(shop("click", **source), FIFTH, FIFTH, show=False)
    assert events(config).equals(again)
