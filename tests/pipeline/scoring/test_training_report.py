from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from features.cutoff import Cutoff
from features.definition import Definition
from features.feature_set import feature_set
from features.splits import Split
from features.target import Target
from models import calibration
from models.calibration import Calibrator, Chosen
from pipeline.scoring import training_report
from pipeline.scoring.enrolment import Trained, Training
from tests.pipeline.scoring.conftest import CUTOFF

Y = np.tile(np.array([0, 0, 1], dtype=np.int8), 100)
RAW = Y + np.random.default_rng(7).normal(size=300)
MODEL: Any = SimpleNamespace(kind="recency")
TRAINED = Trained(MODEL, {}, Y, RAW, 900, 300, {}, {}, "")
CONFIG: Any = SimpleNamespace(source=SimpleNamespace(time_zone="UTC"))
FEATURES = feature_set(Definition(("view", "purchase"), (30,), 30, families=("recency",)))


def training(**of_target: Any) -> Training:
    target = Target(**{"name": "purchase_7d", "kind": "occurs", "event_type": "purchase", "horizon_days": 7, **of_target})
    split = Split((CUTOFF.plus_days(-28), CUTOFF.plus_days(-14)), CUTOFF.plus_days(-7))
    return Training(CONFIG, target, CUTOFF, split, FEATURES)


def test_figures_are_those_of_the_calibration_rows() -> None:
    found = training_report.examine(TRAINED, calibration.choose(Y, RAW), 2.5)
    assert 0.7 < found.figures["out_of_fold_auc"] < 0.85
    assert found.figures["out_of_fold_auc_lower"] < found.figures["out_of_fold_auc"] < found.figures["out_of_fold_auc_upper"]
    assert (found.figures["rows"], found.figures["calibration_rows"], found.figures["seconds"]) == (900, 300, 2.5)
    assert found.figures["calibration_platt_log_loss"] == pytest.approx(found.figures["out_of_fold_log_loss"], abs=0.02)
    assert found.words.startswith(f"AUC {found.figures['out_of_fold_auc']:.3f} (")


def test_models_of_all_kinds_log_the_same_figures() -> None:
    flat = replace(TRAINED, raw=np.zeros(300), classifier=SimpleNamespace(kind="base_rate"))  # type: ignore[arg-type]
    names = [set(training_report.examine(each, calibration.choose(Y, each.raw), 1.0).figures) for each in (TRAINED, flat)]
    assert names[0] == names[1]


def test_one_outcome_only_leaves_counts() -> None:
    found = training_report.examine(replace(TRAINED, y=np.ones(300, dtype=np.int8)), Chosen(Calibrator(1.0, 0.0)), 1.0)
    assert set(found.figures) == {"rows", "positives", "calibration_rows", "seconds"}


def test_the_note_says_what_was_asked_and_of_whom() -> None:
    found = training_report.examine(TRAINED, calibration.choose(Y, RAW), 1.0)
    note = training_report.note(training(), TRAINED, found)
    assert note.startswith(
        "**Days since the last event for purchase_7d, as of 2026-06-01**: will there be a `purchase` event within 7 days?"
    )
    assert "900 samples, 300 with outcome 1, at 2 cutoffs from 2026-05-04 to 2026-05-18" in note
    assert "judged at 2026-05-25" in note


def test_a_cutoff_within_a_day_keeps_its_time() -> None:
    assert training_report.day(training(), Cutoff.from_key("20260601T063000Z")) == "2026-06-01T06:30:00Z"


@pytest.mark.parametrize(
    ("of_target", "words"),
    [
        ({"kind": "absent", "event_type": "any"}, "will there be no event within 7 days?"),
        ({"kind": "sum", "gap_days": 3}, "what will the `purchase` events within 7 days, from day 3 after the cutoff on, be worth?"),
    ],
)
def test_every_kind_of_target_is_a_question(of_target: dict[str, Any], words: str) -> None:
    assert training_report.asked(training(**of_target)) == words


def test_the_example_is_typical_and_nobodys() -> None:
    known, undefined = FEATURES.names[:2]
    found = training_report.example(training(), replace(TRAINED, typical={known: 4.5, undefined: np.nan, "fitted_column": 9.0}))
    assert found == (4.5, *[0.0] * (len(FEATURES.names) - 1))


def test_importances_are_listed_strongest_first() -> None:
    found = training_report.importances(
        replace(TRAINED, importance={"a": (9.0, 0.1), "b": (1.0, 0.4)}, sentences={"a": "{value} days|never"})
    )
    assert found == {"feature": ["b", "a"], "mean_abs_shap": [0.4, 0.1], "gain": [1.0, 9.0], "sentence": ["", "… days"]}
