"""What is predicted: one question about each eligible user, with its windows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from features.cutoff import Cutoff

ANY = "any"
ANY_CODE = -1

Kind = Literal["occurs", "absent", "sum", "next_item"]
MODELLED_KINDS = ("occurs", "absent", "sum")
"""Kinds whose labels a model learns; those of `next_item` are built for who reads the lake."""


@dataclass(frozen=True)
class Target:
    """One target.

    kind: `occurs` – an event of `event_type` falls in the prediction window; `absent` – none does; `sum` – the window's total value;
    `next_item` – the item of the first event in the window that has one.
    event_type: one of the source's event types, or `any`.
    The prediction window is [cutoff + gap, cutoff + gap + horizon), in days of 24 h.
    Eligible users have an event of `eligible_event_type` in [cutoff − eligible_within_days, cutoff); 0 days: ever before.
    unit: what the value of a `sum` target is counted in, such as GBP; only shown, empty where nobody has said.
    """

    name: str
    kind: Kind
    event_type: str
    horizon_days: int
    gap_days: int = 0
    eligible_event_type: str = ANY
    eligible_within_days: int = 0
    unit: str = ""

    @property
    def question(self) -> dict[str, Any]:
        """All that decides who is asked and what the label is; the unit does not."""
        return {name: value for name, value in asdict(self).items() if name != "unit"}

    @property
    def reach_days(self) -> int:
        """Days from a cutoff until its label is known."""
        return self.gap_days + self.horizon_days

    def window(self, cutoff: Cutoff) -> tuple[Cutoff, Cutoff]:
        """Start (inclusive) and end (exclusive) of the prediction window."""
        return cutoff.plus_days(self.gap_days), cutoff.plus_days(self.reach_days)

    def matured(self, cutoff: Cutoff, as_of: Cutoff) -> bool:
        """Whether the prediction window of `cutoff` has closed by `as_of`."""
        return self.window(cutoff)[1] <= as_of


def type_code(event_type: str, event_types: Sequence[str]) -> int:
    """The position of an event type, −1 for `any`. Raises ValueError for a type outside `event_types`."""
    if event_type == ANY:
        return ANY_CODE
    if event_type not in event_types:
        raise ValueError(f"Event type '{event_type}' is not one of {', '.join(event_types)}")
    return event_types.index(event_type)
