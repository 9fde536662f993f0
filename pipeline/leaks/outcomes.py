"""What features say about a target's outcomes, and what they could not say without knowing them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from features.cutoff import Cutoff
from features.target import Target
from features.timeline import Flags, Ints
from models import leak_learner
from models.classifier import Floats, Labels
from models.leaks import Area, area, best_areas, mean_area
from pipeline.config_sections import Leaks
from pipeline.leaks import planted
from pipeline.leaks.report import Finding
from pipeline.leaks.sample import Sample
from pipeline.leaks.sampled_rows import EVERYONE, Rows, sampled_rows
from pipeline.leaks.twins import check_twins

ERRORS = 3.3
"""Standard errors that chance may explain: one in a thousand runs goes further."""

DEALS = 3
"""How often outcomes are dealt: where few are learned by heart, one deal's AUC goes up to twice as far by chance as its error says."""

NAMED = 5
"""Most features that a finding names."""


@dataclass(frozen=True)
class OutcomeTask:
    """Check one target at its training cutoffs. `least`: outcomes of each kind without which nothing can be said."""

    sample: Sample
    target: Target
    cutoffs: tuple[Cutoff, ...]
    settings: Leaks
    seed: int
    least: int

    def __str__(self) -> str:
        return self.target.name


def check_target(task: OutcomeTask) -> list[Finding]:
    """People with two ids, shuffled labels, features too good to be true, sources that nothing replaces, and planted leaks; on a worker."""
    rows = sampled_rows(task.sample, task.target, task.cutoffs)
    if not _both(rows.labels, task.least):
        return [_nothing(check, task) for check in ("shuffled_labels", "too_good", "irreplaceable")]
    return [*check_twins(rows, task.target.name), *_shuffled(task, rows), *_too_good(task, rows), *_irreplaceable(task, rows)]


def _shuffled(task: OutcomeTask, rows: Rows) -> Iterator[Finding]:
    """Labels of another user teach nothing, unless folds share users; and a column made from them is seen at once."""
    name = task.target.name
    deals = [dealt(rows.labels, rows.users, np.random.default_rng([task.seed, deal])) for deal in range(DEALS)]
    found = [_learned(rows.features, labels, rows.users, task.seed) for labels in deals]
    value, by_chance = float(np.mean([one.value for one in found])), ERRORS * float(np.mean([one.error for one in found]))
    yield Finding(
        "shuffled_labels",
        name,
        value,
        f"0.5 ± {by_chance:.3f}",
        abs(value - 0.5) <= by_chance,
        f"models of outcomes dealt to other users have an AUC of {value:.3f} for users whom they have not seen",
    )
    doubled = planted.twice(rows.features, deals[0], rows.users)
    copies = _learned(*doubled, task.seed)
    yield Finding(
        "planted",
        f"{name}, users who are there twice",
        copies.value,
        f"above {0.5 + ERRORS * copies.error:.3f}",
        copies.value - 0.5 > ERRORS * copies.error,
        f"with every user under two ids, outcomes dealt to other users are learned by heart: AUC {copies.value:.3f}",
    )


def _too_good(task: OutcomeTask, rows: Rows) -> Iterator[Finding]:
    """No single feature tells outcomes apart almost without a mistake."""
    names = task.sample.features.names
    columns = np.vstack([rows.features.T, planted.told(rows.labels, np.random.default_rng(task.seed))])
    limit = task.settings.max_feature_auc
    for stratum, found in best_areas(columns, rows.labels, rows.users, _judged(task, rows)).items():
        ranked = sorted(zip(found[:-1], names, strict=True), key=lambda pair: (-pair[0].value, pair[1]))
        best, feature = ranked[0]
        alarms = [name for one, name in ranked if one.lower(ERRORS) > limit]
        said = f"the best feature alone, {feature}, has an AUC of {_interval(best)}"
        if alarms:
            said = f"too good to be true alone: {', '.join(alarms[:NAMED])}{' and others' * (len(alarms) > NAMED)}; {said}"
        yield Finding("too_good", f"{task.target.name}, {stratum}", best.value, f"lower end ≤ {limit}", not alarms, said)
        seen = found[-1].lower(ERRORS) > limit
        if stratum == EVERYONE:
            said = f"a column made from the outcomes has an AUC of {_interval(found[-1])}"
            yield Finding("planted", f"{task.target.name}, a feature too good", found[-1].value, f"lower end > {limit}", seen, said)


def _irreplaceable(task: OutcomeTask, rows: Rows) -> Iterator[Finding]:
    """An honest column tells in other words what the events tell anyway; what nothing else can tell may come from the future."""
    whole = leak_learner.guess(rows.features, rows.labels, rows.users, seed=task.seed).score
    for source in rows.sources:
        fewer = rows.without(source)
        if np.array_equal(fewer, rows.features, equal_nan=True):
            continue
        reduced = leak_learner.guess(fewer, rows.labels, rows.users, seed=task.seed).score
        for stratum, within in _judged(task, rows).items():
            loss = area(whole, rows.labels, rows.users, within).minus(area(reduced, rows.labels, rows.users, within))
            yield _loss(task, f"{source}, {stratum}", loss)
    yield _planted_source(task, rows)


def _planted_source(task: OutcomeTask, rows: Rows) -> Finding:
    """A column made from outcomes dealt to other users: nothing else tells these, so taking it away must be seen to cost much."""
    random = np.random.default_rng(task.seed)
    labels = dealt(rows.labels, rows.users, random)
    columns = np.column_stack([rows.features, planted.told(labels, random)])
    scores = [leak_learner.guess(read, labels, rows.users, seed=task.seed).score for read in (columns, rows.features)]
    whole, honest = (area(score, labels, rows.users, rows.strata[EVERYONE]) for score in scores)
    gain, limit = whole.minus(honest), task.settings.max_unique_auc
    said = f"without a column made from outcomes dealt to other users a model of them loses {_interval(gain)} of its AUC"
    subject = f"{task.target.name}, a source that nothing replaces"
    return Finding("planted", subject, gain.value, f"lower end > {limit}", gain.lower(ERRORS) > limit, said)


def _loss(task: OutcomeTask, subject: str, loss: Area) -> Finding:
    limit = task.settings.max_unique_auc
    return Finding(
        "irreplaceable",
        f"{task.target.name}, {subject}",
        loss.value,
        f"lower end ≤ {limit}",
        loss.lower(ERRORS) <= limit,
        f"without it a model loses {_interval(loss)} of its AUC",
    )


def _judged(task: OutcomeTask, rows: Rows) -> dict[str, Flags]:
    return {name: within for name, within in rows.strata.items() if _both(rows.labels[within], task.least)}


def _learned(features: Floats, labels: Labels, users: Ints, seed: int) -> Area:
    """How well a model that learns by heart if it can tells outcomes of users whom it has not seen apart."""
    found = leak_learner.guess(features, labels, users, seed=seed, by_heart=True)
    return mean_area(found.score, labels, users, found.fold)


def _both(labels: Labels, least: int) -> bool:
    ones = int((labels == 1).sum())
    return min(ones, len(labels) - ones) >= least


def _nothing(check: str, task: OutcomeTask) -> Finding:
    said = f"not judged: fewer than {task.least} outcomes of a kind among the sampled users (training.min_positives)"
    return Finding(check, task.target.name, float("nan"), "–", True, said)


def _interval(found: Area) -> str:
    half = ERRORS * found.error
    return f"{found.value:.3f} ({found.value - half:.3f}–{found.value + half:.3f})"


def dealt(labels: Labels, users: Ints, random: np.random.Generator) -> Labels:
    """Each user gets the outcomes of another one drawn at random, in their order and from the start again if they are too few.

    So a user's outcomes stay together, and say nothing about that user. labels (n,), users (n,) numbers 0 … U − 1.
    """
    order = np.argsort(users, kind="stable")
    counts = np.bincount(users)
    starts = np.append(0, np.cumsum(counts)[:-1])
    giver = random.permutation(len(counts))[users[order]]
    number = np.arange(len(labels)) - starts[users[order]]
    new = np.empty_like(labels)
    new[order] = labels[order][starts[giver] + number % counts[giver]]
    return new
