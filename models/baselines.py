"""Simple predictors that a model must beat: the share of outcomes alone, and one plain quantity of each user alone.

Each reads a few columns of the feature set at most, so its answers are as good as one rule that a person could follow by hand.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from math import isfinite
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from scipy.special import logit

from models.bg_nbd import BgNbd
from models.classifier import Batch, Classifier, Effects, Floats

BASELINE_FILE = "baseline.json"

STATISTICS = ("count", "span", "age")
"""What BG/NBD knows of a user, as the lifetime family calls it."""

SUREST = 1e-3
"""BG/NBD is never surer than this share away from a certainty: who was silent for years has log-odds of −7, not of −40."""


@dataclass(frozen=True)
class BaseRate:
    """The same log-odds for everybody, those of the share of outcome 1. It has no reasons to give."""

    kind: ClassVar[str] = "base_rate"
    log_odds: float

    def __post_init__(self) -> None:
        if not isfinite(self.log_odds):
            raise ValueError(f"The base rate's log-odds are a finite number, got {self.log_odds!r}")

    def raw(self, batch: Batch) -> Floats:
        """(n,) the log-odds."""
        return np.full(len(batch.rows), self.log_odds)

    def effects(self, batch: Batch) -> Effects:
        """Nothing moved anybody's probability."""
        return Effects((), np.empty((len(batch.rows), 0)), np.empty((len(batch.rows), 0)))

    def save(self, folder: Path) -> None:
        """Write `baseline.json`."""
        _write(self, folder)


@dataclass(frozen=True)
class Quantity(ABC):
    """What the baselines of one quantity share; each user has a position, and who is further up does the event more likely.

    reason     the quantity's name in reasons
    columns    names of the base columns that are read; `places` (k,) theirs in a matrix of `width` columns
    direction  1, or −1 where the outcome is that the event does not come
    base       log-odds of the base rate, those of a user at the position `typical`, the mean of the rows it was fitted on
    """

    kind: ClassVar[str]
    reason: str
    columns: tuple[str, ...]
    places: tuple[int, ...]
    width: int
    direction: int
    base: float
    typical: float

    def __post_init__(self) -> None:
        if len(self.columns) != len(self.places) or not self.columns or not all(0 <= place < self.width for place in self.places):
            raise ValueError(
                f"Columns {', '.join(self.columns) or 'none'} at places {self.places} are not columns of a matrix of {self.width}"
            )
        if self.direction not in (1, -1) or not (isfinite(self.base) and isfinite(self.typical)):
            raise ValueError(
                f"A baseline has direction 1 or -1 and finite base and typical, got {self.direction}, {self.base}, {self.typical}"
            )

    @abstractmethod
    def position(self, known: Floats) -> Floats:
        """(n,) finite, higher where the event is more likely, for (n, k) values of `columns`."""

    def quantity(self, known: Floats) -> Floats:
        """(n,) what a sentence shows, for (n, k) values of `columns`; NaN = undefined."""
        return known[:, 0]

    def raw(self, batch: Batch) -> Floats:
        """(n,) uncalibrated log-odds. Raises ValueError when the number of feature columns is not the model's."""
        return self.base + self._lead(self._read(batch))

    def effects(self, batch: Batch) -> Effects:
        """The quantity, and how far it moves `raw` from the base rate."""
        known = self._read(batch)
        return Effects((self.reason,), self._lead(known)[:, None], self.quantity(known)[:, None])

    def save(self, folder: Path) -> None:
        """Write `baseline.json`."""
        _write(self, folder)

    def _lead(self, known: Floats) -> Floats:
        return self.direction * (self.position(known) - self.typical)

    def _read(self, batch: Batch) -> Floats:
        X = batch.features
        if X.ndim != 2 or X.shape[1] != self.width:
            raise ValueError(f"The baseline reads a matrix of {self.width} feature columns, got an array of shape {X.shape}")
        return np.take(X, self.places, axis=1)


@dataclass(frozen=True)
class Recency(Quantity):
    """Days since the last event asked about (column 0), the fewer the better, on the scale of log(1 + days).

    Who has none within `lookback_days` stands below everybody who has; among them the days since any event (the last column) decide.
    """

    kind: ClassVar[str] = "recency"
    lookback_days: int

    def __post_init__(self) -> None:
        super().__post_init__()
        _require_days(self.lookback_days)

    def position(self, known: Floats) -> Floats:
        """(n,) −log(1 + days); without such an event −log(1 + lookback) less as much for any event."""
        longest = np.log1p(self.lookback_days)
        since, any_since = (np.log1p(np.ascontiguousarray(known[:, column])) for column in (0, -1))
        return -np.where(np.isnan(since), longest + np.where(np.isnan(any_since), longest, any_since), since)


@dataclass(frozen=True)
class ActiveDays(Quantity):
    """Days with such an event in the longest window, on the scale of log(1 + days)."""

    kind: ClassVar[str] = "active_days"

    def position(self, known: Floats) -> Floats:
        """(n,) log(1 + days); undefined counts as none."""
        return np.log1p(np.nan_to_num(np.ascontiguousarray(known[:, 0])))


@dataclass(frozen=True)
class Repetition(Quantity):
    """BG/NBD: the chance of at least one event within `days`, by how often and how recently a user repeated it.

    `columns` are x, t_x and T as the lifetime family counts them for one event type, or, where `of_any` is set, of events of any type:
    days active ever, days known and days since the last event.
    """

    kind: ClassVar[str] = "bg_nbd"
    population: BgNbd
    days: int
    of_any: bool
    lookback_days: int

    def __post_init__(self) -> None:
        super().__post_init__()
        _require_days(self.days, self.lookback_days)
        if len(self.columns) != len(STATISTICS):
            raise ValueError(f"BG/NBD reads {len(STATISTICS)} columns, got {', '.join(self.columns)}")

    def position(self, known: Floats) -> Floats:
        """(n,) log-odds of the chance, held within `SUREST` of a certainty; the lowest for who never had the event."""
        chance = np.nan_to_num(self.population.any_within(*self.repeats(known), self.days))
        odds: Floats = logit((chance + SUREST) / (1 + 2 * SUREST))
        return odds

    def quantity(self, known: Floats) -> Floats:
        """(n,) active days to be expected; NaN for who never had the event."""
        return self.population.expected(*self.repeats(known), self.days)

    def repeats(self, known: Floats) -> tuple[Floats, Floats, Floats]:
        """(n,) each: x, t_x and T."""
        return statistics(known, self.lookback_days if self.of_any else None)


def statistics(known: Floats, lookback_days: int | None) -> tuple[Floats, Floats, Floats]:
    """(n,) each: x, t_x and T of BG/NBD, from (n, 3) columns that hold them, or, where a lookback is given, from those of any event.

    These are days active ever, days known and days since the last event. They count in whole days back from the cutoff, as the lifetime
    family does. An event older than the lookback is taken to be just as old as that: when it was is not known. NaN for a user without one.
    """
    if lookback_days is None:
        return known[:, 0], known[:, 1], known[:, 2]
    age, since = np.ceil(known[:, 1]) - 1, np.ceil(known[:, 2]) - 1
    repeats = np.where(np.isnan(age), np.nan, np.maximum(known[:, 0] - 1, 0))
    span = age - np.where(np.isnan(since), float(lookback_days), since)
    return repeats, np.where(repeats == 0, 0.0, np.maximum(span, 0)), age


CLASSES: Mapping[str, type[BaseRate | Recency | ActiveDays | Repetition]] = {
    made.kind: made for made in (BaseRate, Recency, ActiveDays, Repetition)
}
"""Kind → class, the last resort first."""

KINDS = tuple(CLASSES)


def load(folder: Path) -> Classifier:
    """The baseline that `save` wrote. Raises ValueError for content that is not whole or not what a baseline can be."""
    content = json.loads((folder / BASELINE_FILE).read_text(encoding="utf-8"))
    made = CLASSES.get(content.pop("kind", ""))
    if made is None:
        raise ValueError(f"A baseline is one of {', '.join(KINDS)}")
    wanted = [field.name for field in fields(made)]
    if sorted(content) != sorted(wanted):
        raise ValueError(f"The baseline {made.kind} has {', '.join(wanted)}, got {', '.join(sorted(content)) or 'nothing'}")
    values: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in content.items()}
    try:
        if "population" in values:
            values["population"] = BgNbd.from_json(values["population"])
        return made(**values)
    except TypeError as error:
        raise ValueError(f"The baseline {made.kind} is not whole: {error}") from error


def _require_days(*days: int) -> None:
    if min(days) < 1:
        raise ValueError(f"A baseline looks over one day or more, got {min(days)}")


def _write(model: BaseRate | Quantity, folder: Path) -> None:
    content = {"kind": model.kind, **asdict(model)}
    (folder / BASELINE_FILE).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
