"""Template macros: which day a run is about, for every way in which Airflow can start it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from airflow.sdk.exceptions import AirflowFailException
from jinja2 import pass_context

Macro = Callable[[Mapping[str, Any]], str]


def cutoff_macro(zone: str, *, today_if_unknown: bool) -> Macro:
    """`{{ cutoff() }}`: the ISO date whose midnight in `zone` is the run's cutoff.

    In this order: the parameter `cutoff`; the partition key of a scheduled run or of a backfill, which is the day of the run; the
    day in `zone` of a logical date given by hand; the latest `cutoff` that the triggering asset events carry. Where none is known,
    today, the day in `zone` on which the run was asked for, or a failed task if `today_if_unknown` is False.
    """

    @pass_context
    def cutoff(context: Mapping[str, Any]) -> str:
        _refuse_unknown_parameters(context)
        if found := context["params"].get("cutoff") or _run_day(context, zone) or _asset_cutoff(context):
            return str(found)
        if today_if_unknown:
            return _requested_on(context, zone).isoformat()
        raise AirflowFailException("No cutoff: only the time of the click is known. Trigger again with a cutoff, such as 2026-11-10")

    return cutoff


def batch_day_macros(zone: str) -> dict[str, Macro]:
    """`{{ first_day() }}` and `{{ last_day() }}`: the days, both included, that a run takes in.

    The parameters `from` and `to`, which go together; else the partition key, which is the batch's day; else the day in `zone`
    before the logical date; else the day before the run was asked for.
    """

    def day(parameter: str) -> Macro:
        @pass_context
        def batch_day(context: Mapping[str, Any]) -> str:
            _refuse_unknown_parameters(context)
            first, last = context["params"].get("from"), context["params"].get("to")
            if bool(first) != bool(last):
                raise AirflowFailException(f"`from` is {first} and `to` is {last}; give both, or neither for one day")
            if first:
                return str(context["params"][parameter])
            if key := context.get("partition_key"):
                return str(key)
            run_day = date.fromisoformat(_run_day(context, zone)) if _run_day(context, zone) else _requested_on(context, zone)
            return (run_day - timedelta(days=1)).isoformat()

        return batch_day

    return {"first_day": day("from"), "last_day": day("to")}


def _run_day(context: Mapping[str, Any], zone: str) -> str:
    if key := context.get("partition_key"):
        return str(key)
    # a run by hand or by an asset may have neither; then Airflow leaves both names out of the context
    instant = context.get("data_interval_end") or context.get("logical_date")
    return _local_day(instant, zone).isoformat() if instant else ""


def _asset_cutoff(context: Mapping[str, Any]) -> str:
    events = (event for group in context["triggering_asset_events"].values() for event in group)
    return max((str(event.extra["cutoff"]) for event in events if "cutoff" in (event.extra or {})), default="")


def _requested_on(context: Mapping[str, Any], zone: str) -> date:
    return _local_day(context["dag_run"].run_after, zone)


def _local_day(instant: datetime, zone: str) -> date:
    return instant.astimezone(ZoneInfo(zone)).date()


def _refuse_unknown_parameters(context: Mapping[str, Any]) -> None:
    # Airflow accepts any key; a misspelt `cutoff` would silently mean another day
    known = set(context["dag"].params)
    if unknown := sorted(set(context["dag_run"].conf or {}) - known):
        raise AirflowFailException(f"Unknown parameter(s) {', '.join(unknown)}; this DAG has {', '.join(sorted(known))}")
