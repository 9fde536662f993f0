"""What must be true of a day, as code: from the event contract, the targets and the thresholds of the configuration."""

from __future__ import annotations

from collections.abc import Iterator

from features.contract import EARLIEST, EVENTS, LATEST, LONGEST, VALUE_RANGE
from features.target import ANY
from pipeline.config import Config
from pipeline.errors import ConfigError
from pipeline.source.mapping_sql import literal, quoted
from pipeline.validation.requirement import REPEATED, SHARE, Requirement

ACCEPTED = "accepted_rows"
QUARANTINED = "quarantined_share"
VOLUME = "times_the_usual_volume"
AGE = "hours_since_the_newest_event"

END = "end_of_events"
"""Variable of the measures: the first instant too late for an event, in microseconds."""


def requirements(config: Config) -> list[Requirement]:
    """The gate of any day. The measures read the variable `END`.

    Raises ConfigError if `validation.max_null_share` names a column that events do not have.
    """
    return [*_counts(config), *_contract(config), *_null_shares(config), *_history(config)]


def recent(event_type: str) -> str:
    """The fact that counts a target's event type over the last days."""
    return f"recent_{event_type}"


def wanted_types(config: Config) -> list[str]:
    """The event types that the targets ask about, each once; `features.target.ANY` for any."""
    return list(dict.fromkeys(target.event_type for target in config.targets.values()))


def _counts(config: Config) -> Iterator[Requirement]:
    limits = config.validation
    yield Requirement(
        ACCEPTED,
        f"accepted rows: at least {limits.min_rows:,} (validation.min_rows)",
        "count(*)",
        least=limits.min_rows,
        shown="{:,.0f}",
    )
    yield Requirement(
        QUARANTINED,
        f"at most {100 * limits.max_quarantined_share:g}% of the rows quarantined (validation.max_quarantined_share)",
        most=limits.max_quarantined_share,
        shown=SHARE,
    )


def _contract(config: Config) -> Iterator[Requirement]:
    """One requirement for each column that is never null or has a range, and one for the identity."""
    ranges = _ranges(config)
    for field in EVENTS:
        broken, words = ranges.get(field.name, ("", ""))
        conditions = [*([] if field.nullable else [f"{field.name} IS NULL"]), *([broken] if broken else [])]
        allowed = " and ".join([*([] if field.nullable else ["never null"]), *([words] if words else [])])
        if conditions:
            yield Requirement(
                f"wrong_{field.name}", f"{field.name} is {allowed}", f"count(*) FILTER (WHERE {' OR '.join(conditions)})", most=0
            )
    # an event_id may have grown by the number of its repeat
    texts = {name: most for name, most in LONGEST.items() if name != "event_id"}
    too_long = " OR ".join(f"length({name}) > {most}" for name, most in texts.items())
    words = ", ".join(f"{name} {most:,}" for name, most in texts.items())
    yield Requirement("long_texts", f"no text has more characters than {words}", f"count(*) FILTER (WHERE {too_long})", most=0)
    yield Requirement(
        REPEATED, "no two events have the same user_id and event_id", "count(*) - count(DISTINCT hash(user_id, event_id))", most=0
    )


def _ranges(config: Config) -> dict[str, tuple[str, str]]:
    """For each column that has one: SQL that is true outside its range, and the range in words."""
    types, last = config.source.event_types, config.lake.buckets - 1
    return {
        "event_time": (
            f"epoch_us(event_time) < {EARLIEST.micros} OR epoch_us(event_time) >= getvariable('{END}')",
            f"from {EARLIEST} to before the end of the day and its tolerance (validation.future_tolerance_hours)",
        ),
        "available_at": (
            f"available_at < event_time OR epoch_us(available_at) >= {LATEST.micros}",
            f"from event_time to before {LATEST}",
        ),
        "event_type": (f"event_type NOT IN ({', '.join(map(literal, types))})", f"one of {', '.join(types)}"),
        "value": (f"value NOT BETWEEN {VALUE_RANGE[0]} AND {VALUE_RANGE[1]}", f"from {VALUE_RANGE[0]:,} to {VALUE_RANGE[1]:,}"),
        "bucket": (f"bucket NOT BETWEEN 0 AND {last}", f"from 0 to {last} (lake.buckets)"),
    }


def _null_shares(config: Config) -> Iterator[Requirement]:
    for column, share in config.validation.max_null_share.items():
        if column not in EVENTS.names:
            raise ConfigError(
                f"validation.max_null_share names {column!r}, which events do not have", mend=f"they have {', '.join(EVENTS.names)}"
            )
        yield Requirement(
            f"null_share_of_{column}",
            f"{column} is null in at most {100 * share:g}% of the rows (validation.max_null_share)",
            f"1 - count({quoted(column)}) / count(*)",
            most=share,
            shown=SHARE,
        )


def _history(config: Config) -> Iterator[Requirement]:
    limits = config.validation
    least, most = limits.volume_band
    usual = f"the median of the last {limits.volume_weeks} same weekdays"
    yield Requirement(
        VOLUME,
        f"accepted rows from {least:g} to {most:g} times {usual} (validation.volume_band)",
        least=least,
        most=most,
        shown="{:,.2f} times",
    )
    for event_type in wanted_types(config) if limits.present_within_days else []:
        counted = "count(*)" if event_type == ANY else f"count(*) FILTER (WHERE event_type = {literal(event_type)})"
        name = "event" if event_type == ANY else event_type
        within = f"in {limits.present_within_days} days, this one included (validation.present_within_days)"
        yield Requirement(recent(event_type), f"at least one {name} {within}", counted, least=1, shown="{:,.0f}")
    if limits.max_age_hours:
        yield Requirement(
            AGE,
            f"the newest event is at most {limits.max_age_hours} hours older than the end of the day (validation.max_age_hours)",
            "max(epoch_us(event_time))",
            most=limits.max_age_hours,
            shown="{:,.1f} hours",
        )
