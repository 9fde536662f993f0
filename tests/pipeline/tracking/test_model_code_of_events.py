"""A version that reads lists of events, as people load it: `models:/<target>@champion`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from features.timeline import Timeline
from models.classifier import Batch
from pipeline.config import Config
from pipeline.scoring import interfaces
from pipeline.scoring.scorer import open_scorer
from pipeline.tracking import registry
from pipeline.tracking.registry import Candidate
from tests.event_lists import lists_of
from tests.models.tiny_shop import EVENT_TYPES, START, memoryless
from tests.pipeline.scoring.conftest import FINGERPRINT, TARGET
from tests.pipeline.scoring.small_network import packed, small_network
from tests.pipeline.tracking.loaded import loaded_champion

# 2026-11: MLflow 3.17 warns about a type hint of its own when `mlflow.pyfunc` is imported.
pytestmark = pytest.mark.filterwarnings("ignore:.*Any type hint is inferred as AnyType:UserWarning")

CUTOFF = START.plus_days(25)


@pytest.fixture
def timeline() -> Timeline:
    return memoryless(60, 30, 0.4, seed=3)


@pytest.fixture
def champion(config: Config, tmp_path: Path, candidate: Candidate, timeline: Timeline) -> Iterator[Any]:
    """The champion as MLflow loads it."""
    place = tmp_path / "packed"
    place.mkdir()
    told = replace(candidate, kind="sequence", manifest_sha256=packed(place, small_network(timeline)))
    with loaded_champion(config, told, place, interfaces.of_events(TARGET, EVENT_TYPES, CUTOFF)) as champion:
        yield champion


def test_it_gives_the_nightly_scores_from_a_table_and_from_a_request(
    champion: Any, config: Config, tmp_path: Path, timeline: Timeline
) -> None:
    from mlflow.pyfunc import scoring_server

    held, rows, table = registry.champion(config, TARGET.name), np.arange(timeline.users), lists_of(timeline, CUTOFF)
    nightly = open_scorer(registry.download(config, held, tmp_path), held.manifest_sha256, fingerprint=FINGERPRINT, target=TARGET)
    expected = nightly.judge(Batch(timeline.as_of(CUTOFF), rows, CUTOFF, np.empty((len(rows), 0)))).probability
    np.testing.assert_allclose(champion.predict(table)["score"], expected, rtol=0, atol=1e-6)
    request = json.dumps({"dataframe_split": table.to_dict("split", index=False)})
    answer = scoring_server.invocations(request, "application/json", champion, champion.metadata.get_input_schema())
    assert answer.status == 200
    np.testing.assert_allclose([row["score"] for row in json.loads(answer.response)["predictions"]], expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("missing", ["cutoff", "event_time", "value"])
def test_a_table_without_a_column_is_refused_by_its_name(champion: Any, timeline: Timeline, missing: str) -> None:
    with pytest.raises(Exception, match=rf"missing inputs \['{missing}'\]"):
        champion.predict(lists_of(timeline, CUTOFF).drop(columns=missing))


def test_columns_that_may_be_left_out_may_be_left_out(champion: Any, timeline: Timeline) -> None:
    table = lists_of(timeline, CUTOFF)
    expected = champion.predict(table)
    pd.testing.assert_frame_equal(champion.predict(table.drop(columns="available_at")), expected)
    sessions = [["s"] * len(entries) for entries in table["event_time"]]
    pd.testing.assert_frame_equal(champion.predict(table.assign(session_id=sessions)), expected)


def test_what_cannot_be_read_is_refused_by_row_and_column(champion: Any, timeline: Timeline) -> None:
    table = lists_of(timeline, CUTOFF).head(2)
    table["event_time"] = [["yesterday"] * len(entries) for entries in table["event_time"]]
    with pytest.raises(Exception, match=r"Row 0, event_time: 'yesterday' is no instant"):
        champion.predict(table)
    with pytest.raises(Exception, match=r"Expected data to be list or numpy array, got str"):
        champion.predict(lists_of(timeline, CUTOFF).assign(item_id="i1"))


def test_texts_that_are_all_null_are_taken(champion: Any, timeline: Timeline) -> None:
    table = lists_of(timeline, CUTOFF)
    nothing = [[None] * len(entries) for entries in table["event_time"]]
    assert champion.predict(table.assign(item_id=nothing, category=nothing))["score"].between(0, 1).all()


def test_its_own_example_can_be_answered(champion: Any) -> None:
    assert champion.predict(champion.input_example)["score"].between(0, 1).all()
