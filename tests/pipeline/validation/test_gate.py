from __future__ import annotations

import logging
import os
import random
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from features.contract import EVENTS
from features.cutoff import Cutoff
from pipeline.config import Config
from pipeline.day_record import DayRecord
from pipeline.validation.facts import Counted, Facts
from pipeline.validation.gate import Gate, Verdict, open_gate
from pipeline.validation.stage import Stage
from tests.pipeline.validation.day_of_events import DAY, END, MORNING, days_before, events, record, staged

Configured = Callable[..., Config]


def judge(config: Config, staging: Path, table: pa.Table, history: Sequence[DayRecord] = (), quarantined: int = 0) -> Verdict:
    with open_gate(config, staging) as gate:
        return gate.check(staged(staging, table, quarantined=quarantined), history, end=END)


def test_a_valid_day_passes_and_has_a_report(configured: Configured, staging: Path) -> None:
    verdict = judge(configured(), staging, events())
    assert verdict == Verdict(True, (), verdict.report_url)
    page = Path(verdict.report_url.removeprefix("file://"))
    assert page == configured().root / "data_docs/validations/events/2026-01-31/gate/report.html"
    assert "event_type is never null" in page.read_text()
    assert os.environ["GX_ANALYTICS_ENABLED"] == "false"


DEFECTS: dict[str, tuple[dict[str, list[Any]], str]] = {
    "null event": ({"event_id": [None, "x", "y", "z"]}, "event_id is never null: observed 1 otherwise"),
    "null user": ({"user_id": [None, "x", "y", "z"]}, "user_id is never null: observed 1 otherwise"),
    "unknown type": ({"event_type": ["view", "click", "view", "click"]}, "event_type is never null and one of view, purchase: observed 2"),
    "future event": ({"event_time": [MORNING] * 3 + [END.instant], "available_at": [END.instant] * 4}, "event_time is never null and from"),
    "known before it happened": ({"available_at": [MORNING] * 4}, "available_at is never null and from event_time to before 2100"),
    "duplicate identity": (
        {"event_id": ["a", "b", "a", "b"]},
        "no two events have the same user_id and event_id: observed 2 otherwise",
    ),
    "bucket beyond the last": ({"bucket": [0, 16, 15, 0]}, "bucket is never null and from 0 to 15 (lake.buckets): observed 1"),
    "a text without end": ({"item_id": ["x" * 2000, None, None, None]}, "no text has more characters than user_id 256"),
    "all-null column": (
        {"value": [None] * 4},
        "value is null in at most 50% of the rows (validation.max_null_share): observed 100.00% of the rows",
    ),
}


@pytest.mark.parametrize("defect", DEFECTS)
def test_each_defect_is_found_alone(defect: str, configured: Configured, staging: Path) -> None:
    changed, said = DEFECTS[defect]
    verdict = judge(configured(max_null_share={"value": 0.5}), staging, events(**changed))
    assert not verdict.passed
    (found,) = verdict.failures
    assert found.startswith(said)


@pytest.mark.parametrize(("rows", "passed"), [(40, True), (41, False), (80, False), (1, True)])
def test_a_day_of_unusual_volume_is_found(rows: int, passed: bool, configured: Configured, staging: Path) -> None:
    verdict = judge(configured(volume_band=(0.25, 10)), staging, events(rows), days_before(28, accepted=4, purchase=1))
    assert verdict.passed is passed
    if not passed:
        assert verdict.failures == (
            "accepted rows from 0.25 to 10 times the median of the last 4 same weekdays (validation.volume_band): "
            f"observed {rows / 4:.2f} times",
        )


def test_volume_is_not_judged_before_there_are_enough_weeks(configured: Configured, staging: Path) -> None:
    verdict = judge(configured(), staging, events(80), days_before(27, accepted=4, purchase=1))
    assert verdict.passed
    page = Path(verdict.report_url.removeprefix("file://")).read_text()
    assert "3 of 4 earlier days of that weekday are there" in page


def test_a_targets_event_type_that_stays_away_is_found(configured: Configured, staging: Path) -> None:
    missing = "at least one purchase in 28 days, this one included (validation.present_within_days): observed 0"
    assert judge(configured(), staging, events(), days_before(27)).failures == (missing,)
    assert judge(configured(), staging, events(), days_before(26)).passed
    assert judge(configured(present_within_days=0), staging, events(), days_before(27)).passed
    bought = [record(DAY - timedelta(days=28), purchase=4), *days_before(27)]
    assert judge(configured(), staging, events(), bought).failures == (missing,)
    assert judge(configured(), staging, events(), [*bought[:1], record(DAY - timedelta(days=27), purchase=1), *bought[2:]]).passed
    assert judge(configured(), staging, events(event_type=["view"] * 3 + ["purchase"]), days_before(27)).passed


@pytest.mark.parametrize(("days_old", "passed"), [(0, True), (1, True), (2, False)])
def test_a_stale_batch_is_found(days_old: int, passed: bool, configured: Configured, staging: Path) -> None:
    """The newest event of a day is 16 hours older than its end, less three minutes."""
    old = events(day=DAY - timedelta(days=days_old))
    verdict = judge(configured(max_age_hours=48), staging, old)
    assert verdict.passed is passed
    assert judge(configured(max_age_hours=0), staging, old).passed
    if not passed:
        (failure,) = verdict.failures
        assert failure.endswith("at most 48 hours older than the end of the day (validation.max_age_hours): observed 64.0 hours")


def test_an_empty_day_does_not_pass_and_says_so_once(configured: Configured, staging: Path) -> None:
    verdict = judge(configured(), staging, EVENTS.empty_table(), days_before(60), quarantined=5)
    assert verdict.failures == ("accepted rows: at least 1 (validation.min_rows): observed 0",)


def test_too_few_rows(configured: Configured, staging: Path) -> None:
    assert judge(configured(min_rows=5), staging, events()).failures == ("accepted rows: at least 5 (validation.min_rows): observed 4",)


@pytest.mark.parametrize(("quarantined", "passed"), [(4, True), (5, False)])
def test_the_quarantined_share_has_a_limit(quarantined: int, passed: bool, configured: Configured, staging: Path) -> None:
    verdict = judge(configured(max_quarantined_share=0.5), staging, events(), quarantined=quarantined)
    assert verdict.passed is passed
    if not passed:
        assert verdict.failures == ("at most 50% of the rows quarantined (validation.max_quarantined_share): observed 55.56% of the rows",)


def test_the_verdict_does_not_depend_on_the_order_of_the_rows(configured: Configured, staging: Path) -> None:
    """Every defect at once, in many orders: the same sentences."""
    every = events(40)
    for place, (changed, _) in enumerate(DEFECTS.values()):
        for name, values in changed.items():
            column = every[name].to_pylist()
            column[4 * place : 4 * place + 4] = values
            every = every.set_column(every.schema.get_field_index(name), every.schema.field(name), pa.array(column, every[name].type))
    with open_gate(configured(max_null_share={"value": 0.05}), staging) as gate:
        said = {
            gate.check(staged(staging, every.take(random.Random(seed).sample(range(40), 40))), days_before(60), end=END).failures
            for seed in range(5)
        }
    assert len(said) == 1
    assert len(next(iter(said))) == len(DEFECTS) + 1  # and no purchase in 28 days


def check(gate: Gate, staging: Path, table: pa.Table, day: date = DAY, end: Cutoff = END) -> Verdict:
    return gate.check(staged(staging, table, day), [], end=end)


def test_days_are_judged_one_after_the_other_each_by_its_own_end(configured: Configured, staging: Path) -> None:
    with open_gate(configured(max_age_hours=0), staging) as gate:
        passed = [
            check(gate, staging, events(2), DAY + timedelta(days=shift), end).passed
            for shift, end in ((0, END), (1, Cutoff(MORNING)), (2, END))
        ]
    assert passed == [True, False, True]


def test_a_passed_day_is_not_remembered_for_the_next(configured: Configured, staging: Path) -> None:
    with open_gate(configured(), staging) as gate:
        verdicts = [check(gate, staging, table) for table in (events(), events(event_type=["x"] * 4), events())]
    assert [verdict.passed for verdict in verdicts] == [True, False, True]


def test_two_gates_at_once_do_not_see_each_other(configured: Configured, tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("one", "two")]
    for folder in folders:
        folder.mkdir()
    with open_gate(configured(), folders[0]) as one, open_gate(configured(), folders[1]) as two:
        verdicts = [check(one, folders[0], events()), check(two, folders[1], events(user_id=[None] * 4)), check(one, folders[0], events())]
    assert [verdict.passed for verdict in verdicts] == [True, False, True]


def test_an_expectation_that_raises_fails_the_gate(configured: Configured, staging: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def lose_a_column(stage: Stage, _: Counted) -> None:
        stage._run("CREATE OR REPLACE TABLE facts AS SELECT * EXCLUDE (wrong_bucket) FROM facts")

    with open_gate(configured(), staging) as gate:
        assert check(gate, staging, events()).passed
        monkeypatch.setattr(Stage, "store", lose_a_column)
        verdict = check(gate, staging, events())
    (failure,) = verdict.failures
    assert failure.startswith("bucket is never null and from 0 to 15 (lake.buckets): could not be computed: ")
    assert not verdict.passed


def test_a_gate_without_expectations_does_not_pass(configured: Configured, staging: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Facts, "judged", lambda *_: ())
    assert judge(configured(), staging, events()).failures == ("no expectation was checked",)


def test_the_log_names_the_report(configured: Configured, staging: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "pipeline.validation")
    passed = judge(configured(), staging, events())
    refused = judge(configured(min_rows=5), staging, events())
    assert [(each.levelname, each.message) for each in caplog.records] == [
        ("INFO", f"2026-01-31 passed validation: {passed.report_url}"),
        ("WARNING", f"2026-01-31 did not pass validation, 1 finding(s): {refused.report_url}"),
    ]
