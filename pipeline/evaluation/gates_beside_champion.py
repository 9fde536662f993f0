"""The conditions that a challenger must meet beside the champion, over all users and group by group, and the list of all conditions."""

from __future__ import annotations

from collections.abc import Callable

from models.baselines import KINDS
from pipeline.evaluation.challenge import Challenge, verdict
from pipeline.evaluation.decision import Gate
from pipeline.evaluation.gates import baselines, chance, leaks, outcomes, sufficiency, suspicion, unseen
from pipeline.evaluation.multiplicity import holm
from pipeline.evaluation.wording import named, shown

ALONE = "there is no champion to compare with"

IN_SLICES = {"auc": "AUC", "log_loss": "log loss"}
"""The figures in which no group may get worse, and what they are called."""

SHOWN = 3
"""Most cases in a sentence, the surest first."""


def lead(challenge: Challenge) -> Gate:
    """It is surely better than the champion, and by more than `min_effect`.

    A baseline that challenges a model must only be surely better: a model that loses to a baseline could not be promoted.
    """
    champion = challenge.champion
    if champion is None:
        return Gate("champion", "skipped", ALONE)
    bar = 0.0 if challenge.of_baseline and champion.kind not in KINDS else challenge.rule.min_effect
    won, end = challenge.lies(challenge.evidence.difference(challenge.considered.version, champion.version), bar)
    return Gate("champion", verdict(won), f"{challenge.compared(champion)}; {end}")


def calibration(challenge: Challenge) -> Gate:
    """Its probabilities are not surely off, and not surely worse than the champion's; of a baseline only the latter is asked."""
    words, good = [], True
    ece, bar = challenge.considered.figures.get("ece"), challenge.rule.max_ece
    if ece and not challenge.of_baseline:
        good = (ece.value if ece.lower is None else ece.lower) <= bar
        words.append(f"expected calibration error {shown(ece)}, {'not ' if good else ''}surely above {bar:g}")
    apart = challenge.beside_champion.figures.get("log_loss") if challenge.beside_champion else None
    if apart:
        worse = apart.lower is not None and apart.lower > 0
        good = good and not worse
        words.append(f"log loss minus the champion's is {shown(apart)}, {'' if worse else 'not '}surely worse")
    return Gate("calibration", verdict(good), "; ".join(words)) if words else Gate("calibration", "skipped", ALONE)


def slices(challenge: Challenge) -> Gate:
    """In no declared group of users is it significantly worse than the champion, by AUC or log loss: Holm's test over all of them."""
    if challenge.champion is None:
        return Gate("slices", "skipped", ALONE)
    judged = [part for part in challenge.evidence.slices if not part.too_small]
    found = sorted(
        (pair.worse[figure], f"{part.name} ({part.rows} users): {called} differs by {shown(pair.figures[figure])}")
        for part in judged
        if (pair := part.difference(challenge.considered.version, challenge.champion.version))
        for figure, called in IN_SLICES.items()
        if figure in pair.worse
    )
    small = len(challenge.evidence.slices) - len(judged)
    if not found:
        return Gate("slices", "skipped", f"no group was judged; too small: {small}" if small else "no groups were declared")
    level = challenge.rule.slice_level
    looked = f"Holm's test at {level:g}, differences to {named(challenge.champion)}: {len(found)}; groups too small to judge: {small}"
    told = [f"{words}, p = {p:.2g}" for p, words in found]
    worse = [words for words, sure in zip(told, holm([p for p, _ in found], level), strict=True) if sure]
    if worse:
        more = f"; and in {len(worse) - SHOWN} more cases" if len(worse) > SHOWN else ""
        return Gate("slices", "failed", f"it is significantly worse where {'; and where '.join(worse[:SHOWN])}{more} ({looked})")
    return Gate("slices", "passed", f"it is nowhere significantly worse; closest comes {told[0]} ({looked})")


def amounts(challenge: Challenge) -> Gate:
    """Its expected values, where there are any, do not order users surely worse than the champion's."""
    apart = challenge.beside_champion.figures.get("gini") if challenge.beside_champion else None
    if apart is None:
        return Gate("amounts", "skipped", "there are no expected values to compare with a champion's")
    worse = apart.upper is not None and apart.upper < 0
    return Gate("amounts", verdict(not worse), f"Gini minus the champion's is {shown(apart)}, {'' if worse else 'not '}surely worse")


Ask = Callable[[Challenge], Gate]

OF_MODELS: tuple[Ask, ...] = (
    leaks,
    sufficiency,
    unseen,
    outcomes,
    suspicion,
    chance,
    baselines,
    lead,
    calibration,
    slices,
    amounts,
)
OF_BASELINES: tuple[Ask, ...] = (leaks, unseen, outcomes, suspicion, lead, calibration, slices, amounts)
"""A baseline is what is left where no model may score: an order that may be chance and rough probabilities are excused."""
