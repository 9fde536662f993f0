"""What an event source brings, as plain values."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from pipeline.config import Config
from pipeline.source.delivery import Delivery
from pipeline.source.reading import open_source

Row = tuple[int, str | None, str | None, tuple[str | None, ...]]
"""line, fault, text, and the source's columns as texts."""


def rows(deliveries: Iterable[Delivery]) -> dict[str, list[Row]]:
    """Rows by `stream: place`."""
    found: dict[str, list[Row]] = {}
    for delivery in deliveries:
        kept = found.setdefault(f"{delivery.stream}: {delivery.rows.place}", [])
        for chunk in delivery.rows.chunks:
            lines, faults, texts, *columns = (column.to_pylist() for column in chunk.columns)
            assert chunk.column_names == ["line", "fault", "text", *(f"c{n}" for n in range(len(delivery.rows.columns)))]
            kept.extend(zip(lines, faults, texts, zip(*columns, strict=True), strict=True))
    return found


def of_day(config: Config, day: date) -> dict[str, list[Row]]:
    """The day's rows, read alone."""
    with open_source(config, config.root / "spill", day, day) as source:
        return rows(source.deliveries(day))


def users(config: Config, day: date, column: int = 0) -> list[str | None]:
    """One column of the day's rows, in their order, whatever the place."""
    return [row[3][column] for found in of_day(config, day).values() for row in found]
