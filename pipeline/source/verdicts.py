"""The two statements that judge the chunks of one delivery: names from outside go by position, texts from outside are literals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from features.cutoff import Cutoff, local_midnight
from pipeline.config import Config
from pipeline.source.amounts import ONE, amount
from pipeline.source.delivery import Delivery
from pipeline.source.event_ids import event_id
from pipeline.source.instants import instant
from pipeline.source.mapping import Expression, check_columns, columns_of, parse_columns
from pipeline.source.mapping_sql import Positions, factors_of, literal, text_of
from pipeline.source.rules import Rule, any_broken, broken_rules, rules

TEXTS = ("user_id", "event_type", "event_id", "item_id", "category", "session_id", "segment")
NOTHING = "CAST(NULL AS VARCHAR)"


@dataclass(frozen=True)
class Verdicts:
    """SQL over the registered table `chunk`.

    judged   INSERT INTO judged: every row
    refused  INSERT INTO refused: every row that breaks a rule, with all of them
    """

    judged: str
    refused: str


def end_of_batch(config: Config, day: date) -> Cutoff:
    """The first instant after the day in the source's time zone."""
    return local_midnight(day + timedelta(days=1), config.source.time_zone)


def latest_event(config: Config, day: date) -> Cutoff:
    """The first instant too late for an event of the day's batch."""
    return Cutoff(end_of_batch(config, day).instant + timedelta(hours=config.validation.future_tolerance_hours))


def verdicts(config: Config, day: date, delivery: Delivery, offset: int) -> Verdicts:
    """The statements for a delivery whose rows are numbered from `offset` on.

    Raises ConfigError for an expression or a key that cannot be read, SourceError if a column is missing.
    """
    section = f"source.streams.{delivery.stream}" if config.source.streams else "source"
    stream, columns = config.source.each[delivery.stream], list(delivery.rows.columns)
    expressions = parse_columns(stream.columns, f"{section}.columns")
    # Where the source declares no columns, one that is absent is empty.
    absent = [] if delivery.rows.header else sorted({name for each in expressions.values() for name in columns_of(each)} - set(columns))
    check_columns(expressions, [*columns, *absent], delivery.rows.place)
    positions = {name: position for position, name in enumerate([*columns, *absent])}
    found = rules(expressions, positions, config.source.event_types, latest_event(config, day), day_by=stream.day_column)
    parsed = _parsed(expressions, positions, len(columns), offset)
    named = event_id(
        stream,
        {name: positions[name] for name in columns},
        place=section,
        prefix=delivery.stream if config.source.streams else "",
        header=delivery.rows.header,
    )
    return Verdicts(_judged(config, day, delivery, found, named, parsed), _refused(delivery, found, columns, parsed))


def _parsed(expressions: Mapping[str, Expression], positions: Positions, width: int, offset: int) -> str:
    """The chunk's rows with their mapped texts, then with what these mean."""

    def text(name: str) -> str:
        return text_of(expressions[name], positions) if name in expressions else NOTHING

    source = (f"{f'CAST(c{each} AS VARCHAR)' if each < width else NOTHING} AS c{each}" for each in positions.values())
    left, right = factors_of(expressions["value"], positions) if "value" in expressions else (NOTHING, ONE)
    second = ONE if right == ONE else "right_text"
    return f"""
        WITH source AS (
            SELECT line, line + {offset} AS row, CAST(fault AS VARCHAR) AS fault, CAST(text AS VARCHAR) AS text, {", ".join(source)}
            FROM chunk),
        mapped AS (
            SELECT *, {", ".join(f"{text(name)} AS {name}" for name in TEXTS)}, {text("event_time")} AS event_time_text,
                   {text("available_at")} AS available_text, {left} AS left_text, {right} AS right_text
            FROM source),
        parsed AS (
            SELECT *, {instant("event_time_text")} AS event_time, {instant("available_text")} AS available,
                   {amount("left_text", second)} AS value
            FROM mapped)"""  # noqa: S608 – positions, checked names and escaped literals


def _judged(config: Config, day: date, delivery: Delivery, found: Sequence[Rule], named: str, parsed: str) -> str:
    kept = config.source.each[delivery.stream].duplicates == "keep"
    returned = delivery.available_from is not None
    known = f"coalesce(available, {end_of_batch(config, day).micros})"
    from_then = f", {delivery.available_from.micros}" if delivery.available_from else ""
    return f"""
        INSERT INTO judged {parsed},
        named AS (SELECT * REPLACE ({named} AS event_id), {any_broken(found)} AS broken FROM parsed)
        SELECT row, broken, {kept}, {returned}, hash(user_id, event_id), event_id, user_id, event_time,
               greatest(event_time, {known}{from_then}), event_type, item_id, category, value, session_id, segment,
               CAST(CAST('0x' || substr(md5(user_id), 1, 8) AS UINTEGER) % {config.lake.buckets} AS INTEGER)
        FROM named"""  # noqa: S608 – constants and checked SQL


def _refused(delivery: Delivery, found: Sequence[Rule], columns: Sequence[str], parsed: str) -> str:
    pairs = ", ".join(f"{literal(name)}, c{position}" for position, name in enumerate(columns))
    return f"""
        INSERT INTO refused {parsed},
        judged AS (SELECT *, {broken_rules(found)} AS broken FROM parsed)
        SELECT row, {literal(delivery.stream)}, {literal(delivery.rows.place + " line ")} || line,
               CAST(CASE WHEN fault IS NOT NULL THEN json_object('line', text) ELSE coalesce(text, json_object({pairs})) END AS VARCHAR),
               array_to_string(list_transform(broken, lambda each: each.reason), '; '),
               array_to_string(list_transform(broken, lambda each: each.rule), ',')
        FROM judged WHERE len(broken) > 0"""  # noqa: S608 – positions and escaped literals
