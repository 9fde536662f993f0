"""How often each user is in each bootstrap sample."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit
from scipy.stats import poisson

Weights = npt.NDArray[np.uint8]
Keys = npt.NDArray[np.uint64]

LANES = 32
"""Samples that are looked at side by side: one look at a user's place serves all of them."""

MOST = 12
"""A user is in a sample 13 times or more once in 10¹⁰ draws; that is less than the 32 bits of a draw can tell."""

_STEP, _FIRST, _SECOND = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_30, _27, _31, _32 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(32)
_ABOVE = np.round(poisson.cdf(np.arange(MOST), 1) * 2.0**32).astype(np.uint32)


def keys(seed: int, count: int) -> Keys:
    """(count,) one number per sample, from which its weights follow; more samples do not change the first ones."""
    return np.random.SeedSequence(seed).generate_state(count, np.uint64).astype(np.uint64, copy=False)


def draw(chosen: Keys, rows: int) -> Weights:
    """(rows, LANES) how often each user is in each of up to `LANES` samples: Poisson with mean 1, user by user. Lanes without a key are 0.

    A sample of n users with replacement holds each of them about Poisson(1) times; that these counts are independent leaves the sum
    itself to chance, which no ratio of sums notices. A sample's weights depend on its key alone, not on the samples beside it.
    Source: Hanley & MacGibbon 2006, "Creating non-parametric bootstrap samples using Poisson frequencies". The numbers are SplitMix64's:
    Steele, Lea & Flood 2014, "Fast splittable pseudorandom number generators".
    """
    weights = np.zeros((rows, LANES), dtype=np.uint8)
    _fill(chosen, _ABOVE, weights)
    return weights


@njit(cache=True, nogil=True)
def _fill(chosen: Keys, above: npt.NDArray[np.uint32], weights: Weights) -> None:
    state, drawn = np.zeros(LANES, dtype=np.uint64), np.zeros(LANES, dtype=np.uint32)
    state[: len(chosen)] = chosen
    for row in range(len(weights)):
        for lane in range(LANES):
            state[lane] += _STEP
            mixed = (state[lane] ^ (state[lane] >> _30)) * _FIRST
            mixed = (mixed ^ (mixed >> _27)) * _SECOND
            drawn[lane] = np.uint32((mixed ^ (mixed >> _31)) >> _32)
        for lane in range(len(chosen)):
            times = np.uint8(0)
            for place in range(MOST):
                times += np.uint8(drawn[lane] >= above[place])
            weights[row, lane] = times


def once(rows: int) -> Weights:
    """(rows, LANES) every user once: the sample itself."""
    return np.ones((rows, LANES), dtype=np.uint8)
