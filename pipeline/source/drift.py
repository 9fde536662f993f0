"""Whether a source still has the columns that it had: a difference is told in words before a row of the batch is judged."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from pipeline.day_record import DayRecord
from pipeline.errors import SourceError
from pipeline.source.delivery import Delivery
from pipeline.source.rows import Rows

LOOK_BACK = 40
"""Committed days that are searched for a stream that does not come every day, and for keys that do not."""

Columns = Mapping[str, str]


def without_drift(deliveries: Iterable[Delivery], earlier: Sequence[DayRecord]) -> Iterator[Delivery]:
    """The deliveries, each compared with the last day of `earlier` (newest first) that has its stream.

    JSON lines do not declare their columns: one that is absent is merely empty, so only keys that no day of `earlier` had are new, and
    only those without a type in common are retyped. Nothing is compared where no earlier day has the stream.
    Raises SourceError with the difference.
    """
    for delivery in deliveries:
        before = [record for record in earlier if delivery.stream in record.columns]
        if before:
            _check(delivery.rows, before[0], [record.columns[delivery.stream] for record in before])
        yield delivery


def difference(before: Columns, now: Columns) -> list[str]:
    """What has changed among declared columns, a phrase for each kind of change; empty when nothing has. Their order does not count."""
    new = [f"{name} ({now[name]})" for name in now if name not in before]
    missing = [f"{name} ({before[name]})" for name in before if name not in now]
    retyped = [f"{name} was {before[name]}, is {now[name]}" for name in now if name in before and before[name] != now[name]]
    return [*_phrase("new: ", new), *_phrase("missing: ", missing), *_phrase("", retyped)]


def difference_of_keys(before: Sequence[Columns], now: Columns) -> list[str]:
    """What has changed among the keys of JSON lines, whose types read `number`, `number or string`, or `null`; several days before."""
    kinds: dict[str, set[str]] = {}
    for columns in before:
        for name, found in columns.items():
            kinds.setdefault(name, set()).update(_kinds(found))
    new = [f"{name} ({now[name]})" for name in now if name not in kinds and _kinds(now[name])]
    retyped = [
        f"{name} was {' or '.join(sorted(kinds[name]))}, is {now[name]}"
        for name in now
        if kinds.get(name) and _kinds(now[name]) and not kinds[name] & _kinds(now[name])
    ]
    return [*_phrase("new: ", new), *_phrase("", retyped)]


def _check(rows: Rows, last: DayRecord, before: Sequence[Columns]) -> None:
    found = difference(before[0], rows.columns) if rows.header else difference_of_keys(before, rows.columns)
    if found:
        raise SourceError(
            f"{rows.place} has other columns than the source had on {last.day}: {'; '.join(found)}",
            mend="have the source deliver it as before; or, if this is meant, ingest the day with NIGHTCAST__SOURCE__DRIFT=accept "
            '(source.drift = "accept"): later days are compared with it',
        )


def _kinds(found: str) -> set[str]:
    return set(found.split(" or ")) - {"null"}


def _phrase(label: str, said: Sequence[str]) -> list[str]:
    return [label + ", ".join(said)] if said else []
