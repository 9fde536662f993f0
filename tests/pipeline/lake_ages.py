"""Time passes for a lake: what is in it was written, and replaced, so many days earlier."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.lake import Lake

DAY = 86_400


def days_pass(lake: Lake, days: int) -> None:
    """In the times of files, which say when they were written, and in the log, which says when files were replaced."""
    for path in [path for path in Path(lake.url).rglob("*") if path.is_file()]:
        written = path.stat().st_mtime
        if path.parent.name == "_delta_log" and path.suffix == ".json":
            path.write_text("\n".join(_earlier(line, days) for line in path.read_text(encoding="utf-8").splitlines()), encoding="utf-8")
        elif path.name.endswith(".checkpoint.parquet"):
            pq.write_table(_earlier_checkpoint(pq.read_table(path), days), path)
        os.utime(path, (written - days * DAY,) * 2)


def _earlier(line: str, days: int) -> str:
    entry = json.loads(line)
    if "remove" in entry:
        entry["remove"]["deletionTimestamp"] -= days * DAY * 1000
    return json.dumps(entry)


def _earlier_checkpoint(entries: pa.Table, days: int) -> pa.Table:
    removed = entries["remove"].combine_chunks()
    fields = {field.name: removed.field(place) for place, field in enumerate(removed.type)}
    fields["deletionTimestamp"] = pc.subtract(fields["deletionTimestamp"], days * DAY * 1000)
    earlier = pa.StructArray.from_arrays(list(fields.values()), fields=list(removed.type), mask=removed.is_null())
    return entries.set_column(entries.column_names.index("remove"), entries.schema.field("remove"), earlier)
