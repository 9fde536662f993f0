"""One stream of the source, by what says the day of its rows: the name of a file, a column that an engine compares, or their text."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from datetime import date
from typing import Protocol

from pipeline.config import Config
from pipeline.config_source import Stream
from pipeline.errors import SourceError
from pipeline.source import files
from pipeline.source.mapping import Expression, check_columns, columns_of
from pipeline.source.relation import Relation, TimeColumn, all_rows, rows_of_day, time_column, undated_rows
from pipeline.source.rows import Rows
from pipeline.source.span import Span, span
from pipeline.source.spool import Spool

Found = Generator[Rows, None, None]
"""Rows place by place; what is open for some is closed when the next are asked for, or the generator is."""


class StreamSource(Protocol):
    """Where one stream's rows are."""

    def rows(self, day: date) -> Found:
        """The day's rows; nothing if there are none."""

    def undated(self) -> Found:
        """The rows that belong to no day."""


@dataclass(frozen=True)
class Configured:
    """A stream as configured, its expressions parsed."""

    config: Config
    stream: Stream
    expressions: dict[str, Expression]

    @property
    def time(self) -> Expression:
        """What says the day of a row."""
        return self.expressions[self.stream.day_column]

    def span(self, first: date, last: date) -> Span:
        """The instants of the days."""
        return span(first, last, self.stream.day_column, self.config.source.time_zone)

    def url(self, day: str = "") -> str:
        """The URL of the files, or their absolute path; relative ones start at the configuration's folder."""
        text = self.stream.files.replace("{date}", day)
        return text if "://" in text else str((self.config.root / text).absolute())  # links stay as they are configured

    @contextmanager
    def open(self, url: str) -> Iterator[Rows]:
        """One of the files; the place of its rows is relative to the configuration's folder, as it was configured."""
        wanted = tuple(dict.fromkeys(name for expression in self.expressions.values() for name in columns_of(expression)))
        source = self.config.source
        with files.open_file(url, settle_seconds=source.settle_seconds, max_gib=source.max_file_gib, wanted=wanted) as rows:
            yield replace(rows, place=rows.place.removeprefix(f"{self.config.root}/"))


@dataclass(frozen=True)
class DatedFiles:
    """Files whose name holds the day."""

    configured: Configured

    def places(self, day: date) -> list[str]:
        """The day's files that are there."""
        url = self.configured.url(day.isoformat())
        if "*" in url:
            return files.expand(url)
        return [url] if files.exists(url) else []

    def rows(self, day: date) -> Found:
        """See `StreamSource`."""
        for url in self.places(day):
            with self.configured.open(url) as rows:
                yield rows

    def undated(self) -> Found:
        """None: the name says the day, whatever the rows say."""
        yield from ()


@dataclass
class UndatedFiles:
    """Files whose rows say the day: read once, for the whole range."""

    configured: Configured
    spool: Spool
    keep: Span
    filled: bool = False

    def rows(self, day: date) -> Found:
        """See `StreamSource`."""
        self._fill()
        return self.spool.within(self.configured.span(day, day))

    def undated(self) -> Found:
        """See `StreamSource`."""
        self._fill()
        return self.spool.undated()

    def _fill(self) -> None:
        if self.filled:
            return
        url = self.configured.url()
        places = files.expand(url)
        if not places:
            raise SourceError(f"There is no file {url}", mend="correct the stream's files in nightcast.toml, or deliver them")
        self.spool.clear()
        for place in places:
            with self.configured.open(place) as rows:
                self.spool.add(rows, self.configured.time, self.keep)
        self.filled = True


@dataclass
class Database:
    """A table or query, opened anew for each day; or read once for the whole range, where its engine cannot compare the times."""

    configured: Configured
    spool: Spool
    keep: Span
    connect: Callable[[], AbstractContextManager[Relation]]
    filled: bool = False

    def rows(self, day: date) -> Found:
        """See `StreamSource`."""
        stream, zone = self.configured.stream, self.configured.config.source.time_zone
        yield from self._found(
            lambda relation, time: rows_of_day(relation, time, day, stream.day_column, zone),
            lambda: self.spool.within(self.configured.span(day, day)),
        )

    def undated(self) -> Found:
        """See `StreamSource`."""
        yield from self._found(undated_rows, self.spool.undated)

    def _found(self, asked: Callable[[Relation, TimeColumn], Rows | None], put_aside: Callable[[], Found]) -> Found:
        """What the engine answers, or what the spool holds."""
        if not self.filled:
            with self.connect() as relation:
                check_columns(self.configured.expressions, list(relation.columns), f"The {relation.place}")
                if time := time_column(relation, self.configured.time):
                    if rows := asked(relation, time):
                        yield rows
                    return
                if every := all_rows(relation):
                    self.spool.add(every, self.configured.time, self.keep)
            self.filled = True
        yield from put_aside()
