"""What a shop asks of the feature families: which event types, windows and families, and what each family needs to know."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

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
    """The parameters of a feature set that a person chooses. Raises ValueError for any that break these rules.

    event_types      as in `source.event_types`, distinct; their order matters, the funnel follows it
    windows          days, ascending, distinct, none longer than `lookback_days`
    families         some of `FAMILIES`, in that order
    session_minutes  0: sessions are the given ids; else a session ends with a pause longer than this
    categories       those whose share in a user's events is a feature; distinct in the names of features, too (`slug`)
    repeat_event     the event type whose repetition is expected (BG/NBD); empty: none
    repeat_days      over how many days after the cutoff it is expected
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
        if not self.event_types or len(set(self.event_types)) < len(self.event_types):
            raise ValueError(f"Event types are one or more distinct names, got {_listed(self.event_types)}")
        if self.families != tuple(name for name in FAMILIES if name in self.families) or not self.families:
            raise ValueError(f"Families are one or more of {_listed(FAMILIES)}, in that order, got {_listed(self.families)}")
        if self.session_minutes < 0:
            raise ValueError(f"A session ends with a pause of some minutes, or 0 for given ids; got {self.session_minutes}")
        if self.repeat_event and self.repeat_event not in self.event_types:
            raise ValueError(f"Repeat event '{self.repeat_event}' is not one of {_listed(self.event_types)}")
        if self.repeat_days < 1:
            raise ValueError(f"Repeats are expected over one or more days, got {self.repeat_days}")
        self._check_windows()
        self._check_categories()

    def _check_windows(self) -> None:
        if not self.windows or self.windows[0] < 1 or any(shorter >= longer for shorter, longer in pairwise(self.windows)):
            raise ValueError(f"Windows are one or more days, ascending and distinct, got {_listed(self.windows)}")
        if self.windows[-1] > self.lookback_days:
            raise ValueError(f"The window of {self.windows[-1]} days is longer than the lookback of {self.lookback_days} days")

    def _check_categories(self) -> None:
        named: dict[str, str] = {}
        for category in self.categories:
            name = slug(category)
            if name in named:
                raise ValueError(f"Categories '{named[name]}' and '{category}' would both be '{name}' in the names of features")
            named[name] = category


def slug(category: str) -> str:
    """A category in the name of a feature: lower case, `_` for everything but letters and digits of ASCII."""
    return re.sub(r"[^a-z0-9]", "_", category.lower())


def _listed(chosen: Iterable[object]) -> str:
    return ", ".join(map(str, chosen)) or "none"
