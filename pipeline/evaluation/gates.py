"""The conditions that a challenger must meet by itself, one function each: what was found, with its numbers, and whether it is enough."""

from __future__ import annotations

from pipeline.evaluation.challenge import Challenge, verdict
from pipeline.evaluation.decision import Gate
from pipeline.evaluation.multiplicity import lower_end, visible
from pipeline.evaluation.wording import named

CHANCE = 0.5


def leaks(challenge: Challenge) -> Gate:
    """The leak gate let its training pass."""
    return _recorded("leaks", "the leak gate", challenge, "leak_gate", ("passed",))


def sufficiency(challenge: Challenge) -> Gate:
    """There was enough to learn from."""
    return _recorded("sufficiency", "the check for enough samples", challenge, "sufficiency", ("go", "warn"))


def unseen(challenge: Challenge) -> Gate:
    """No outcome of the judged rows has taught it."""
    until, held = challenge.considered.labels_until, challenge.evidence.evaluation
    if until > held:
        why = f"it has learned from outcomes up to {until}, after the evaluation cutoff {held}: it may know these rows"
        return Gate("unseen rows", "failed", why)
    return Gate("unseen rows", "passed", f"it has learned from outcomes up to {until}, and is judged by those after {held}")


def outcomes(challenge: Challenge) -> Gate:
    """There are enough users of each outcome to tell models apart. Where no champion stays instead, a baseline may score without them.

    Below about 20 of an outcome DeLong's interval is too narrow: of two equal models one looked surely better in 4 of 100 samples with 5
    of them, and in 11 with 2.
    """
    if challenge.of_baseline and challenge.champion is None:
        return Gate("outcomes", "skipped", "a baseline scores where there is nobody better, however few the outcomes")
    evidence, other = challenge.evidence, challenge.champion or challenge.closest
    ones, least = evidence.positives, challenge.rule.min_positives
    counted = f"{ones} of {evidence.rows} users have outcome 1, {evidence.rows - ones} have not; at least {least} of each are asked"
    apart = evidence.difference(challenge.considered.version, other.version) if other else challenge.considered.figures["auc"]
    seen = f"a lead of {visible(apart, challenge.parts):.4f} over {named(other) if other else 'chance'} would be seen in 80 of 100 cases"
    return Gate("outcomes", verdict(min(ones, evidence.rows - ones) >= least), f"{counted}; {seen}")


def suspicion(challenge: Challenge) -> Gate:
    """It is not better than anything honest is."""
    bar = challenge.rule.suspicious_auc
    if lower_end(challenge.considered.figures["auc"]) > bar:
        why = f"its lower end is above {bar:g}, which hardly anything honest reaches: look for a leak"
        return Gate("suspicion", "failed", f"{challenge.scored}; {why}")
    return Gate("suspicion", "passed", f"{challenge.scored}; its lower end is not above {bar:g}")


def chance(challenge: Challenge) -> Gate:
    """It orders users better than chance."""
    better, end = challenge.lies(challenge.considered.figures["auc"], CHANCE)
    return Gate("chance", verdict(better), f"{challenge.scored}; {end}{'' if better else ': it may be chance'}")


def baselines(challenge: Challenge) -> Gate:
    """It is surely better than every baseline that was judged."""
    closest = challenge.closest
    if closest is None:
        return Gate("baselines", "skipped", "no baseline was judged beside it")
    better, end = challenge.lies(challenge.evidence.difference(challenge.considered.version, closest.version), 0.0)
    numbers = f"{challenge.compared(closest)}; {end}"
    if better:
        return Gate("baselines", "passed", f"it is surely better than every baseline; closest comes {named(closest)}: {numbers}")
    return Gate("baselines", "failed", f"{numbers}: it is not surely better than that baseline")


def _recorded(name: str, what: str, challenge: Challenge, check: str, good: tuple[str, ...]) -> Gate:
    checks = challenge.considered.checks
    if not checks:
        return Gate(name, "skipped", f"its training is from before versions said what {what} found")
    found = checks.get(check, "nothing")
    return Gate(name, verdict(found in good), f"{what} said {found}; {' or '.join(good)} is asked")
