from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from features.contract import EVENTS
from features.cutoff import Cutoff
from features.target import Target
from features.timeline import from_events
from models import gbdt
from models.amount import Amount
from models.baselines import Recency
from models.calibration import Calibrator
from models.classifier import Batch, Effects, Floats
from pipeline.errors import ModelRefused
from pipeline.scoring.artifact import digest, pack
from pipeline.scoring.scorer import Scorer, open_scorer, raw_of

TARGET = Target("purchase_7d", "occurs", "purchase", 7)
CUTOFF = Cutoff.from_key("20260601T000000Z")
Artifact = tuple[Path, str]


def batch(features: Floats) -> Batch:
    return Batch(from_events(EVENTS.empty_table(), ("view",)), np.arange(len(features)), CUTOFF, features)


@pytest.fixture
def scorer(artifact: Artifact) -> Scorer:
    return open_scorer(*artifact, fingerprint="f" * 64, target=TARGET)


def test_an_opened_scorer_answers_as_the_model_that_was_packed(scorer: Scorer, classifier: gbdt.Gbdt) -> None:
    asked = batch(np.random.default_rng(1).normal(size=(50, 2)))
    judgement = scorer.judge(asked)
    np.testing.assert_array_equal(judgement.raw, classifier.raw(asked))
    np.testing.assert_allclose(judgement.probability, 1 / (1 + np.exp(-(1.1 * judgement.raw - 0.2))))


def test_reasons_are_sentences_with_signed_effects(scorer: Scorer) -> None:
    asked = batch(np.array([[2.0, 0.0], [-2.0, 0.0]]))
    texts, moved = scorer.reasons(asked, scorer.judge(asked))
    assert texts.shape == moved.shape == (2, 3)
    assert texts[0, 0] == "2 purchases in the last 30 days"
    assert moved[0, 0] > 0 > moved[1, 0]
    assert texts[0, 2] is None  # the model has two features
    assert np.isnan(moved[0, 2])


CALIBRATORS = [Calibrator(1.0, 0.0), Calibrator(0.7, -1.0), Calibrator(1.0, 0.0, (-1.0, 0.0, 1.0), (-2.0, -2.0, 1.5))]


@pytest.mark.parametrize("calibrator", CALIBRATORS)
@pytest.mark.parametrize("probability", [0.001, 0.12, 0.5, 0.99])
def test_the_log_odds_of_a_base_rate_are_calibrated_to_it(calibrator: Calibrator, probability: float) -> None:
    assert calibrator.probability(np.array([raw_of(probability, calibrator)])) == pytest.approx([probability])


@pytest.mark.parametrize("probability", [0.0, 1.0, np.nan])
def test_a_base_rate_that_is_no_probability_is_refused(probability: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        raw_of(probability, Calibrator(1.0, 0.0))


@dataclass(frozen=True)
class Partly:
    """A model that cannot answer for some."""

    kind = "gbdt"
    asked: list[int]

    def raw(self, batch: Batch) -> Floats:
        return batch.features[:, 0]

    def effects(self, batch: Batch) -> Effects:
        self.asked.append(len(batch.rows))
        return Effects(("purchases_30d",), batch.features[:, :1], batch.features[:, :1])


def test_a_user_without_a_finite_answer_gets_no_score_and_no_reason(scorer: Scorer) -> None:
    model = Partly([])
    partly = replace(scorer, classifier=model)  # type: ignore[arg-type]
    asked = batch(np.array([[1.0, 0], [np.nan, 0], [np.inf, 0], [-1.0, 0]]))
    judgement = partly.judge(asked)
    assert judgement.usable.tolist() == [True, False, False, True]
    texts, moved = partly.reasons(asked, judgement)
    assert [text is None for text in texts[:, 0]] == [False, True, True, False]
    assert np.isnan(moved[1]).all()
    assert model.asked == [2]


def test_nobody_to_judge_is_fine(scorer: Scorer) -> None:
    asked = batch(np.zeros((0, 2)))
    assert scorer.judge(asked).raw.shape == (0,)
    assert scorer.reasons(asked, scorer.judge(asked))[0].shape == (0, 3)


def test_another_fingerprint_is_refused(artifact: Artifact) -> None:
    with pytest.raises(ModelRefused, match="reads features"):
        open_scorer(*artifact, fingerprint="e" * 64, target=TARGET)


def test_a_model_whose_columns_are_not_those_it_learned_from_is_refused(artifact: Artifact, classifier: gbdt.Gbdt) -> None:
    folder, _ = artifact
    other = replace(classifier.features, dropped={"days_since_view": "0 for everyone"})
    (folder / "model_features.json").write_text(json.dumps(other.to_json()))
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"]["model_features.json"] = digest(folder / "model_features.json")
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(ModelRefused, match="trained on 2 columns, its features are 1; only in one of them: days_since_view"):
        open_scorer(folder, digest(folder / "manifest.json"), fingerprint="f" * 64, target=TARGET)


OPEN = """
import sys
from pathlib import Path
from features.target import Target
from pipeline.errors import ModelRefused
from pipeline.scoring.artifact import digest, pack
from pipeline.scoring.scorer import open_scorer
try:
    open_scorer(Path(sys.argv[1]), sys.argv[2], fingerprint="f" * 64, target=Target("purchase_7d", "occurs", "purchase", 7))
except ModelRefused as refusal:
    assert "lightgbm" not in sys.modules, "a library was loaded before the digests were compared"
    sys.exit(refusal.exit_code)
"""


def test_a_truncated_model_is_refused_before_its_library_is_loaded_so_no_process_crashes(artifact: Artifact) -> None:
    folder, sha256 = artifact
    content = (folder / "model.txt").read_bytes()
    (folder / "model.txt").write_bytes(content[: len(content) // 2])
    done = subprocess.run([sys.executable, "-c", OPEN, str(folder), sha256], capture_output=True, text=True, timeout=60)
    assert done.returncode == 16, done.stderr


def test_slope_of_the_calibrator_keeps_the_order(scorer: Scorer) -> None:
    raw = np.linspace(-3, 3, 20)
    assert (np.diff(Calibrator(scorer.calibrator.slope, scorer.calibrator.intercept).probability(raw)) > 0).all()


@pytest.fixture
def recency(tmp_path: Path) -> Artifact:
    folder = tmp_path / "recency"
    folder.mkdir()
    model = Recency("days_since_view", ("days_since_view",), (1,), 2, 1, -1.0, -2.0, lookback_days=90)
    sentences = {"days_since_view": "{value} days since the last view|no view yet"}
    names = ("purchases_30d", "days_since_view")
    return folder, pack(
        folder, model, Calibrator(1.0, 0.0), sentences, target=TARGET, fingerprint="f" * 64, features=names, cutoffs=[CUTOFF.plus_days(-14)]
    )


def test_a_baseline_is_opened_and_explains_itself(recency: Artifact) -> None:
    scorer = open_scorer(*recency, fingerprint="f" * 64, target=TARGET)
    asked = batch(np.array([[5.0, 2.0], [5.0, np.nan]]))
    judgement = scorer.judge(asked)
    assert judgement.probability[0] == pytest.approx(1 / (1 + np.exp(1.0 - 2.0 + np.log(3))))
    texts, _ = scorer.reasons(asked, judgement)
    assert texts.tolist() == [["2 days since the last view", None, None], ["no view yet", None, None]]


def test_a_baseline_that_is_not_whole_is_refused(recency: Artifact) -> None:
    folder, _ = recency
    (folder / "baseline.json").write_text('{"kind": "recency"}')
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"]["baseline.json"] = digest(folder / "baseline.json")
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(ModelRefused, match="The baseline recency has reason, columns"):
        open_scorer(folder, digest(folder / "manifest.json"), fingerprint="f" * 64, target=TARGET)


SPENT = Target("spent_7d", "sum", "purchase", 7, unit="GBP")


@pytest.fixture
def spent(classifier: gbdt.Gbdt, tmp_path: Path) -> Artifact:
    folder = tmp_path / "spent"
    folder.mkdir()
    names, cutoffs = ("purchases_30d", "days_since_view"), [CUTOFF.plus_days(-14)]
    return folder, pack(
        folder,
        classifier,
        Calibrator(1.1, -0.2),
        {},
        target=SPENT,
        fingerprint="f" * 64,
        features=names,
        cutoffs=cutoffs,
        amount=Amount(30.0, 250),
    )


def test_a_sum_is_expected_to_be_its_probability_times_the_amount_of_those_who_spend(spent: Artifact) -> None:
    scorer = open_scorer(*spent, fingerprint="f" * 64, target=replace(SPENT, unit="EUR"))
    judgement = scorer.judge(batch(np.array([[1.0, 2.0], [-1.0, 0.5]])))
    assert judgement.expected is not None
    np.testing.assert_array_equal(judgement.expected, 30.0 * judgement.probability)


def test_a_user_without_a_finite_amount_has_no_whole_answer(spent: Artifact, monkeypatch: pytest.MonkeyPatch) -> None:
    scorer = open_scorer(*spent, fingerprint="f" * 64, target=SPENT)
    monkeypatch.setattr(Amount, "expected", lambda _, X: np.where(X[:, 0] > 0, np.inf, 5.0))
    assert scorer.judge(batch(np.array([[1.0, 2.0], [-1.0, 0.5]]))).usable.tolist() == [False, True]


def test_a_sum_without_its_amount_is_refused(spent: Artifact) -> None:
    folder, _ = spent
    (folder / "amount.json").unlink()
    manifest = json.loads((folder / "manifest.json").read_text())
    del manifest["files"]["amount.json"]
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(ModelRefused, match=r"The model of a sum has no amount\.json"):
        open_scorer(folder, digest(folder / "manifest.json"), fingerprint="f" * 64, target=SPENT)
