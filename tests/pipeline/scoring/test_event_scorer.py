from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from features.timeline import Timeline
from models.classifier import Batch
from pipeline.errors import ModelRefused
from pipeline.scoring.event_scorer import EventScorer, open_event_scorer
from pipeline.scoring.scorer import open_scorer
from tests.event_lists import lists_of
from tests.models.tiny_shop import START, memoryless
from tests.pipeline.scoring.conftest import FINGERPRINT, TARGET
from tests.pipeline.scoring.small_network import packed, small_network

CUTOFF = START.plus_days(25)
SAME = 1e-6


@pytest.fixture(scope="module")
def timeline() -> Timeline:
    """Users with none to thirty events, some of them later than the cutoff."""
    return memoryless(80, 30, 0.4, seed=3)


@pytest.fixture(scope="module")
def network_artifact(timeline: Timeline, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    folder = tmp_path_factory.mktemp("artifact")
    return folder, packed(folder, small_network(timeline))


@pytest.fixture(scope="module")
def scorer(network_artifact: tuple[Path, str]) -> EventScorer:
    return open_event_scorer(*network_artifact)


def test_it_gives_the_nightly_scores(scorer: EventScorer, network_artifact: tuple[Path, str], timeline: Timeline) -> None:
    nightly = open_scorer(*network_artifact, fingerprint=FINGERPRINT, target=TARGET)
    rows = np.arange(timeline.users)
    expected = nightly.judge(Batch(timeline.as_of(CUTOFF), rows, CUTOFF, np.empty((len(rows), 0)))).probability
    assert np.ptp(expected) > 0.1
    np.testing.assert_allclose(scorer.judge(lists_of(timeline, CUTOFF))["score"], expected, rtol=0, atol=SAME)


def test_rows_of_different_cutoffs_are_judged_each_as_of_its_own(scorer: EventScorer, timeline: Timeline) -> None:
    early, late = (lists_of(timeline, cutoff) for cutoff in (START.plus_days(12), CUTOFF))
    mixed = pd.concat([early, late]).sample(frac=1, random_state=1)
    found = scorer.judge(mixed.reset_index(drop=True))["score"].to_numpy()
    expected = pd.concat([scorer.judge(early).assign(cutoff="early"), scorer.judge(late).assign(cutoff="late")])
    order = pd.concat([early, late]).reset_index(drop=True).sample(frac=1, random_state=1).index
    np.testing.assert_allclose(found, expected["score"].to_numpy()[order], atol=SAME)


def test_what_is_not_known_at_the_cutoff_changes_nothing(scorer: EventScorer, timeline: Timeline) -> None:
    known = timeline.as_of(CUTOFF)
    assert len(known.event_time) < len(timeline.event_time)
    whole, cut = scorer.judge(lists_of(timeline, CUTOFF)), scorer.judge(lists_of(known, CUTOFF))
    np.testing.assert_allclose(whole["score"], cut["score"], atol=SAME)


def test_an_event_that_became_known_late_is_not_read_before(scorer: EventScorer) -> None:
    row = {
        "cutoff": str(CUTOFF),
        "event_time": [str(START.plus_days(2)), str(START.plus_days(20))],
        "event_type": ["view", "purchase"],
        "item_id": [None, "item1"],
        "category": [None, None],
        "value": [None, 5.0],
    }
    late = {**row, "available_at": [str(START.plus_days(2)), str(START.plus_days(26))]}
    first = {name: entries if name == "cutoff" else entries[:1] for name, entries in row.items()}
    at_once, late_score, first_alone = (scorer.judge(pd.DataFrame([each]))["score"].item() for each in (row, late, first))
    assert late_score == pytest.approx(first_alone, abs=SAME)
    assert abs(at_once - first_alone) > 1e-3


def test_the_order_of_the_lists_does_not_matter(scorer: EventScorer, timeline: Timeline) -> None:
    table = lists_of(timeline, CUTOFF)
    lists = [name for name in table if name != "cutoff"]
    backwards = table.assign(**{name: [entries[::-1] for entries in table[name]] for name in lists})
    np.testing.assert_allclose(scorer.judge(backwards)["score"], scorer.judge(table)["score"], atol=SAME)


def test_one_event_more_than_the_network_reads_is_enough(scorer: EventScorer, timeline: Timeline) -> None:
    known = lists_of(timeline.as_of(CUTOFF), CUTOFF)
    lists = [name for name in known if name != "cutoff"]
    newest = known.assign(**{name: [entries[-9:] for entries in known[name]] for name in lists})
    assert (known["event_time"].map(len) > 9).any()
    np.testing.assert_allclose(scorer.judge(newest)["score"], scorer.judge(known)["score"], atol=SAME)


def test_a_user_without_an_event_has_a_score_and_the_table_keeps_its_index(scorer: EventScorer, timeline: Timeline) -> None:
    table = lists_of(timeline, CUTOFF).head(3).set_axis(list("abc"))
    table.at["b", "event_time"] = []
    for name in ("available_at", "event_type", "item_id", "category", "value"):
        table.at["b", name] = []
    found = scorer.judge(table)
    assert (list(found.index), list(found.columns)) == (list("abc"), ["score"])
    assert found["score"].between(0, 1).all()
    assert len(scorer.judge(table.head(0))) == 0


def test_an_event_type_that_it_has_not_learned_is_named(scorer: EventScorer, timeline: Timeline) -> None:
    table = lists_of(timeline, CUTOFF).head(1)
    table["event_type"] = [["wish"] * len(table["event_time"].iloc[0])]
    with pytest.raises(ValueError, match="Event types wish are not among view, cart, purchase"):
        scorer.judge(table)


def test_changed_files_are_not_opened(timeline: Timeline, tmp_path: Path) -> None:
    sha256 = packed(tmp_path, small_network(timeline))
    (tmp_path / "vocabulary.json").write_text("{}")
    with pytest.raises(ModelRefused, match=r"vocabulary\.json was changed"):
        open_event_scorer(tmp_path, sha256)


def test_a_model_of_features_does_not_read_events(artifact: tuple[Path, str]) -> None:
    with pytest.raises(ModelRefused, match="A gbdt model reads a table of features, not events"):
        open_event_scorer(*artifact)
