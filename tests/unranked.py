"""The rows that a bucket's task has written for the ranking to read."""

from __future__ import annotations

import pyarrow as pa

from pipeline.lake import Lake
from pipeline.scoring.bucket_scores import Unranked


def unranked(lake: Lake, written: Unranked) -> pa.Table:
    """Rows of `PARTIAL`."""
    file = lake.open_file(written.path or "")
    assert file is not None
    with file:
        return file.read()
