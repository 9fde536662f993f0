"""What the configured source brings for a day, wherever it keeps it."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager
from datetime import date
from functools import partial
from pathlib import Path

import duckdb

from pipeline.config import Config
from pipeline.config_source import Stream
from pipeline.errors import ConfigError, SourceError
from pipeline.postgresql_url import SCHEME, masked
from pipeline.source import duckdb_source, postgresql_source
from pipeline.source.delivery import Delivery
from pipeline.source.mapping import parse_columns
from pipeline.source.relation import Relation
from pipeline.source.session import open_session
from pipeline.source.spool import Spool
from pipeline.source.streams import Configured, Database, DatedFiles, Found, StreamSource, UndatedFiles

SPOOL_MEMORY = "256MiB"
"""Of what is put aside, which is written and read in order: a batch is judged beside it, in the memory that is left."""


class EventSource:
    """Every stream of the source. Deliveries are to be taken in turn: each is closed when the next is asked for.

    The rows of a file, or of an unchanged table, come in the same order each time. A query without ORDER BY, and a PostgreSQL table
    between whose readings rows were updated or vacuumed, may come in another one: then `row` numbers of refused rows differ, and
    nothing else, because accepted events are sorted and named by what they are.
    """

    def __init__(self, streams: Mapping[str, StreamSource]) -> None:
        self._streams = streams

    def deliveries(self, day: date) -> Generator[Delivery, None, None]:
        """The day's rows, stream by stream in configured order, one delivery for each file; nothing if no stream has any.

        Raises SourceError if some of the streams of dated files have the day's file and others do not: the day is not whole.
        """
        self._none_is_late(day)
        for name, stream in self._streams.items():
            yield from _deliveries(name, stream.rows(day))

    def undated(self) -> Iterator[Delivery]:
        """The rows whose day cannot be read, and the lines at fault of files whose rows say the day: they belong to no day."""
        for name, stream in self._streams.items():
            yield from _deliveries(name, stream.undated())

    def _none_is_late(self, day: date) -> None:
        there = {name: bool(stream.places(day)) for name, stream in self._streams.items() if isinstance(stream, DatedFiles)}
        late, came = ([name for name, found in there.items() if found is wanted] for wanted in (False, True))
        if late and came:
            raise SourceError(
                f"{day}: the streams {', '.join(late)} have no file, while {', '.join(came)} have one",
                mend="wait for the delivery to be complete; a day without events is a file with its header alone",
            )


@contextmanager
def open_source(config: Config, folder: Path, first: date, last: date) -> Iterator[EventSource]:
    """The configured source for the days `first` … `last`; what has to be put aside goes to `folder`.

    Raises ConfigError for an expression that cannot be parsed, or a URL that is neither DuckDB's nor PostgreSQL's.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with open_session(folder / "spool", config.source.time_zone, memory=SPOOL_MEMORY) as session:
        opened = {name: _stream(config, name, stream, session, folder, first, last) for name, stream in config.source.each.items()}
        yield EventSource(opened)


def _stream(
    config: Config, name: str, stream: Stream, session: duckdb.DuckDBPyConnection, folder: Path, first: date, last: date
) -> StreamSource:
    place = f"source.streams.{name}.columns" if config.source.streams else "source.columns"
    configured = Configured(config, stream, parse_columns(stream.columns, place))
    if stream.day_column == "name":
        return DatedFiles(configured)
    spool, keep = Spool(session, f"spool_{name}"), configured.span(first, last)
    if stream.files:
        return UndatedFiles(configured, spool, keep)
    return Database(configured, spool, keep, _connector(config, name, stream, folder))


def _connector(config: Config, name: str, stream: Stream, folder: Path) -> Callable[[], AbstractContextManager[Relation]]:
    """How to open the stream's table or query: at its own URL, else at the source's, else in the warehouse."""
    url = stream.url or config.source.url or config.warehouse.url
    if url.startswith(duckdb_source.SCHEME):
        file = config.path(url.removeprefix(duckdb_source.SCHEME))
        return partial(duckdb_source.open_duckdb, stream, name, file, folder / "attached")
    if url.startswith(SCHEME):
        return partial(postgresql_source.open_postgresql, stream, name, url)
    raise ConfigError(
        f"source.url = {masked(url)!r} is neither {duckdb_source.SCHEME}… nor {SCHEME}…",
        mend="name a DuckDB file or a PostgreSQL database, or deliver files and set source.files",
    )


def _deliveries(name: str, found: Found) -> Iterator[Delivery]:
    with closing(found) as each:
        for rows in each:
            yield Delivery(name, rows)
