"""Which cutoffs need features and which need labels, and whether the events reach far enough for both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise

from features.cutoff import Cutoff, local_midnight
from features.splits import Split
from features.target import Target
from pipeline.config import Config
from pipeline.errors import NoEvents, NotMatured
from pipeline.lake import Lake
from pipeline.timeline_bucket import EVENTS_TABLE
from pipeline.timelines import Extent

LONGEST_PAUSE_DAYS = 4
"""A source that is silent on weekends and bank holidays still counts as up to date."""


@dataclass(frozen=True)
class Plan:
    """features: cutoffs, ascending; labelled: where a target teaches or is judged; evaluated: where it is judged."""

    features: tuple[Cutoff, ...]
    labelled: tuple[tuple[Target, Cutoff], ...] = ()
    evaluated: tuple[tuple[Target, Cutoff], ...] = ()


def scoring_plan(config: Config, cutoffs: Sequence[Cutoff], reach: Extent) -> Plan:
    """Features at exactly these cutoffs. Raises NoEvents for one at which no feature could see an event."""
    for cutoff in cutoffs:
        _check_seen(cutoff, reach, config.windows.lookback_days)
    return Plan(tuple(sorted(set(cutoffs))))


def training_plan(config: Config, as_of: Sequence[Cutoff], reach: Extent, covered: Cutoff) -> Plan:
    """Features and labels at every training and evaluation cutoff of every target, as of each of these instants.

    Cutoffs before the first event stay in the plan; they have no users. `covered` is where the ingested days end.
    Raises NoEvents if nothing was known as of an instant, NotMatured if a target has no evaluation or no training cutoff whose
    prediction window lies between the first event and `covered`.
    """
    labelled, evaluated = [], []
    for instant in as_of:
        _check_seen(instant, reach, config.windows.lookback_days)
        for name in config.targets:
            target = config.target(name)
            found = config.split(target, instant)
            _check_early(target, instant, found, reach, config.training.embargo_days)
            require_closed(target, found.evaluation, covered)
            labelled += [(target, cutoff) for cutoff in (*found.training, found.evaluation)]
            evaluated.append((target, found.evaluation))
    unique = tuple(dict.fromkeys(labelled))
    return Plan(tuple(sorted({cutoff for _, cutoff in unique})), unique, tuple(evaluated))


def covered_until(lake: Lake, zone: str) -> Cutoff:
    """The end of the ingested days: midnight after the last one, later if the source is known to pause for days.

    A pause as long as the longest seen between two ingested days, at most 4, is not told apart from a day without events.
    """
    days = sorted(date.fromisoformat(found["day"]) for found in lake.partitions(EVENTS_TABLE))
    pause = max((later - earlier for earlier, later in pairwise(days)), default=timedelta(days=1))
    return local_midnight(days[-1] + min(pause, timedelta(days=LONGEST_PAUSE_DAYS)), zone)


def require_closed(target: Target, cutoff: Cutoff, covered: Cutoff) -> None:
    """Raise NotMatured if the prediction window at `cutoff` is still open at `covered`, where the ingested days end."""
    closes = target.window(cutoff)[1]
    if closes > covered:
        raise NotMatured(
            f"Target '{target.name}' at {cutoff} closes at {closes}; the ingested days end at {covered}",
            mend="ingest the days up to then, or use an earlier cutoff",
        )


def _check_seen(cutoff: Cutoff, reach: Extent, lookback_days: int) -> None:
    if cutoff.instant < reach.first_known:
        seen = "No event is known"
    elif cutoff.plus_days(-lookback_days).instant > reach.last_event:
        seen = f"No event lies in the {lookback_days} days"
    else:
        return
    raise NoEvents(
        f"{seen} before {cutoff}; the ingested events reach from {reach.first_known:%Y-%m-%d} to {reach.last_event:%Y-%m-%d} (UTC)",
        mend="use a cutoff in that range, or ingest the days before it",
    )


def _check_early(target: Target, as_of: Cutoff, found: Split, reach: Extent, embargo_days: int) -> None:
    if found.evaluation.instant >= reach.first_known and any(cutoff.instant >= reach.first_known for cutoff in found.training):
        return
    possible = reach.first_known + timedelta(days=2 * target.reach_days + embargo_days + 1)
    embargo = f", with training.embargo_days = {embargo_days} between them" if embargo_days else ""
    raise NotMatured(
        f"Target '{target.name}' cannot be learned and judged as of {as_of}: an outcome is known {target.reach_days} days after its "
        f"cutoff, two such spans are needed{embargo}, and events are known only from {reach.first_known:%Y-%m-%d} on",
        mend=f"use a cutoff from {possible:%Y-%m-%d} on, shorten targets.{target.name}.horizon_days, or ingest earlier days",
    )
