"""How well a model could be judged with so many users of either outcome, before anything is trained."""

from __future__ import annotations

from math import sqrt
from typing import Literal

from scipy.stats import norm

Verdict = Literal["go", "warn", "refuse"]

SUPPOSED_AUC = 0.7
"""A middling model of shop behaviour; between .65 and .8 the width differs by less than a fifth."""

KNOWN_WITHIN = 0.05
"""Half a width up to which models can be told apart: a fair model and a good one lie .02 to .05 apart, and the interval of their paired
difference is about half as wide as that of one AUC."""


def auc_width(ones: float, zeros: float, auc: float = SUPPOSED_AUC, level: float = 0.95) -> float:
    """Expected width of the AUC's interval with this many users of outcome 1 and 0, at most 1: the whole range.

    Counts may be expected ones, so need not be whole; without users of an outcome the width is 1.
    Source: Hanley & McNeil 1982, "The meaning and use of the area under a receiver operating characteristic (ROC) curve", table II.
    """
    if min(ones, zeros) <= 0:
        return 1.0
    both_above, both_below = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    variance = (auc * (1 - auc) + (ones - 1) * (both_above - auc**2) + (zeros - 1) * (both_below - auc**2)) / (ones * zeros)
    return min(1.0, 2 * float(norm.ppf(0.5 + level / 2) * sqrt(max(variance, 0.0))))


def verdict(positives: int, negatives: int, width: float, *, least: int) -> Verdict:
    """Whether to train: `refuse` with fewer than `least` samples of an outcome, `warn` where models can hardly be told apart.

    positives, negatives  samples to learn from; width: of the AUC's interval where the models are judged
    """
    if min(positives, negatives) < least:
        return "refuse"
    return "go" if width / 2 <= KNOWN_WITHIN else "warn"
