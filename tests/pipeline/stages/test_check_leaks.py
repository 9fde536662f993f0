from __future__ import annotations

import json

import numpy as np
import pytest

from features import feature_set as families
from features.feature import Column, Columns
from features.observation import Observation
from features.recency import recency
from pipeline.config import Config
from pipeline.errors import LeakFound, MissingInput
from pipeline.lake import Lake
from pipeline.leaks.outcomes import OutcomeTask
from pipeline.leaks.report import MENDS, TABLE
from pipeline.stages import check_leaks, train_gbdt
from tests.synthetic_lake import AS_OF, configuration, write_events, write_features, write_training


def test_an_honest_shop_passes_and_may_be_trained_on(shop: Config) -> None:
    result = check_leaks.run(shop, AS_OF, show=False)
    assert result["passed"]
    assert json.loads(json.dumps(result)) == result
    assert {row["check"] for row in result["checks"]} == set(MENDS)
    assert {row["passed"] for row in result["checks"]} == {True}
    stored = Lake(shop.lake_url).read(TABLE, {"cutoff": AS_OF.key}, list(result["checks"][0])).to_pylist()
    assert stored == result["checks"]
    assert train_gbdt.run(shop, shop.target("purchase_7d"), AS_OF, show=False)["version"] == "1"


def test_each_target_is_checked_by_itself(shop: Config) -> None:
    subjects = [row["subject"] for row in check_leaks.run(shop, AS_OF, show=False)["checks"]]
    for target in shop.targets:
        assert {target, f"{target}, everyone"} <= set(subjects)


def test_the_same_lake_gives_the_same_report(shop: Config) -> None:
    assert check_leaks.run(shop, AS_OF, show=False) == check_leaks.run(shop, AS_OF, show=False)


def test_users_are_named_nowhere(shop: Config) -> None:
    assert "user-0" not in json.dumps(check_leaks.run(shop, AS_OF, show=False))


def peeking(observation: Observation) -> Columns:
    """Recency that looks up the user's next event."""
    for column in recency(observation):
        later = np.maximum(observation.events.offsets[1:] - observation.end, 0)
        yield Column(column.feature, column.values - later)


def test_a_family_that_knows_the_future_fails_the_gate_and_stops_training(shop: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(families.FAMILIES, "recency", peeking)  # type: ignore[arg-type]
    for target in shop.targets:
        write_training(shop, target)
    with pytest.raises(LeakFound, match=r"permuted_future, all features: .* values depend on .* days_since") as caught:
        check_leaks.run(shop, AS_OF, show=False)
    assert caught.value.exit_code == 20
    assert "truncation, all features" in caught.value.message
    assert "mend the feature family" in caught.value.mend
    with pytest.raises(LeakFound, match="days_since"):
        train_gbdt.run(shop, shop.target("purchase_7d"), AS_OF, show=False)


def test_outcomes_are_looked_at_at_the_newest_training_cutoffs_only(shop: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[OutcomeTask] = []
    monkeypatch.setattr(check_leaks, "check_target", lambda task: seen.append(task) or [])
    monkeypatch.setattr(check_leaks, "NEWEST", 1)
    check_leaks.run(shop, AS_OF, show=False)
    assert {task.target.name: task.cutoffs for task in seen} == {
        name: (shop.split(shop.target(name), AS_OF).training[-1],) for name in shop.targets
    }


def test_features_that_were_not_built_say_what_to_run(shop: Config) -> None:
    with pytest.raises(MissingInput) as caught:
        check_leaks.run(shop, AS_OF.plus_days(3), show=False)
    assert "nightcast build-features --training" in caught.value.mend


def test_targets_that_are_not_modelled_have_features_checked_only(shop: Config) -> None:
    targets = {"next_7d": {"kind": "next_item", "event_type": "purchase", "horizon_days": 7}}
    columns = {"user_id": "u", "event_time": "t", "event_type": "e", "item_id": "i"}
    source = {"files": "{date}.csv", "event_types": shop.source.event_types, "columns": columns}
    named = configuration(shop.root, targets=targets, source=source)
    held = named.split(named.target("next_7d"), AS_OF)
    write_features(named, *held.training, held.evaluation)
    checks = check_leaks.run(named, AS_OF, show=False)["checks"]
    assert {row["check"] for row in checks} == {"truncation", "permuted_future", "accumulated", "planted"}


def test_people_with_two_ids_fail_the_gate(shop: Config) -> None:
    """Every user a second time under another id."""
    write_events(shop, twice=True)
    for target in shop.targets:
        write_training(shop, target)
    with pytest.raises(LeakFound, match=r"same_person, purchase_7d: 100\.0% of the rows of users with a rich history"):
        check_leaks.run(shop, AS_OF, show=False)
