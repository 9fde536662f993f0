from __future__ import annotations

from datetime import UTC, datetime

import pyarrow as pa
import pytest

from pipeline.errors import PublishRefused
from pipeline.warehouse.checksum import checksum
from pipeline.warehouse.night import night_of
from tests.warehouse.nights import CUTOFF, TARGET, run_of, scores


def test_rows_with_a_reason_are_refused_users_and_the_others_scored() -> None:
    rows = scores(4, 2)
    night = night_of(rows, TARGET, CUTOFF, run_of(rows))
    assert night.user_scores["user_id"].to_pylist() == ["u00000", "u00001", "u00002", "u00003"]
    assert night.refused_users.to_pylist() == [
        {"target": TARGET, "cutoff": CUTOFF.instant, "user_id": f"r0000{n}", "reason": "no visible event"} for n in range(2)
    ]


def test_the_run_row_is_read_from_text_or_values() -> None:
    rows = scores(4, 2)
    text = night_of(rows, TARGET, CUTOFF, run_of(rows)).score_runs
    values = {**run_of(rows), "eligible": 6, "lake_version": 12, "started_at": datetime(2026, 3, 2, 4, tzinfo=UTC)}
    assert night_of(rows, TARGET, CUTOFF, values).score_runs == text
    assert text["checksum"].to_pylist() == [checksum(night_of(rows, TARGET, CUTOFF, run_of(rows)).user_scores)]


def test_users_are_counted_and_not_taken_from_what_the_run_said() -> None:
    rows = scores(4, 2)
    (run,) = night_of(rows, TARGET, CUTOFF, run_of(rows, eligible="9", scored="8", refused="1")).score_runs.to_pylist()
    assert (run["eligible"], run["scored"], run["refused"]) == (6, 4, 2)


def test_partition_columns_and_unknown_columns_of_the_lake_are_dropped() -> None:
    rows = scores(4, 0)
    more = (
        rows.append_column("target", pa.array([TARGET] * 4))
        .append_column("cutoff", pa.array([CUTOFF.key] * 4))
        .append_column("bucket", pa.array([1] * 4))
    )
    assert night_of(more, TARGET, CUTOFF, run_of(rows)).user_scores == night_of(rows, TARGET, CUTOFF, run_of(rows)).user_scores


@pytest.mark.parametrize(
    ("dropped", "changed", "message"),
    [
        ("run_id", {}, r"do not say their run_id"),
        ("eligible", {}, r"do not say their eligible"),
        ("", {"scored": "many"}, r"have scored = 'many'"),
        ("", {"finished_at": "yesterday"}, r"have finished_at = 'yesterday'"),
    ],
)
def test_a_run_that_does_not_say_what_it_did_is_refused(dropped: str, changed: dict[str, str], message: str) -> None:
    rows = scores(4, 0)
    run = {name: value for name, value in {**run_of(rows), **changed}.items() if name != dropped}
    with pytest.raises(PublishRefused, match=message):
        night_of(rows, TARGET, CUTOFF, run)


def test_scores_without_the_refusal_column_are_refused() -> None:
    rows = scores(4, 0)
    with pytest.raises(PublishRefused, match=r"lack the column refused_reason"):
        night_of(rows.drop_columns(["refused_reason"]), TARGET, CUTOFF, run_of(rows))
