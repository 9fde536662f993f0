from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.timeline import Ints
from models import folds
from models.classifier import Labels
from pipeline.config import Config
from pipeline.config_sections import Leaks
from pipeline.leaks import outcomes
from pipeline.leaks.outcomes import OutcomeTask, check_target, dealt
from pipeline.leaks.report import Finding
from pipeline.leaks.sample import Sample
from pipeline.leaks.sampled_rows import Rows, sampled_rows
from tests.synthetic_lake import AS_OF

PLANTED = 4
"""Doubled people twice (for same_person and shuffled_labels), a column made from outcomes, a source made from them."""


def task(sample: Sample, config: Config, settings: Leaks | None = None, least: int = 20) -> OutcomeTask:
    target = config.target("purchase_7d")
    return OutcomeTask(sample, target, config.split(target, AS_OF).training, settings or Leaks(), 7, least)


def failed(found: list[Finding]) -> list[str]:
    return [f"{finding.check}, {finding.subject}" for finding in found if not finding.passed]


def leaking(monkeypatch: pytest.MonkeyPatch, change: Callable[[Rows], Rows]) -> None:
    monkeypatch.setattr(outcomes, "sampled_rows", lambda *read: change(sampled_rows(*read)))


def test_honest_rows_pass_and_every_planted_leak_is_seen(sample: Sample, trained: Config) -> None:
    found = check_target(task(sample, trained))
    assert failed(found) == []
    checks = [finding.check for finding in found]
    assert set(checks) == {"same_person", "shuffled_labels", "too_good", "irreplaceable", "planted"}
    assert checks.count("planted") == PLANTED


def test_the_same_rows_give_the_same_findings(sample: Sample, trained: Config) -> None:
    assert check_target(task(sample, trained)) == check_target(task(sample, trained))


def test_a_feature_made_from_the_outcome_is_too_good_and_named(sample: Sample, trained: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    place = sample.features.names.index("events_view_7d")

    def told(rows: Rows) -> Rows:
        features = rows.features.copy()
        features[:, place] = rows.labels + np.random.default_rng(1).normal(0, 0.2, len(rows.labels))
        return replace(rows, features=features)

    leaking(monkeypatch, told)
    found = check_target(task(sample, trained))
    (alarm,) = [finding for finding in found if finding.check == "too_good" and finding.subject.endswith("everyone")]
    assert not alarm.passed
    assert alarm.detail.startswith("too good to be true alone: events_view_7d; the best feature alone, events_view_7d, has an AUC of 1.000")


def test_folds_that_part_a_user_s_rows_are_caught(sample: Sample, trained: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    def by_row(users: Ints, parts: int, seed: int) -> Ints:
        return folds.assign(np.arange(len(users)), parts, seed)

    def alike(rows: Rows) -> Rows:
        """Each user's rows are alike at both cutoffs, as they are for weekly cutoffs and long windows."""
        first = np.unique(rows.users, return_index=True)[1]
        return replace(rows, features=rows.features[first][rows.users])

    monkeypatch.setattr(outcomes.leak_learner, "folds", type("ByRow", (), {"assign": staticmethod(by_row)}))
    leaking(monkeypatch, alike)
    assert "shuffled_labels, purchase_7d" in failed(check_target(task(sample, trained)))


def test_people_with_two_ids_are_caught(sample: Sample, trained: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    def paired(rows: Rows) -> Rows:
        """Every second user is the one before under another id."""
        first = {(user, cutoff): row for row, (user, cutoff) in enumerate(zip(rows.users, rows.cutoff, strict=True))}
        same = [first.get((user - user % 2, cutoff), row) for row, (user, cutoff) in enumerate(zip(rows.users, rows.cutoff, strict=True))]
        return replace(rows, features=rows.features[same], strata={name: within[same] for name, within in rows.strata.items()})

    leaking(monkeypatch, paired)
    assert failed(check_target(task(sample, trained))) == ["same_person, purchase_7d"]


def test_a_source_from_the_future_is_irreplaceable(sample: Sample, trained: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    """Values of purchases that tell outcomes which nothing else tells, as a reputation of years later would."""
    places = [place for place, name in enumerate(sample.features.names) if name.startswith("value_")]

    def told(rows: Rows) -> Rows:
        random = np.random.default_rng(1)
        features, labels = rows.features.copy(), dealt(rows.labels, rows.users, random)
        features[:, places] = (labels + random.normal(0, 0.5, len(labels)))[:, None]
        return replace(rows, features=features, labels=labels)

    leaking(monkeypatch, told)
    assert "irreplaceable, purchase_7d, value of purchase, everyone" in failed(check_target(task(sample, trained)))


def test_a_gate_that_sees_nothing_is_blind(sample: Sample, trained: Config) -> None:
    """Limits that nothing reaches."""
    found = failed(check_target(task(sample, trained, Leaks(max_feature_auc=1.0, max_unique_auc=0.5))))
    assert found == ["planted, purchase_7d, a feature too good", "planted, purchase_7d, a source that nothing replaces"]


def test_too_few_outcomes_say_so(sample: Sample, trained: Config) -> None:
    found = check_target(task(sample, trained, least=1000))
    assert {(finding.check, finding.passed) for finding in found} == {
        (check, True) for check in ("shuffled_labels", "too_good", "irreplaceable")
    }
    assert all("fewer than 1000 outcomes of a kind" in finding.detail for finding in found)


@pytest.mark.parametrize(("labels", "users"), [([1, 1, 0, 0, 1], [0, 0, 1, 1, 2]), ([0, 1, 0], [2, 0, 1])])
def test_a_user_s_outcomes_stay_together(labels: list[int], users: list[int]) -> None:
    given_labels, numbers = np.array(labels, dtype=np.int8), np.array(users)
    sequences = {user: [label for label, owner in zip(labels, users, strict=True) if owner == user] for user in users}
    for seed in range(10):
        new = dealt(given_labels, numbers, np.random.default_rng(seed))
        for user in set(users):
            got = new[numbers == user].tolist()
            assert any(got == (sequence * len(got))[: len(got)] for sequence in sequences.values())


@given(st.integers(0, 10_000))
def test_dealt_outcomes_say_nothing_about_a_user(seed: int) -> None:
    """However many rows a user has: outcomes here are 1 exactly for users with three rows."""
    users = np.repeat(np.arange(200), np.where(np.arange(200) < 100, 3, 1))
    labels: Labels = (np.bincount(users)[users] == 3).astype(np.int8)
    new = dealt(labels, users, np.random.default_rng(seed))
    first = np.unique(users, return_index=True)[1]
    assert new[first].sum() == 100
    assert abs(new[first][:100].mean() - 0.5) < 0.25
