from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.configured_features import configured_features
from pipeline.errors import MissingInput
from pipeline.lake import Lake
from pipeline.scoring.inputs import bucket_inputs, known_users
from tests.synthetic_lake import AS_OF, configuration, write_events, write_features


def test_each_bucket_names_the_versions_that_it_reads(tmp_path: Path) -> None:
    config = configuration(tmp_path)
    write_events(config, users=30)
    write_features(config, AS_OF)
    write_events(config, users=40)  # later timelines are not what these features were built from
    write_features(config, AS_OF.plus_days(-7))
    found = bucket_inputs(config, Lake(config.lake_url), AS_OF)
    assert [each.bucket for each in found] == [0, 1, 2]
    assert {(each.timelines_version, each.features_version) for each in found} == {(0, 1)}
    assert {each.features for each in found} == {configured_features(config).names}


def test_features_that_were_not_built_are_missing_with_the_line_to_run(tmp_path: Path) -> None:
    config = configuration(tmp_path)
    with pytest.raises(MissingInput, match=f"nightcast build-features --cutoff {AS_OF}"):
        bucket_inputs(config, Lake(config.lake_url), AS_OF)


def test_how_many_users_have_features_is_what_their_commit_recorded(tmp_path: Path) -> None:
    config = configuration(tmp_path)
    lake = Lake(config.lake_url)
    assert known_users(config, lake, AS_OF) == 0
    write_events(config, users=30)
    write_features(config, AS_OF)
    assert known_users(config, lake, AS_OF) == 30
