from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from models.classifier import Labels
from pipeline.config import Config
from pipeline.errors import MissingInput
from pipeline.evaluation import record
from pipeline.evaluation.assessment import Answers, weigh
from pipeline.evaluation.evidence import Evidence
from pipeline.evaluation.recollection import recall
from tests.mlflow_store import place_mlflow_store
from tests.synthetic_lake import AS_OF, configuration

Y = np.array([0, 0, 1, 1] * 5, dtype=np.int8)
RAW = np.arange(20.0)
ANSWERS = [Answers("1", "gbdt", AS_OF, RAW, 1 / (1 + np.exp(-RAW)))]


@pytest.fixture
def config(tmp_path: Path) -> Config:
    place_mlflow_store(tmp_path)
    return configuration(tmp_path)


def evidence(y: Labels = Y) -> Evidence:
    return weigh("purchase_7d", AS_OF, AS_OF.plus_days(-7), y, ANSWERS, {})


def test_the_newest_evidence_is_recalled(config: Config) -> None:
    record.keep(config, evidence(1 - Y), 1 - Y, ANSWERS, [])
    record.keep(config, evidence(), Y, ANSWERS, [])
    assert recall(config, "purchase_7d", AS_OF)[1] == evidence()


def test_evidence_of_another_training_is_not_recalled(config: Config) -> None:
    record.keep(config, evidence(), Y, ANSWERS, [])
    with pytest.raises(MissingInput, match="nightcast evaluate --target purchase_7d"):
        recall(config, "purchase_7d", AS_OF.plus_days(1))


def test_an_evaluation_that_breaks_off_is_not_recalled(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(found: Evidence) -> None:
        raise RuntimeError("power cut")

    monkeypatch.setattr(record, "_grid", breaks)
    with pytest.raises(RuntimeError, match="power cut"):
        record.keep(config, evidence(), Y, ANSWERS, [])
    with pytest.raises(MissingInput):
        recall(config, "purchase_7d", AS_OF)
