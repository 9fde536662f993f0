"""Text as instants, in SQL: int64 microseconds since 1970-01-01T00:00Z."""

from __future__ import annotations

from collections.abc import Mapping

DAY = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
CLOCK = "[ T][0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]{1,9})?)?"
OFFSET = " ?(Z|[+-][0-9]{2}(:?[0-9]{2})?)"

DATE_TIME = "%Y-%m-%dT%H:%M:%S"
UNSPACED = {
    10: "%Y-%m-%d",
    16: "%Y-%m-%dT%H:%M",
    19: DATE_TIME,
    20: DATE_TIME + "Z",
    23: DATE_TIME + ".%g",
    24: DATE_TIME + ".%gZ",
    25: DATE_TIME + "+00:00",
    26: DATE_TIME + ".%f",
    27: DATE_TIME + ".%fZ",
}
"""Formats that cost a fifth of the patterns, by length. No part can be short of a digit in a text of full length without a blank."""

SPACED = {
    16: "%Y-%m-%d %H:%M",
    19: "%Y-%m-%d %H:%M:%S",
    22: "%Y-%m-%d %H:%M:%S+00",
    23: "%Y-%m-%d %H:%M:%S.%g",
    26: "%Y-%m-%d %H:%M:%S.%f",
}
"""The same with exactly one blank."""

IN_UTC = ("Z", "+00", "+00:00")


def instant(text: str) -> str:
    """SQL for the instant that the SQL text `text` names; null where it names none.

    `2026-03-29`, `2026-03-29 08:30`, `2026-03-29T08:30:15.250` are local (`to_utc` of the session; a day is its midnight);
    with `Z`, `+02`, `+0200` or `+02:00` they are what they say. Digits below the microsecond are cut off.
    """
    # The outer CASE keeps DuckDB from working out what the patterns share for every row beforehand.
    return f"CASE WHEN {text} IS NOT NULL THEN coalesce({_of_usual_form(text)}, {of_any_form(text)}) END"


def of_any_form(text: str) -> str:
    """The same for every form at several times the cost: what `instant` is, whatever it asks first."""
    trimmed = f"upper(trim({text}))"
    local = f"to_utc(epoch_us(TRY_CAST({trimmed} AS TIMESTAMP)))"
    joined = f"regexp_replace({trimmed}, ' (Z|[+-][0-9:]+)$', '\\1')"
    exact = f"epoch_us(TRY_CAST({joined} AS TIMESTAMPTZ))"
    return (
        f"CASE WHEN regexp_full_match({trimmed}, '{DAY}({CLOCK})?') THEN {local} "
        f"WHEN regexp_full_match({trimmed}, '{DAY}{CLOCK}{OFFSET}') THEN {exact} END"
    )


def _of_usual_form(text: str) -> str:
    """SQL for the instant of a text in one of the formats above; null for any other text."""
    other_blanks = " OR ".join(f"contains({text}, chr({code}))" for code in range(9, 14))  # a parser of formats passes over them
    one_blank = f"strlen(replace({text}, ' ', '')) = strlen({text}) - 1"
    return (
        f"CASE WHEN {other_blanks} THEN NULL WHEN NOT contains({text}, ' ') THEN {_by_length(text, UNSPACED)} "
        f"WHEN {one_blank} THEN {_by_length(text, SPACED)} END"
    )


def _by_length(text: str, formats: Mapping[int, str]) -> str:
    return f"CASE strlen({text}) {' '.join(_when(text, length, each) for length, each in formats.items())} END"


def _when(text: str, length: int, form: str) -> str:
    micros = f"epoch_us(try_strptime({text}, '{form}'))"
    return f"WHEN {length} THEN {micros if form.endswith(IN_UTC) else f'to_utc({micros})'}"
