"""Samples cut from a timeline in memory, as the lake would give them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from features.cutoff import Cutoff
from features.feature_set import FeatureSet
from features.timeline import Timeline
from models.classifier import Batch, Labels
from models.samples import InMemory, Samples


def batch(timeline: Timeline, columns: FeatureSet, cutoff: Cutoff) -> Batch:
    """Every user of the timeline, judged at the cutoff."""
    view = timeline.as_of(cutoff)
    return Batch(view, np.arange(view.users), cutoff, columns.at(view, cutoff))


def samples(timeline: Timeline, columns: FeatureSet, labels: dict[Cutoff, Labels]) -> Samples:
    """Every user of the timeline at each cutoff, with these outcomes (users,); cutoffs ascending."""
    cutoffs: Sequence[Cutoff] = tuple(labels)
    return Samples(
        users=np.tile(np.arange(timeline.users), len(cutoffs)),
        labels=np.concatenate(list(labels.values())),
        amounts=np.full(timeline.users * len(cutoffs), np.nan),
        cutoff=np.repeat(np.arange(len(cutoffs), dtype=np.int32), timeline.users),
        cutoffs=tuple(cutoffs),
        blocks=[InMemory(batch(timeline, columns, cutoff).features) for cutoff in cutoffs],
    )
