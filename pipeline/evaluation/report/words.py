"""Figures as people read them: their names, their digits, and what an interval allows to say."""

from __future__ import annotations

from math import floor, log10
from typing import Literal

from pipeline.evaluation.evidence import Estimate

Verdict = Literal["better", "worse", "open"]

TITLES = {
    "auc": "AUC",
    "brier": "Brier score",
    "ece": "calibration error",
    "f1": "F1",
    "mae": "mean absolute error",
    "rmse": "root mean square error",
    "gini": "Gini",
    "total_ratio": "expected ÷ observed total",
    "calibration_ratio": "expected ÷ observed",
}
"""Figure → its name; the others are called as they are written."""
LOWER_IS_BETTER = frozenset({"log_loss", "brier", "ece", "mae", "rmse"})
RATIOS = frozenset({"total_ratio", "calibration_ratio"})
"""Right at 1: neither more nor less is better."""
SHARES = ("accuracy", "precision", "recall", "reached", "gain_decile_")
MINUS = "−"
NOUGHT = 1e-9
"""Intervals narrower than it have no width but that of rounding."""


def title(name: str) -> str:
    """What a figure is called: `lift_decile_1` → "lift decile 1"."""
    return TITLES.get(name, name.replace("_", " "))


def shown(name: str, estimate: Estimate) -> str:
    """The value of the figure `name`, in as many digits as its interval supports; shares in percent."""
    factor, unit = _unit(name)
    return f"{_written(factor * estimate.value, _digits(estimate, factor))}{unit}"


def signed(name: str, difference: Estimate) -> str:
    """The same of a difference, with its sign."""
    factor, unit = _unit(name)
    return f"{_signed(factor * difference.value, _digits(difference, factor))}{unit}"


def interval(name: str, estimate: Estimate, *, difference: bool = False) -> str:
    """`0.831 to 0.853`; empty where no interval is known."""
    if estimate.lower is None or estimate.upper is None:
        return ""
    (factor, unit), write = _unit(name), _signed if difference else _written
    places = _digits(estimate, factor)
    return f"{write(factor * estimate.lower, places)} to {write(factor * estimate.upper, places)}{unit}"


def verdict(name: str, difference: Estimate) -> Verdict:
    """Whether a difference of the figure `name` is surely for the better, surely for the worse, or open: its interval holds 0."""
    if name in RATIOS or difference.lower is None or difference.upper is None or difference.lower <= 0 <= difference.upper:
        return "open"
    return "better" if (difference.lower > 0) != (name in LOWER_IS_BETTER) else "worse"


def sentence(text: str) -> str:
    """With a capital at its start."""
    return text[:1].upper() + text[1:]


def _unit(name: str) -> tuple[float, str]:
    return (100.0, " %") if name.startswith(SHARES) else (1.0, "")


def _digits(estimate: Estimate, factor: float) -> int:
    """Digits behind the point: two of the interval's width; without one, three of the value."""
    width = 0.0 if estimate.lower is None or estimate.upper is None else factor * (estimate.upper - estimate.lower)
    if width <= NOUGHT:
        width = abs(factor * estimate.value) / 10 or 0.1
    return min(max(1 - floor(log10(width)), 0), 6)


def _written(value: float, places: int) -> str:
    return f"{value:,.{places}f}".replace("-", MINUS)


def _signed(value: float, places: int) -> str:
    """A difference that rounds to nought keeps its sign: on which side of it an interval ends is what it is read for."""
    written = f"{value:+,.{places}f}" if value else f"{0:.{places}f}"
    return written.replace("-", MINUS)
