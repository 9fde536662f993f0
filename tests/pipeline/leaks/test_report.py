from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from features.splits import Split
from features.target import Target
from pipeline.config import Config
from pipeline.configured_features import configured_features
from pipeline.errors import LeakFound, MissingInput
from pipeline.lake import Lake
from pipeline.leaks.report import MENDS, Checked, Finding, leak_found, require, store
from tests.synthetic_lake import AS_OF, configuration

PASSED = Finding("truncation", "all features", 0.0, "0", True, "8 values compared")
FAILED = Finding("too_good", "purchase_7d, everyone", 0.99, "lower end ≤ 0.95", False, "too good to be true alone: value_sum_any_7d")


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return configuration(tmp_path)


def splits(config: Config) -> dict[Target, Split]:
    return {target: config.split(target, AS_OF) for target in map(config.target, config.targets)}


def write(config: Config, *findings: Finding) -> None:
    store(Lake(config.lake_url), AS_OF, Checked(configured_features(config), 3, splits(config)), findings)


def required(config: Config, target: str = "purchase_7d", version: str = "3") -> list[dict[str, object]]:
    found = config.target(target)
    return require(Lake(config.lake_url), AS_OF, configured_features(config), found, config.split(found, AS_OF), version)


def test_a_passed_report_comes_back(config: Config) -> None:
    write(config, PASSED, replace(PASSED, check="permuted_future"))
    assert [(row["check"], row["value"]) for row in required(config)] == [("truncation", 0.0), ("permuted_future", 0.0)]


def test_none_says_what_to_run(config: Config) -> None:
    with pytest.raises(MissingInput, match=rf"there is none(.|\n)*nightcast check-leaks --cutoff {AS_OF}"):
        required(config)


def test_another_as_of_does_not_count(config: Config) -> None:
    write(config, PASSED)
    target = config.target("purchase_7d")
    with pytest.raises(MissingInput, match="there is none"):
        require(Lake(config.lake_url), AS_OF.plus_days(1), configured_features(config), target, config.split(target, AS_OF), "3")


def test_newer_timelines_need_a_newer_report(config: Config) -> None:
    write(config, PASSED)
    with pytest.raises(MissingInput, match="another timelines version"):
        required(config, version="4")


@pytest.mark.parametrize(
    ("changed", "what"),
    [
        ({"windows": {"lookback_days": 60, "days": (7,)}}, "fingerprint"),
        ({"training": {"cutoffs": 3, "step_days": 14}}, "target purchase 7d"),
        ({"targets": {"purchase_7d": {"kind": "occurs", "event_type": "view", "horizon_days": 7}}}, "target purchase 7d"),
    ],
    ids=["other features", "other cutoffs", "another question"],
)
def test_a_report_about_something_else_does_not_count(config: Config, changed: dict[str, object], what: str) -> None:
    write(config, PASSED)
    with pytest.raises(MissingInput, match=f"another {what}"):
        required(configuration(config.root, **changed))


def test_a_failed_one_is_a_leak_in_words(config: Config) -> None:
    write(config, PASSED, FAILED)
    with pytest.raises(LeakFound) as caught:
        required(config)
    assert "1 of 2 checks" in caught.value.message
    assert "too_good, purchase_7d, everyone: too good to be true alone: value_sum_any_7d" in caught.value.message
    assert "truncation" not in caught.value.message
    assert "[leaks]" in caught.value.mend


def test_a_new_report_takes_the_place_of_the_last(config: Config) -> None:
    write(config, PASSED, FAILED)
    write(config, PASSED)
    assert len(required(config)) == 1


def test_the_same_mend_is_said_once() -> None:
    said = leak_found(AS_OF, [FAILED, replace(FAILED, check="irreplaceable"), replace(FAILED, check="planted")]).mend
    assert said.count("do not map a source column") == 1
    assert MENDS["planted"] in said
