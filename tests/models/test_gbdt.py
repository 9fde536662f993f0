from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.special import expit

from models import gbdt, tree_shap
from models.classifier import Batch, NotLearnable
from models.gbdt import FittedGbdt, GbdtParameters
from models.metrics import auc
from tests.models.feature_columns import columns
from tests.models.tiny_shop import START, memoryless

NAMES = tuple(f"feature_{number}" for number in range(8))
COLUMNS = columns(NAMES)
PARAMETERS = GbdtParameters(rounds=60, threads=1, min_leaf=10)
VIEW = memoryless(3, 2, 1.0, seed=0)


def samples(seed: int, users: int = 900) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two samples per user; the outcome depends on two features, some values are undefined."""
    random = np.random.default_rng(seed)
    X = np.round(random.normal(size=(2 * users, len(NAMES))) * 4) / 2
    X[:, 3:][random.random((2 * users, len(NAMES) - 3)) < 0.2] = np.nan
    y = (random.random(2 * users) < expit(X[:, 0] + X[:, 1] - 1)).astype(np.int8)
    return X, y, np.tile(np.arange(users), 2)


def batch(X: np.ndarray) -> Batch:
    return Batch(VIEW, np.arange(len(X)), START, X)


@pytest.fixture(scope="module")
def fitted() -> FittedGbdt:
    return gbdt.fit(*samples(1), COLUMNS, PARAMETERS, seed=5)


def test_learns_what_there_is_and_says_log_odds(fitted: FittedGbdt) -> None:
    X, y, _ = samples(2)
    raw = fitted.model.raw(batch(X))
    best = auc(y, X[:, 0] + X[:, 1])
    assert auc(y, raw) > best - 0.02
    assert expit(raw).mean() == pytest.approx(y.mean(), abs=0.03)


def test_out_of_fold_scores_are_honest_where_the_models_own_are_not(fitted: FittedGbdt) -> None:
    X, y, _ = samples(1)
    best = auc(y, X[:, 0] + X[:, 1])
    assert auc(y, fitted.out_of_fold_raw) < best < auc(y, fitted.model.raw(batch(X)))


def test_a_fold_never_saw_its_users() -> None:
    # The outcome is a coin per user, and a feature tells who the user is: whoever saw the user knows the answer.
    random = np.random.default_rng(3)
    users = np.repeat(np.arange(400), 6)
    y = random.integers(0, 2, 400)[users].astype(np.int8)
    X = random.normal(size=400)[users][:, None]
    found = gbdt.fit(X, y, users, columns(["who"]), GbdtParameters(rounds=40, min_leaf=2, threads=1), seed=1)
    assert abs(auc(y, found.out_of_fold_raw) - 0.5) < 0.1


def test_two_trainings_give_the_same_model_text(fitted: FittedGbdt) -> None:
    again = gbdt.fit(*samples(1), COLUMNS, PARAMETERS, seed=5)
    assert again.model.booster.model_to_string() == fitted.model.booster.model_to_string()
    assert (again.out_of_fold_raw == fitted.out_of_fold_raw).all()


def test_stops_early_and_keeps_the_curve(fitted: FittedGbdt) -> None:
    assert 1 <= fitted.rounds <= PARAMETERS.rounds
    assert fitted.model.booster.num_trees() == fitted.rounds
    assert fitted.curve.min() < fitted.curve[0]


def test_a_saved_model_answers_bit_for_bit(fitted: FittedGbdt, tmp_path: Path) -> None:
    X, _, _ = samples(2)
    fitted.model.save(tmp_path)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["model.txt", "model_features.json"]
    loaded = gbdt.load(tmp_path, threads=1)
    assert loaded.features == fitted.model.features
    assert loaded.features.names == NAMES
    assert (loaded.raw(batch(X)) == fitted.model.raw(batch(X))).all()


def test_a_user_alone_scores_as_in_a_crowd(fitted: FittedGbdt) -> None:
    X, _, _ = samples(2)
    together = fitted.model.raw(batch(X[:1000]))
    assert [fitted.model.raw(batch(X[row : row + 1]))[0] for row in (0, 500, 999)] == together[[0, 500, 999]].tolist()


def test_effects_add_up_to_the_log_odds(fitted: FittedGbdt) -> None:
    X, _, _ = samples(2)
    effects = fitted.model.effects(batch(X[:50]))
    rest = fitted.model.raw(batch(X[:50])) - effects.log_odds.sum(axis=1)
    assert rest == pytest.approx(np.full(50, rest[0]), abs=1e-9)
    assert effects.names == NAMES
    np.testing.assert_array_equal(effects.values, X[:50])


def test_effects_of_many_users_equal_those_of_few(fitted: FittedGbdt, monkeypatch: pytest.MonkeyPatch) -> None:
    X, _, _ = samples(2)
    few = fitted.model.effects(batch(X)).log_odds
    monkeypatch.setattr(tree_shap, "WHOLESALE_ROWS", 1)
    monkeypatch.setattr(tree_shap, "CHUNK_ROWS", 700)
    assert np.abs(few).max() > 0.5
    np.testing.assert_allclose(fitted.model.effects(batch(X)).log_odds, few, atol=1e-4)


def test_effects_of_many_users_hold_for_values_undefined_only_after_training(fitted: FittedGbdt) -> None:
    X, _, _ = samples(2)
    X[:, 0] = np.nan
    few = fitted.model.effects(batch(X)).log_odds
    np.testing.assert_allclose(tree_shap.wholesale(fitted.model.booster, X), few, atol=1e-4)


@pytest.mark.parametrize("rows", [1, 20])
def test_a_model_without_a_split_still_answers(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    X, y = np.arange(300.0)[:, None], np.tile(np.array([0, 0, 1], dtype=np.int8), 100)
    alike = gbdt.fit(X, y, np.arange(300), columns(["number"]), GbdtParameters(min_leaf=300, threads=1), seed=1).model
    monkeypatch.setattr(tree_shap, "WHOLESALE_ROWS", 10)
    assert expit(alike.raw(batch(X[:rows]))) == pytest.approx(np.full(rows, 1 / 3), abs=0.01)
    assert alike.effects(batch(X[:rows])).log_odds.tolist() == [[0.0]] * rows


def redundant(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`samples` with a constant before and the first feature again behind."""
    X, y, users = samples(seed)
    return np.column_stack([np.zeros(len(X)), X, X[:, 0]]), y, users


def test_columns_that_tell_nothing_new_change_nothing(fitted: FittedGbdt) -> None:
    more = gbdt.fit(*redundant(1), columns(["nothing", *NAMES, "again"]), PARAMETERS, seed=5)
    assert more.model.features.dropped == {"nothing": "0 for everyone", "again": "the same as feature_0"}
    assert more.model.booster.model_to_string() == fitted.model.booster.model_to_string()
    assert (more.out_of_fold_raw == fitted.out_of_fold_raw).all()


@pytest.mark.parametrize("wholesale", [1, 10_000])
def test_answers_and_effects_are_of_the_columns_kept(fitted: FittedGbdt, wholesale: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tree_shap, "WHOLESALE_ROWS", wholesale)
    more = gbdt.fit(*redundant(1), columns(["nothing", *NAMES, "again"]), PARAMETERS, seed=5).model
    lean, wide = batch(samples(2)[0][:40]), batch(redundant(2)[0][:40])
    assert (more.raw(wide) == fitted.model.raw(lean)).all()
    effects, expected = more.effects(wide), fitted.model.effects(lean)
    assert effects.names == NAMES
    np.testing.assert_array_equal(effects.values, expected.values)
    np.testing.assert_array_equal(effects.log_odds, expected.log_odds)


def test_expected_repeats_are_columns_with_effects_of_their_own() -> None:
    # Who bought often and lately will buy again: the answer is in the three numbers together, which a tree has to piece together.
    random = np.random.default_rng(4)
    age = random.integers(30, 300, 1200).astype(float)
    count = random.poisson(random.gamma(0.5, 6.0, 1200)).astype(float)
    span = np.where(count > 0, np.floor(age * random.beta(2, 1, 1200)), 0.0)
    X = np.column_stack([count, span, age])
    y = (random.random(1200) < 1 - np.exp(-30 * count / age * (span > age - 60))).astype(np.int8)
    names = [f"repeat_purchase_{part}" for part in ("count", "span", "age")]
    model = gbdt.fit(X, y, np.arange(1200), columns(names, repeat_event="purchase"), PARAMETERS, seed=5).model
    effects = model.effects(batch(X[:50]))
    assert effects.names == (*names, "expected_purchase_30d", "alive_purchase")
    assert np.abs(effects.log_odds[:, 3]).mean() > 0.1
    assert set(effects.names) == model.features.sentences.keys()


def test_other_columns_than_learned_are_refused(fitted: FittedGbdt) -> None:
    with pytest.raises(ValueError, match=r"8 feature columns, got an array of shape \(2, 7\)"):
        fitted.model.raw(batch(np.zeros((2, 7))))


def test_a_model_with_features_of_another_is_refused(fitted: FittedGbdt, tmp_path: Path) -> None:
    fitted.model.save(tmp_path)
    X, y, users = samples(1)
    fewer = gbdt.fit(X[:, :7], y, users, columns(NAMES[:7]), PARAMETERS, seed=5).model
    (tmp_path / "model_features.json").write_text(json.dumps(fewer.features.to_json()))
    with pytest.raises(ValueError, match="trained on 8 columns, its features are 7; only in one of them: feature_7"):
        gbdt.load(tmp_path)
    turned = gbdt.fit(X[:, ::-1], y, users, columns(NAMES[::-1]), PARAMETERS, seed=5).model
    (tmp_path / "model_features.json").write_text(json.dumps(turned.features.to_json()))
    with pytest.raises(ValueError, match="their order differs"):
        gbdt.load(tmp_path)


def test_samples_that_are_all_alike_are_refused() -> None:
    _, y, users = samples(1)
    with pytest.raises(NotLearnable, match="All 2 feature columns have one value in all 1800 samples"):
        gbdt.fit(np.zeros((len(y), 2)), y, users, columns(["a", "b"]), PARAMETERS, seed=1)


def test_one_outcome_or_too_few_users_are_refused() -> None:
    X, y, users = samples(1)
    with pytest.raises(NotLearnable, match="outcome 1"):
        gbdt.fit(X, np.ones_like(y), users, COLUMNS, PARAMETERS, seed=1)
    with pytest.raises(NotLearnable, match="5 users"):
        gbdt.fit(X, y, users % 5, COLUMNS, PARAMETERS, seed=1)
    with pytest.raises(NotLearnable, match="All"):
        gbdt.fit(X, (np.arange(len(y)) == 0).astype(np.int8), users, COLUMNS, PARAMETERS, seed=1)
