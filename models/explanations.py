"""The few quantities that moved a user's probability most, in words."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from models.calibration import Calibrator
from models.classifier import Effects, Floats

Texts = npt.NDArray[np.object_]


def top_reasons(
    effects: Effects, sentences: Mapping[str, str], raw: Floats, calibrator: Calibrator, count: int = 3
) -> tuple[Texts, Floats]:
    """Each user's `count` strongest reasons: texts (n, count) and their effects on the probability (n, count).

    effects    of n users; raw (n,) their uncalibrated log-odds
    sentences  name → text with {value}; after a `|` the text for an undefined value: "{value} days since the last visit|no visit so far"

    Strongest means the largest |log-odds|; ties go to the earlier quantity. The effect is p(raw) − p(raw − log-odds): what the probability
    would lose without the quantity; effects of several reasons do not add up. Quantities without any effect are no reasons: the text is
    None and the effect NaN there. Raises ValueError for a quantity without a sentence.
    """
    unnamed = [name for name in effects.names if name not in sentences]
    if unnamed:
        raise ValueError(f"No sentence for {', '.join(unnamed)}; every quantity of a model needs one")
    users = np.arange(len(raw))[:, None]
    strongest = np.argsort(-np.abs(effects.log_odds), axis=1, kind="stable")[:, :count]
    log_odds, values = effects.log_odds[users, strongest], effects.values[users, strongest]
    played = log_odds != 0
    texts = np.full((len(raw), count), None, dtype=object)
    moved = np.full((len(raw), count), np.nan)
    for position in np.unique(strongest[played]):
        where = np.nonzero(played & (strongest == position))
        texts[where] = wordings(sentences[effects.names[position]], values[where])
    change = calibrator.probability(raw)[:, None] - calibrator.probability(raw[:, None] - log_odds)
    moved[:, : strongest.shape[1]] = np.where(played, change, np.nan)
    return texts, moved


def wordings(sentence: str, values: Floats) -> Texts:
    """(n,) the sentence with each of (n,) values; NaN takes the text after `|`, or the word "unknown" where there is none."""
    present, bar, absent = sentence.partition("|")
    distinct, inverse = np.unique(values, return_inverse=True)
    texts = [
        (absent if bar else present.replace("{value}", "unknown"))
        if np.isnan(value)
        else present.replace("{value}", readable(float(value)))
        for value in distinct
    ]
    return np.array(texts, dtype=object)[inverse]


def readable(value: float) -> str:
    """`3` → "3", `1234.56` → "1,234.6", `0.0312` → "0.031": whole numbers without decimals, others with one, small ones with two digits."""
    if value == round(value):
        return f"{value + 0.0:,.0f}"
    return f"{value:.2g}" if abs(value) < 0.1 else f"{value:,.1f}"
