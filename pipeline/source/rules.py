"""The rules that every row must keep to become an event, as SQL over the mapped columns of one batch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from features.contract import EARLIEST, LATEST, LONGEST
from features.cutoff import Cutoff
from pipeline.source.amounts import ONE
from pipeline.source.mapping import Expression, Integer
from pipeline.source.mapping_sql import Positions, literal, not_whole

NUL = "chr(0)"


@dataclass(frozen=True)
class Rule:
    """`broken` is SQL that is true for a row that breaks the rule; `reason` is SQL for the sentence that says so."""

    name: str
    broken: str
    reason: str


def rules(
    expressions: Mapping[str, Expression], positions: Positions, event_types: Sequence[str], end: Cutoff, *, day_by: str = "event_time"
) -> list[Rule]:
    """Every rule, in the order in which they are reported. `end` is the first instant that is too late for an event of the batch.

    `day_by` is what says the day of a row (`Stream.day_column`): it must be there.

    The SQL reads what `verdicts` maps and parses: the texts `user_id`, `event_time_text`, `left_text` …, and the parsed `event_time`,
    `available` (microseconds) and `value`.
    """
    return [
        *_whole_numbers(expressions, positions),
        *_user_rules(_not_whole("user_id", expressions, positions)),
        *_time_rules(end),
        *_content_rules(event_types),
        *_availability_rules(expressions, day_by),
        *([Rule("event_id_missing", "event_id IS NULL", literal("event_id is empty"))] if "event_id" in expressions else []),
        *(rule for name in LONGEST if name != "user_id" and name in expressions for rule in _text_rules(name)),
    ]


def any_broken(found: Sequence[Rule]) -> str:
    """SQL for whether a row breaks a rule or is a line that cannot be read as one; never null."""
    return f"coalesce(fault IS NOT NULL OR {' OR '.join(f'({rule.broken})' for rule in found)}, false)"


def broken_rules(found: Sequence[Rule]) -> str:
    """SQL for the list of {rule, reason} that a row breaks; a line that cannot be read as a row breaks `line` alone."""
    tests = ", ".join(f"CASE WHEN {rule.broken} THEN {{'rule': {literal(rule.name)}, 'reason': {rule.reason}}} END" for rule in found)
    return (
        f"CASE WHEN fault IS NOT NULL THEN [{{'rule': 'line', 'reason': replace(fault, {NUL}, '\\0')}}] "
        f"ELSE list_filter([{tests}], lambda broken: broken IS NOT NULL) END"
    )


def _user_rules(not_whole_user: str) -> Iterator[Rule]:
    # Most ids begin with a letter or digit, and need no look at what else may be blank.
    blank = "CASE WHEN user_id BETWEEN '!' AND '~' THEN false ELSE trim(coalesce(user_id, '')) = '' END"
    yield Rule("user_id_missing", f"{blank} AND NOT {not_whole_user}", literal("user_id is empty"))
    yield from _text_rules("user_id")


def _text_rules(name: str) -> Iterator[Rule]:
    most = LONGEST[name]
    yield Rule(f"{name}_too_long", f"length({name}) > {most}", f"'{name} has ' || length({name}) || ' characters; {most} is the most'")
    yield Rule(f"{name}_nul", f"contains({name}, {NUL})", literal(f"{name} holds a NUL character"))


def _time_rules(end: Cutoff) -> Iterator[Rule]:
    yield Rule("event_time_missing", "event_time_text IS NULL", literal("event_time is empty"))
    yield Rule(
        "event_time_unreadable",
        "event_time_text IS NOT NULL AND event_time IS NULL",
        _said("event_time", "event_time_text", "is not a time such as 2026-01-31 08:30:00 or 2026-01-31T08:30:00Z"),
    )
    late = f"is not before {end}, the end of the batch and its tolerance"
    yield Rule("event_time_future", f"event_time >= {end.micros}", _said("event_time", "event_time_text", late))
    yield Rule("event_time_past", f"event_time < {EARLIEST.micros}", _said("event_time", "event_time_text", f"is before {EARLIEST}"))


def _content_rules(event_types: Sequence[str]) -> Iterator[Rule]:
    types = ", ".join(map(literal, event_types))
    unknown = f"is not one of {', '.join(event_types)}"
    yield Rule("event_type_missing", "event_type IS NULL", literal("event_type is empty"))
    yield Rule("event_type_unknown", f"event_type NOT IN ({types})", _said("event_type", "event_type", unknown))
    yield Rule(
        "value",
        "left_text IS NOT NULL AND right_text IS NOT NULL AND value IS NULL",
        _said(
            "value",
            f"left_text || CASE WHEN right_text = {ONE} THEN '' ELSE ' * ' || right_text END",
            "is not a finite number that fits 64 bits of ten-thousandths",
        ),
    )


def _availability_rules(expressions: Mapping[str, Expression], day_by: str) -> Iterator[Rule]:
    if day_by == "available_at":
        yield Rule("available_at_missing", "available_text IS NULL", literal("available_at is empty, and says the day"))
    if "available_at" in expressions:
        unreadable = "available_text IS NOT NULL AND available IS NULL"
        yield Rule("available_at_unreadable", unreadable, _said("available_at", "available_text", "is not a time"))
        never = f"is not before {LATEST}; leave it empty if it is not known"
        yield Rule("available_at_future", f"available >= {LATEST.micros}", _said("available_at", "available_text", never))


def _whole_numbers(expressions: Mapping[str, Expression], positions: Positions) -> Iterator[Rule]:
    for name, expression in expressions.items():
        if isinstance(expression, Integer):
            source = f"c{positions[expression.column.name]}"
            yield Rule(f"{name}_not_whole", not_whole(expression, positions), _said(name, source, "is not a whole number"))


def _not_whole(name: str, expressions: Mapping[str, Expression], positions: Positions) -> str:
    return f"coalesce({not_whole(expressions[name], positions)}, false)"


def _said(column: str, text: str, wrong: str) -> str:
    """SQL for a sentence that quotes the value, shortened, without the NUL characters that PostgreSQL cannot hold."""
    return f"{literal(column + ' ')} || '''' || replace(left({text}, 80), {NUL}, '\\0') || '''' || {literal(' ' + wrong)}"
