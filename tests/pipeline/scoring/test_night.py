from __future__ import annotations

from datetime import UTC, datetime

import pyarrow as pa

from pipeline.scoring.bucket import PARTIAL
from pipeline.scoring.night import SCORES, Provenance, assemble, counts

PROVENANCE = Provenance("purchase_7d", "3", 7, "run", datetime(2026, 6, 1, 4, tzinfo=UTC))


def part(*rows: tuple[str, float | None, str | None]) -> pa.Table:
    return pa.Table.from_pylist(
        [{"user_id": user, "score": score, "raw_score": score, "score_basis": "rich", "refused_reason": why} for user, score, why in rows],
        schema=PARTIAL,
    )


def test_ranks_are_taken_over_all_scored_users_and_refused_ones_have_none() -> None:
    rows = assemble([part(("d", 0.9, None), ("b", None, "no score")), part(("a", 0.1, None), ("c", 0.4, None))], PROVENANCE)
    assert rows.schema.equals(SCORES)
    assert rows["user_id"].to_pylist() == ["a", "b", "c", "d"]
    assert rows["percentile"].to_pylist() == [100 / 3, None, 200 / 3, 100]
    assert rows["decile"].to_pylist() == [7, None, 4, 1]
    assert counts(rows) == {"eligible": 4, "scored": 3, "refused": 1}


def test_every_row_says_where_it_comes_from() -> None:
    (row,) = assemble([part(("a", 0.1, None))], PROVENANCE).to_pylist()
    assert (row["model_name"], row["model_version"], row["horizon_days"], row["run_id"]) == ("purchase_7d", "3", 7, "run")
    assert row["scored_at"] == PROVENANCE.scored_at


def test_buckets_in_any_order_give_the_same_rows() -> None:
    parts = [part(("d", 0.9, None)), part(("a", 0.9, None), ("c", 0.4, None)), part()]
    assert assemble(parts, PROVENANCE).equals(assemble(parts[::-1], PROVENANCE))


def test_nobody_is_an_empty_night() -> None:
    rows = assemble([], PROVENANCE)
    assert (rows.num_rows, rows.schema) == (0, SCORES)
    assert counts(rows) == {"eligible": 0, "scored": 0, "refused": 0}
