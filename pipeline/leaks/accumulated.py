"""Values that went on growing after their events: totals of the day of the export, such as views, votes or a reputation."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl

from features.timeline import Ints
from models.classifier import Floats
from models.leaks import Area
from pipeline.leaks.report import Finding

ERRORS = 3.3
"""Standard errors that chance may explain."""

LEAST_EVENTS = 100
"""With fewer values nothing can be said."""


def check_values(events: pl.DataFrame, limit: float, seed: int) -> Iterator[Finding]:
    """One finding per event type with values: what older events have more of has had more time to grow.

    events has user_id, event_time, event_type and value. An honest value is fixed when its event happens, and does not know how long
    ago that will once have been.
    """
    valued = events.filter(pl.col("value").is_not_null())
    users, times = _numbers(events["user_id"]), events["event_time"].dt.epoch("us").to_numpy()
    for (event_type,), group in valued.sort("event_type").group_by("event_type", maintain_order=True):
        if len(group) < LEAST_EVENTS:
            continue
        age = -group["event_time"].dt.epoch("us").to_numpy()
        found = rank_correlation(group["value"].to_numpy(), age, _numbers(group["user_id"]))
        said = f"the older the event the greater its value: rank correlation {found.value:.3f} ± {ERRORS * found.error:.3f}"
        passed = found.lower(ERRORS) <= limit
        yield Finding("accumulated", f"value of {event_type}", found.value, f"lower end ≤ {limit}", passed, said)
    if len(events) >= LEAST_EVENTS:
        grown = (times.max() - times) * np.random.default_rng(seed).uniform(0.5, 1.5, len(times))
        found = rank_correlation(grown, -times, users)
        said = f"a total that grows from the event on has a rank correlation of {found.value:.3f} with the event's age"
        seen = found.lower(ERRORS) > limit
        yield Finding("planted", "a value that went on growing", found.value, f"lower end > {limit}", seen, said)


def rank_correlation(values: Floats | Ints, other: Floats | Ints, users: Ints) -> Area:
    """Spearman's rank correlation of two (n,) arrays, and each user's part in its error; users (n,) numbers 0 … U − 1.

    0 if one of them is constant. The influence of a row is that of the correlation of ranks (Devlin, Gnanadesikan & Kettenring 1975).
    """
    ranks = [pl.Series(each).rank().to_numpy() for each in (values, other)]
    spread = [rank.std() for rank in ranks]
    if not min(spread) > 0:
        return Area(0.0, np.zeros(len(users)))
    one, two = ((rank - rank.mean()) / width for rank, width in zip(ranks, spread, strict=True))
    value = float((one * two).mean())
    influence = (one * two - value * (one**2 + two**2) / 2) / len(one)
    return Area(value, np.bincount(users, weights=influence).astype(np.float64))


def _numbers(users: pl.Series) -> Ints:
    numbers: Ints = (users.rank("dense") - 1).cast(pl.Int64).to_numpy()
    return numbers
