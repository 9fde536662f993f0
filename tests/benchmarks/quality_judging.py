"""An untuned LightGBM taught on earlier cutoffs, and how much better than one score another ranks the same users."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import lightgbm
import numpy as np
import numpy.typing as npt

from features.cutoff import Cutoff
from features.eligibility import eligible
from features.feature import Floats
from features.labels import outcome
from features.target import Target
from features.timeline import Ints, Timeline
from models.classifier import Labels

Columns = Callable[[Cutoff], Floats]
"""(U, F) the columns of every user of the timeline at a cutoff."""

SEEDS = 5
DRAWS = 2_000
DRAWS_AT_ONCE = 50

UNTUNED: dict[str, Any] = {
    "objective": "binary",
    "learning_rate": 0.03,
    "num_leaves": 15,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "feature_fraction": 0.8,
    "num_threads": 1,
    "deterministic": True,
    "force_row_wise": True,
    "verbosity": -1,
}
TREES = 200


@dataclass(frozen=True)
class Judged:
    """users (n,) positions in the timeline, ascending; score (n,) probability; happened (n,) 0 or 1."""

    users: Ints
    score: Floats
    happened: Labels


def untuned(timeline: Timeline, target: Target, training: Sequence[Cutoff], cutoff: Cutoff, columns: Columns) -> Judged:
    """The eligible users of a cutoff, with the mean probability of five trainings of different seeds."""
    refuse_late(target, training, cutoff)
    samples = [sample(timeline, target, taught, columns) for taught in training]
    users, X, y = sample(timeline, target, cutoff, columns)
    taught_by, outcomes = (np.concatenate([each[part] for each in samples]) for part in (1, 2))
    data = lightgbm.Dataset(taught_by, label=outcomes)
    scores = [lightgbm.train({**UNTUNED, "seed": seed}, data, num_boost_round=TREES).predict(X) for seed in range(SEEDS)]
    return Judged(users, np.mean(scores, axis=0), y)


def refuse_late(target: Target, training: Sequence[Cutoff], cutoff: Cutoff) -> None:
    """Raise ValueError for a training cutoff whose prediction window closes after `cutoff`."""
    late = [str(taught) for taught in training if not target.matured(taught, cutoff)]
    if late:
        raise ValueError(f"The labels of {', '.join(late)} have not closed by {cutoff}")


def sample(timeline: Timeline, target: Target, cutoff: Cutoff, columns: Columns) -> tuple[Ints, Floats, Labels]:
    """Positions of the eligible users (n,), their columns (n, F), their outcomes (n,)."""
    asked = np.flatnonzero(eligible(timeline, target, cutoff))
    return asked, columns(cutoff)[asked], outcome(timeline, target, cutoff).label[asked]


@dataclass(frozen=True)
class Pair:
    """Two scores of the same n users, and what happened to them."""

    users: npt.NDArray[Any]
    ours: Floats
    theirs: Floats
    happened: Labels


def differences(pairs: Sequence[Pair], seed: int = 0) -> tuple[Floats, Floats]:
    """AUC of ours − AUC of theirs: (P,) as measured, and (DRAWS, P) in draws of users with replacement.

    A draw takes a user with all its rows, in whichever pair they are, so the draws of pairs with common users go together.
    """
    everyone = np.unique(np.concatenate([pair.users for pair in pairs]))
    places = [np.searchsorted(everyone, pair.users) for pair in pairs]
    judges = [(_Ranks(pair.ours, pair.happened), _Ranks(pair.theirs, pair.happened)) for pair in pairs]
    once = np.ones((1, len(everyone)))
    measured = np.array([(ours.auc(once[:, at]) - theirs.auc(once[:, at]))[0] for (ours, theirs), at in zip(judges, places, strict=True)])
    random, drawn = np.random.default_rng(seed), np.empty((DRAWS, len(pairs)))
    for start in range(0, DRAWS, DRAWS_AT_ONCE):
        picks = random.integers(len(everyone), size=(DRAWS_AT_ONCE, len(everyone)))
        times = np.stack([np.bincount(pick, minlength=len(everyone)) for pick in picks]).astype(np.float64)
        for position, ((ours, theirs), at) in enumerate(zip(judges, places, strict=True)):
            drawn[start : start + DRAWS_AT_ONCE, position] = ours.auc(times[:, at]) - theirs.auc(times[:, at])
    return measured, drawn


def interval(draws: Floats) -> tuple[float, float]:
    """The middle 95 % of the draws."""
    lower, upper = np.quantile(draws, [0.025, 0.975])
    return float(lower), float(upper)


class _Ranks:
    """A score sorted once, so that the AUC of a draw is a weighted running total."""

    def __init__(self, score: Floats, happened: Labels) -> None:
        self.order = np.argsort(score, kind="stable")
        self.starts = np.flatnonzero(np.diff(score[self.order], prepend=-np.inf))
        self.one = happened[self.order].astype(np.float64)

    def auc(self, times: Floats) -> Floats:
        """(B,) with each user taken `times` (B, n) times; equal scores count one half."""
        sorted_times = times[:, self.order]
        ones = np.add.reduceat(sorted_times * self.one, self.starts, axis=1)
        zeros = np.add.reduceat(sorted_times * (1 - self.one), self.starts, axis=1)
        below = np.cumsum(zeros, axis=1) - zeros / 2
        area: Floats = (ones * below).sum(axis=1) / (ones.sum(axis=1) * zeros.sum(axis=1))
        return area
