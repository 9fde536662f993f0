"""Intervals as small bars in the cells of a page: a line from end to end, a point at the value, a mark at what they are compared with."""

from __future__ import annotations

from collections.abc import Iterable
from math import isfinite
from typing import NamedTuple

from pipeline.evaluation.evidence import Estimate
from pipeline.evaluation.report.words import Verdict

MARGIN = 0.04


class Scale(NamedTuple):
    """What all bars of a table reach from and to, and where the mark stands."""

    low: float
    high: float
    mark: float

    def place(self, value: float) -> float:
        """In percent of the bar's width, within it."""
        return round(100 * min(max((value - self.low) / (self.high - self.low), 0.0), 1.0), 2)


def scale(estimates: Iterable[Estimate], mark: float) -> Scale:
    """Wide enough for all intervals and the mark, and a little more."""
    ends = [end for each in estimates for end in (each.value, each.lower, each.upper) if end is not None and isfinite(end)]
    low, high = min([*ends, mark]), max([*ends, mark])
    margin = MARGIN * (high - low) or 1.0
    return Scale(low - margin, high + margin, mark)


def bar(estimate: Estimate, on: Scale, tone: Verdict = "open") -> str:
    """One interval; without one, the point alone."""
    line = ""
    if estimate.lower is not None and estimate.upper is not None:
        left, right = on.place(estimate.lower), on.place(estimate.upper)
        line = f'<i style="left:{left:g}%;width:{right - left:.4g}%"></i>'
    mark = f'<u style="left:{on.place(on.mark):g}%"></u>'
    return f'<span class="bar {tone}">{mark}{line}<b style="left:{on.place(estimate.value):g}%"></b></span>'
