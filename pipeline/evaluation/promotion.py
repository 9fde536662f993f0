"""From evidence to a decision: which version scores from now on, and why. Pure: nothing is read, nothing is moved."""

from __future__ import annotations

from pipeline.evaluation.contest import Contest, Tried, challengers, contest
from pipeline.evaluation.decision import Decision, Rule
from pipeline.evaluation.evidence import LEAST_OF_EACH, Evidence
from pipeline.evaluation.gates import CHANCE, baselines, chance
from pipeline.evaluation.gates_beside_champion import lead
from pipeline.evaluation.multiplicity import lower_end
from pipeline.evaluation.wording import ALONE, named


def decide(evidence: Evidence, champion: str | None, rule: Rule) -> Decision:
    """Whether a challenger replaces the champion, and which.

    A model is promoted if it passes every gate of `OF_MODELS`, the one with the highest AUC if several do. Where none does, it is up to
    the baselines and their gates; the base rate comes last. Without a champion, or with one that could not be judged, there is nobody to
    be better than, and a baseline needs next to nothing: somebody has to score.
    The chance that a champion is replaced although nobody is better is at most `multiplicity.ERROR`, however many challenge it.
    A champion that has learned from outcomes after the evaluation cutoff may know these rows: no decision then.
    Where the rows have too few users of an outcome, nobody can be compared: a champion that is fit to answer stays, whatever it is;
    where there is none, the base rate takes its place.
    """
    held = evidence.model(champion) if champion else None
    aside = tuple(f"version {version} was set aside: {why}" for version, why in sorted(evidence.set_aside.items()))
    if not evidence.rankable and champion and (held or champion in evidence.unranked):
        stays = f"champion version {champion} stays, for being unable to compare is no reason to replace it"
        return Decision(False, None, champion, (f"{_too_few(evidence)}; {stays}", *aside))
    asking = challengers(evidence, champion)
    if not asking:
        what = f"no candidate besides the champion, version {champion}" if champion else "no candidate could be judged"
        return Decision(False, None, champion, (what, *aside))
    if held and held.labels_until > evidence.evaluation:
        known = f"champion {named(held)} has learned from outcomes up to {held.labels_until}"
        why = f"{known}, after the evaluation cutoff {evidence.evaluation}: it may know these rows, so no comparison is fair"
        return Decision(False, asking[0].version, champion, (why, *aside))
    decision = _settle(contest(evidence, champion, held, asking, rule))
    return Decision(decision.promoted, decision.version, champion, (*decision.reasons, *aside), decision.gates)


def _settle(between: Contest) -> Decision:
    for place, tried in enumerate(between.models):
        if not tried.failed:
            ahead = tuple(why for other in between.models[:place] for why in other.shortfalls)
            return _promoted(tried, between, (*_of_model(tried, between), *ahead))
    for tried in between.baselines:
        if not tried.failed:
            return _promoted(tried, between, _of_baseline(tried, between))
    return _refused(between)


def _promoted(tried: Tried, between: Contest, reasons: tuple[str, ...]) -> Decision:
    return Decision(True, tried.model.version, between.champion, reasons, tried.gates)


def _of_model(best: Tried, between: Contest) -> tuple[str, ...]:
    beaten = baselines(best.challenge).words
    if between.held is None:
        return (_vacant(between.champion), f"{named(best.model)} has {chance(best.challenge).words}", beaten)
    return (f"{named(best.model)} replaces champion {named(between.held)}", lead(best.challenge).words, beaten)


def _of_baseline(best: Tried, between: Contest) -> tuple[str, ...]:
    come, held = f"scores come {ALONE[best.model.kind]}", between.held
    if held is None:
        unsure = "" if lower_end(best.model.figures["auc"]) > CHANCE else "; its order may be chance"
        numbers = f"{named(best.model)} has {best.challenge.scored}{unsure}"
        return (f"{_beaten(between)}; {come}", _vacant(between.champion), numbers, *between.shortfalls)
    headline = f"champion {named(held)} is significantly worse than {named(best.model)}, and {_beaten(between)}; {come}"
    return (headline, lead(best.challenge).words, *between.shortfalls)


def _refused(between: Contest) -> Decision:
    """The model that comes closest is the one considered: it fails the fewest gates, or has the highest AUC of those that do."""
    left = (why for tried in between.baselines[:1] for why in tried.shortfalls)
    if not between.models:
        best_is = f"replaces champion {named(between.held)}" if between.held else f"may score: {_vacant(between.champion)}"
        return Decision(False, None, between.champion, (f"{_beaten(between)}, and no baseline {best_is}", *left))
    best = min(between.models, key=lambda tried: len(tried.failed))
    others = (why for tried in between.models if tried is not best for why in tried.shortfalls)
    headline = (
        f"{named(best.model)} does not replace champion {named(between.held)}" if between.held else f"{named(best.model)} is not promoted"
    )
    return Decision(False, best.model.version, between.champion, (headline, *best.shortfalls, *others, *left), best.gates)


def _beaten(between: Contest) -> str:
    """Why it is up to the baselines."""
    if not between.evidence.rankable:
        return _too_few(between.evidence)
    if not between.models:
        return "no model was judged"
    unsure = all({"chance", "baselines"} & {gate.name for gate in tried.failed} for tried in between.models)
    return "no model is significantly better than the baselines" if unsure else "no model passed every gate"


def _too_few(evidence: Evidence) -> str:
    share = f"{evidence.positives} of {evidence.rows} users have outcome 1 at {evidence.evaluation}"
    return f"there are too few outcomes to say which model is better: {share}, and it takes at least {LEAST_OF_EACH} with it and without it"


def _vacant(champion: str | None) -> str:
    return "there is no champion yet" if champion is None else f"champion version {champion} cannot be judged"
