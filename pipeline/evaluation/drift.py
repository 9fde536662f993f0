"""How far the users of today differ from those that a model learned from, one feature at a time."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from models.classifier import Floats

BINS = 10
LEAST_SHARE = 1e-4
WATCH_FROM, DRIFTED_FROM = 0.1, 0.25


def stability_index(reference: Floats, current: Floats) -> float:
    """The population stability index Σ (p − q) · ln(p ÷ q) over bins of two samples (n,) and (m,); NaN if one is empty.

    The bins are the reference's tenths, fewer where values repeat, and one for NaN. A share below 0.0001 counts as 0.0001. Chance alone
    gives about bins × (1/n + 1/m). Source: Siddiqi 2006, "Credit Risk Scorecards".
    """
    if not len(reference) or not len(current):
        return float("nan")
    known = reference[~np.isnan(reference)]
    edges = np.unique(np.quantile(known, np.arange(1, BINS) / BINS, method="lower")) if len(known) else np.zeros(0)
    expected, found = _shares(reference, edges), _shares(current, edges)
    return float(((found - expected) * np.log(found / expected)).sum())


def verdict(index: float) -> str:
    """`stable` below 0.1, `watch` below 0.25, else `drifted`; `undefined` without an index. The thresholds are conventions."""
    if np.isnan(index):
        return "undefined"
    if index < WATCH_FROM:
        return "stable"
    return "watch" if index < DRIFTED_FROM else "drifted"


def _shares(values: Floats, edges: Floats) -> npt.NDArray[np.float64]:
    """Share of values in (−∞, e₀], (e₀, e₁], …, (eₖ, ∞), and of NaN."""
    bins = np.where(np.isnan(values), len(edges) + 1, np.searchsorted(edges, values, side="left"))
    counts = np.bincount(bins, minlength=len(edges) + 2)
    shares: npt.NDArray[np.float64] = np.maximum(counts / len(values), LEAST_SHARE)
    return shares
