from __future__ import annotations

import os
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest

from features.contract import EVENTS
from pipeline.config import Config
from pipeline.validation import gate as gates
from pipeline.validation.gate import Verdict, failed, open_gate, raised
from pipeline.validation.suite import Requirement
from tests.pipeline.validation.day_of_events import DAY, END, MORNING, events

Configured = Callable[..., Config]


def judge(config: Config, staging: Path, accepted: pa.Table, quarantined: int = 0) -> Verdict:
    with open_gate(config, staging) as gate:
        return gate.check(DAY, accepted, rows=accepted.num_rows + quarantined, quarantined=quarantined, end=END)


def test_a_valid_day_passes_and_has_a_report(configured: Configured, staging: Path) -> None:
    verdict = judge(configured(), staging, events())
    assert verdict == Verdict(True, (), verdict.report_url)
    page = Path(verdict.report_url.removeprefix("file://"))
    assert page == configured().root / "data_docs/validations/events/2026-01-31/gate/report.html"
    assert "event_type" in page.read_text()
    assert os.environ["GX_ANALYTICS_ENABLED"] == "false"


NULL = [None, "x", "y", "z"]


@pytest.mark.parametrize(
    ("changed", "failure"),
    [
        ({"event_id": NULL}, "no null event_id: observed 1 of 4 rows otherwise"),
        ({"user_id": NULL}, "no null user_id: observed 1 of 4 rows otherwise"),
        ({"event_time": [None, MORNING, MORNING, MORNING]}, "no null event_time: observed 1 of 4 rows otherwise"),
        ({"event_type": [None, "view", "view", "view"]}, "no null event_type: observed 1 of 4 rows otherwise"),
        ({"event_type": ["view", "click", "view", "click"]}, "event_type one of view, purchase: observed 2 of 4 rows otherwise"),
        ({"event_id": ["a", "a", "b", "c"]}, "unique event_id: observed 2 of 4 rows otherwise"),
        ({"event_time": [MORNING, MORNING, END.instant - timedelta(microseconds=1), END.instant]}, "event_time from 1971"),
        ({"event_time": [MORNING, MORNING, MORNING, MORNING - timedelta(days=365 * 60)]}, "event_time from 1971"),
    ],
)
def test_each_defect_is_found_alone(changed: dict[str, list[Any]], failure: str, configured: Configured, staging: Path) -> None:
    verdict = judge(configured(), staging, events(**changed))
    assert not verdict.passed
    (found,) = verdict.failures
    assert found.startswith(failure)


def test_an_empty_day_does_not_pass(configured: Configured, staging: Path) -> None:
    verdict = judge(configured(), staging, EVENTS.empty_table())
    assert not verdict.passed
    assert "at least 1 accepted rows (validation.min_rows): observed 0" in verdict.failures


def test_too_few_rows_and_too_many_nulls(configured: Configured, staging: Path) -> None:
    verdict = judge(configured(min_rows=5, max_null_share={"value": 0.25}), staging, events(value=[None, None, 1, 2]))
    assert verdict.failures == (
        "at least 5 accepted rows (validation.min_rows): observed 4",
        "value null in at most 25% of the rows (validation.max_null_share): observed 2 of 4 rows otherwise",
    )


@pytest.mark.parametrize(("quarantined", "passed"), [(4, True), (5, False)])
def test_the_quarantined_share_has_a_limit(quarantined: int, passed: bool, configured: Configured, staging: Path) -> None:
    verdict = judge(configured(max_quarantined_share=0.5), staging, events(), quarantined)
    assert verdict.passed is passed
    if not passed:
        assert verdict.failures[0].startswith("a quarantined share of at most 0.5 (validation.max_quarantined_share): observed 0.55")


def test_days_are_judged_one_after_the_other_each_by_its_own_end(configured: Configured, staging: Path) -> None:
    with open_gate(configured(), staging) as gate:
        passed = [
            gate.check(DAY + timedelta(days=shift), events(2), rows=2, quarantined=0, end=end).passed
            for shift, end in ((0, END), (1, type(END)(MORNING)), (2, END))
        ]
    assert passed == [True, False, True]


def test_a_passed_day_is_not_remembered_for_the_next(configured: Configured, staging: Path) -> None:
    with open_gate(configured(), staging) as gate:
        verdicts = [
            gate.check(date(2026, 1, day), rows, rows=4, quarantined=0, end=END)
            for day, rows in ((1, events()), (2, events(event_type=["x"] * 4)))
        ]
    assert [verdict.passed for verdict in verdicts] == [True, False]


def test_an_expectation_that_raises_fails_the_gate(configured: Configured, staging: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = Requirement("ExpectColumnValuesToNotBeNull", {"column": "no_such_column"}, "no null no_such_column")
    monkeypatch.setattr(gates, "requirements", lambda config: [broken])
    verdict = judge(configured(), staging, events())
    assert not verdict.passed
    assert verdict.failures[0].startswith("no null no_such_column: could not be computed: ")


def test_a_gate_without_expectations_does_not_pass(configured: Configured, staging: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gates, "requirements", lambda config: [])
    verdict = judge(configured(), staging, events())
    assert verdict.failures == ("no expectation was checked",)


def result(allowed: str, *, success: bool, exception_info: object = None) -> SimpleNamespace:
    config = SimpleNamespace(meta={"allowed": allowed})
    return SimpleNamespace(expectation_config=config, success=success, exception_info=exception_info, result={})


def test_an_expectation_that_was_left_out_fails_the_gate() -> None:
    required = [Requirement("A", {}, "a"), Requirement("B", {}, "b")]
    assert failed(required, SimpleNamespace(results=[result("a", success=True)])) == ("b: was not checked",)


@pytest.mark.parametrize(
    ("info", "messages"),
    [
        (None, []),
        ({"raised_exception": False, "exception_message": None}, []),
        ({"raised_exception": True, "exception_message": "boom"}, ["boom"]),
        ({"metric": {"raised_exception": True, "exception_message": "boom"}, "other": {"raised_exception": False}}, ["boom"]),
    ],
)
def test_both_shapes_of_an_exception_are_seen(info: object, messages: list[str]) -> None:
    assert raised(result("a", success=True, exception_info=info)) == messages


def test_success_with_an_exception_is_no_success() -> None:
    info = {"raised_exception": True, "exception_message": "boom"}
    outcome = SimpleNamespace(results=[result("a", success=True, exception_info=info)])
    assert failed([Requirement("A", {}, "a")], outcome) == ("a: could not be computed: boom",)
