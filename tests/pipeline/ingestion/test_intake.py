from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from features.cutoff import Cutoff
from pipeline.config import Config
from pipeline.day_record import DayRecord
from pipeline.errors import NoEvents, SourceError, Unreachable, ValidationFailed
from pipeline.ingestion import copies, intake
from pipeline.ingestion.intake import Intake, open_intake
from pipeline.lake import Lake
from pipeline.source.batch import Batch
from pipeline.validation.gate import Verdict
from pipeline.warehouse import open_warehouse
from tests.pipeline.ingestion.literal_batches import FIRST, batch, configuration, run_id

RUNS = "SELECT batch_date, run_id, passed, report_url FROM validation_runs ORDER BY batch_date"


class Gate:
    """Lets the named days not pass; remembers what it was asked."""

    def __init__(self, *refused: date) -> None:
        self.refused, self.asked = refused, []

    def check(self, batch: Batch, history: Sequence[DayRecord], *, end: Cutoff) -> Verdict:
        self.asked.append((batch.record.day, [record.day for record in history], str(end)))
        passed = batch.record.day not in self.refused
        return Verdict(passed, () if passed else ("at least 9 rows: observed 2",), f"file:///{batch.record.day}")


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return configuration(tmp_path)


def take_in(found: Intake, folder: Path, *numbers: int, run: int = 1, then: BaseException | None = None, **made: Any) -> None:
    for number in numbers:
        found.days.refresh()
        found.take_in(batch(folder / f"{number}-{run}", FIRST + timedelta(days=number), run, **made))
    if then is not None:
        raise then


def runs(config: Config) -> list[tuple[Any, ...]]:
    with open_warehouse(config) as warehouse:
        return [tuple(row.values()) for row in warehouse.query(RUNS).to_pylist()]


def test_what_passes_is_committed_copied_and_counted(config: Config, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    gate = Gate()
    with caplog.at_level(logging.INFO), open_intake(config, gate) as found:  # type: ignore[arg-type]
        take_in(found, tmp_path, 0, refused={2: "line"})
        take_in(found, tmp_path, 1, users=("u1",))
    assert gate.asked == [(FIRST, [], "2026-01-07T00:00:00Z"), (FIRST + timedelta(days=1), [FIRST], "2026-01-08T00:00:00Z")]
    assert (found.committed, found.version, found.report_url) == (2, 1, "file:///2026-01-06")
    assert dict(found.totals) == {"rows": 4, "accepted": 3, "quarantined": 1, "duplicates": 0, "late": 0, "readmitted": 0}
    assert "2026-01-05: rows 3, accepted 2, quarantined 1, duplicates 0, late 0" in caplog.text
    assert runs(config) == [
        (FIRST, run_id(1), True, "file:///2026-01-05"),
        (FIRST + timedelta(days=1), run_id(1), True, "file:///2026-01-06"),
    ]


def test_what_does_not_pass_is_shown_and_not_committed(config: Config, tmp_path: Path) -> None:
    with pytest.raises(ValidationFailed) as refused, open_intake(config, Gate(FIRST + timedelta(days=1))) as found:  # type: ignore[arg-type]
        take_in(found, tmp_path, 0, 1, refused={2: "line"})
    assert "2026-01-06 did not pass validation (rows 3, accepted 2, quarantined 1, duplicates 0, late 0)" in str(refused.value)
    assert "  at least 9 rows: observed 2" in str(refused.value)
    assert "file:///2026-01-06" in refused.value.mend
    assert Lake(config.lake_url).partitions("events") == [{"day": "2026-01-05"}]
    assert [(row[0].day, row[2]) for row in runs(config)] == [(5, True), (6, False)]


def test_days_are_copied_in_groups(config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "DAYS_PER_COPY", 2)
    opened: list[int] = []
    original = copies.open_warehouse
    monkeypatch.setattr(copies, "open_warehouse", lambda config: opened.append(1) or original(config))
    with open_intake(config, Gate()) as found:  # type: ignore[arg-type]
        take_in(found, tmp_path, 0, 1, 2, 3, 4)
        assert len(opened) == 2
    assert len(opened) == 3
    assert len(runs(config)) == 5


def test_an_error_in_the_block_is_told_after_the_days_before_it_are_copied(config: Config, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="damaged"), open_intake(config, Gate()) as found:  # type: ignore[arg-type]
        take_in(found, tmp_path, 0, then=SourceError("damaged"))
    assert len(runs(config)) == 1


def test_an_error_in_the_block_outweighs_one_of_the_copies(
    config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def gone(*_: Any) -> int:
        raise Unreachable("the warehouse is gone")

    monkeypatch.setattr(intake, "mend_copies", gone)
    with pytest.raises(NoEvents), open_intake(config, Gate()):  # type: ignore[arg-type]
        raise NoEvents("nothing there")
    assert "behind until the next run: the warehouse is gone" in caplog.text
    with pytest.raises(Unreachable), open_intake(config, Gate()):  # type: ignore[arg-type]
        pass


def test_being_stopped_copies_nothing_and_the_next_run_does(config: Config, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), open_intake(config, Gate()) as found:  # type: ignore[arg-type]
        take_in(found, tmp_path, 0, then=KeyboardInterrupt())
    assert runs(config) == []
    with open_intake(config, Gate()):  # type: ignore[arg-type]
        pass
    assert len(runs(config)) == 1


def test_an_unreachable_warehouse_is_found_before_anything_is_committed(config: Config, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    away = config.model_copy(update={"warehouse": config.warehouse.model_copy(update={"url": "duckdb:///file/x.duckdb"})})
    with pytest.raises(Unreachable), open_intake(away, Gate()):  # type: ignore[arg-type]
        raise AssertionError("the block was entered")
