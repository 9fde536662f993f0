"""Made-up nights: rows as the lake's `scores` holds them, and what the scoring run says of itself."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pyarrow as pa

from features.cutoff import Cutoff

TARGET = "purchase_7d"
CUTOFF = Cutoff(datetime(2026, 3, 2, tzinfo=UTC))
NEXT = CUTOFF.plus_days(1)
SCORED_AT = datetime(2026, 3, 2, 4, 5, 6, 789, tzinfo=UTC)


def scores(users: int = 40, refused: int = 3, *, seed: int = 1, run_id: str = "run-1", version: str = "4") -> pa.Table:
    """`users` scored rows, then `refused` refused ones; user ids `u00000`… in order."""
    rng = np.random.default_rng(seed)
    raw = rng.normal(-2.0, 1.5, users)
    rank = np.argsort(np.argsort(-raw))
    columns = {
        "score": 1 / (1 + np.exp(-raw)),
        "raw_score": raw,
        "percentile": 100.0 * (users - rank) / users,
        "decile": (10 * rank // users + 1).astype("int32"),
        "reason_1": [f"{n} purchases in the last 30 days" for n in rng.integers(0, 9, users)],
        "reason_2": ['last seen 2 days ago, "yesterday\'s" basket, 100 % 🛒' if n else None for n in rng.integers(0, 2, users)],
        "reason_3": [None] * users,
        "reason_1_effect": rng.normal(0, 0.05, users),
        "reason_2_effect": [float(n) or None for n in rng.integers(0, 2, users)],
        "reason_3_effect": pa.nulls(users, pa.float64()),
        "score_basis": rng.choice(["rich", "thin", "new"], users).tolist(),
        "horizon_days": np.full(users, 7, "int32"),
        "model_name": [f"nightcast.{TARGET}"] * users,
        "model_version": [version] * users,
        "run_id": [run_id] * users,
        "scored_at": pa.array([SCORED_AT] * users, pa.timestamp("us", tz="UTC")),
        "refused_reason": pa.nulls(users, pa.string()),
    }
    scored = pa.table({"user_id": [f"u{n:05d}" for n in range(users)], **columns})
    turned_away = pa.table({"user_id": [f"r{n:05d}" for n in range(refused)], "refused_reason": ["no visible event"] * refused})
    return pa.concat_tables([scored, turned_away.select(["user_id", "refused_reason"])], promote_options="permissive")


def spending(users: int = 40, refused: int = 3, *, unit: str = "GBP", **made: int) -> pa.Table:
    """The same as `scores`, of a sum target: everybody's expected value is 40 times the score."""
    rows = scores(users, refused, **made)
    scored = [value is None for value in rows["refused_reason"].to_pylist()]
    values = [40 * score if here else None for score, here in zip(rows["score"].to_pylist(), scored, strict=True)]
    units = pa.array([unit if here else None for here in scored], pa.string())
    return rows.append_column("expected_value", pa.array(values, pa.float64())).append_column("unit", units)


def run_of(rows: pa.Table, *, run_id: str = "run-1", version: str = "4", **changes: str) -> dict[str, str]:
    """The commit metadata that fits these rows."""
    refused = len(rows) - rows["refused_reason"].null_count
    return {
        "run_id": run_id,
        "model_name": f"nightcast.{TARGET}",
        "model_version": version,
        "eligible": str(len(rows)),
        "scored": str(len(rows) - refused),
        "refused": str(refused),
        "started_at": "2026-03-02T04:00:00+00:00",
        "finished_at": "2026-03-02T04:06:00.250000+00:00",
        "lake_version": "12",
        "fingerprint": "0f" * 32,
        **changes,
    }


def with_column(rows: pa.Table, name: str, values: list[object]) -> pa.Table:
    """The rows with the first values of a column replaced, and its type kept."""
    kept = rows[name].to_pylist()[len(values) :]
    return rows.set_column(rows.column_names.index(name), name, pa.array([*values, *kept], rows[name].type))
