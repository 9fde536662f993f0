"""A part of a night's rows as people read them: ranked among all of the night, named, counted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from features.contract import TIMESTAMP
from models.classifier import Floats
from pipeline.scoring.ranks import percentiles

SCORES_TABLE = "scores"

SCORES = pa.schema(
    [
        pa.field("user_id", pa.string(), nullable=False),
        pa.field("score", pa.float64()),
        pa.field("expected_value", pa.float64()),
        pa.field("unit", pa.string()),
        pa.field("raw_score", pa.float64()),
        pa.field("percentile", pa.float64()),
        pa.field("decile", pa.int32()),
        *(pa.field(f"reason_{number}", pa.string()) for number in (1, 2, 3)),
        *(pa.field(f"reason_{number}_effect", pa.float64()) for number in (1, 2, 3)),
        pa.field("score_basis", pa.string()),
        pa.field("horizon_days", pa.int32(), nullable=False),
        pa.field("model_name", pa.string(), nullable=False),
        pa.field("model_version", pa.string(), nullable=False),
        pa.field("run_id", pa.string(), nullable=False),
        pa.field("scored_at", TIMESTAMP, nullable=False),
        pa.field("refused_reason", pa.string()),
    ]
)
"""Files of the lake's `scores`, one per bucket: a row per eligible user, sorted by user. With a `refused_reason` the score is null."""


@dataclass(frozen=True)
class Provenance:
    """What every row of a night says about where it comes from. `run_id` and `scored_at` alone differ between reruns.

    unit  what expected values are counted in; None for a target that has none
    """

    model_name: str
    model_version: str
    horizon_days: int
    run_id: str
    scored_at: datetime
    unit: str | None = None


def ranked(rows: pa.Table, ordered: Floats, provenance: Provenance) -> pa.Table:
    """Rows of `SCORES` from a bucket's `PARTIAL` rows, percentile and decile taken among all scored users of the night.

    ordered (N,) their raw scores, ascending. Users are ranked by `raw_score`: its order is the score's, and finer where calibration
    gives several users one probability.
    """
    scored = pc.is_null(rows["refused_reason"])
    percentile, decile = percentiles(rows["raw_score"].filter(scored).to_numpy(), ordered)
    constants = {
        "horizon_days": provenance.horizon_days,
        "model_name": provenance.model_name,
        "model_version": provenance.model_version,
        "run_id": provenance.run_id,
        "scored_at": provenance.scored_at,
    }
    columns = {
        **dict(zip(rows.column_names, rows.columns, strict=True)),
        "unit": pc.if_else(scored, pa.scalar(provenance.unit, pa.string()), None),
        "percentile": _where(scored, pa.array(percentile)),
        "decile": _where(scored, pa.array(decile)),
        **{name: pa.repeat(pa.scalar(value, SCORES.field(name).type), rows.num_rows) for name, value in constants.items()},
    }
    return pa.table({name: columns[name] for name in SCORES.names}, schema=SCORES)


def counts(rows: pa.Table) -> dict[str, int]:
    """How many users were eligible, scored and refused."""
    refused = len(rows) - rows["refused_reason"].null_count
    return {"eligible": len(rows), "scored": len(rows) - refused, "refused": refused}


def _where(flags: pa.ChunkedArray, values: pa.Array) -> pa.ChunkedArray:
    """The values spread over the rows whose flag is set, in order; null elsewhere."""
    return pc.replace_with_mask(pa.nulls(len(flags), values.type), flags.combine_chunks(), values)
