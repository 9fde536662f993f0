from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from features.contract import VALUE_SCALE
from features.cutoff import Cutoff
from features.eligibility import score_basis
from pipeline.configured_features import configured_features
from pipeline.errors import NotMatured
from pipeline.evaluation.outcomes import GROUP, OutcomeTask, bucket_outcomes
from pipeline.lake import Lake
from tests.synthetic_lake import AS_OF, EVENT_TYPES, SETTINGS, configuration, timeline, write_events, write_features, write_labels


def test_outcomes_are_the_labels_of_the_users_known_at_the_cutoff(tmp_path: Path) -> None:
    config = configuration(tmp_path)
    write_events(config, users=60)
    cutoff, target = AS_OF.plus_days(-7), config.target("purchase_7d")
    write_labels(config, "purchase_7d", cutoff)
    lake = Lake(config.lake_url)
    (found, other) = bucket_outcomes(OutcomeTask(lake, 1, EVENT_TYPES, 0, AS_OF, ((target, cutoff), (target, AS_OF.plus_days(-60)))))
    stored = lake.read("labels", {"target": "purchase_7d", "cutoff": cutoff.key, "bucket": "1"})
    assert found.to_pylist() == [{"user_id": row["user_id"], "label": row["label"]} for row in stored.to_pylist()]
    assert len(other) < len(found) <= timeline(config, 1).users


def test_an_outcome_is_refused_up_to_the_instant_at_which_its_window_closes(tmp_path: Path) -> None:
    config = configuration(tmp_path)
    write_events(config, users=6)
    lake, asked = Lake(config.lake_url), ((config.target("purchase_7d"), AS_OF.plus_days(-7)),)
    assert len(bucket_outcomes(OutcomeTask(lake, 1, EVENT_TYPES, 0, AS_OF, asked))) == 1
    with pytest.raises(NotMatured, match=r"'purchase_7d' at .* closes at 2026-04-11"):
        bucket_outcomes(OutcomeTask(lake, 1, EVENT_TYPES, 0, Cutoff(AS_OF.instant - timedelta(microseconds=1)), asked))


def test_outcomes_of_a_sum_have_their_amounts(tmp_path: Path) -> None:
    spent = {"kind": "sum", "event_type": "purchase", "horizon_days": 7}
    source = {**SETTINGS["source"], "columns": {**SETTINGS["source"]["columns"], "value": "v"}}
    config = configuration(tmp_path, targets={"spent_7d": spent}, source=source)
    write_events(config, users=60)
    cutoff = AS_OF.plus_days(-7)
    (found,) = bucket_outcomes(OutcomeTask(Lake(config.lake_url), 1, EVENT_TYPES, 0, AS_OF, ((config.target("spent_7d"), cutoff),)))
    whole = timeline(config, 1)
    inside = (whole.event_time >= cutoff.micros) & (whole.event_time < AS_OF.micros) & whole.of_type("purchase")
    spent_by = {user: int(whole.value[inside & (whole.owner == place)].sum()) / VALUE_SCALE for place, user in enumerate(whole.user_ids)}
    assert {row["user_id"]: row["amount"] for row in found.to_pylist()} == {user: spent_by[user] for user in found["user_id"].to_pylist()}
    assert found["label"].to_pylist() == [int(amount > 0) for amount in found["amount"].to_pylist()]
    assert sum(found["label"].to_pylist()) > 0


def test_users_have_the_groups_they_belonged_to_at_the_cutoff(tmp_path: Path) -> None:
    config = configuration(tmp_path)
    write_events(config, users=60)
    cutoff, lake, table = AS_OF.plus_days(-7), Lake(config.lake_url), configured_features(config).table
    write_features(config, cutoff)
    slices = ("tenure", "active_days_any_30d", "score_basis")
    asked = ((config.target("purchase_7d"), cutoff), (config.target("churn_14d"), AS_OF.plus_days(-20)))
    found, other = bucket_outcomes(OutcomeTask(lake, 1, EVENT_TYPES, 0, AS_OF, asked, slices, table, (cutoff,)))
    features = lake.read(table, {"cutoff": cutoff.key, "bucket": "1"}, ["user_id", "active_days_any_30d"])
    days = dict(zip(features["user_id"].to_pylist(), features["active_days_any_30d"].to_pylist(), strict=True))
    whole = timeline(config, 1).as_of(cutoff)
    basis = dict(zip(whole.user_ids.tolist(), score_basis(whole), strict=True))
    assert found[GROUP + "active_days_any_30d"].to_pylist() == [days[user] for user in found["user_id"].to_pylist()]
    assert found[GROUP + "score_basis"].to_pylist() == [basis[user] for user in found["user_id"].to_pylist()]
    assert set(found[GROUP + "tenure"].to_pylist()) > {"30 to 89 days"}
    assert other.column_names == ["user_id", "label", GROUP + "tenure", GROUP + "score_basis"]  # there are no features at that cutoff
    assert set(other[GROUP + "tenure"].to_pylist()) <= {"under 30 days", "30 to 89 days"}


def test_a_user_without_features_has_none_to_be_grouped_by(tmp_path: Path) -> None:
    config = configuration(tmp_path)
    write_events(config, users=30)
    cutoff, lake, table = AS_OF.plus_days(-7), Lake(config.lake_url), configured_features(config).table
    write_features(config, cutoff)
    where = {"cutoff": cutoff.key, "bucket": "1"}
    rows = lake.read(table, where).drop_columns(["cutoff", "bucket"])
    lost = rows["user_id"][0].as_py()
    lake.commit(table, rows.schema, where, [lake.write_part(table, where, "fewer", rows.slice(1))], metadata={})
    asked = ((config.target("purchase_7d"), cutoff),)
    (found,) = bucket_outcomes(OutcomeTask(lake, 1, EVENT_TYPES, 0, AS_OF, asked, ("active_days_any_30d",), table, (cutoff,)))
    by_user = dict(zip(found["user_id"].to_pylist(), found[GROUP + "active_days_any_30d"].to_pylist(), strict=True))
    assert by_user.pop(lost) is None
    assert None not in by_user.values()
