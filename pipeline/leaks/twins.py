"""One person under two user ids: folds by user part them, so a model is judged on people whom it knows."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from features.timeline import Ints
from models.classifier import Floats
from pipeline.leaks.planted import twice
from pipeline.leaks.report import Finding
from pipeline.leaks.sampled_rows import LITTLE_HISTORY, Rows

ALLOWED = 0.02
"""Of the users with a rich history: some shops write days without times, and a few regulars come on the same days."""


def check_twins(rows: Rows, target: str) -> Iterator[Finding]:
    """Rows of users with a rich history that equal another user's at the same cutoff, in every feature and to the last bit."""
    rich = ~rows.strata[LITTLE_HISTORY]
    if not rich.any():
        return
    features, cutoff, users = rows.features[rich], rows.cutoff[rich], rows.users[rich]
    share = twins(features, cutoff)
    said = f"{share:.1%} of the rows of users with a rich history equal another user's in every feature"
    yield Finding("same_person", target, share, f"≤ {ALLOWED:.0%}", share <= ALLOWED, said)
    doubled, _, _ = twice(features, np.zeros(len(users), dtype=np.int8), users)
    found = twins(doubled, np.tile(cutoff, 2))
    said = f"with every user under two ids {found:.1%} of the rows equal another user's"
    yield Finding("planted", f"{target}, people with two ids", found, f"above {ALLOWED:.0%}", found > ALLOWED, said)


def twins(features: Floats, cutoff: Ints) -> float:
    """The share of rows, (n, F) with their cutoffs (n,), that equal another one of the same cutoff; undefined values equal each other."""
    whole = np.ascontiguousarray(np.column_stack([cutoff, np.where(np.isnan(features), np.nan, features)]))
    _, inverse, counts = np.unique(whole.view(f"V{whole.strides[0]}").ravel(), return_inverse=True, return_counts=True)
    return float((counts[inverse] > 1).mean())
