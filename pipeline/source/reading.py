"""From a day to its batch, wherever the source keeps it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Protocol

import duckdb
import pyarrow as pa

from pipeline.config import Config
from pipeline.source import raw, table
from pipeline.source.batch import Batch, to_batch
from pipeline.source.mapping import parse_columns
from pipeline.source.session import open_session


class EventSource(Protocol):
    """Where raw events are."""

    def read(self, day: date, known: pa.Table) -> Batch | None:
        """The day's batch; None if there is no file for the day, or the table has no rows of it.

        `known` (event_id) holds the events of the days before, for `duplicates = "drop"`.
        Raises SourceError if the source cannot be read as configured.
        """

    def undated(self) -> int:
        """Rows that belong to no day, because their event time cannot be read."""


@contextmanager
def open_source(config: Config, folder: Path) -> Iterator[EventSource]:
    """The configured source; large batches spill to `folder`. Raises ConfigError for an expression that cannot be parsed."""
    if config.source.table:
        yield TableSource(config, folder)
        return
    with open_session(folder, config.source.time_zone) as session:
        yield FileSource(config, session)


class FileSource:
    """One file a day; its date is in its name, so no row is undated."""

    def __init__(self, config: Config, session: duckdb.DuckDBPyConnection) -> None:
        self._config, self._session = config, session
        self._expressions = parse_columns(config.source.columns)

    def read(self, day: date, known: pa.Table) -> Batch | None:
        """See `EventSource.read`."""
        path = raw.day_file(self._config, day)
        if not path.exists():
            return None
        names = raw.load_file(self._session, path, self._expressions)
        return to_batch(self._session, self._config, self._expressions, names, day, known)

    def undated(self) -> int:
        """None."""
        return 0


class TableSource:
    """A table of a DuckDB file, attached for one call at a time: it may be the warehouse's own file."""

    def __init__(self, config: Config, folder: Path) -> None:
        self._config, self._folder = config, folder
        self._expressions = parse_columns(config.source.columns)
        self._database = table.database(config)

    def read(self, day: date, known: pa.Table) -> Batch | None:
        """See `EventSource.read`."""
        with open_session(self._folder, self._config.source.time_zone, database=self._database) as session:
            names = table.load_table(session, self._config, self._expressions, day)
            batch = to_batch(session, self._config, self._expressions, names, day, known)
        return batch if batch.rows else None

    def undated(self) -> int:
        """See `EventSource.undated`."""
        with open_session(self._folder, self._config.source.time_zone, database=self._database) as session:
            return table.undated(session, self._config, self._expressions)
