"""F36: one outcome only, one user, one event, one instant for everything: training is skipped in words, and scoring goes on."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from pipeline.config import Config
from pipeline.errors import NotMatured
from pipeline.stages import build_features, check_leaks, evaluate, promote, publish, score, train_baselines, train_gbdt, train_sequence
from pipeline.tracking import registry
from pipeline.warehouse import open_warehouse
from tests.features.literal import CUTOFF, Row, event
from tests.mlflow_store import place_mlflow_store
from tests.pipeline.ingested import InProcess, configuration, ingest, shop

TARGET = "buys"
DAYS = range(1, 41)


def daily(users: int, kind: str) -> list[Row]:
    """Everyone does the same every day."""
    return [event(f"u{user}", ago - 0.5, kind, event_id=f"{user}-{ago}") for user in range(users) for ago in DAYS]


ONE_EVENT = [event("only", 20.5, "purchase")]
ONE_INSTANT = [event(f"u{user}", 20.5, ("view", "purchase")[user % 2], event_id=f"{user}-{place}") for user in range(30) for place in "ab"]
PASSER_BY = [{**row, "user_id": "passer-by"} for row in daily(1, "view")]
"""Somebody whose visits let the days pass: without later events nothing is known of the time after the last one."""

SHOPS: Mapping[str, Sequence[Row]] = {
    "nobody buys": daily(30, "view"),
    "everybody buys": daily(30, "purchase"),
    "one user": [event("only", ago - 0.5, ("purchase", "view", "view")[ago % 3], event_id=f"{ago}") for ago in DAYS],
    "one event beside a passer-by": [*ONE_EVENT, *PASSER_BY],
    "one instant beside a passer-by": [*ONE_INSTANT, *PASSER_BY],
}
UNFINISHED: Mapping[str, Sequence[Row]] = {"one event": ONE_EVENT, "one instant": ONE_INSTANT}
"""Their days end with their only events."""


@contextmanager
def here(_config: Config) -> Iterator[InProcess]:
    yield InProcess()


@pytest.fixture(autouse=True)
def workers_in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    for stage in (build_features, check_leaks, evaluate, score):
        monkeypatch.setattr(stage, "cluster", here)


def small(root: Path, **sections: object) -> Config:
    targets = {TARGET: {"kind": "occurs", "event_type": "purchase", "horizon_days": 7}}
    return configuration(root, targets=targets, training={"cutoffs": 2, "step_days": 7, "gbdt": {"rounds": 20}}, **sections)


def prepared(config: Config) -> None:
    """Features and labels of a training, seen by the leak gate."""
    build_features.run(config, [CUTOFF], training=True, show=False)
    check_leaks.run(config, CUTOFF, show=False)


def published(config: Config) -> list[dict[str, object]]:
    """The night's rows, scored and published as of the cutoff."""
    build_features.run(config, [CUTOFF], training=False, show=False)
    for stage in (score, publish):
        stage.run(config, CUTOFF, targets=[config.target(TARGET)], show=False)
    with open_warehouse(config) as warehouse:
        rows: list[dict[str, object]] = warehouse.query("SELECT * FROM user_scores ORDER BY user_id").to_pylist()
    return rows


@pytest.mark.parametrize("name", SHOPS)
def test_a_shop_that_cannot_teach_is_not_trained_on(name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    config = small(tmp_path)
    place_mlflow_store(tmp_path)
    ingest(config, SHOPS[name])
    prepared(config)
    target = config.target(TARGET)
    for kind, stage in (("gbdt", train_gbdt), ("sequence", train_sequence)):
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            result = stage.run(config, target, CUTOFF, show=False)
        assert (result["target"], result["kind"], result["trained"]) == (TARGET, kind, False)
        assert "at least 20 of each are needed (training.min_positives)" in result["reason"]
        assert result["reason"] in caplog.text
    assert registry.candidates(config, TARGET, CUTOFF) == ()


@pytest.mark.parametrize("name", SHOPS)
def test_its_first_night_ends_with_the_base_rate_as_champion_and_the_same_score_for_everybody(name: str, tmp_path: Path) -> None:
    config = small(tmp_path)
    place_mlflow_store(tmp_path)
    ingest(config, SHOPS[name])
    prepared(config)
    target = config.target(TARGET)
    train_baselines.run(config, target, CUTOFF, show=False)
    evaluate.run(config, target, CUTOFF, show=False)
    decision = promote.run(config, target, CUTOFF, dry_run=False, show=False)
    assert decision["promoted"]
    assert "too few outcomes to say which model is better" in decision["reasons"][0]
    assert registry.champion(config, TARGET).kind == "base_rate"
    scored = published(config)
    assert {row["user_id"] for row in scored} == {row["user_id"] for row in SHOPS[name]}
    (score_of_all,) = {row["score"] for row in scored}
    assert 0 < score_of_all < 1  # type: ignore[operator]


@pytest.fixture(scope="module")
def better_days(tmp_path_factory: pytest.TempPathFactory) -> Config:
    """A shop with a champion."""
    root = tmp_path_factory.mktemp("better_days")
    config = small(root)
    place_mlflow_store(root)
    ingest(config, shop(users=120))
    with pytest.MonkeyPatch.context() as patched:
        for stage in (build_features, check_leaks):
            patched.setattr(stage, "cluster", here)
        prepared(config)
    trained = train_gbdt.run(config, config.target(TARGET), CUTOFF, show=False)
    registry.set_alias(config, TARGET, registry.CHAMPION, trained["version"])
    return config


@pytest.mark.parametrize("name", [*SHOPS, *UNFINISHED])
def test_a_champion_of_better_days_still_scores(name: str, better_days: Config) -> None:
    rows, place = {**SHOPS, **UNFINISHED}[name], name.replace(" ", "-")
    config = small(better_days.root, lake={"url": f"lake-{place}", "buckets": 3}, warehouse={"url": f"duckdb:///{place}.duckdb"})
    ingest(config, rows)
    scored = published(config)
    assert {row["user_id"] for row in scored} == {row["user_id"] for row in rows}
    assert all(0 < row["score"] < 1 for row in scored)  # type: ignore[operator]


@pytest.mark.parametrize("name", UNFINISHED)
def test_a_shop_that_ends_with_its_first_events_has_nothing_to_learn_yet(name: str, tmp_path: Path) -> None:
    config = small(tmp_path)
    ingest(config, UNFINISHED[name])
    with pytest.raises(NotMatured, match="the ingested days end at"):
        build_features.run(config, [CUTOFF], training=True, show=False)
