"""A finished night's versions called as Python functions, as people do in a notebook, against what scoring itself writes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from features.cutoff import Cutoff, parse_cutoff
from pipeline import timelines
from pipeline.config import Config, load
from pipeline.lake import Lake
from pipeline.scoring.bucket import BucketInputs, ScorerFile
from pipeline.scoring.bucket_scores import ScoreTask, score_bucket
from pipeline.scoring.inputs import bucket_inputs
from pipeline.tracking import registry, store
from pipeline.tracking.registry import ModelVersion
from tests.event_lists import lists_of
from tests.night import Project
from tests.unranked import unranked

# 2026-11: MLflow 3.17 warns about a type hint of its own when `mlflow.pyfunc` is imported.
pytestmark = pytest.mark.filterwarnings("ignore:.*Any type hint is inferred as AnyType:UserWarning")

TARGET = "purchase_7d"


@pytest.fixture(scope="module")
def config(night: Project) -> Config:
    return load(night.folder / "nightcast.toml")


@pytest.fixture(scope="module")
def cutoff(night: Project, config: Config) -> Cutoff:
    return parse_cutoff(night.cutoff, config.source.time_zone)


@pytest.fixture(scope="module")
def bucket(config: Config, cutoff: Cutoff) -> BucketInputs:
    return bucket_inputs(config, Lake(config.lake_url), cutoff)[0]


@pytest.fixture(autouse=True)
def tracking(config: Config) -> Iterator[None]:
    """MLflow's address as a notebook sets it."""
    with store.answering(store.address(config)):
        import mlflow

        before = mlflow.get_tracking_uri()
        mlflow.set_tracking_uri(store.address(config))
        yield
        mlflow.set_tracking_uri(before)


def version(config: Config, cutoff: Cutoff, kind: str) -> ModelVersion:
    (found,) = [model for model in registry.candidates(config, TARGET, cutoff) if model.kind == kind]
    return found


def loaded(model: ModelVersion) -> Any:
    import mlflow

    return mlflow.pyfunc.load_model(f"models:/{model.target}/{model.version}")


def scored(config: Config, model: ModelVersion, bucket: BucketInputs, folder: Path) -> pd.Series:
    """User → what tonight's task would write of that user with this version."""
    files = registry.download(config, model, folder)
    file = ScorerFile(str(files), model.manifest_sha256, model.fingerprint, config.target(TARGET))
    (written,) = score_bucket(ScoreTask(bucket, (file,), "called", config.scoring.ladder))
    return unranked(bucket.lake, written).to_pandas().set_index("user_id")["score"]


def test_a_sequence_version_answers_lists_of_events_with_the_nightly_scores(
    config: Config, cutoff: Cutoff, bucket: BucketInputs, tmp_path: Path
) -> None:
    model = version(config, cutoff, "sequence")
    timeline = timelines.load(bucket.lake, bucket.bucket, bucket.event_types, bucket.timelines_version)
    expected = scored(config, model, bucket, tmp_path)
    found = loaded(model).predict(lists_of(timeline, cutoff).set_axis(timeline.user_ids))["score"]
    assert len(expected) > 50
    np.testing.assert_allclose(found[expected.index], expected, rtol=0, atol=1e-6)


def test_a_version_of_trees_answers_feature_columns_with_the_nightly_scores(
    config: Config, cutoff: Cutoff, bucket: BucketInputs, tmp_path: Path
) -> None:
    model = version(config, cutoff, "gbdt")
    where = {"cutoff": cutoff.key, "bucket": str(bucket.bucket)}
    table = bucket.lake.read(bucket.features_table, where, ["user_id", *bucket.features], version=bucket.features_version)
    expected = scored(config, model, bucket, tmp_path)
    found = loaded(model).predict(table.to_pandas().set_index("user_id"))["score"]
    np.testing.assert_array_equal(found[expected.index], expected)
