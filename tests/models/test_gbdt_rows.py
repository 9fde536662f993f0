from __future__ import annotations

import weakref

import lightgbm
import numpy as np
import pytest

from models import feature_selection, gbdt_rows, model_features
from models.gbdt_parameters import GbdtParameters
from models.model_features import ModelFeatures
from models.samples import InMemory, Samples
from tests.models.feature_columns import columns
from tests.models.gbdt_samples import samples

NAMES = ("a", "b", "c", "again")
COLUMNS = columns(NAMES)
SETTINGS = GbdtParameters(threads=1, rounds=5).settings(NAMES[:3], seed=1)


class Fleeting(np.ndarray):  # type: ignore[type-arg]
    """An array that can be watched."""


class Counted(InMemory):
    """A block that counts how often it is read."""

    reads: list[int]

    def matrix(self) -> np.ndarray:
        self.reads.append(len(self.rows))
        return self.rows


def shop(rows: int = 1000, block: int = 90) -> Samples:
    """Some values are undefined, many are 0, and the last column repeats the first."""
    random = np.random.default_rng(1)
    X = np.round(random.normal(size=(rows, 3)), 1)
    X[:, 1] = random.poisson(0.3, rows)
    X[random.random(rows) < 0.2, 2] = np.nan
    y = (X[:, 0] + random.normal(size=rows) > 0).astype(np.int8)
    return samples(np.column_stack([X, X[:, 0]]), y, np.arange(rows), random.integers(0, 3, rows), block)


def counted(whole: Samples) -> tuple[Samples, list[int]]:
    reads: list[int] = []
    blocks = [Counted(block.matrix()) for block in whole.blocks]
    for block in blocks:
        object.__setattr__(block, "reads", reads)
    return Samples(whole.users, whole.labels, whole.amounts, whole.cutoff, whole.cutoffs, blocks), reads


def trained(data: lightgbm.Dataset) -> str:
    return str(lightgbm.train(SETTINGS, data, num_boost_round=5).model_to_string())


@pytest.mark.parametrize("rows", [np.arange(1000), np.arange(0, 1000, 3), np.arange(400, 700)])
@pytest.mark.parametrize("weighted", [True, False])
def test_blocks_are_binned_as_the_whole_matrix_at_once_would_be(rows: np.ndarray, weighted: bool) -> None:
    whole = shop()
    features = gbdt_rows.fitted_features(whole, COLUMNS, seed=1)
    weights = np.linspace(0.5, 1.5, 1000) if weighted else None
    X = features.apply(whole.matrix(rows))
    own = weights[rows] if weights is not None else None
    at_once = lightgbm.Dataset(X, label=whole.labels[rows], weight=own, feature_name=list(features.names), params=SETTINGS)
    assert trained(gbdt_rows.dataset(whole, features, rows, weights, SETTINGS)) == trained(at_once)


def test_of_many_rows_a_drawn_sample_bounds_the_bins() -> None:
    whole, reads = counted(shop())
    settings = {**SETTINGS, "bin_construct_sample_cnt": 50}
    features = gbdt_rows.fitted_features(whole, COLUMNS, seed=1)
    reads.clear()
    found = gbdt_rows.dataset(whole, features, np.arange(1000), None, settings)
    assert 50 <= sum(reads) - 1000 < 3 * 50 + 90, "all rows once, and a few blocks for the sample"
    numbers = found.feature_num_bin("a")
    every = gbdt_rows.dataset(whole, features, np.arange(1000), None, SETTINGS).feature_num_bin("a")
    assert 5 < numbers <= 50 // 3 + 2 < every, "no bin of less than 3 of the sample"
    again = gbdt_rows.dataset(whole, features, np.arange(1000), None, settings)
    assert lightgbm.train(settings, found, 5).model_to_string() == lightgbm.train(settings, again, 5).model_to_string()


def test_drawn_bins_are_those_that_lightgbm_bounds_with_the_drawn_rows() -> None:
    whole, settings = shop(), {**SETTINGS, "bin_construct_sample_cnt": 150}
    features = gbdt_rows.fitted_features(whole, COLUMNS, seed=1)
    drawn = gbdt_rows._drawn(whole, np.arange(1000), 150, settings["data_random_seed"])
    assert len(np.unique(drawn)) == 150
    assert (np.diff(drawn) > 0).all()
    sample = lightgbm.Dataset(features.apply(whole.matrix(drawn)), feature_name=list(features.names), params=settings, label=drawn % 2)
    X = features.apply(whole.matrix(np.arange(1000)))
    at_once = lightgbm.Dataset(X, label=whole.labels, reference=sample, feature_name=list(features.names), params=settings)
    block_by_block = gbdt_rows.dataset(whole, features, np.arange(1000), None, settings)
    assert lightgbm.train(settings, block_by_block, 5).model_to_string() == lightgbm.train(settings, at_once, 5).model_to_string()


def test_rows_that_end_a_training_get_the_bins_of_those_that_teach() -> None:
    whole = shop()
    features = gbdt_rows.fitted_features(whole, COLUMNS, seed=1)
    teach, stop = np.arange(0, 600), np.arange(600, 1000)
    data = gbdt_rows.dataset(whole, features, teach, None, SETTINGS)
    held_out = gbdt_rows.dataset(whole, features, stop, None, SETTINGS, data)
    assert held_out.reference is data
    assert [held_out.feature_num_bin(place) for place in range(3)] == [data.feature_num_bin(place) for place in range(3)]


def test_a_block_is_read_for_the_sample_and_once_to_be_binned_and_not_at_all_without_a_row() -> None:
    whole, reads = counted(shop())
    features = gbdt_rows.fitted_features(whole, COLUMNS, seed=1)
    reads.clear()
    rows = np.arange(400, 700)
    data = gbdt_rows.dataset(whole, features, rows, None, SETTINGS)
    ends = np.cumsum([len(block) for block in whole.blocks])
    holding = [len(block) for block, end in zip(whole.blocks, ends, strict=True) if end > 400 and end - len(block) < 700]
    assert reads == [*holding, *holding]
    reads.clear()
    gbdt_rows.dataset(whole, features, rows, None, SETTINGS, data)
    assert reads == holding


def test_never_are_the_columns_of_two_blocks_in_memory_beside_the_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    alive = most = 0
    apply = ModelFeatures.apply

    def gone() -> None:
        nonlocal alive
        alive -= 1

    def watched(self: ModelFeatures, X: np.ndarray) -> np.ndarray:
        nonlocal alive, most
        made = apply(self, X).view(Fleeting)
        weakref.finalize(made, gone)
        alive += 1
        most = max(most, alive)
        return made

    whole = shop()
    features = gbdt_rows.fitted_features(whole, COLUMNS, seed=1)
    monkeypatch.setattr(ModelFeatures, "apply", watched)
    gbdt_rows.dataset(whole, features, np.arange(1000), None, {**SETTINGS, "bin_construct_sample_cnt": 50})
    assert (len(whole.blocks) > 10, most, alive) == (True, 2, 0), "the sample and the block at hand"


def test_columns_are_decided_on_every_row_where_there_are_few() -> None:
    whole = shop()
    found = gbdt_rows.fitted_features(whole, COLUMNS, seed=1)
    assert found == model_features.fit(whole.matrix(np.arange(1000)), COLUMNS, seed=1)
    assert found.dropped == {"again": "the same as a"}


def test_of_many_rows_a_few_of_some_blocks_decide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gbdt_rows, "SAMPLE_ROWS", 50)
    monkeypatch.setattr(feature_selection, "SAMPLE_ROWS", 50)
    seen: list[np.ndarray] = []
    fit = model_features.fit
    monkeypatch.setattr(model_features, "fit", lambda X, columns, seed: seen.append(X) or fit(X, columns, seed))
    whole, reads = counted(shop())
    for seed in (1, 1, 2):
        reads.clear()
        gbdt_rows.fitted_features(whole, COLUMNS, seed)
        assert 50 <= sum(reads) < 3 * 50 + 90, "of 1000 rows"
    assert [len(X) for X in seen] == [50, 50, 50]
    assert np.array_equal(seen[0], seen[1], equal_nan=True)
    assert not np.array_equal(seen[0], seen[2], equal_nan=True)
