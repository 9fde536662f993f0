"""How events reach the shop's files: in daily batches, some late, some twice, and a few rows broken."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime

import numpy as np
import polars as pl

from pipeline.simulator.browsing import DAY_SECONDS, NO_SESSION_ID, Activity
from pipeline.simulator.world import CANCEL, CATEGORIES, EVENT_TYPES, ITEMS_PER_CATEGORY, Flags, Ints, World

TIME_FORMAT = "%Y-%m-%dT%H:%M:%SZ"
ITEMS = tuple(f"{category}-{rank:02d}" for category in CATEGORIES for rank in range(1, ITEMS_PER_CATEGORY + 1))
COUNTRIES = ("Arland", "Arland", "Arland", "Arland", "Arland", "Berania", "Berania", "Berania", "Cosmar", "Cosmar")
"""Where users live, by the last digit of their number: users are drawn independently of it, so that no country differs from another."""

BROKEN = (("user_id", None), ("event_time", "31/02 at noon"), ("event_type", "teleport"))
"""What is wrong with a broken row: no user, no readable time, an event type that no shop has."""


@dataclass(frozen=True)
class Batches:
    """All delivered rows as text columns, by batch, then time; day d's batch is rows [ends[d − 1], ends[d]).

    The counts are of real events (each once), users with one, second deliveries, late events, and broken rows.
    """

    rows: pl.DataFrame
    ends: Ints
    events: int
    users: int
    duplicates: int
    late: int
    broken: int


def deliver(world: World, activity: Activity, first: date, days: int, rng: np.random.Generator) -> Batches:
    """The batches of `days` days; what would arrive after the last one is left out.

    A duplicate is the same row once more, unchanged, in the same or the next batch. Broken rows are added to the real ones.
    """
    events = activity.events
    real = np.flatnonzero(events.arrived < days)
    real = real[np.lexsort((events.second[real], events.arrived[real]))]
    again = real[rng.random(len(real)) < world.duplicated]
    next_day = events.arrived[again] + rng.integers(0, 2, len(again))
    again, next_day = again[next_day < days], next_day[next_day < days]
    spoilt = rng.choice(real, size=round(world.broken * len(real)), replace=False)
    source = np.concatenate([real, again, spoilt])
    batch = np.concatenate([events.arrived[real], next_day, events.arrived[spoilt]])
    order = np.lexsort((source, events.second[source], batch))
    rows = _as_rows(activity, first, real, source, spoilt)[order]
    late = int((events.arrived[real] > events.second[real] // DAY_SECONDS).sum())
    ends = np.searchsorted(batch[order], np.arange(days), side="right")
    return Batches(rows, ends, len(real), len(np.unique(events.user[real])), len(again), late, len(spoilt))


def user_ids(count: int) -> pl.Series:
    """`u000000`, `u000001`, …: users are drawn independently of their number, so ids carry no information."""
    return _numbered("u", np.arange(count), 6)


def instant(first: date, day: int) -> datetime:
    """Midnight, UTC, at the start of the `day`-th day after `first`."""
    midnight = datetime(first.year, first.month, first.day, tzinfo=UTC)
    return datetime.fromtimestamp(midnight.timestamp() + day * DAY_SECONDS, tz=UTC)


def _as_rows(activity: Activity, first: date, real: Ints, source: Ints, spoilt: Ints) -> pl.DataFrame:
    events = activity.events
    number = np.zeros(len(events.user), dtype=np.int64)
    number[real] = np.arange(len(real))
    kind, item, session = events.kind[source], events.item[source], _in_order_of_delivery(events.session[real])[events.session[source]]
    start = instant(first, 0)
    frame = pl.DataFrame(
        {
            "event_id": _numbered("e", number[events.undoes[source]], 9) + _choice(("", "-undone"), kind == CANCEL),
            "user_id": _numbered("u", events.user[source], 6),
            "event_time": _times(start, events.second[source]),
            "available_at": _times(start, (events.arrived[source] + 1) * DAY_SECONDS),
            "event_type": _choice(EVENT_TYPES, kind),
            "item_id": _choice(ITEMS, item),
            "category": _choice(CATEGORIES, item // ITEMS_PER_CATEGORY),
            "value": pl.Series(events.cents[source] / 100),
            "session_id": _numbered("s", session, 8),
            "segment": _choice(COUNTRIES, events.user[source] % len(COUNTRIES)),
        }
    )
    return _break(
        frame.with_columns(
            value=pl.when(pl.col("value") != 0).then(pl.col("value")),
            session_id=pl.when(pl.Series(session != NO_SESSION_ID)).then(pl.col("session_id")),
        ),
        len(spoilt),
    )


def _in_order_of_delivery(session: Ints) -> Ints:
    """New numbers of the sessions that `session` names, by first mention; −1 for the rest, and for NO_SESSION_ID.

    Numbers by day would show, as a gap, that somebody's session is still under way.
    """
    mentioned, first = np.unique(session[session != NO_SESSION_ID], return_index=True)
    numbers = np.full(session.max(initial=NO_SESSION_ID) + 2, NO_SESSION_ID)
    numbers[mentioned[np.argsort(first)]] = np.arange(len(mentioned))
    return numbers


def _break(frame: pl.DataFrame, count: int) -> pl.DataFrame:
    """The frame with its last `count` rows spoilt, each in one of the ways of `BROKEN`, under ids of their own."""
    sound, spoilt = frame[: len(frame) - count], frame[len(frame) - count :].with_row_index("way")
    spoilt = spoilt.with_columns(event_id=pl.format("x{}", pl.col("way")))
    for way, (name, value) in enumerate(BROKEN):
        chosen = pl.col("way") % len(BROKEN) == way
        spoilt = spoilt.with_columns(pl.when(chosen).then(pl.lit(value, pl.String)).otherwise(pl.col(name)).alias(name))
    return pl.concat([sound, spoilt.drop("way")])


def _numbered(letter: str, numbers: Ints, width: int) -> pl.Series:
    return pl.Series(numbers).cast(pl.String).str.zfill(width).str.replace("^", letter)


def _choice(names: tuple[str, ...], codes: Ints | Flags) -> pl.Series:
    return pl.Series(names, dtype=pl.String).gather(pl.Series(codes.astype(np.int64)))


def _times(start: datetime, seconds: Ints) -> pl.Series:
    micros = pl.Series((seconds + int(start.timestamp())) * 1_000_000)
    return micros.cast(pl.Datetime("us")).dt.strftime(TIME_FORMAT)
