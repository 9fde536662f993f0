from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.calibration import Calibrator
from pipeline.scoring.bucket_scores import PARTIAL
from pipeline.scoring.night import SCORES, Provenance, counts, ranked

PROVENANCE = Provenance("purchase_7d", "3", 7, "run", datetime(2026, 6, 1, 4, tzinfo=UTC))


def part(*rows: tuple[str, float | None, str | None], score: float | None = None) -> pa.Table:
    """Users with their raw scores; all have one score if one is given."""
    return pa.Table.from_pylist(
        [
            {"user_id": user, "score": raw if score is None else score, "raw_score": raw, "score_basis": "rich", "refused_reason": why}
            for user, raw, why in rows
        ],
        schema=PARTIAL,
    )


def alone(rows: pa.Table, provenance: Provenance = PROVENANCE) -> pa.Table:
    """A night that is this part."""
    return ranked(rows, np.sort(rows["raw_score"].drop_null().to_numpy()), provenance)


def test_ranks_are_taken_among_all_scored_users_of_the_night_and_refused_ones_have_none() -> None:
    rows = ranked(part(("b", None, "no score"), ("d", 0.9, None)), np.array([0.1, 0.4, 0.9]), PROVENANCE)
    assert rows.schema.equals(SCORES)
    assert rows["user_id"].to_pylist() == ["b", "d"]
    assert rows["percentile"].to_pylist() == [None, 100]
    assert rows["decile"].to_pylist() == [None, 1]
    assert ranked(part(("c", 0.4, None)), np.array([0.1, 0.4, 0.9]), PROVENANCE)["percentile"].to_pylist() == [200 / 3]
    assert counts(rows) == {"eligible": 2, "scored": 1, "refused": 1}


def test_every_row_says_where_it_comes_from() -> None:
    (row,) = alone(part(("a", 0.1, None))).to_pylist()
    assert (row["model_name"], row["model_version"], row["horizon_days"], row["run_id"]) == ("purchase_7d", "3", 7, "run")
    assert row["scored_at"] == PROVENANCE.scored_at


def test_nobody_is_an_empty_part() -> None:
    rows = alone(part())
    assert (rows.num_rows, rows.schema) == (0, SCORES)
    assert counts(rows) == {"eligible": 0, "scored": 0, "refused": 0}


def test_users_with_one_probability_are_ranked_by_what_the_model_said_before_calibration() -> None:
    rows = alone(part(("a", -1.0, None), ("b", 2.0, None), score=0.5))
    assert rows["percentile"].to_pylist() == [50, 100]
    assert rows["score"].to_pylist() == [0.5, 0.5]


RAW = st.lists(st.sampled_from([-2.0, 0.0, 0.5]) | st.floats(-20, 20), min_size=2, max_size=40)


@given(RAW, st.sampled_from([Calibrator(0.7, -1.0), Calibrator(1.0, 0.0, (-1.0, 0.0, 1.0), (-2.0, -2.0, 1.5))]))
def test_the_order_of_the_ranks_is_never_against_the_scores(raw: list[float], calibrator: Calibrator) -> None:
    scores = calibrator.probability(np.array(raw))
    parts = [part((f"u{place}", each, None), score=float(score)) for place, (each, score) in enumerate(zip(raw, scores, strict=True))]
    rows = alone(pa.concat_tables(parts)).sort_by("percentile")
    assert (np.diff(rows["score"].to_numpy()) >= 0).all()


@pytest.mark.parametrize("unit", ["GBP", "", None])
def test_every_scored_row_says_the_unit_of_a_sum(unit: str | None) -> None:
    rows = alone(part(("a", 0.9, None), ("b", None, "no score")), replace(PROVENANCE, unit=unit))
    assert rows["unit"].to_pylist() == [unit, None]
