from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest

from pipeline import sufficiency
from pipeline.configured_features import configured_features
from pipeline.errors import NotEnoughData
from pipeline.scoring.enrolment import Training
from tests.synthetic_lake import AS_OF, configuration, write_events, write_labels


def training(root: Path, **settings: object) -> Training:
    """As of the lake's last day, on two training cutoffs."""
    config = configuration(root, training={"cutoffs": 2, "step_days": 14, **settings})
    target = config.target("purchase_7d")
    return Training(config, target, AS_OF, config.split(target, AS_OF), configured_features(config))


def outcomes(ones: int, zeros: int) -> np.ndarray:
    return np.repeat(np.array([1, 0], dtype=np.int8), [ones, zeros])


def test_enough_says_how_well_the_auc_will_be_known(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        found = sufficiency.judge(training(tmp_path), outcomes(1624, 5868))
    # 3,746 users per cutoff, of whom 1624 / 7492 are expected to buy; the width is that of Hanley and McNeil
    assert (found.verdict, found.width) == ("go", pytest.approx(2 * 0.0217, abs=2e-4))
    assert found.words == (
        f"purchase_7d as of {AS_OF}: 812 of 3,746 users at the evaluation cutoff are expected to have outcome 1, so the AUC will be known "
        "to ± 0.022: enough"
    )
    assert found.tags == {"sufficiency": "go", "sufficiency_words": found.words}
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [("INFO", found.words)]


def test_few_outcomes_warn(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    found = sufficiency.judge(training(tmp_path), outcomes(60, 940))
    assert found.verdict == "warn"
    assert "only 30 of 500 users" in found.words
    assert "expect the champion to stay" in found.words
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_the_rarer_outcome_is_named(tmp_path: Path) -> None:
    assert "only 30 of 500 users at the evaluation cutoff are expected to have outcome 0" in (
        sufficiency.judge(training(tmp_path), outcomes(940, 60)).words
    )


@pytest.mark.parametrize(("ones", "zeros"), [(19, 981), (981, 19), (0, 5), (1, 0)])
def test_too_few_of_an_outcome_are_refused_with_the_counts(ones: int, zeros: int, tmp_path: Path) -> None:
    asked = training(tmp_path)
    found = sufficiency.judge(asked, outcomes(ones, zeros))
    assert found.verdict == "refuse"
    assert f"{ones} samples with outcome 1 and {zeros} with outcome 0 at 2 training cutoffs; at least 20 of each" in found.words
    assert "training.min_positives" in found.words
    skipped = {"target": "purchase_7d", "kind": "gbdt", "trained": False, "reason": found.words}
    assert sufficiency.trained_or_skipped(asked, "gbdt", found, lambda: pytest.fail("trained")) == skipped


def test_what_only_the_training_sees_is_a_reason_too(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def train() -> dict[str, object]:
        raise NotEnoughData("the newest cutoff has one outcome", mend="wait")

    asked = training(tmp_path)
    enough = sufficiency.judge(asked, outcomes(1624, 5868))
    assert sufficiency.trained_or_skipped(asked, "gbdt", enough, lambda: {"trained": True}) == {"trained": True}
    result = sufficiency.trained_or_skipped(asked, "gbdt", enough, train)
    assert (result["trained"], result["reason"]) == (False, "the newest cutoff has one outcome")
    assert "the newest cutoff has one outcome" in caplog.text


def test_what_is_asked_for_can_be_configured(tmp_path: Path) -> None:
    assert sufficiency.judge(training(tmp_path, min_positives=19), outcomes(19, 981)).verdict != "refuse"


def test_the_newest_cutoffs_users_are_expected_where_the_lake_knows_them(tmp_path: Path) -> None:
    asked = training(tmp_path)
    write_events(asked.config, users=30)
    write_labels(asked.config, "purchase_7d", asked.split.training[0])
    write_labels(asked.config, "purchase_7d", asked.newest)
    labelled = sufficiency.judge(asked, outcomes(400, 400)).words
    assert "15 of 30 users" in labelled


def test_no_sample_at_all_is_not_enough_data(tmp_path: Path) -> None:
    with pytest.raises(NotEnoughData, match="no eligible user at any training cutoff"):
        sufficiency.judge(training(tmp_path), outcomes(0, 0))
