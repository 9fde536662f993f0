"""Where each score stands among all scores of a night."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from features.timeline import Codes
from models.classifier import Floats

DECILES = 10


def percentiles(scores: Floats, ordered: Floats) -> tuple[Floats, Codes]:
    """(n,) percentile in (0, 100] and (n,) int32 decile of n finite scores among all of a night, `ordered` (N,) from the lowest on.

    The percentile is the share, in per cent, of scores lower or equal: equal scores share it, the best has 100. Decile 1 holds
    percentiles above 90, decile 10 those up to 10; ties can make deciles uneven, or leave one empty.

        scores       0.1  0.4  0.4  0.9
        percentile    25   75   75  100
        decile         8    3    3    1
    """
    lower_or_equal: npt.NDArray[np.intp] = np.searchsorted(ordered, scores, side="right")
    total = max(len(ordered), 1)
    tenth = -(-DECILES * lower_or_equal // total)
    return 100.0 * lower_or_equal / total, (DECILES + 1 - tenth).astype(np.int32)
