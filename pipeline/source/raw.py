"""Raw events, every column as text, in the table `raw` of a session.

line   BIGINT   number of the row in the batch: the line of a CSV file (its header is 1), else the position from 1
fault  VARCHAR  what is wrong with a line that cannot be read as a row; null for rows
text   VARCHAR  such a line as it came; null for rows
c0 …   VARCHAR  the source's columns by position
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from itertools import islice
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.config import Config
from pipeline.errors import ConfigError, SourceError
from pipeline.source.delimited import Row, open_rows
from pipeline.source.mapping import Expression, check_columns

CHUNK = 65_536
SUFFIXES = (".csv", ".csv.gz", ".parquet")


def day_file(config: Config, day: date) -> Path:
    """Where the day's file is to be. Raises ConfigError for a suffix that is not .csv, .csv.gz or .parquet."""
    path = config.path(config.source.files.replace("{date}", day.isoformat()))
    if not path.name.endswith(SUFFIXES):
        raise ConfigError(
            f"source.files = {config.source.files!r} is none of {', '.join(SUFFIXES)}", mend="convert the files to one of them"
        )
    return path


def load_file(session: duckdb.DuckDBPyConnection, path: Path, expressions: Mapping[str, Expression]) -> list[str]:
    """Fill `raw` from a CSV or Parquet file; the source's column names by position.

    Raises SourceError if the file is damaged or lacks a column that the expressions read.
    """
    return (_load_parquet if path.suffix == ".parquet" else _load_csv)(session, path, expressions)


def create_raw(session: duckdb.DuckDBPyConnection, width: int) -> None:
    """Create the empty table for `width` source columns."""
    columns = ", ".join(("line BIGINT", "fault VARCHAR", "text VARCHAR", *(f"c{position} VARCHAR" for position in range(width))))
    session.execute(f"CREATE OR REPLACE TABLE raw ({columns})")


def _load_csv(session: duckdb.DuckDBPyConnection, path: Path, expressions: Mapping[str, Expression]) -> list[str]:
    with open_rows(path) as (names, rows):
        check_columns(expressions, names, str(path))
        create_raw(session, len(names))
        for chunk in _chunks(rows):
            _insert(session, _as_table(chunk, len(names)), "*")
    return names


def _chunks(rows: Iterator[Row]) -> Iterator[list[Row]]:
    while chunk := list(islice(rows, CHUNK)):
        yield chunk


def _as_table(rows: Sequence[Row], width: int) -> pa.Table:
    blank: list[str | None] = [None] * width
    columns = zip(*(row.fields or blank for row in rows), strict=True)
    return pa.table(
        {
            "line": pa.array([row.line for row in rows], pa.int64()),
            "fault": pa.array([row.fault or None for row in rows], pa.string()),
            "text": pa.array([row.text if row.fault else None for row in rows], pa.string()),
            **{f"c{position}": pa.array(column, pa.string()) for position, column in enumerate(columns)},
        }
    )


def _load_parquet(session: duckdb.DuckDBPyConnection, path: Path, expressions: Mapping[str, Expression]) -> list[str]:
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            names = list(file.schema_arrow.names)
            check_columns(expressions, names, str(path))
            create_raw(session, len(names))
            texts = ", ".join(f"CAST(c{position} AS VARCHAR)" for position in range(len(names)))
            line = 1
            for chunk in file.iter_batches(CHUNK):
                columns = {f"c{position}": column for position, column in enumerate(chunk.columns)}
                lines = pa.array(range(line, line + chunk.num_rows), pa.int64())
                _insert(session, pa.table({"line": lines, **columns}), f"line, NULL, NULL, {texts}")
                line += chunk.num_rows
    except (pa.ArrowException, OSError) as error:
        raise SourceError(f"{path} is not a whole Parquet file: {str(error).splitlines()[0]}", mend="deliver the file again") from error
    return names


def _insert(session: duckdb.DuckDBPyConnection, chunk: pa.Table, columns: str) -> None:
    session.register("chunk", chunk)
    session.execute(f"INSERT INTO raw SELECT {columns} FROM chunk")  # noqa: S608 – positions only
    session.unregister("chunk")
