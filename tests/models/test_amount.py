from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models import amount, model_features
from models.amount import LARGEST_CORRECTION, LEAST_ROWS, Amount
from models.classifier import Floats
from models.gbdt import FEATURES_FILE
from models.gbdt_parameters import GbdtParameters
from models.model_features import ModelFeatures
from models.samples import Samples
from tests.models.feature_columns import columns
from tests.models.gbdt_samples import samples

COLUMNS = columns(["spent", "noise"])
PARAMETERS = GbdtParameters(rounds=60, learning_rate=0.1, leaves=7, threads=1)
USERS = 1200


def shop(users: int = USERS, seed: int = 7) -> Samples:
    """Each user at three cutoffs; half of them spend, about twice what the first column says."""
    random = np.random.default_rng(seed)
    X = random.uniform(1, 100, size=(3 * users, 2))
    spends = random.random(3 * users) < 0.5
    made = samples(X, spends, np.tile(np.arange(users), 3), np.repeat(np.arange(3), users))
    return replace(made, amounts=np.where(spends, 2 * X[:, 0] * random.gamma(4, 1 / 4, 3 * users), 0.0))


def calibration(of: Samples) -> tuple[np.ndarray, Floats]:
    rows = np.flatnonzero(of.cutoff == of.cutoff.max())
    return rows, np.full(len(rows), float(of.labels[rows].mean()))


def fitted(of: Samples, parameters: GbdtParameters = PARAMETERS) -> Amount:
    features = model_features.fit(of.matrix(np.arange(len(of.labels))), COLUMNS, 7)
    return amount.fit(of, features, parameters, 7, *calibration(of))


@pytest.fixture(scope="module")
def trained() -> tuple[Samples, Amount]:
    return shop(), fitted(shop())


def test_who_spent_more_is_expected_to_spend_more(trained: tuple[Samples, Amount]) -> None:
    asked = np.array([[10.0, 50], [50, 50], [90, 50]])
    np.testing.assert_allclose(trained[1].expected(asked), [20, 100, 180], rtol=0.25)


def test_it_is_the_scale_times_what_lightgbm_predicts(trained: tuple[Samples, Amount]) -> None:
    of, model = trained
    assert model.booster is not None
    assert model.features is not None
    X = of.matrix(np.arange(200))
    np.testing.assert_allclose(model.expected(X), model.scale * np.asarray(model.booster.predict(model.features.apply(X))), rtol=1e-14)


def test_on_the_calibration_rows_the_expected_total_is_what_was_observed(trained: tuple[Samples, Amount]) -> None:
    of, model = trained
    rows, probability = calibration(of)
    assert (probability * model.expected(of.matrix(rows))).sum() == pytest.approx(of.amounts[rows].sum())


def test_every_row_with_an_amount_before_the_newest_cutoff_teaches(trained: tuple[Samples, Amount]) -> None:
    of, model = trained
    assert model.rows == int(((of.amounts > 0) & (of.cutoff < 2)).sum())
    elsewhere = replace(of, amounts=np.where(of.cutoff == 2, of.amounts * 1.5, of.amounts))
    again = fitted(elsewhere)
    assert again.booster is not None
    assert model.booster is not None
    assert again.booster.model_to_string() == model.booster.model_to_string()
    assert again.scale == pytest.approx(1.5 * model.scale)


def test_the_same_input_gives_the_same_trees(trained: tuple[Samples, Amount]) -> None:
    assert fitted(shop()).booster.model_to_string() == trained[1].booster.model_to_string()  # type: ignore[union-attr]


def test_refunds_beyond_what_was_spent_count_as_nothing(trained: tuple[Samples, Amount]) -> None:
    of, model = trained
    refunded = fitted(replace(of, amounts=np.where(of.amounts == 0, -500.0, of.amounts)))
    assert refunded.scale == model.scale


def test_a_single_cutoff_teaches_and_calibrates() -> None:
    whole = shop()
    at_once = samples(whole.matrix(np.arange(USERS)), whole.labels[:USERS], whole.users[:USERS])
    model = fitted(replace(at_once, amounts=whole.amounts[:USERS]))
    assert model.booster is not None
    assert model.rows == int((whole.amounts[:USERS] > 0).sum())


@pytest.mark.parametrize("rows", [LEAST_ROWS - 1, LEAST_ROWS])
def test_too_few_rows_with_an_amount_give_one_mean(rows: int) -> None:
    of = shop()
    spenders = np.flatnonzero((of.amounts > 0) & (of.cutoff < 2))
    amounts = np.where(of.cutoff == 2, of.amounts, 0.0)
    amounts[spenders[:rows]] = of.amounts[spenders[:rows]]
    model = fitted(replace(of, amounts=amounts))
    assert (model.booster is None) == (rows < LEAST_ROWS)


def test_a_constant_makes_the_total_right() -> None:
    model = amount.constant(np.array([0.0, 30.0, -5.0, 10.0]), np.array([0.5, 0.5, 0.5, 0.5]))
    assert (model.scale, model.rows) == (20.0, 2)
    assert model.expected(np.zeros((3, 2))).tolist() == [20.0, 20.0, 20.0]


def test_where_nobody_spends_nothing_is_expected() -> None:
    assert amount.constant(np.array([0.0, -5.0]), np.array([0.1, 0.1])).scale == 0


@pytest.mark.parametrize("factor", [0.0, 1e-9, 1e9])
def test_the_correction_is_bounded(trained: tuple[Samples, Amount], factor: float) -> None:
    of, _ = trained
    scale = fitted(replace(of, amounts=np.where(of.cutoff == 2, of.amounts * factor, of.amounts))).scale
    assert scale == {0.0: 1.0, 1e-9: 1 / LARGEST_CORRECTION, 1e9: LARGEST_CORRECTION}[factor]


@pytest.mark.parametrize("scale", [-1.0, np.nan, np.inf])
def test_a_scale_that_is_no_amount_is_refused(scale: float) -> None:
    with pytest.raises(ValueError, match="finite and not below 0"):
        Amount(scale, 3)


def saved(model: Amount, features: ModelFeatures | None, folder: Path) -> Path:
    model.save(folder)
    if features:
        (folder / FEATURES_FILE).write_text(json.dumps(features.to_json()))
    return folder


def test_what_was_saved_answers_with_the_same_bits(trained: tuple[Samples, Amount], tmp_path: Path) -> None:
    of, model = trained
    X = of.matrix(np.arange(50))
    back = amount.load(saved(model, model.features, tmp_path), threads=1)
    np.testing.assert_array_equal(back.expected(X), model.expected(X))
    assert (back.scale, back.rows) == (model.scale, model.rows)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["amount.json", "amount.txt", "model_features.json"]


def test_a_constant_needs_no_features(tmp_path: Path) -> None:
    assert amount.load(saved(Amount(12.5, 40), None, tmp_path)) == Amount(12.5, 40)
    assert [path.name for path in tmp_path.iterdir()] == ["amount.json"]


def test_trees_beside_other_features_are_refused(trained: tuple[Samples, Amount], tmp_path: Path) -> None:
    _, model = trained
    assert model.features is not None
    other = replace(model.features, dropped={"noise": "told so"})
    with pytest.raises(ValueError, match="those beside it are"):
        amount.load(saved(model, other, tmp_path))


def test_an_amount_that_is_not_there_or_not_whole_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"has no amount\.json"):
        amount.load(tmp_path)
    (tmp_path / "amount.json").write_text('{"scale": 3.0}')
    with pytest.raises(ValueError, match="scale, rows and features, got scale"):
        amount.load(tmp_path)


@given(st.lists(st.tuples(st.floats(0, 200), st.floats(0, 200) | st.just(np.nan)), min_size=1, max_size=20))
def test_each_users_answer_depends_on_that_user_alone(trained: tuple[Samples, Amount], users: list[tuple[float, float]]) -> None:
    model, X = trained[1], np.array(users)
    together = model.expected(X)
    assert (np.isfinite(together) & (together > 0)).all()
    np.testing.assert_array_equal(together, np.concatenate([model.expected(row[None]) for row in X]))
