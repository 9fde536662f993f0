"""The part of the evaluation's page about time: whether what came true is what was promised, for everybody and for each group."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from features.cutoff import local_name
from pipeline.evaluation.evidence import Evidence
from pipeline.evaluation.quality_history import ALL_USERS, METRICS, Point, newest
from pipeline.evaluation.report.parts import figure_cell, folded, section, table
from pipeline.evaluation.report.words import title


def drift(evidence: Evidence, history: Sequence[Point], picture: str, zone: str) -> str:
    """The newest night that came true beside what its model showed when it was judged, by group; `picture` is HTML."""
    last = newest(history, ALL_USERS, "auc", "realised")
    if last is None:
        about = "No published night has come true yet: its prediction window must close first, and `nightcast monitor` look back at it."
        return section("time", "Quality over time", about, picture)
    found = [
        (users, metric, newest(history, users, metric, "validation", last.version), now)
        for users in (ALL_USERS, *(each.name for each in evidence.slices))
        for metric in METRICS
        if (now := newest(history, users, metric, "realised", last.version)) and now.cutoff == last.cutoff
    ]
    moved = ", ".join(f"{title(metric)} of {_users(users)}" for users, metric, before, now in found if _moved(before, now))
    said = (
        f"these stand out, for their intervals lie apart: {moved}"
        if moved
        else "no figure stands out: every interval meets the earlier one"
    )
    about = (
        f"The newest night that came true is {local_name(last.cutoff, zone)}, scored by version {last.version}. Beside what that version "
        f"showed when it was judged, {said}."
    )
    rows = [
        f"<tr><th>{escape(_users(users))}</th><td>{escape(title(metric))}</td>{figure_cell(metric, before.estimate if before else None)}"
        f"{figure_cell(metric, now.estimate, 'worse' if _moved(before, now) else 'open')}</tr>"
        for users, metric, before, now in found
    ]
    numbers = folded("The newest night in numbers", table(["users", "figure", "when judged", "come true"], rows))
    return section("time", "Quality over time", about, picture, numbers)


def _users(name: str) -> str:
    return "all users" if name == ALL_USERS else name


def _moved(before: Point | None, now: Point) -> bool:
    """Whether the intervals lie apart, which is stricter than a test at 5 %."""
    if before is None:
        return False
    ends = (before.estimate.lower, before.estimate.upper, now.estimate.lower, now.estimate.upper)
    low, high, lower, upper = (float("nan") if end is None else end for end in ends)
    return upper < low or high < lower
