"""What "surely" means where many challenge at once, or many groups are looked at: nobody is promoted, or refused, by luck in numbers."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import NormalDist

from pipeline.evaluation.evidence import Estimate

ERROR = 0.025
"""Chance that who is no better looks surely better: what a 95 % interval leaves on one side."""

POWER = 0.8
"""A difference counts as visible if it would be seen with this chance."""

NORMAL = NormalDist()


def lower_end(estimate: Estimate, parts: int = 1) -> float:
    """The lower end of the 95 % interval, further out where `ERROR` is divided into `parts`; nothing is sure without an interval.

    The interval must be that of a normal distribution, as DeLong's is.
    """
    if estimate.lower is None:
        return float("-inf")
    return estimate.lower if parts == 1 else estimate.value - _reach(parts) * _standard_error(estimate, estimate.lower)


def visible(estimate: Estimate, parts: int = 1) -> float:
    """The true value from which on `lower_end` would be above 0 in `POWER` of all such samples: (1.96 + 0.84) standard errors."""
    if estimate.lower is None:
        return float("inf")
    return (_reach(parts) + NORMAL.inv_cdf(POWER)) * _standard_error(estimate, estimate.lower)


def holm(p: Sequence[float], level: float) -> tuple[bool, ...]:
    """Which of these p-values are significant if the chance of a single wrong one among them shall be `level` at most.

    Source: Holm 1979, "A simple sequentially rejective multiple test procedure".
    """
    significant = [False] * len(p)
    for rank, place in enumerate(sorted(range(len(p)), key=lambda place: p[place])):
        if p[place] > level / (len(p) - rank):
            break
        significant[place] = True
    return tuple(significant)


def _reach(parts: int) -> float:
    return NORMAL.inv_cdf(1 - ERROR / parts)


def _standard_error(estimate: Estimate, lower: float) -> float:
    return (estimate.value - lower) / _reach(1)
