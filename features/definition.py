"""What a shop asks of the feature families: which event types, windows and families, and what each family needs to know."""

from __future__ import annotations

from dataclasses import dataclass

FAMILIES = (
    "recency",
    "frequency",
    "monetary",
    "diversity",
    "funnel",
    "sessions",
    "gaps",
    "trend",
    "calendar",
    "affinity",
    "lifetime",
)
"""Names of all families, in the order of the matrix."""


@dataclass(frozen=True)
class Definition:
    """The parameters of a feature set that a person chooses.

    event_types      as in `source.event_types`; their order matters, the funnel follows it
    windows          days, ascending, distinct, none longer than `lookback_days`
    families         some of `FAMILIES`, in that order
    session_minutes  0: sessions are the given ids; else a session ends with a pause longer than this
    categories       those whose share in a user's events is a feature
    repeat_event     the event type whose repetition is expected (BG/NBD); empty: none
    """

    event_types: tuple[str, ...]
    windows: tuple[int, ...]
    lookback_days: int
    families: tuple[str, ...] = FAMILIES
    session_minutes: int = 0
    categories: tuple[str, ...] = ()
    repeat_event: str = ""
    repeat_days: int = 30

    def __post_init__(self) -> None:
        if self.windows[-1] > self.lookback_days:
            raise ValueError(f"The window of {self.windows[-1]} days is longer than the lookback of {self.lookback_days} days")
        if self.repeat_event and self.repeat_event not in self.event_types:
            raise ValueError(f"Event type '{self.repeat_event}' is not one of {', '.join(self.event_types)}")
