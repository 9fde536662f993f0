"""Models of known quality: each sees every user's inclination through noise of its own, and gives the right probability for what it sees.

A user's inclination s is N(0, 1), and the outcome is 1 where STRENGTH · s + N(0, 1) exceeds a bar that one user in four reaches. A rival
sees x = s + noise · N(0, 1), so the less noise, the higher its AUC, and two of equal noise are equally good, whatever they say.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from scipy.special import logit
from scipy.stats import binom, norm

from features.cutoff import Cutoff
from models.classifier import Floats
from pipeline.config_sections import Evaluation
from pipeline.evaluation.assessment import Answers, weigh
from pipeline.evaluation.evidence import Evidence

AS_OF = Cutoff.from_key("20260601T000000Z")
EVALUATION = AS_OF.plus_days(-7)
STRENGTH = 1.5
BAR = float(norm.ppf(0.75)) * (1 + STRENGTH**2) ** 0.5
SEGMENTS = ("Narnia", "Oz", "Utopia")
PASSED = {"leak_gate": "passed", "sufficiency": "go"}
SETTINGS = Evaluation(slices=("segment",), slice_rows=100, replicates=100)


@dataclass(frozen=True)
class Rival:
    """A version with its noise.

    elsewhere  segment → noise among its users
    told       how much it sees of the outcome itself: told · outcome + N(0, 1)
    """

    version: str
    noise: float
    kind: str = "gbdt"
    elsewhere: Mapping[str, float] = field(default_factory=dict)
    told: float = 0.0
    checks: Mapping[str, str] = field(default_factory=lambda: PASSED)


BASELINE = Rival("1", 3.0, "recency")


def evaluated(seed: int, users: int, *rivals: Rival) -> Evidence:
    """All rivals on the same new users, who live in three segments of equal size."""
    rng = np.random.default_rng(seed)
    segment = np.array(SEGMENTS, dtype=object)[np.arange(users) % len(SEGMENTS)]
    inclined = rng.standard_normal(users)
    y = (STRENGTH * inclined + rng.standard_normal(users) > BAR).astype(np.int8)
    answers = []
    for rival in rivals:
        noise = np.array([rival.elsewhere.get(name, rival.noise) for name in segment])
        probability = _probability(inclined + noise * rng.standard_normal(users), noise)
        glimpse = rival.told * y + rng.standard_normal(users)
        raw = logit(probability) + rival.told * glimpse - rival.told**2 / 2
        answers.append(Answers(rival.version, rival.kind, EVALUATION, raw, 1 / (1 + np.exp(-raw)), checks=rival.checks))
    return weigh("purchase_7d", AS_OF, EVALUATION, y, answers, {}, groups={"segment": segment}, settings=SETTINGS, seed=seed)


def among(evidence: Evidence, *versions: str) -> Evidence:
    """What an evaluation of these versions alone would have found."""
    return replace(evidence, models=tuple(model for model in evidence.models if model.version in versions))


def at_most(runs: int, share: float) -> int:
    """How often something with this chance happens in so many runs, but for one case in a thousand."""
    return int(binom.ppf(0.999, runs, share))


def at_least(runs: int, share: float) -> int:
    """The same from below."""
    return int(binom.ppf(0.001, runs, share))


def true_auc(noise: float) -> float:
    """The AUC over all users that there could be."""
    x = np.linspace(-8, 8, 4001) * (1 + noise**2) ** 0.5
    there = norm.pdf(x, scale=(1 + noise**2) ** 0.5)
    one = there * _probability(x, np.full(len(x), noise))
    zero = there - one
    below = np.cumsum(zero) - zero / 2
    return float((one * below).sum() / (one.sum() * zero.sum()))


def _probability(x: Floats, noise: Floats) -> Floats:
    """Of outcome 1 given x: s is then N(x / (1 + noise²), noise² / (1 + noise²))."""
    shrink = 1 / (1 + noise**2)
    probability: Floats = norm.cdf((STRENGTH * x * shrink - BAR) / np.sqrt(1 + STRENGTH**2 * noise**2 * shrink))
    return np.clip(probability, 1e-9, 1 - 1e-9)
