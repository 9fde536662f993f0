from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.config import Config
from pipeline.evaluation.drift import stability_index
from pipeline.validation.facts import Facts
from pipeline.validation.score_facts import score_facts
from pipeline.validation.score_suite import (
    LEVEL,
    LOST,
    MISSING_BUCKETS,
    REFUSED_BESIDE,
    REFUSED_SHARE,
    SCORED,
    SCORED_BESIDE,
    SHIFT,
    SPREAD,
    WITHOUT_REASON,
)
from pipeline.warehouse.night_before import NightBefore
from tests.pipeline.validation.staged_nights import published, staged
from tests.warehouse.nights import scores, with_column

Configured = Callable[..., Config]


def facts(config: Config, rows: pa.Table, before: NightBefore | None = None, *, model_kind: str = "gbdt", **run: str) -> Facts:
    counted = {SCORED: rows["refused_reason"].null_count, REFUSED_BESIDE: len(rows) - rows["refused_reason"].null_count}
    return score_facts(config, staged(rows, model_kind=model_kind, **run), counted, before)


def moved(rows: pa.Table, by: float, name: str = "raw_score") -> pa.Table:
    return rows.set_column(rows.column_names.index(name), name, pc.add(rows[name], by))


@pytest.mark.parametrize(
    ("run", "expected"),
    [
        ({}, (0, 0, 0)),
        ({"scored": "38"}, (2, 0, 0)),
        ({"refused": "5"}, (0, -2, 0)),
        ({"eligible": "50"}, (0, 0, -7)),
    ],
)
def test_rows_are_counted_beside_what_the_run_said(run: dict[str, str], expected: tuple[int, ...], configured: Configured) -> None:
    observed = facts(configured(), scores(40, 3), **run).observed
    assert (observed[SCORED_BESIDE], observed[REFUSED_BESIDE], observed[LOST]) == expected
    assert observed[REFUSED_SHARE] == 3 / 43


def test_without_a_night_before_nothing_is_compared_and_the_reason_is_said(configured: Configured) -> None:
    found = facts(configured(), scores(500))
    assert found.waiting[SHIFT] == found.waiting[LEVEL] == "no night within 7 days before is published (publish.compare_within_days)"
    assert found.usual == []


def test_under_the_same_champion_the_spread_is_compared(configured: Configured) -> None:
    tonight, before = moved(scores(400, 0, seed=2), 0.5), scores(300, 2)
    found = facts(configured(), tonight, published(before))
    raw = before["raw_score"].drop_null().to_numpy()
    assert found.observed[SHIFT] == stability_index(raw, tonight["raw_score"].to_numpy())
    assert found.observed[SHIFT] > 0.1
    assert found.waiting == {LEVEL: "the champion is the same, so the whole spread is compared"}
    (said,) = found.usual
    assert said.startswith("At 2026-03-01T00:00:00Z version 4 gave 300 users a mean score of 0.")


def test_under_another_champion_only_the_level_is_compared(configured: Configured) -> None:
    tonight, before = moved(scores(400, 0, version="5"), 0.1, "score"), scores(400, 0)
    found = facts(configured(), tonight, published(before), version="5")
    mean = np.mean(before["score"].to_numpy())
    assert found.observed[LEVEL] == pytest.approx((mean + 0.1) / mean)
    assert found.waiting == {SHIFT: "version 4 answered before: raw scores of two models are not on one scale"}


@pytest.mark.parametrize(("tonight", "before"), [(199, 500), (500, 199)])
def test_few_users_are_not_compared(tonight: int, before: int, configured: Configured) -> None:
    found = facts(configured(), scores(tonight, 0), published(scores(before, 0)))
    assert found.waiting[SHIFT] == found.waiting[LEVEL] == "one of the nights has 199 users, and chance moves fewer than 200"
    assert SHIFT not in facts(configured(), scores(200, 0), published(scores(200, 0))).waiting


def test_what_is_no_number_is_not_compared(configured: Configured) -> None:
    broken = with_column(with_column(scores(400, 0), "raw_score", [float("nan")] * 100), "score", [float("inf")] * 100)
    found = facts(configured(), broken, published(scores(400, 0)))
    assert np.isfinite(found.observed[SHIFT] or np.nan)
    assert np.isfinite(found.observed[LEVEL] or np.nan)
    none = with_column(scores(400, 0), "score", [float("nan")] * 400)
    assert facts(configured(), none, published(scores(400, 0))).waiting[SHIFT].startswith("one of the nights has 0 users")


@pytest.mark.parametrize(
    ("users", "kind", "waiting"),
    [
        (100, "gbdt", {MISSING_BUCKETS: "100 users need not be in all of 16 buckets",
                       SPREAD: "the champion answers 71 users, who may have the same score"}),
        (319, "gbdt", {MISSING_BUCKETS: "319 users need not be in all of 16 buckets"}),
        (320, "gbdt", {}),
        (320, "base_rate", {SPREAD: "the base rate answers everybody alike, and has no reasons to give",
                            WITHOUT_REASON: "the base rate answers everybody alike, and has no reasons to give"}),
    ],
)  # fmt: skip
def test_what_few_users_and_the_base_rate_cannot_show_waits(users: int, kind: str, waiting: dict[str, str], configured: Configured) -> None:
    found = facts(configured(), scores(users, 0), model_kind=kind).waiting
    assert {fact: why for fact, why in found.items() if fact not in (SHIFT, LEVEL)} == waiting


def test_when_nobody_has_a_score_only_that_is_judged(configured: Configured) -> None:
    found = facts(configured(), scores(0, 3), published(scores(300)))
    assert found.rows == (SCORED, "nobody has a score")
    assert found.observed[SCORED] == 0


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 99), by=st.floats(-5, 5))
def test_a_shift_is_the_same_from_any_level_and_none_when_nothing_moves(seed: int, by: float) -> None:
    rows = scores(300, 0, seed=seed)
    config = Config(**SETTINGS)
    assert facts(config, rows, published(rows)).observed[SHIFT] == pytest.approx(0)
    assert facts(config, moved(rows, by), published(moved(rows, by))).observed[SHIFT] == pytest.approx(0)


SETTINGS: dict[str, Any] = {
    "source": {"files": "{date}.csv", "event_types": ["purchase"], "columns": {"user_id": "u", "event_time": "t", "event_type": "k"}},
    "targets": {"purchase_7d": {"kind": "occurs", "event_type": "purchase", "horizon_days": 7}},
}
