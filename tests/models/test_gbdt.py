from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.special import expit

from models import gbdt
from models.classifier import Batch
from models.gbdt import Gbdt
from models.gbdt_parameters import GbdtParameters
from models.gbdt_training import fit
from tests.models.feature_columns import columns
from tests.models.gbdt_samples import samples
from tests.models.tiny_shop import START, memoryless

NAMES = tuple(f"feature_{number}" for number in range(8))
COLUMNS = columns(NAMES)
PARAMETERS = GbdtParameters(rounds=40, learning_rate=0.05, leaves=15, min_leaf=10, folds=2, feature_fraction=1.0, threads=1)
VIEW = memoryless(3, 2, 1.0, seed=0)


def matrix(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two rows of each of 900 users; the outcome depends on two features, some values are undefined."""
    random = np.random.default_rng(seed)
    X = np.round(random.normal(size=(1800, len(NAMES))) * 4) / 2
    X[:, 3:][random.random((1800, len(NAMES) - 3)) < 0.2] = np.nan
    y = (random.random(1800) < expit(X[:, 0] + X[:, 1] - 1)).astype(np.int8)
    return X, y, np.tile(np.arange(900), 2)


def batch(X: np.ndarray) -> Batch:
    return Batch(VIEW, np.arange(len(X)), START, X)


@pytest.fixture(scope="module")
def model() -> Gbdt:
    return fit(samples(*matrix(1)), COLUMNS, PARAMETERS, seed=5).model


def test_the_answer_is_lightgbm_s_bit_for_bit(model: Gbdt) -> None:
    X, _, _ = matrix(2)
    assert np.array_equal(model.raw(batch(X)), model.booster.predict(X, raw_score=True))


def test_a_saved_model_answers_bit_for_bit(model: Gbdt, tmp_path: Path) -> None:
    X, _, _ = matrix(2)
    model.save(tmp_path)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["model.txt", "model_features.json"]
    loaded = gbdt.load(tmp_path, threads=1)
    assert loaded.features == model.features
    assert loaded.features.names == NAMES
    assert (loaded.raw(batch(X)) == model.raw(batch(X))).all()


def test_a_user_alone_scores_as_in_a_crowd(model: Gbdt) -> None:
    X, _, _ = matrix(2)
    together = model.raw(batch(X[:1000]))
    assert [model.raw(batch(X[row : row + 1]))[0] for row in (0, 500, 999)] == together[[0, 500, 999]].tolist()


def test_effects_add_up_to_the_log_odds(model: Gbdt) -> None:
    X, _, _ = matrix(2)
    effects = model.effects(batch(X[:50]))
    rest = model.raw(batch(X[:50])) - effects.log_odds.sum(axis=1)
    assert rest == pytest.approx(np.full(50, rest[0]), abs=1e-9)
    assert effects.names == NAMES
    np.testing.assert_array_equal(effects.values, X[:50])


def redundant(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`samples` with a constant before and the first feature again behind."""
    X, y, users = matrix(seed)
    return np.column_stack([np.zeros(len(X)), X, X[:, 0]]), y, users


def test_answers_and_effects_are_of_the_columns_kept(model: Gbdt) -> None:
    more = fit(samples(*redundant(1)), columns(["nothing", *NAMES, "again"]), PARAMETERS, seed=5).model
    lean, wide = batch(matrix(2)[0][:40]), batch(redundant(2)[0][:40])
    assert (more.raw(wide) == model.raw(lean)).all()
    effects, expected = more.effects(wide), model.effects(lean)
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
    repeating = fit(samples(X, y, np.arange(1200)), columns(names, repeat_event="purchase"), PARAMETERS, seed=5).model
    effects = repeating.effects(batch(X[:50]))
    assert effects.names == (*names, "expected_purchase_30d", "alive_purchase")
    assert np.abs(effects.log_odds[:, 3]).mean() > 0.1
    assert set(effects.names) == repeating.features.sentences.keys()


def test_other_columns_than_learned_are_refused(model: Gbdt) -> None:
    with pytest.raises(ValueError, match=r"8 feature columns, got an array of shape \(2, 7\)"):
        model.raw(batch(np.zeros((2, 7))))


def test_a_model_with_features_of_another_is_refused(model: Gbdt, tmp_path: Path) -> None:
    model.save(tmp_path)
    X, y, users = matrix(1)
    fewer = fit(samples(X[:, :7], y, users), columns(NAMES[:7]), PARAMETERS, seed=5).model
    (tmp_path / "model_features.json").write_text(json.dumps(fewer.features.to_json()))
    with pytest.raises(ValueError, match="trained on 8 columns, its features are 7; only in one of them: feature_7"):
        gbdt.load(tmp_path)
    turned = fit(samples(X[:, ::-1], y, users), columns(NAMES[::-1]), PARAMETERS, seed=5).model
    (tmp_path / "model_features.json").write_text(json.dumps(turned.features.to_json()))
    with pytest.raises(ValueError, match="their order differs"):
        gbdt.load(tmp_path)
