from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.cutoff import Cutoff
from features.splits import Roles
from features.target import Target
from models.forward_folds import Layout, contest_folds, forward_folds, layouts
from models.samples import Samples
from tests.models.gbdt_samples import samples


def every(days: int, cutoffs: int) -> tuple[Cutoff, ...]:
    return tuple(Cutoff(datetime(2026, 1, 1, tzinfo=UTC)).plus_days(days * place) for place in range(cutoffs))


def horizon(days: int) -> Target:
    return Target("t", "occurs", "purchase", days)


def asked(cutoffs: int, users: int = 60, seed: int = 3) -> Samples:
    """Every user at every cutoff, a week apart; outcomes at random."""
    random = np.random.default_rng(seed)
    rows = cutoffs * users
    where, who = np.repeat(np.arange(cutoffs), users), np.tile(np.arange(users), cutoffs)
    return samples(np.zeros((rows, 1)), random.random(rows) < 0.4, who, where)


@pytest.mark.parametrize(
    ("step", "reach", "teach", "wanted", "found"),
    [
        # Windows close before the next cutoff: everything earlier teaches.
        (7, 7, 4, 3, [Layout(3, (0, 1, 2), True), Layout(2, (0, 1), True), Layout(1, (0,), True)]),
        # Windows of two steps: validations are two steps apart, the first teaching cutoff judges nobody.
        (7, 14, 5, 2, [Layout(4, (0, 1, 2), True), Layout(2, (0,), True)]),
        # One more is wanted than are apart: the newest of the others follows.
        (7, 14, 5, 3, [Layout(4, (0, 1, 2), True), Layout(2, (0,), True), Layout(3, (0, 1), True)]),
        # No window has closed: all earlier ones teach, and users are held out.
        (14, 90, 3, 3, [Layout(2, (0, 1), False), Layout(1, (0,), False)]),
        # The default plan, six cutoffs of which four teach.
        (14, 30, 4, 3, [Layout(3, (0,), True), Layout(2, (0, 1), False), Layout(1, (0,), False)]),
        (7, 7, 1, 3, []),
        (7, 7, 0, 3, []),
    ],
)
def test_who_teaches_whom(step: int, reach: int, teach: int, wanted: int, found: list[Layout]) -> None:
    assert layouts(every(step, teach + 2), range(teach), horizon(reach), wanted) == tuple(found)


@given(st.integers(1, 30), st.integers(1, 90), st.integers(0, 12), st.integers(1, 6))
def test_a_layout_learns_from_earlier_cutoffs_only_and_never_needs_a_later_one(step: int, reach: int, teach: int, wanted: int) -> None:
    cutoffs, target = every(step, teach + 2), horizon(reach)
    found = layouts(cutoffs, range(teach), target, wanted)
    assert len(found) == min(wanted, max(teach - 1, 0))
    assert len({layout.judges for layout in found}) == len(found)
    for layout in found:
        assert layout.teach
        assert max(layout.teach) < layout.judges < max(teach, 1)
        assert layout.matured == all(target.matured(cutoffs[place], cutoffs[layout.judges]) for place in layout.teach)


def test_all_users_teach_and_are_judged_where_windows_had_closed() -> None:
    known = asked(4)
    first, second = forward_folds(known, range(3), horizon(7), 2, seed=7)
    assert first.learn.tolist() == list(range(120))
    assert first.judged.tolist() == list(range(120, 180))
    assert second.learn.tolist() == list(range(60))
    assert second.judged.tolist() == list(range(60, 120))


def test_users_are_held_out_where_windows_overlap() -> None:
    known = asked(4)
    found = forward_folds(known, range(3), horizon(90), 2, seed=7)
    judged = []
    for fold, cutoff in zip(found, (2, 1), strict=True):
        assert set(known.cutoff[fold.judged]) == {cutoff}
        assert set(known.cutoff[fold.learn]) == set(range(cutoff))
        assert not set(known.users[fold.learn]) & set(known.users[fold.judged])
        assert len(fold.judged) == 30
        judged.append(set(known.users[fold.judged]))
    assert judged[0] | judged[1] == set(range(60))


def test_a_fold_with_one_outcome_only_is_left_out() -> None:
    known = asked(4)
    known.labels[known.cutoff == 2] = 0
    (only,) = forward_folds(known, range(3), horizon(7), 2, seed=7)
    assert set(known.cutoff[only.judged]) == {1}
    known.labels[known.cutoff == 0] = 1
    assert forward_folds(known, range(3), horizon(7), 2, seed=7) == ()


@pytest.mark.parametrize(("parts", "groups"), [(2, 3), (5, 5)])
def test_every_row_of_the_stop_cutoff_is_judged_once_by_who_never_saw_its_user(parts: int, groups: int) -> None:
    known = asked(4)
    folds = contest_folds(known, Roles((0, 1), 2, 3), parts, seed=7)
    assert len(folds) == groups
    assert sorted(np.concatenate([fold.judged for fold in folds]).tolist()) == list(range(120, 180))
    for fold in folds:
        judged, stop, learn = (set(known.users[rows]) for rows in (fold.judged, fold.stop, fold.learn))
        assert not judged & (stop | learn)
        assert not stop & learn
        assert set(known.cutoff[fold.learn]) == {0, 1}
        assert set(known.cutoff[fold.stop]) == {2}


def test_a_contest_without_both_outcomes_to_learn_from_has_no_folds() -> None:
    known = asked(3)
    known.labels[:] = 0
    assert contest_folds(known, Roles((0,), 1, 2), 3, seed=7) == ()
