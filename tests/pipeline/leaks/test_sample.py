from __future__ import annotations

from dataclasses import replace

import polars as pl
import pytest

from pipeline.config import Config
from pipeline.configured_features import configured_features
from pipeline.errors import MissingInput
from pipeline.lake import Lake
from pipeline.leaks.sample import Sample, draw
from tests.synthetic_lake import AS_OF, configuration, write_events, write_features

TRAINING = AS_OF.plus_days(-14)


def of(config: Config, users: int, seed: int = 7) -> Sample:
    return draw(Lake(config.lake_url), configured_features(config), [TRAINING], users=users, buckets=3, seed=seed)


def test_all_buckets_where_there_are_no_more_users(trained: Config) -> None:
    assert (of(trained, 1000).buckets, of(trained, 1000).step) == ((0, 1, 2), 1)


def test_whole_buckets_drawn_by_the_seed(trained: Config) -> None:
    found = of(trained, 80)
    assert (len(found.buckets), found.step) == (2, 1)
    assert found == of(trained, 80)
    assert len({of(trained, 80, seed).buckets for seed in range(20)}) == 3


def test_some_users_of_a_large_bucket(trained: Config) -> None:
    found = of(trained, 10)
    assert (len(found.buckets), found.step) == (1, 4)
    (bucket,) = found.buckets
    every = replace(found, step=1).events(bucket)
    some = found.events(bucket)
    users = some["user_id"].unique()
    assert len(users) == every["user_id"].n_unique() // 4
    assert some.equals(every.filter(pl.col("user_id").is_in(users.implode())))


def test_what_was_built_of_these_users(sample: Sample, trained: Config) -> None:
    found = sample.built(1, TRAINING, pl.Series(["user-0001", "nobody"]))
    whole = sample.built(1, TRAINING, sample.events(1)["user_id"].unique())
    assert set(found["user_id"]) <= {"user-0001"}
    assert whole["user_id"].is_sorted()
    assert whole.columns == ["user_id", *configured_features(trained).names]


def test_labels_are_those_of_the_lake(sample: Sample, trained: Config) -> None:
    target = trained.target("purchase_7d")
    found = pl.concat([sample.labels(bucket, target, TRAINING) for bucket in sample.buckets])
    stored = Lake(trained.lake_url).read("labels", {"target": target.name, "cutoff": TRAINING.key}, ["user_id", "label"])
    assert found.sort("user_id").equals(pl.DataFrame(stored).sort("user_id"))


def test_a_bucket_without_rows_is_empty(sample: Sample, trained: Config) -> None:
    early = AS_OF.plus_days(-1000)
    assert sample.built(0, early, pl.Series(["user-0001"])).shape == (0, 1 + len(configured_features(trained).names))
    assert sample.labels(0, trained.target("churn_14d"), early).shape == (0, 2)


def test_values_end_before_the_instant(sample: Sample) -> None:
    found = sample.values(TRAINING)
    assert found.columns == ["user_id", "event_time", "event_type", "value"]
    assert 0 < len(found) < len(sample.values(AS_OF))
    assert found["event_time"].max() < TRAINING.instant  # type: ignore[operator]


def test_what_was_not_built_says_what_to_run(trained: Config) -> None:
    features, lake = configured_features(trained), Lake(trained.lake_url)
    with pytest.raises(MissingInput, match=r"(.|\n)*nightcast build-features --training"):
        draw(lake, features, [TRAINING, AS_OF.plus_days(-1000)], users=10, buckets=3, seed=7)


def test_an_empty_lake_says_what_to_run(tmp_path_factory: pytest.TempPathFactory) -> None:
    config = configuration(tmp_path_factory.mktemp("empty"))
    with pytest.raises(MissingInput, match=r"(.|\n)*nightcast build-features --training"):
        of(config, 10)


def test_features_of_two_ages_are_not_compared(tmp_path_factory: pytest.TempPathFactory) -> None:
    config = configuration(tmp_path_factory.mktemp("ages"))
    write_events(config, users=12)
    write_features(config, TRAINING)
    write_events(config, users=12)
    write_features(config, AS_OF)
    with pytest.raises(MissingInput, match="not of one age"):
        draw(Lake(config.lake_url), configured_features(config), [TRAINING, AS_OF], users=10, buckets=3, seed=7)
