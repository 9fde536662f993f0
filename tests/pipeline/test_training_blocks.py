from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from features.sequences import gather
from features.vocabulary import Vocabulary
from pipeline.config import Config
from pipeline.errors import MissingInput
from pipeline.lake import Lake
from pipeline.training_blocks import Samples, labelled_samples, load_blocks
from tests.synthetic_lake import AS_OF, EVENT_TYPES, configuration, timeline, write_events, write_labels

CUTOFFS = (AS_OF.plus_days(-28), AS_OF.plus_days(-14))
NOTHING_KNOWN = Vocabulary((), ())


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    made = configuration(tmp_path_factory.mktemp("shop"))
    write_events(made, users=90)
    write_labels(made, "churn_14d", *CUTOFFS)
    return made


@pytest.fixture(scope="module")
def samples(config: Config) -> Samples:
    return labelled_samples(Lake(config.lake_url), config.target("churn_14d"), CUTOFFS)


def test_every_label_of_the_cutoffs_is_a_sample(config: Config, samples: Samples) -> None:
    lake = Lake(config.lake_url)
    stored = sum(len(lake.read("labels", {"target": "churn_14d", "cutoff": cutoff.key})) for cutoff in CUTOFFS)
    assert len(samples.labels) == stored
    assert samples.buckets == [0, 1, 2]


def test_a_limit_draws_that_many_by_the_seed_whatever_the_order_of_the_files(samples: Samples) -> None:
    drawn = samples.drawn(40, seed=7)
    assert len(drawn.labels) == 40
    assert drawn.rows.equals(samples.drawn(40, seed=7).rows)
    assert not drawn.rows.equals(samples.drawn(40, seed=8).rows)
    assert samples.drawn(10_000, seed=7) is samples
    assert drawn.rows.join(samples.rows, on=["user_id", "cutoff"], how="semi").height == 40


def test_the_cutoffs_of_a_bucket_share_one_timeline(config: Config, samples: Samples) -> None:
    blocks = load_blocks(Lake(config.lake_url), samples, samples.buckets, EVENT_TYPES)
    assert [(block.cutoff, len(block.rows) > 0) for block in blocks] == [(cutoff, True) for _ in range(3) for cutoff in CUTOFFS]
    assert blocks[0].timeline is blocks[1].timeline
    assert blocks[0].timeline is not blocks[2].timeline


def test_one_user_has_one_number_and_two_users_never_share_it(config: Config, samples: Samples) -> None:
    blocks = load_blocks(Lake(config.lake_url), samples, samples.buckets, EVENT_TYPES)
    pairs = {
        (str(user), int(number)) for block in blocks for user, number in zip(block.timeline.user_ids[block.rows], block.users, strict=True)
    }
    assert len(pairs) == len({user for user, _ in pairs}) == len({number for _, number in pairs})


def test_a_drawn_sample_reads_the_same_sequence_as_the_whole_bucket(config: Config, samples: Samples) -> None:
    (block, *_) = load_blocks(Lake(config.lake_url), samples.drawn(20, seed=7), [1], EVENT_TYPES)
    whole = timeline(config, 1)
    place = {user: position for position, user in enumerate(whole.user_ids)}
    rows = np.array([place[user] for user in block.timeline.user_ids[block.rows]])
    one = gather(block.timeline.as_of(block.cutoff), block.rows, block.cutoff, 8, NOTHING_KNOWN)
    other = gather(whole.as_of(block.cutoff), rows, block.cutoff, 8, NOTHING_KNOWN)
    np.testing.assert_array_equal(one.event_type, other.event_type)
    np.testing.assert_array_equal(one.numbers, other.numbers)
    assert len(block.timeline.event_time) < len(whole.event_time)


def test_labels_of_another_definition_are_not_the_ones_asked_for(config: Config, tmp_path: Path) -> None:
    lake, partition = Lake(str(tmp_path)), {"target": "churn_14d", "cutoff": AS_OF.key}
    rows = pl.DataFrame({"user_id": ["a"], "label": pl.Series([1], dtype=pl.Int8)}).to_arrow()
    part = lake.write_part("labels", {**partition, "bucket": "0"}, "part", rows)
    lake.commit("labels", rows.schema, partition, [part], metadata={"timelines_version": "0", "definition": "{}"})
    with pytest.raises(MissingInput, match="another definition"):
        labelled_samples(lake, config.target("churn_14d"), [AS_OF])


def test_labels_that_were_never_built_are_missing(config: Config) -> None:
    with pytest.raises(MissingInput, match="have not been built"):
        labelled_samples(Lake(config.lake_url), config.target("churn_14d"), [AS_OF])
