"""What must be true of a night of scores before people read it, as code: from the tables they go to and `[publish]`."""

from __future__ import annotations

from collections.abc import Iterator

from features.target import Target
from pipeline.config import Config
from pipeline.validation.requirement import REPEATED, Requirement

SCORED = "scored_users"
SCORED_BESIDE, REFUSED_BESIDE, LOST = "scored_beside_the_run", "refused_beside_the_run", "lost_users"
REFUSED_SHARE = "refused_share"
MISSING_BUCKETS = "missing_buckets"
WITHOUT_REASON = "share_without_a_reason"
SPREAD = "widest_spread_of_scores"
SHIFT, LEVEL = "shift_of_raw_scores", "times_the_level"

RUN = ("model_name", "model_version", "run_id")
"""What each row repeats of its run; the measures read variables of these names."""
IS_SCORED = "refused_reason IS NULL"

USERS = "{:,.0f} users"
DIFFERENCE = "{:+,.0f} users"
MOST_WITHOUT_REASON = 0.5
"""Models that give reasons at all give one to nearly everybody; the share stands for a kernel that has failed."""


def score_requirements(config: Config, target: Target) -> list[Requirement]:
    """The gate of any night of a target, over rows of the lake's `scores`."""
    return [*_counts(config), *_answers(target), *_model(config), *_night_before(config)]


def answered_by_champion(config: Config) -> list[str]:
    """The bases of score that the champion itself answers, by the ladder; for the others one score for all is no defect."""
    return [basis for basis, rung in config.scoring.ladder.model_dump().items() if rung == "champion"]


def _counts(config: Config) -> Iterator[Requirement]:
    limit, buckets = config.publish.max_refused_share, config.lake.buckets
    bucket = f"('0x' || md5(user_id)[:8])::UBIGINT % {buckets}"
    yield Requirement(SCORED, "at least one user has a score", f"count(*) FILTER (WHERE {IS_SCORED})", least=1, shown=USERS)
    refused = "count(*) FILTER (WHERE refused_reason <> '')"
    for fact, words, measure in (
        (SCORED_BESIDE, "as many users have a score as the run scored", ""),
        (REFUSED_BESIDE, "as many users are refused with a reason as the run refused", refused),
        (LOST, "every eligible user is scored or refused, and nobody else", ""),
    ):
        yield Requirement(fact, words, measure, least=0, most=0, shown=DIFFERENCE)
    yield Requirement(
        REFUSED_SHARE,
        f"at most {100 * limit:g}% of the eligible users are refused (publish.max_refused_share)",
        most=limit,
        shown="{:.2%}",
    )
    yield Requirement(REPEATED, "no user has two rows", "count(*) - count(DISTINCT hash(user_id))", most=0)
    yield Requirement(
        MISSING_BUCKETS,
        f"each of the {buckets} buckets (lake.buckets) has users",
        f"{buckets} - count(DISTINCT {bucket})",
        most=0,
        shown="{:,.0f} without any",
    )


def _answers(target: Target) -> Iterator[Requirement]:
    """One requirement for each column of a scored user's answer."""
    for name, low, high in (("score", 0, 1), ("percentile", 0, 100), ("decile", 1, 10)):
        yield _wrong(name, f"{name} is never null and from {low} to {high}", f"{name} IS NULL OR {name} NOT BETWEEN {low} AND {high}")
    yield _wrong("raw_score", "raw_score is never null and finite", "raw_score IS NULL OR NOT isfinite(raw_score)")
    effects = [f"reason_{number}_effect" for number in (1, 2, 3)]
    yield _wrong("effects", "the effects of reasons are finite", " OR ".join(f"NOT isfinite({name})" for name in effects))
    if target.kind == "sum":
        yield _wrong(
            "expected_value",
            "expected_value is never null, finite and not below 0",
            "expected_value IS NULL OR NOT isfinite(expected_value) OR expected_value < 0",
        )
        yield _wrong("unit", "unit is never null", "unit IS NULL")
    else:
        yield _wrong(
            "expected_value",
            f"there is no expected_value and no unit: the target's kind is {target.kind}",
            "expected_value IS NOT NULL OR unit IS NOT NULL",
        )


def _model(config: Config) -> Iterator[Requirement]:
    strange = " OR ".join(f"{name} IS DISTINCT FROM getvariable('{name}')" for name in RUN)
    yield _wrong("run", f"{', '.join(RUN[:-1])} and {RUN[-1]} are those of the run", strange)
    yield Requirement(
        WITHOUT_REASON,
        f"at most {100 * MOST_WITHOUT_REASON:g}% of the scored users have no reason",
        f"count(*) FILTER (WHERE {IS_SCORED} AND reason_1 IS NULL) / count(*) FILTER (WHERE {IS_SCORED})",
        most=MOST_WITHOUT_REASON,
        shown="{:.2%}",
    )
    bases = answered_by_champion(config)
    own = [f"isfinite(score) AND score_basis = '{basis}'" for basis in bases]
    spreads = [f"max(score) FILTER (WHERE {users}) - min(score) FILTER (WHERE {users})" for users in own]
    yield Requirement(
        SPREAD,
        f"scores differ among users of one score_basis ({', '.join(bases)}): one answer for all is a model that has collapsed",
        f"greatest({', '.join(['0', *spreads])})",
        least=5e-324,
        shown="{:.3g} between the highest and the lowest",
    )


def _night_before(config: Config) -> Iterator[Requirement]:
    limits = config.publish
    yield Requirement(
        SHIFT,
        f"raw scores are spread as on the night before, population stability index at most {limits.max_shift:g} (publish.max_shift)",
        most=limits.max_shift,
        shown="{:.3f}",
    )
    yield Requirement(
        LEVEL,
        f"the mean score is from 1/{limits.max_level:g} to {limits.max_level:g} times that of the former champion on the night before "
        "(publish.max_level)",
        least=1 / limits.max_level,
        most=limits.max_level,
        shown="{:.2f} times",
    )


def _wrong(name: str, words: str, broken: str) -> Requirement:
    """No scored user's answer is `broken`."""
    return Requirement(f"wrong_{name}", words, f"count(*) FILTER (WHERE {IS_SCORED} AND ({broken}))", most=0)
