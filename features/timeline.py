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
import pyarrow as pa
import pyarrow.compute as pc
from numba import njit

from features.contract import TIMESTAMP
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

    def of_users(self, first: int, last: int) -> Timeline:
        """The users at positions [first, last) with their events: views of the same arrays."""
        begin, end = self.offsets[first], self.offsets[last]
        chosen = {name: getattr(self, name)[begin:end] for name in EVENT_ARRAYS}
        return replace(self, user_ids=self.user_ids[first:last], offsets=self.offsets[first : last + 1] - begin, **chosen)

    def per_user(self, flags: Flags) -> Ints:
        """(U,) how many of each user's events have their flag set."""
        return np.diff(running_total(flags)[self.offsets])


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
    return from_sorted(events.sort_by([(name, "ascending") for name in SORT_KEY]), event_types)


def from_sorted(events: pa.Table, event_types: Sequence[str]) -> Timeline:
    """A timeline from events that are in the order of `SORT_KEY` already; `event_id` is not needed.

    Texts may be dictionaries, as Parquet holds them, which may name more than occurs: they are not spelled out row by row, and
    `items` and `categories` are in no particular order. The arrays are copies; nothing of `events` is held.
    Raises ValueError for rows in another order and for an event type outside `event_types`.
    """
    owner, users = _coded(events["user_id"])
    event_time, available_at = _micros(events["event_time"]), _micros(events["available_at"])
    firsts, misplaced = _runs(owner, event_time, available_at)
    user_ids = users.take(pa.array(owner[firsts]))
    _check_order(user_ids, misplaced)
    item, items = _coded(events["item_id"])
    category, categories = _coded(events["category"])
    return Timeline(
        user_ids=user_ids.to_numpy(zero_copy_only=False),
        offsets=np.append(firsts, len(owner)).astype(np.int64),
        event_time=event_time,
        available_at=available_at,
        event_type=_type_codes(events["event_type"], event_types),
        item=item,
        category=category,
        session=_coded(events["session_id"])[0],
        value=np.array(pc.fill_null(events["value"], 0).to_numpy()),
        has_value=np.array(pc.is_valid(events["value"]).to_numpy()),
        event_types=tuple(event_types),
        items=items.to_numpy(zero_copy_only=False),
        categories=categories.to_numpy(zero_copy_only=False),
    )


def _coded(texts: pa.ChunkedArray) -> tuple[Codes, pa.Array]:
    """(N,) the position of each text among the distinct ones, −1 for null, and those texts."""
    known = texts if pa.types.is_dictionary(texts.type) else texts.dictionary_encode()
    pieces = known.unify_dictionaries().chunks
    if not pieces:
        return np.empty(0, dtype=np.int32), pa.array([], pa.string())
    codes = [piece.indices.fill_null(NULL_CODE).to_numpy(zero_copy_only=False) for piece in pieces]
    return np.concatenate(codes, dtype=np.int32), pieces[0].dictionary


def _type_codes(texts: pa.ChunkedArray, event_types: Sequence[str]) -> Codes:
    codes, found = _coded(texts)
    place = {name: code for code, name in enumerate(event_types)}
    known = np.array([place.get(name, NULL_CODE) for name in found.to_pylist()], dtype=np.int32)
    placed: Codes = known.take(codes) if len(codes) else codes
    if (placed == NULL_CODE).any():
        unknown = sorted(found[int(code)].as_py() for code in np.unique(codes[placed == NULL_CODE]))
        raise ValueError(f"Event types {', '.join(unknown)} are not among {', '.join(event_types)}")
    return placed


def _micros(times: pa.ChunkedArray) -> Ints:
    return np.array(times.cast(TIMESTAMP).cast(pa.int64()).to_numpy())


@njit(cache=True, nogil=True)
def _runs(owner: Codes, event_time: Ints, available_at: Ints) -> tuple[Ints, int]:
    """Where each user's rows begin, and the first row that is earlier than the row of the same user before it (−1: none)."""
    count, misplaced = min(len(owner), 1), -1
    for row in range(1, len(owner)):
        if owner[row] != owner[row - 1]:
            count += 1
        elif misplaced < 0 and (event_time[row], available_at[row]) < (event_time[row - 1], available_at[row - 1]):
            misplaced = row
    firsts, place = np.zeros(count, dtype=np.int64), min(len(owner), 1)
    for row in range(1, len(owner)):
        if owner[row] != owner[row - 1]:
            firsts[place] = row
            place += 1
    return firsts, misplaced


def _check_order(user_ids: pa.Array, misplaced: int) -> None:
    if misplaced >= 0:
        raise ValueError(f"Row {misplaced} is earlier than the row before it; wanted: {', '.join(SORT_KEY)}")
    if not pc.all(pc.less(user_ids[:-1], user_ids[1:]), min_count=0).as_py():
        raise ValueError(f"Users are not in order, or come in several runs; wanted: {', '.join(SORT_KEY)}")
