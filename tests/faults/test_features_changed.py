"""Features that are not those the champion learned from: refused by name before anybody is scored; their order plays no part (F25)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from features.eligibility import eligible
from models.classifier import Floats
from pipeline.config import Config
from pipeline.configured_features import configured_features
from pipeline.errors import MissingInput
from pipeline.lake import Lake
from pipeline.scoring.bucket import batch_of, load_view
from pipeline.scoring.inputs import bucket_inputs
from tests.synthetic_lake import AS_OF, configuration, write_events, write_features

COLUMN = "events_any_7d"
Change = Callable[[pa.Table], pa.Table]


@pytest.fixture
def shop(tmp_path: Path) -> Config:
    config = configuration(tmp_path)
    write_events(config, users=60)
    write_features(config, AS_OF)
    return config


def rewrite(config: Config, change: Change) -> Config:
    """The same shop, its features written anew by somebody who knows better."""
    lake, table, cutoff = Lake(config.lake_url), configured_features(config).table, {"cutoff": AS_OF.key}
    other = config.model_copy(update={"lake": config.lake.model_copy(update={"url": "changed"})})
    to, buckets = Lake(other.lake_url), [str(number) for number in range(config.lake.buckets)]
    changed = {bucket: change(lake.read(table, {**cutoff, "bucket": bucket}).drop_columns([*cutoff, "bucket"])) for bucket in buckets}
    parts = [to.write_part(table, {**cutoff, "bucket": bucket}, "features", found) for bucket, found in changed.items()]
    to.commit(table, changed["0"].schema, cutoff, parts, metadata={"timelines_version": "0"})
    write_events(other, users=60)
    return other


def matrix(config: Config) -> Floats:
    """What the champion would be given for the first bucket."""
    inputs = bucket_inputs(config, Lake(config.lake_url), AS_OF)[0]
    view = load_view(inputs)
    asked = np.flatnonzero(eligible(view, config.target("purchase_7d"), AS_OF))
    return batch_of(view, asked, inputs)[0].features


def renamed(found: pa.Table) -> pa.Table:
    return found.rename_columns([f"{name}_old" if name == COLUMN else name for name in found.column_names])


def as_text(found: pa.Table) -> pa.Table:
    return found.set_column(found.column_names.index(COLUMN), COLUMN, found[COLUMN].cast(pa.string()))


@pytest.mark.parametrize("change", [lambda found: found.drop_columns([COLUMN]), renamed, as_text], ids=["missing", "renamed", "text"])
def test_features_that_changed_are_refused_by_name(shop: Config, change: Change) -> None:
    with pytest.raises(MissingInput, match=COLUMN):
        matrix(rewrite(shop, change))


def test_the_order_of_columns_plays_no_part(shop: Config) -> None:
    expected = matrix(shop)
    assert len(expected) > 5
    np.testing.assert_array_equal(matrix(rewrite(shop, lambda found: found.select(found.column_names[::-1]))), expected)
