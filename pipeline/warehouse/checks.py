"""What must hold before a night may replace another: nobody lost, nobody twice, every score a probability."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.errors import PublishRefused
from pipeline.warehouse.night import Night

COLLAPSED_ABOVE = 100
"""More users than this with one and the same score mean a model that has collapsed."""

ALIKE_BY_DESIGN = "base_rate"
"""The kind of model that gives everybody the share of outcomes: the last resort of a small shop."""


def require_sound(night: Night) -> None:
    """Raises PublishRefused with every finding and its numbers."""
    if found := findings(night):
        listed = "\n".join(f"  {finding}" for finding in found)
        raise PublishRefused(
            f"Scores of {night.target} at {night.cutoff} failed {len(found)} check(s):\n{listed}",
            mend="the night before is still published; look into the scoring run, score again, then publish",
        )


def findings(night: Night) -> list[str]:
    """What is wrong with the night, in plain words; empty when it may be published."""
    return [*_counts(night), *_duplicates(night), *_ranges(night.user_scores), *_expected(night), *_model(night)]


def _counts(night: Night) -> list[str]:
    run = night.score_runs.to_pylist()[0]
    scored, refused, found = night.user_scores.num_rows, night.refused_users.num_rows, []
    if scored == 0:
        found.append(f"no user is scored ({refused:,} refused)")
    if scored != run["scored"]:
        found.append(f"{scored:,} scored rows, and the run scored {run['scored']:,}")
    if refused != run["refused"]:
        found.append(f"{refused:,} refused rows, and the run refused {run['refused']:,}")
    if scored + refused != run["eligible"]:
        found.append(f"{scored:,} scored + {refused:,} refused is not {run['eligible']:,} eligible")
    return found


def _duplicates(night: Night) -> list[str]:
    users = pa.chunked_array([*night.user_scores["user_id"].chunks, *night.refused_users["user_id"].chunks], pa.string())
    repeated = len(users) - pc.count_distinct(users).as_py()
    return [f"{repeated:,} rows repeat a user"] if repeated else []


def _ranges(scores: pa.Table) -> list[str]:
    found = []
    for name, low, high in (("score", 0, 1), ("percentile", 0, 100), ("decile", 1, 10)):
        inside = pc.and_(pc.greater_equal(scores[name], low), pc.less_equal(scores[name], high))
        if outside := scores.num_rows - (pc.sum(inside).as_py() or 0):
            found.append(f"{outside:,} values of {name} are not in [{low}, {high}]")
    for field in scores.schema:
        if pa.types.is_floating(field.type) and field.name not in {"score", "percentile"}:
            finite = pc.sum(pc.is_finite(scores[field.name])).as_py() or 0
            if wrong := scores.num_rows - scores[field.name].null_count - finite:
                found.append(f"{wrong:,} values of {field.name} are not finite")
    return found


def _expected(night: Night) -> list[str]:
    """A sum target has an expected value of at least 0 in a unit for everybody, any other target has neither; finite is checked above."""
    scores, found = night.user_scores, []
    if negative := pc.sum(pc.less(scores["expected_value"], 0)).as_py():
        found.append(f"{negative:,} values of expected_value are below 0")
    for name in ("expected_value", "unit"):
        nulls = scores[name].null_count
        if night.target_kind == "sum" and nulls:
            found.append(f"{nulls:,} values of {name} are missing, and the target is a sum")
        if night.target_kind != "sum" and nulls < scores.num_rows:
            found.append(f"{scores.num_rows - nulls:,} users have a value of {name}, and the target is not a sum")
    return found


def _model(night: Night) -> list[str]:
    scores, run, found = night.user_scores, night.score_runs.to_pylist()[0], []
    alike = scores.num_rows > COLLAPSED_ABOVE and night.model_kind != ALIKE_BY_DESIGN
    if alike and pc.count_distinct(scores["score"]).as_py() == 1:
        found.append(f"all {scores.num_rows:,} users have the same score {scores['score'][0].as_py()!r}: the model has collapsed")
    for name in ("model_name", "model_version"):
        named = sorted({run[name], *pc.unique(scores[name]).to_pylist()})
        if len(named) > 1:
            found.append(f"{name} is not one: {', '.join(named)}")
    return found
