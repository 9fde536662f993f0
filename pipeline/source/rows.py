"""Raw rows on their way in: what every reader yields and what the judge takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pyarrow as pa

CHUNK_ROWS = 131_072
"""Rows of a chunk, at most: what is in memory of a batch, whatever its size."""


@dataclass(frozen=True)
class Rows:
    """The rows of one file, table or query for one batch, to be read once from front to end.

    place    where they are, for people: `events/2026-01-05.csv.gz`, `table raw_events`
    columns  the source's columns in order, each with its type in the source's own words; `text` where the format has no types
    header   whether the source declares its columns; where it does not (JSON lines), one that is absent is merely empty
    chunks   tables of at most `CHUNK_ROWS` rows with the columns
             line   int64   number of the row in its file (the header of a CSV file is 1) or table, from 1, ascending
             fault  string  what is wrong with a line that cannot be read as a row; null for rows
             text   string  the row as it came, where the columns do not say it all: a line at fault, a JSON line; else null
             c0 …           the source's columns by position, of any type that DuckDB casts to VARCHAR; null in a line at fault

    Taking a chunk raises SourceError when the source turns out to be damaged, has changed while it was read, or is too large.
    """

    place: str
    columns: Mapping[str, str]
    header: bool
    chunks: Iterator[pa.Table]
