"""Text as instants, in SQL: int64 microseconds since 1970-01-01T00:00Z."""

from __future__ import annotations

DAY = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
CLOCK = "[ T][0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]{1,9})?)?"
OFFSET = " ?(Z|[+-][0-9]{2}(:?[0-9]{2})?)"


def instant(text: str) -> str:
    """SQL for the instant that the SQL text `text` names; null where it names none.

    `2026-03-29`, `2026-03-29 08:30`, `2026-03-29T08:30:15.250` are local (`to_utc` of the session; a day is its midnight);
    with `Z`, `+02`, `+0200` or `+02:00` they are what they say. Digits below the microsecond are cut off.
    """
    trimmed = f"upper(trim({text}))"
    local = f"to_utc(epoch_us(TRY_CAST({trimmed} AS TIMESTAMP)))"
    joined = f"regexp_replace({trimmed}, ' (Z|[+-][0-9:]+)$', '\\1')"
    exact = f"epoch_us(TRY_CAST({joined} AS TIMESTAMPTZ))"
    return (
        f"CASE WHEN regexp_full_match({trimmed}, '{DAY}({CLOCK})?') THEN {local} "
        f"WHEN regexp_full_match({trimmed}, '{DAY}{CLOCK}{OFFSET}') THEN {exact} END"
    )
