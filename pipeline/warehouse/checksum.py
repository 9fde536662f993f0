"""One digest per night, the same in every warehouse that holds the same answers."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.warehouse.tables import USER_SCORES

LEFT_OUT = ("run_id", "scored_at")
COLUMNS = tuple(name for name in USER_SCORES.names if name not in LEFT_OUT)
SLICE_ROWS = 65_536


def checksum(rows: pa.Table) -> str:
    """SHA-256 (hex) over `user_scores` rows of one target and cutoff, in any order.

    Rows are sorted by the UTF-8 bytes of user_id; each becomes one line of the columns in `COLUMNS`, separated by commas: text
    as a JSON string, a float as its shortest exact decimal (Python's repr, −0 as 0), an integer in digits, an instant in
    microseconds since 1970, null as nothing.
    """
    ordered = rows.select(COLUMNS).take(pc.sort_indices(rows, sort_keys=[("user_id", "ascending")]))
    digest = hashlib.sha256()
    for start in range(0, ordered.num_rows, SLICE_ROWS):
        texts = [_canonical(column.combine_chunks()) for column in ordered.slice(start, SLICE_ROWS).columns]
        lines = pc.binary_join_element_wise(*texts, ",")
        digest.update(("\n".join(lines.to_pylist()) + "\n").encode())
    return digest.hexdigest()


def _canonical(values: pa.Array) -> pa.Array:
    """The column as text without nulls; each distinct value is written once."""
    if pa.types.is_timestamp(values.type):
        values = values.cast(pa.timestamp("us", tz="UTC")).cast(pa.int64())
    if pa.types.is_floating(values.type):
        values = pc.add(values, 0.0)
    write = _writer(values.type)
    distinct = values.dictionary_encode()
    texts = pa.array([write(value) for value in distinct.dictionary.to_pylist()], pa.string())
    return pc.fill_null(texts.take(distinct.indices), "")


def _writer(kind: pa.DataType) -> Callable[[Any], str]:
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return json.dumps
    return repr
