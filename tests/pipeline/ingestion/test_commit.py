from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from features.contract import EVENTS
from pipeline import clock
from pipeline.errors import Busy
from pipeline.ingestion.commit import commit, counts, tidy
from pipeline.lake import Lake
from tests.pipeline.ingestion.literal_batches import FIRST, batch, configuration, run_id


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(configuration(tmp_path).lake_url)


def files(lake: Lake) -> set[str]:
    found = (str(path.relative_to(lake.url)) for path in Path(lake.url).rglob("*.parquet") if "_delta_log" not in path.parts)
    return set(found)


def test_a_commit_names_its_run_and_holds_what_it_says(lake: Lake, tmp_path: Path) -> None:
    made = batch(tmp_path / "b", FIRST, 1, refused={3: "line"}, back=("u2",))
    assert commit(lake, made, expected=None, report_url="file:///r") == 0
    assert lake.names("events") == {"2026-01-05": run_id(1)}
    assert lake.read("events").drop_columns(["day"]).schema.equals(EVENTS)
    assert files(lake) == {f"{kind}/day=2026-01-05/{run_id(1)}.parquet" for kind in ("events", "refused", "readmitted")}
    said = lake.metadata("events", {"day": "2026-01-05"})
    expected = {"rows": "3", "accepted": "2", "quarantined": "1", "duplicates": "0", "late": "0", "readmitted": "1"}
    expected |= {"run_id": run_id(1), "day": "2026-01-05", "report_url": "file:///r"}
    assert {name: said[name] for name in expected} == expected
    refused = lake.open_file(f"refused/day=2026-01-05/{run_id(1)}.parquet")
    assert refused is not None
    with refused:
        assert refused.read().equals(pq.read_table(made.refused))


def test_what_there_is_none_of_has_no_file(lake: Lake, tmp_path: Path) -> None:
    commit(lake, batch(tmp_path / "b", FIRST, 1), expected=None, report_url="")
    assert files(lake) == {f"events/day=2026-01-05/{run_id(1)}.parquet"}


def test_a_day_that_another_run_has_committed_since_stays(lake: Lake, tmp_path: Path) -> None:
    commit(lake, batch(tmp_path / "1", FIRST, 1), expected=None, report_url="")
    seen = lake.version("events")
    commit(lake, batch(tmp_path / "2", FIRST, 2, users=("u3",)), expected=seen, report_url="")
    with pytest.raises(Busy, match="2026-01-05"):
        commit(lake, batch(tmp_path / "3", FIRST, 3), expected=seen, report_url="")
    assert lake.names("events") == {"2026-01-05": run_id(2)}


def test_a_day_does_not_mind_commits_of_other_days(lake: Lake, tmp_path: Path) -> None:
    commit(lake, batch(tmp_path / "1", FIRST, 1), expected=None, report_url="")
    seen = lake.version("events")
    commit(lake, batch(tmp_path / "2", FIRST + timedelta(days=1), 2), expected=seen, report_url="")
    assert commit(lake, batch(tmp_path / "3", FIRST, 3), expected=seen, report_url="") == 2


@pytest.mark.parametrize("step", ["put_file", "put_part", "commit"])
def test_what_dies_before_the_commit_does_not_count(step: str, lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commit(lake, batch(tmp_path / "1", FIRST, 1), expected=None, report_url="")

    def die(*_: Any, **__: Any) -> None:
        raise ConnectionError(step)

    monkeypatch.setattr(Lake, step, die)
    with pytest.raises(ConnectionError, match=step):
        commit(lake, batch(tmp_path / "2", FIRST, 2, refused={2: "line"}), expected=0, report_url="")
    assert lake.names("events") == {"2026-01-05": run_id(1)}


def test_tidying_keeps_what_counts_and_what_may_come_to_count(lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = configuration(tmp_path)
    for run in (1, 2):
        made = batch(tmp_path / f"{run}", FIRST, run, refused={2: "line"}, back=("u1",))
        commit(lake, made, expected=lake.version("events"), report_url="")
    lake.put_file(f"refused/day=2026-01-06/{run_id(3)}.parquet", tmp_path / "1" / "refused.parquet")
    everything = files(lake)
    tidy(config, lake)
    assert files(lake) == everything
    later = datetime.now(UTC) + timedelta(days=config.lake.retention_days + 1)
    monkeypatch.setattr(clock, "now", lambda: later)
    tidy(config, lake)
    kept = files(lake)
    assert {path for path in kept if not path.startswith("events/")} == {
        f"{kind}/day=2026-01-05/{run_id(2)}.parquet" for kind in ("refused", "readmitted")
    }
    assert f"events/day=2026-01-05/{run_id(2)}.parquet" in kept


def test_the_counts_are_the_record_s(tmp_path: Path) -> None:
    found = counts(batch(tmp_path / "b", FIRST, 1, refused={2: "line"}).record)
    assert found == {"rows": 3, "accepted": 2, "quarantined": 1, "duplicates": 0, "late": 0, "readmitted": 0}
