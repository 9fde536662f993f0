"""A target's training rows of sampled users: their features, outcomes, and how much is known of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from features.cutoff import Cutoff
from features.eligibility import score_basis
from features.feature_set import Floats
from features.target import Target
from features.timeline import Flags, Ints, Timeline, from_events
from models.classifier import Labels
from pipeline.leaks.sample import Sample
from pipeline.leaks.sources import sources, without

EVERYONE = "everyone"
LITTLE_HISTORY = "users with little history"


@dataclass(frozen=True)
class Piece:
    """Rows of one bucket: the whole timeline, and by cutoff the positions of its labelled users in it, ascending."""

    timeline: Timeline
    positions: tuple[Ints, ...]


@dataclass(frozen=True)
class Rows:
    """n rows, one per sampled user and training cutoff of a target, by bucket, cutoff and user.

    features (n, F) as committed; labels (n,) 0/1; users (n,) numbers 0 … U − 1; strata (n,) by who is meant
    """

    sample: Sample
    cutoffs: tuple[Cutoff, ...]
    pieces: tuple[Piece, ...]
    features: Floats
    labels: Labels
    users: Ints
    strata: Mapping[str, Flags]

    @property
    def cutoff(self) -> Ints:
        """(n,) the position of each row's cutoff in `cutoffs`."""
        sizes = [len(positions) for piece in self.pieces for positions in piece.positions]
        return np.repeat(np.tile(np.arange(len(self.cutoffs)), len(self.pieces)), sizes)

    @property
    def sources(self) -> tuple[str, ...]:
        """What `without` can take away."""
        return tuple(sorted({name for piece in self.pieces for name in sources(piece.timeline)}))

    def without(self, source: str) -> Floats:
        """(n, F) the features, computed as if the source had not had that column."""
        blocks = []
        for piece in self.pieces:
            matrix = self.sample.features.compute(without(piece.timeline, source), self.cutoffs)
            blocks += [matrix[:, place, positions].T for place, positions in enumerate(piece.positions)]
        return np.concatenate(blocks)


def sampled_rows(sample: Sample, target: Target, cutoffs: Sequence[Cutoff]) -> Rows:
    """The rows of a target at its training cutoffs, ascending. Those at its evaluation cutoff stay unseen."""
    pieces: list[Piece] = []
    features, labels, users, thin = [], [], [], []
    for bucket in sample.buckets:
        timeline = from_events(sample.events(bucket).to_arrow(), sample.features.event_types)
        number = pl.DataFrame({"user_id": timeline.user_ids.tolist(), "position": range(timeline.users)}, schema=_NUMBERED)
        positions = []
        for cutoff in cutoffs:
            known = sample.built(bucket, cutoff, number["user_id"])
            joined = number.join(sample.labels(bucket, target, cutoff), on="user_id").join(known, on="user_id").sort("position")
            place = joined["position"].to_numpy()
            positions.append(place)
            features.append(joined.select(sample.features.names).to_numpy())
            labels.append(joined["label"].to_numpy())
            users.append(place + sum(piece.timeline.users for piece in pieces))
            thin.append(score_basis(timeline.as_of(cutoff))[place] != "rich")
        pieces.append(Piece(timeline, tuple(positions)))
    little = np.concatenate(thin)
    return Rows(
        sample,
        tuple(cutoffs),
        tuple(pieces),
        np.concatenate(features),
        np.concatenate(labels),
        np.unique(np.concatenate(users), return_inverse=True)[1].astype(np.int64),
        {EVERYONE: np.ones(len(little), dtype=bool), LITTLE_HISTORY: little},
    )


_NUMBERED = {"user_id": pl.String, "position": pl.Int64}
