"""One bucket's events as flat arrays: sorted by user, then time, with the users' offsets.

user_ids    [ "a"      | "b" | "c"        ]      U users, sorted
offsets     [ 0          3     4          6 ]    U + 1 positions: user u owns [offsets[u], offsets[u+1])
event_time  [ 3  7  9  | 5   | 1  8      ]       N events, non-decreasing within a user
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from features.cutoff import Cutoff

Ints = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int32]
Flags = npt.NDArray[np.bool_]

NULL_CODE = -1

SORT_KEY = ("user_id", "event_time", "available_at", "event_id")


@dataclass(frozen=True)
class Timeline:
    """Events of U users as arrays of length N; see the module's picture.

    event_time, available_at  int64 microseconds since 1970-01-01T00:00Z
    event_type                int32, position in `event_types`
    item, category            int32, position in `items` and `categories`; −1 where null
    session                   int32, equal for events of one given session, −1 where null
    value                     int64 ten-thousandths of the source's unit; 0 where `has_value` is False
    """

    user_ids: npt.NDArray[np.object_]
    offsets: Ints
    event_time: Ints
    available_at: Ints
    event_type: Codes
    item: Codes
    category: Codes
    session: Codes
    value: Ints
    has_value: Flags
    event_types: tuple[str, ...]
    items: npt.NDArray[np.object_]
    categories: npt.NDArray[np.object_]

    @property
    def users(self) -> int:
        """U, the number of users."""
        return len(self.user_ids)

    @property
    def owner(self) -> Ints:
        """(N,) the user position of each event."""
        return np.repeat(np.arange(self.users, dtype=np.int64), np.diff(self.offsets))

    def of_type(self, event_type: str) -> Flags:
        """(N,) whether the event is of this type; `any` means all. Raises ValueError for a type outside `event_types`."""
        if event_type == "any":
            return np.ones(len(self.event_time), dtype=bool)
        if event_type not in self.event_types:
            raise ValueError(f"Event type '{event_type}' is not one of {', '.join(self.event_types)}")
        flags: Flags = self.event_type == self.event_types.index(event_type)
        return flags

    def as_of(self, cutoff: Cutoff) -> Timeline:
        """The same users with only what was known: `event_time < cutoff` and `available_at <= cutoff`.

        Users with nothing visible stay, with an empty range. All features read a timeline that went through here, so no
        family can see past a cutoff.
        """
        return self.where((self.event_time < cutoff.micros) & (self.available_at <= cutoff.micros))

    def where(self, keep: Flags) -> Timeline:
        """The same users with only the events where `keep` (N,) is True."""
        kept = {name: getattr(self, name)[keep] for name in EVENT_ARRAYS}
        return replace(self, offsets=running_total(keep)[self.offsets], **kept)

    def per_user(self, flags: Flags) -> Ints:
        """(U,) how many of each user's events have their flag set."""
        return np.diff(running_total(flags)[self.offsets])

    def sums(self, amounts: Ints) -> Ints:
        """(U,) each user's sum of an integer array (N,): exact, so no neighbour can change a bit."""
        return np.diff(running_total(amounts)[self.offsets])


EVENT_ARRAYS = tuple(
    field.name for field in fields(Timeline) if field.name not in {"user_ids", "offsets", "event_types", "items", "categories"}
)


def running_total(values: npt.NDArray[np.bool_] | Ints) -> Ints:
    """(N + 1,) exclusive prefix sums: `running_total(x)[j] - running_total(x)[i]` is the sum of x[i:j]."""
    total = np.zeros(len(values) + 1, dtype=np.int64)
    np.cumsum(values, dtype=np.int64, out=total[1:])
    return total


def from_events(events: pa.Table, event_types: Sequence[str]) -> Timeline:
    """A timeline from events (`features.contract.EVENTS`) in any row order.

    Ties in time are broken by `available_at`, then `event_id`, so the order of the rows does not matter.
    Raises ValueError for an event type outside `event_types`.
    """
    frame = pl.DataFrame(events).sort(SORT_KEY)
    unknown = set(frame["event_type"].unique()) - set(event_types)
    if unknown:
        raise ValueError(f"Event types {', '.join(sorted(unknown))} are not among {', '.join(event_types)}")
    starts = frame["user_id"].rle_id().to_numpy() if len(frame) else np.zeros(0, dtype=np.int64)
    firsts = np.flatnonzero(np.diff(starts, prepend=-1))
    items, categories = _codes(frame["item_id"]), _codes(frame["category"])
    return Timeline(
        user_ids=frame["user_id"].gather(firsts).to_numpy().astype(object),
        offsets=np.append(firsts, len(frame)).astype(np.int64),
        event_time=_micros(frame["event_time"]),
        available_at=_micros(frame["available_at"]),
        event_type=frame["event_type"]
        .replace_strict(dict(zip(event_types, range(len(event_types)), strict=True)), return_dtype=pl.Int32)
        .to_numpy(),
        item=items[0],
        category=categories[0],
        session=_codes(frame["session_id"])[0],
        value=frame["value"].fill_null(0).to_numpy(),
        has_value=frame["value"].is_not_null().to_numpy(),
        event_types=tuple(event_types),
        items=items[1],
        categories=categories[1],
    )


def _micros(times: pl.Series) -> Ints:
    return times.dt.epoch("us").to_numpy().astype(np.int64)


def _codes(values: pl.Series) -> tuple[Codes, npt.NDArray[np.object_]]:
    """Positions in the sorted distinct values, −1 for null, and those values."""
    distinct = values.drop_nulls().unique().sort()
    codes = values.replace_strict(distinct, pl.Series(np.arange(len(distinct), dtype=np.int32)), default=None, return_dtype=pl.Int32)
    return codes.fill_null(NULL_CODE).to_numpy(), distinct.to_numpy().astype(object)
