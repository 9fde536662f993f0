"""From evidence to a decision: which version scores from now on, and why. Pure: nothing is read, nothing is moved."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.evaluation.evidence import Estimate, Evidence, Judged

CHANCE = 0.5


@dataclass(frozen=True)
class Decision:
    """What to do with the alias.

    promoted    whether `version` takes it from `champion` (None: nobody had it)
    version     the candidate that was considered; None if there was none
    reasons     sentences with the numbers
    """

    promoted: bool
    version: str | None
    champion: str | None
    reasons: tuple[str, ...]


def decide(evidence: Evidence, champion: str | None, *, min_effect: float) -> Decision:
    """Whether the best challenger replaces the champion.

    Without a champion, or with one that cannot read today's features, the best candidate takes its place if the lower end of its
    AUC's interval is above 0.5. Otherwise it must beat the champion on the same rows: the lower end of the paired difference must
    exceed `min_effect`. A champion that has learned from outcomes after the evaluation cutoff may know these rows: no decision then.
    """
    challengers = [model for model in evidence.models if model.version != champion]
    best = min(
        challengers, key=lambda model: (-model.figures["auc"].value, model.figures["log_loss"].value, int(model.version)), default=None
    )
    aside = tuple(f"version {version} was set aside: {why}" for version, why in sorted(evidence.set_aside.items()))
    if best is None:
        what = f"no candidate besides the champion, version {champion}" if champion else "no candidate could be judged"
        return Decision(False, None, champion, (what, *aside))
    held = evidence.model(champion) if champion else None
    if held is None:
        return _first(best, champion, aside, evidence)
    if held.labels_until > evidence.evaluation:
        known = f"champion {_named(held)} has learned from outcomes up to {held.labels_until}"
        why = f"{known}, after the evaluation cutoff {evidence.evaluation}: it may know these rows, so no comparison is fair"
        return Decision(False, best.version, champion, (why, *aside))
    return _against(best, held, evidence, min_effect, aside)


def _first(best: Judged, champion: str | None, aside: tuple[str, ...], evidence: Evidence) -> Decision:
    lower = best.figures["auc"].lower or 0.0
    why = "there is no champion yet" if champion is None else f"champion version {champion} cannot be judged"
    numbers = f"{_named(best)} has AUC {_shown(best.figures['auc'])} on {evidence.rows} users"
    verdict = f"its lower end is {'above' if lower > CHANCE else 'not above'} {CHANCE}"
    return Decision(lower > CHANCE, best.version, champion, (why, f"{numbers}; {verdict}", *aside))


def _against(best: Judged, held: Judged, evidence: Evidence, min_effect: float, aside: tuple[str, ...]) -> Decision:
    difference = evidence.difference(best.version, held.version)
    won = difference.lower is not None and difference.lower > min_effect
    numbers = (
        f"{_named(best)} has AUC {_shown(best.figures['auc'])}, champion {_named(held)} has {_shown(held.figures['auc'])} "
        f"on the same {evidence.rows} users"
    )
    verdict = f"the paired difference is {_shown(difference)}; its lower end is {'above' if won else 'not above'} {min_effect:g}"
    return Decision(won, best.version, held.version, (numbers, verdict, *aside))


def _named(model: Judged) -> str:
    return f"version {model.version} ({model.kind})"


def _shown(estimate: Estimate) -> str:
    if estimate.lower is None or estimate.upper is None:
        return f"{estimate.value:.4f}"
    return f"{estimate.value:.4f} [{estimate.lower:.4f}, {estimate.upper:.4f}]"
