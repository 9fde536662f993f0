"""From evidence to a decision: which version scores from now on, and why. Pure: nothing is read, nothing is moved."""

from __future__ import annotations

from dataclasses import dataclass

from models.baselines import KINDS, BaseRate
from pipeline.evaluation.decision import Decision, Rule
from pipeline.evaluation.evidence import LEAST_OF_EACH, Estimate, Evidence, Judged

CHANCE = 0.5

ALONE = {
    "base_rate": "from the share of all users alone, the same for everybody",
    "recency": "from recency alone: how long ago the last event was",
    "active_days": "from activity alone: on how many days there were events",
    "bg_nbd": "from repetition alone: how often and how recently the event came (BG/NBD)",
}
"""Where the scores of a baseline come from, for who reads the decision."""


@dataclass(frozen=True)
class _Contest:
    """What is compared: `models` and `baselines` without the champion, best first, and the champion if it was judged."""

    evidence: Evidence
    champion: str | None
    held: Judged | None
    models: tuple[Judged, ...]
    baselines: tuple[Judged, ...]


def decide(evidence: Evidence, champion: str | None, rule: Rule) -> Decision:
    """Whether a challenger replaces the champion, and which.

    A model is considered if it is surely better than chance and than every baseline judged: the lower ends of its AUC and of the paired
    differences are above 0.5 and 0. Where no model is, the baseline of the highest AUC is considered instead; the base rate comes last.
    Without a champion, or with one that could not be judged, the one considered takes its place. Otherwise it must be surely better on
    the same rows: the lower end of the paired difference must exceed `rule.min_effect`, and 0 where a baseline challenges a model, for a
    model that loses to a baseline could not be promoted.
    A champion that has learned from outcomes after the evaluation cutoff may know these rows: no decision then.
    Where the rows have too few users of an outcome, nobody can be compared: a champion that is fit to answer stays, whatever it is;
    where there is none, the base rate takes its place.
    """
    contest = _contest(evidence, champion)
    aside = tuple(f"version {version} was set aside: {why}" for version, why in sorted(evidence.set_aside.items()))
    held = contest.held
    if not evidence.rankable and champion and (held or champion in evidence.unranked):
        stays = f"champion version {champion} stays, for being unable to compare is no reason to replace it"
        return Decision(False, None, champion, (f"{_too_few(evidence)}; {stays}", *aside))
    if not (contest.models or contest.baselines):
        what = f"no candidate besides the champion, version {champion}" if champion else "no candidate could be judged"
        return Decision(False, None, champion, (what, *aside))
    if held and held.labels_until > evidence.evaluation:
        known = f"champion {_named(held)} has learned from outcomes up to {held.labels_until}"
        why = f"{known}, after the evaluation cutoff {evidence.evaluation}: it may know these rows, so no comparison is fair"
        return Decision(False, (*contest.models, *contest.baselines)[0].version, champion, (why, *aside))
    worthy = next((model for model in contest.models if _shortfall(model, evidence) is None), None)
    if worthy:
        promoted, reasons = _of_model(worthy, contest, rule.min_effect)
        return Decision(promoted, worthy.version, champion, (*reasons, *aside))
    promoted, version, reasons = _of_baseline(contest, rule.min_effect)
    return Decision(promoted, version, champion, (*reasons, *aside))


def _contest(evidence: Evidence, champion: str | None) -> _Contest:
    """Ties of AUC go to another baseline than the base rate, then to the lower log loss, then to the older version."""
    challengers = sorted(
        (model for model in evidence.models if model.version != champion),
        key=lambda model: (-model.figures["auc"].value, model.kind == BaseRate.kind, model.figures["log_loss"].value, int(model.version)),
    )
    return _Contest(
        evidence,
        champion,
        evidence.model(champion) if champion else None,
        tuple(model for model in challengers if model.kind not in KINDS),
        tuple(model for model in challengers if model.kind in KINDS),
    )


def _shortfall(model: Judged, evidence: Evidence) -> str | None:
    """Why a model may not be promoted, with the numbers of the baseline that comes closest; None if it may."""
    closest = _closest(model, evidence)
    if closest and not _above(evidence.difference(model.version, closest.version), 0.0):
        return f"{_compared(model, closest, evidence)}; it is not surely better than that baseline"
    if not _above(model.figures["auc"], CHANCE):
        return f"{_scored(model)} on {evidence.rows} users; its lower end is not above {CHANCE}: it may be chance"
    return None


def _closest(model: Judged, evidence: Evidence) -> Judged | None:
    """The baseline over which the model's lead is the least sure."""
    baselines = [each for each in evidence.models if each.kind in KINDS]
    return min(baselines, key=lambda each: _lower(evidence.difference(model.version, each.version)), default=None)


def _of_model(best: Judged, contest: _Contest, min_effect: float) -> tuple[bool, tuple[str, ...]]:
    evidence, held, closest = contest.evidence, contest.held, _closest(best, contest.evidence)
    surely = (
        f"it is surely better than every baseline; closest comes {_named(closest)}: {_compared(best, closest, evidence)}"
        if closest
        else "no baseline was judged beside it; it is surely better than chance"
    )
    if held is None:
        return True, (_vacant(contest.champion), f"{_scored(best)} on {evidence.rows} users; its lower end is above {CHANCE}", surely)
    won = _above(evidence.difference(best.version, held.version), min_effect)
    verdict = f"{_compared(best, held, evidence)}; its lower end is {'above' if won else 'not above'} {min_effect:g}"
    return won, (f"{_named(best)} {'replaces' if won else 'does not replace'} champion {_named(held)}", verdict, surely)


def _of_baseline(contest: _Contest, min_effect: float) -> tuple[bool, str | None, tuple[str, ...]]:
    evidence, held = contest.evidence, contest.held
    refused = tuple(why for model in contest.models if (why := _shortfall(model, evidence)))
    if not contest.baselines:
        return False, contest.models[0].version, refused
    best, models = contest.baselines[0], _beaten(contest)
    numbers = f"{_scored(best)} on {evidence.rows} users" + ("" if _above(best.figures["auc"], CHANCE) else "; its order may be chance")
    if held is None:
        return True, best.version, (f"{models}; scores come {ALONE[best.kind]}", _vacant(contest.champion), numbers, *refused)
    bar = min_effect if held.kind in KINDS else 0.0
    verdict = f"{_compared(best, held, evidence)}; its lower end is"
    if _above(evidence.difference(best.version, held.version), bar):
        headline = f"champion {_named(held)} is significantly worse than {_named(best)}, and {models}; scores come {ALONE[best.kind]}"
        return True, best.version, (headline, f"{verdict} above {bar:g}", *refused)
    considered = contest.models[0].version if contest.models else None
    return False, considered, (f"{models}, and no baseline replaces champion {_named(held)}", *refused, f"{verdict} not above {bar:g}")


def _beaten(contest: _Contest) -> str:
    """Why it is up to the baselines."""
    if not contest.evidence.rankable:
        return _too_few(contest.evidence)
    return "no model is significantly better than the baselines" if contest.models else "no model was judged"


def _too_few(evidence: Evidence) -> str:
    share = f"{evidence.positives} of {evidence.rows} users have outcome 1 at {evidence.evaluation}"
    return f"there are too few outcomes to say which model is better: {share}, and it takes at least {LEAST_OF_EACH} with it and without it"


def _vacant(champion: str | None) -> str:
    return "there is no champion yet" if champion is None else f"champion version {champion} cannot be judged"


def _compared(one: Judged, other: Judged, evidence: Evidence) -> str:
    auc = f"{_scored(one)}, {_named(other)} has {_shown(other.figures['auc'])} on the same {evidence.rows} users"
    return f"{auc}; the paired difference is {_shown(evidence.difference(one.version, other.version))}"


def _scored(model: Judged) -> str:
    return f"{_named(model)} has AUC {_shown(model.figures['auc'])}"


def _named(model: Judged) -> str:
    return f"version {model.version} ({model.kind})"


def _above(estimate: Estimate, bar: float) -> bool:
    return _lower(estimate) > bar


def _lower(estimate: Estimate) -> float:
    """The interval's lower end; nothing is sure without one."""
    return float("-inf") if estimate.lower is None else estimate.lower


def _shown(estimate: Estimate) -> str:
    if estimate.lower is None or estimate.upper is None:
        return f"{estimate.value:.4f}"
    return f"{estimate.value:.4f} [{estimate.lower:.4f}, {estimate.upper:.4f}]"
