"""A version that reads feature columns, as people load it: `models:/<target>@champion`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pandas as pd
import pytest

from features.contract import EVENTS
from features.definition import Definition
from features.feature import Feature
from features.feature_set import FeatureSet
from features.timeline import from_events
from models import model_features
from models.calibration import Calibrator
from models.classifier import Batch
from models.gbdt import Gbdt
from pipeline.config import Config
from pipeline.scoring import interfaces
from pipeline.scoring.artifact import pack
from pipeline.scoring.scorer import open_scorer
from pipeline.tracking import registry
from pipeline.tracking.registry import Candidate
from tests.pipeline.tracking.conftest import CUTOFF
from tests.pipeline.tracking.loaded import loaded_champion

# 2026-11: MLflow 3.17 warns about a type hint of its own when `mlflow.pyfunc` is imported.
pytestmark = pytest.mark.filterwarnings("ignore:.*Any type hint is inferred as AnyType:UserWarning")

NAMES = ("purchases_30d", "days_since_view", "spend")
COLUMNS = FeatureSet(Definition(("view", "purchase"), (30,), 30), tuple(Feature(name, "", f"{name} {{value}}") for name in NAMES), "f" * 64)
RANDOM = np.random.default_rng(7)
X = RANDOM.normal(size=(300, 3))
Y = (RANDOM.random(300) < 1 / (1 + np.exp(-2 * X[:, 0]))).astype(np.int8)


def classifier() -> Gbdt:
    read = model_features.fit(X, COLUMNS, 7)
    data = lightgbm.Dataset(read.apply(X), label=Y, feature_name=list(read.names))
    settings = {"objective": "binary", "num_leaves": 7, "num_threads": 1, "verbose": -1, "deterministic": True}
    return Gbdt(lightgbm.train(settings, data, num_boost_round=20), read, threads=1)


@pytest.fixture
def champion(config: Config, tmp_path: Path, candidate: Candidate) -> Iterator[Any]:
    """The champion as MLflow loads it."""
    place, target = tmp_path / "packed", config.target("purchase_7d")
    place.mkdir()
    sha256 = pack(place, classifier(), Calibrator(1.1, -0.2), {}, target=target, fingerprint="f" * 64, features=NAMES, cutoffs=[CUTOFF])
    told, interface = replace(candidate, manifest_sha256=sha256), interfaces.of_features(target, NAMES, [0.0] * 3)
    with loaded_champion(config, told, place, interface) as champion:
        yield champion


@pytest.fixture
def table() -> pd.DataFrame:
    return pd.DataFrame(np.where(RANDOM.random((50, 3)) < 0.1, np.nan, RANDOM.normal(size=(50, 3))), columns=list(NAMES))


def test_it_gives_the_nightly_scores(champion: Any, config: Config, tmp_path: Path, table: pd.DataFrame) -> None:
    held = registry.champion(config, "purchase_7d")
    files = registry.download(config, held, tmp_path)
    nightly = open_scorer(files, held.manifest_sha256, fingerprint="f" * 64, target=config.target("purchase_7d"))
    batch = Batch(from_events(EVENTS.empty_table(), ("view",)), np.arange(50), CUTOFF, table.to_numpy())
    np.testing.assert_array_equal(champion.predict(table)["score"], nightly.judge(batch).probability)


def test_columns_are_found_by_name(champion: Any, table: pd.DataFrame) -> None:
    expected = champion.predict(table)
    reordered = table[list(NAMES[::-1])].assign(unknown=1.0)
    pd.testing.assert_frame_equal(champion.predict(reordered), expected)


def test_a_table_without_a_column_is_refused_by_its_name(champion: Any, table: pd.DataFrame) -> None:
    with pytest.raises(Exception, match=r"missing inputs \['spend'\]"):
        champion.predict(table.rename(columns={"spend": "amount"}))


def test_text_where_numbers_belong_is_refused_by_the_columns_name(champion: Any, table: pd.DataFrame) -> None:
    with pytest.raises(Exception, match=r"column spend.*str"):
        champion.predict(table.assign(spend="3"))


def test_its_own_example_can_be_answered(champion: Any) -> None:
    assert champion.predict(champion.input_example)["score"].between(0, 1).all()


def test_without_nightcast_it_says_what_is_missing(champion: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from pipeline.tracking.model_code import NightcastScorer

    monkeypatch.setitem(sys.modules, "pipeline.scoring.table_scorer", None)
    with pytest.raises(ImportError, match="Nightcast's own code, which is not installed"):
        NightcastScorer().load_context(None)
