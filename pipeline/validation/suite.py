"""What must be true of a day's events, written from the contract and the configuration."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from features.contract import EVENTS
from features.cutoff import Cutoff
from pipeline.config import Config
from pipeline.errors import ConfigError
from pipeline.source.rules import EARLIEST

SHARE = "quarantined_share"
"""Column of the staged events that holds the day's share of quarantined rows, the same in every row."""


END = "end"
"""Name of the parameter that holds the first instant too late for the day's events."""


@dataclass(frozen=True)
class Requirement:
    """One expectation by its Great Expectations name, and the words that tell a person what it allows."""

    expectation: str
    arguments: dict[str, Any]
    allowed: str


def requirements(config: Config) -> list[Requirement]:
    """The gate of any day; its last permitted instant is given as the parameter `END` when the suite runs. Instants are naive UTC.

    Raises ConfigError if `validation.max_null_share` names a column that events do not have.
    """
    return list(_requirements(config))


def _requirements(config: Config) -> Iterator[Requirement]:
    limits, types = config.validation, config.source.event_types
    yield Requirement(
        "ExpectTableRowCountToBeBetween",
        {"min_value": limits.min_rows},
        f"at least {limits.min_rows:,} accepted rows (validation.min_rows)",
    )
    yield Requirement(
        "ExpectColumnMaxToBeBetween",
        {"column": SHARE, "max_value": limits.max_quarantined_share},
        f"a quarantined share of at most {limits.max_quarantined_share} (validation.max_quarantined_share)",
    )
    for column in ("event_id", "user_id", "event_time", "event_type"):
        yield Requirement("ExpectColumnValuesToNotBeNull", {"column": column}, f"no null {column}")
    yield Requirement(
        "ExpectColumnValuesToBeInSet", {"column": "event_type", "value_set": list(types)}, f"event_type one of {', '.join(types)}"
    )
    yield Requirement(
        "ExpectColumnValuesToBeBetween",
        {"column": "event_time", "min_value": naive(EARLIEST), "max_value": {"$PARAMETER": END}, "strict_max": True},
        f"event_time from {EARLIEST} to before the end of the day and its tolerance (validation.future_tolerance_hours)",
    )
    yield Requirement("ExpectColumnValuesToBeUnique", {"column": "event_id"}, "unique event_id")
    for column, share in limits.max_null_share.items():
        if column not in EVENTS.names:
            raise ConfigError(
                f"validation.max_null_share names {column!r}, which events do not have", mend=f"they have {', '.join(EVENTS.names)}"
            )
        yield Requirement(
            "ExpectColumnValuesToNotBeNull",
            {"column": column, "mostly": 1 - share},
            f"{column} null in at most {share:.0%} of the rows (validation.max_null_share)",
        )


def naive(cutoff: Cutoff) -> datetime:
    """The instant in UTC without saying so, as in the staged file."""
    return cutoff.instant.replace(tzinfo=None)
