from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.splits import Roles
from models.classifier import NotLearnable
from models.cross_fitting import HELD_OUT, plan
from models.samples import Samples
from tests.models.gbdt_samples import samples

PLENTY = 1_000_000


def shop(users: int, cutoffs: int, seed: int = 0) -> Samples:
    """Every user at every cutoff, with outcomes at random."""
    rows = users * cutoffs
    labels = np.random.default_rng(seed).integers(0, 2, rows)
    return samples(np.zeros((rows, 1)), labels, np.tile(np.arange(users), cutoffs), np.repeat(np.arange(cutoffs), users))


@pytest.mark.parametrize(
    ("cutoffs", "roles"),
    [(1, Roles((0,), 0, 0)), (2, Roles((0,), 0, 1)), (3, Roles((0,), 1, 2)), (5, Roles((0, 1, 2), 3, 4))],
)
def test_what_each_cutoff_is_for(cutoffs: int, roles: Roles) -> None:
    assert plan(shop(40, cutoffs), 4, PLENTY, seed=1).roles == roles


@given(st.integers(20, 60), st.integers(1, 5), st.integers(2, 5), st.integers(0, 99))
def test_calibration_sees_no_user_and_from_three_cutoffs_on_no_cutoff_that_training_saw(
    users: int, cutoffs: int, parts: int, seed: int
) -> None:
    whole = shop(users, cutoffs, seed)
    found = plan(whole, parts, PLENTY, seed)
    assert found.refit
    assert len(found.folds) == parts
    for fold in found.folds:
        asked = set(whole.users[fold.calibrate])
        assert set(whole.users[fold.stop]) == asked
        assert not asked & set(whole.users[fold.teach])
        if cutoffs > 2:
            assert whole.cutoff[fold.teach].max() < whole.cutoff[fold.stop].min() == whole.cutoff[fold.stop].max()
            assert whole.cutoff[fold.stop].max() < whole.cutoff[fold.calibrate].min()
    calibrating = np.sort(np.concatenate([fold.calibrate for fold in found.folds]))
    assert np.array_equal(calibrating, np.flatnonzero(whole.cutoff == cutoffs - 1))


@pytest.mark.parametrize(("crossfit_rows", "folds", "refit"), [(200, 5, True), (199, 1, False)])
def test_from_so_many_teaching_rows_on_one_fold_holds_out_a_tenth_of_the_users(crossfit_rows: int, folds: int, refit: bool) -> None:
    whole = shop(100, 4)
    found = plan(whole, 5, crossfit_rows, seed=1)
    assert (len(found.folds), found.refit) == (folds, refit)
    share = HELD_OUT if not refit else 5
    assert len(found.folds[0].calibrate) == len(found.folds[0].stop) == 100 // share
    assert len(found.folds[0].teach) == 2 * (100 - 100 // share)


def test_a_cutoff_without_samples_has_no_role() -> None:
    rows = shop(40, 3)
    late = Samples(rows.users, rows.labels, rows.amounts, rows.cutoff + 1, (rows.cutoffs[0].plus_days(-7), *rows.cutoffs), rows.blocks)
    found = plan(late, 4, PLENTY, seed=1)
    assert found.roles == Roles((1,), 2, 3)
    assert all(len(fold.teach) == 30 for fold in found.folds)


def test_the_seed_deals_the_users() -> None:
    whole = shop(40, 3)
    one, same, other = (plan(whole, 4, PLENTY, seed).folds[0].stop.tolist() for seed in (1, 1, 2))
    assert one == same != other


def test_too_few_users_are_refused() -> None:
    with pytest.raises(NotLearnable, match="7 users to learn from; at least 8"):
        plan(shop(7, 3), 4, PLENTY, seed=1)


def outcomes(by_cutoff: list[int]) -> Samples:
    """40 users, all with the same outcome at a cutoff; 2: with both."""
    whole = shop(40, len(by_cutoff))
    mixed = np.tile([0, 1], 20)
    labels = np.concatenate([mixed if outcome == 2 else np.full(40, outcome) for outcome in by_cutoff]).astype(np.int8)
    return Samples(whole.users, labels, whole.amounts, whole.cutoff, whole.cutoffs, whole.blocks)


@pytest.mark.parametrize(
    ("by_cutoff", "words"),
    [
        ([0, 0, 0], "All 120 samples have the outcome 0"),
        ([1, 2, 2], "All 30 samples have the outcome 1"),
        ([2, 2, 0], "The 40 samples at 2026-01-15T00:00:00Z do not have both outcomes"),
    ],
)
def test_one_outcome_where_two_are_needed_is_refused(by_cutoff: list[int], words: str) -> None:
    with pytest.raises(NotLearnable, match=words):
        plan(outcomes(by_cutoff), 4, PLENTY, seed=1)


def test_a_fold_that_could_not_end_early_is_refused() -> None:
    whole = shop(40, 3)
    gone = np.flatnonzero((whole.cutoff != 1) | (whole.users < 3))
    fewer = samples(np.zeros((len(gone), 1)), whole.labels[gone], whole.users[gone], whole.cutoff[gone])
    with pytest.raises(NotLearnable, match="No held-out user has a sample at 2026-01-08T00:00:00Z"):
        plan(fewer, 4, PLENTY, seed=1)
