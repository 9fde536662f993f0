from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException

from pipeline.orchestration.cutoff import batch_day_macros, cutoff_macro

LONDON = "Europe/London"
LATE = datetime(2026, 6, 9, 23, 30, tzinfo=UTC)  # in London it is the 10th, half past midnight

Context = Callable[..., dict[str, Any]]


@pytest.fixture
def context() -> Context:
    """What Airflow gives to a template of a run by hand, and whatever a test adds; absent names are absent, as in Airflow."""

    def build(params: Mapping[str, object] | None = None, **more: object) -> dict[str, Any]:
        declared = {"cutoff": None, "from": None, "to": None}
        return {
            "params": {**declared, **(params or {})},
            "dag": SimpleNamespace(params=declared),
            "dag_run": SimpleNamespace(conf=dict(params or {}), run_after=LATE),
            "partition_key": None,
            "triggering_asset_events": {},
            **more,
        }

    return build


def asset_events(*extras: object) -> dict[str, object]:
    return {"scores": [SimpleNamespace(extra=extra) for extra in extras]}


def test_each_source_of_the_cutoff_in_its_order(context: Context) -> None:
    cutoff = cutoff_macro(LONDON, today_if_unknown=True)
    known: dict[str, object] = {"triggering_asset_events": asset_events({"cutoff": "2026-06-02"}, {"cutoff": "2026-06-03"}, None, {})}
    assert cutoff(context()) == "2026-06-10"
    assert cutoff(context(**known)) == "2026-06-03"
    known["logical_date"] = datetime(2026, 6, 4, 12, tzinfo=UTC)
    assert cutoff(context(**known)) == "2026-06-04"
    known["data_interval_end"] = datetime(2026, 6, 5, 12, tzinfo=UTC)
    assert cutoff(context(**known)) == "2026-06-05"
    known["partition_key"] = "2026-06-06"
    assert cutoff(context(**known)) == "2026-06-06"
    assert cutoff(context({"cutoff": "2026-06-07"}, **known)) == "2026-06-07"


def test_an_instant_means_its_day_in_the_sources_time_zone(context: Context) -> None:
    assert cutoff_macro(LONDON, today_if_unknown=True)(context(data_interval_end=LATE)) == "2026-06-10"
    assert cutoff_macro("UTC", today_if_unknown=True)(context(data_interval_end=LATE)) == "2026-06-09"
    assert cutoff_macro("America/New_York", today_if_unknown=True)(context()) == "2026-06-09"


def test_a_cutoff_that_only_the_clock_knows_fails_where_that_is_not_wanted(context: Context) -> None:
    with pytest.raises(AirflowFailException, match="Trigger again with a cutoff"):
        cutoff_macro(LONDON, today_if_unknown=False)(context())


def test_a_misspelt_parameter_fails_instead_of_meaning_another_day(context: Context) -> None:
    for macro in (cutoff_macro(LONDON, today_if_unknown=True), *batch_day_macros(LONDON).values()):
        with pytest.raises(AirflowFailException, match=r"Unknown parameter\(s\) cutof;"):
            macro(context({"cutof": "2026-06-07"}))


def days(context: Mapping[str, Any]) -> tuple[str, str]:
    macros = batch_day_macros(LONDON)
    return macros["first_day"](context), macros["last_day"](context)


def test_which_days_a_run_takes_in(context: Context) -> None:
    assert days(context()) == ("2026-06-09", "2026-06-09")
    assert days(context(logical_date=datetime(2026, 6, 4, 12, tzinfo=UTC))) == ("2026-06-03", "2026-06-03")
    assert days(context(partition_key="2026-06-05")) == ("2026-06-05", "2026-06-05")
    given = {"from": "2026-01-01", "to": "2026-01-31"}
    assert days(context(given, partition_key="2026-06-05")) == ("2026-01-01", "2026-01-31")


@pytest.mark.parametrize("given", [{"from": "2026-01-01"}, {"to": "2026-01-31"}])
def test_half_a_range_of_days_fails(context: Context, given: dict[str, object]) -> None:
    with pytest.raises(AirflowFailException, match="give both, or neither"):
        days(context(given))


def test_first_of_january_looks_back_into_december(context: Context) -> None:
    assert days(context(logical_date=datetime(2026, 1, 1, 3, tzinfo=UTC)))[0] == "2025-12-31"
