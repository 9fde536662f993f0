"""One day of the source as a batch: every raw row becomes an accepted event, a quarantined row or a counted duplicate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import duckdb
import pyarrow as pa

from features.contract import EVENTS
from features.cutoff import Cutoff, local_midnight
from pipeline.config import Config
from pipeline.errors import NightcastError
from pipeline.source.instants import instant
from pipeline.source.mapping import Expression
from pipeline.source.mapping_sql import Positions, factors_of, literal, text_of
from pipeline.source.rules import broken_rules, rules

QUARANTINED = pa.schema(
    [
        pa.field("row", pa.int64(), nullable=False),
        pa.field("source_row", pa.string(), nullable=False),
        pa.field("reason", pa.string(), nullable=False),
        pa.field("rule", pa.string(), nullable=False),
    ]
)
"""row: `raw.line`; source_row: the source's columns as a JSON object of texts, or {"line": …} for a line that is no row."""


@dataclass(frozen=True)
class Batch:
    """A day's rows, each counted once: rows = accepted + quarantined + duplicates.

    accepted     `features.contract.EVENTS`, sorted by (bucket, user_id, event_time, available_at, event_id)
    quarantined  `QUARANTINED`, by row
    duplicates   rows whose event_id an earlier row, or one of the days before, already had
    late         accepted events that happened before the day began
    """

    day: date
    rows: int
    accepted: pa.Table
    quarantined: pa.Table
    duplicates: int
    late: int


def end_of_batch(config: Config, day: date) -> Cutoff:
    """The first instant after the day in the source's time zone."""
    return local_midnight(day + timedelta(days=1), config.source.time_zone)


def latest_event(config: Config, day: date) -> Cutoff:
    """The first instant too late for an event of the day's batch."""
    return Cutoff(end_of_batch(config, day).instant + timedelta(hours=config.validation.future_tolerance_hours))


def to_batch(
    session: duckdb.DuckDBPyConnection, config: Config, expressions: Mapping[str, Expression], names: list[str], day: date, known: pa.Table
) -> Batch:
    """Judge the session's table `raw`, whose columns are `names`; `known` (event_id) holds the events of the days before.

    Under `duplicates = "keep"` nothing is dropped, and each event_id gets its number among its equals in the batch: `…-1`, `…-2`.
    Raises NightcastError if a row would be lost or counted twice.
    """
    positions = {name: position for position, name in enumerate(names)}
    session.execute(f"CREATE OR REPLACE TABLE judged AS {_judged(config, expressions, positions, day)}")
    session.register("known", known)
    session.execute(f"CREATE OR REPLACE TABLE events AS {_events(config)}")
    counts = session.execute(
        "SELECT (SELECT count(*) FROM raw), (SELECT count(*) FROM events WHERE repeated), "
        "(SELECT count(*) FROM events WHERE NOT repeated AND event_time < ?)",
        [local_midnight(day, config.source.time_zone).micros],
    ).fetchall()[0]
    columns = ", ".join(EVENTS.names)
    accepted = session.sql(
        f"SELECT {columns} FROM events WHERE NOT repeated "  # noqa: S608 – constants only
        "ORDER BY bucket, user_id, event_time, available_at, event_id"
    ).to_arrow_table()
    quarantined = session.sql(_quarantined(names)).to_arrow_table()
    return _balanced(Batch(day, counts[0], accepted.cast(EVENTS), quarantined.cast(QUARANTINED), counts[1], counts[2]))


def _balanced(batch: Batch) -> Batch:
    found = (batch.accepted.num_rows, batch.quarantined.num_rows, batch.duplicates)
    if batch.rows != sum(found):
        raise NightcastError(
            f"{batch.day}: {batch.rows:,} rows became {found[0]:,} accepted + {found[1]:,} quarantined + {found[2]:,} duplicates",
            mend="this is a defect of Nightcast; nothing was committed, please report it",
        )
    return batch


def _judged(config: Config, expressions: Mapping[str, Expression], positions: Positions, day: date) -> str:
    """Rows with their mapped texts, parsed columns, and the list of rules they break."""

    def text(name: str) -> str:
        return text_of(expressions[name], positions) if name in expressions else "CAST(NULL AS VARCHAR)"

    left, right = factors_of(expressions["value"], positions) if "value" in expressions else ("CAST(NULL AS VARCHAR)", "'1'")
    found = rules(expressions, positions, config.source.event_types, latest_event(config, day))
    plain = ", ".join(f"{text(name)} AS {name}" for name in ("user_id", "event_type", "item_id", "category", "session_id"))
    event_id = text("event_id") if "event_id" in expressions else _digest(positions)
    return f"""
        WITH mapped AS (
            SELECT *, {plain}, {event_id} AS event_id, {text("event_time")} AS event_time_text,
                   {text("available_at")} AS available_text, {left} AS left_text, {right} AS right_text
            FROM raw),
        parsed AS (
            SELECT *, {instant("event_time_text")} AS event_time, {instant("available_text")} AS available,
                   ten_thousandths(left_text, right_text) AS value
            FROM mapped)
        SELECT *, greatest(event_time, coalesce(available, {end_of_batch(config, day).micros})) AS available_at,
               {broken_rules(found)} AS broken
        FROM parsed"""  # noqa: S608 – positions, checked names and escaped literals


def _digest(positions: Positions) -> str:
    """SQL for the MD5 of the whole source row: each text after its length, null as `-`, by column name, so no two rows read alike."""
    order = [positions[name] for name in sorted(positions)]
    parts = ", ".join(f"CASE WHEN c{each} IS NULL THEN '-' ELSE strlen(c{each}) || ':' || c{each} END" for each in order)
    return f"md5(concat_ws(',', {parts}))"


def _events(config: Config) -> str:
    """Rows that break no rule, as events, with `repeated` for those that are dropped."""
    turn = "row_number() OVER (PARTITION BY event_id ORDER BY line)"
    if config.source.duplicates == "drop":
        event_id, repeated = "event_id", f"{turn} > 1 OR event_id IN (SELECT event_id FROM known)"  # noqa: S608 – constants only
    else:
        event_id, repeated = f"event_id || '-' || {turn}", "false"
    bucket = f"CAST(('0x' || md5(user_id)[:8])::UBIGINT % {config.lake.buckets} AS INTEGER)"
    return f"""
        SELECT {event_id} AS event_id, user_id, event_time, available_at, event_type, item_id, category, value, session_id,
               {bucket} AS bucket, {repeated} AS repeated
        FROM judged WHERE len(broken) = 0"""  # noqa: S608 – constants only


def _quarantined(names: list[str]) -> str:
    pairs = ", ".join(f"{literal(name)}, c{position}" for position, name in enumerate(names))
    return f"""
        SELECT line AS row,
               CAST(CASE WHEN fault IS NULL THEN json_object({pairs}) ELSE json_object('line', text) END AS VARCHAR) AS source_row,
               array_to_string(list_transform(broken, lambda each: each.reason), '; ') AS reason,
               array_to_string(list_transform(broken, lambda each: each.rule), ',') AS rule
        FROM judged WHERE len(broken) > 0 ORDER BY line"""  # noqa: S608 – positions and escaped literals
