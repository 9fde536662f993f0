from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from features.cutoff import Cutoff
from features.definition import Definition
from features.feature import Feature
from features.feature_set import FeatureSet
from features.target import Target
from models import gbdt, gbdt_training
from models.calibration import Calibrator
from models.gbdt_parameters import GbdtParameters
from pipeline.scoring.artifact import pack
from tests.models.gbdt_samples import samples

FINGERPRINT = "f" * 64
NAMES = ("purchases_30d", "days_since_view")
SENTENCES = {"purchases_30d": "{value} purchases in the last 30 days", "days_since_view": "{value} days since the last view"}
COLUMNS = FeatureSet(
    Definition(("view", "purchase"), (30,), 30), tuple(Feature(name, "", sentence) for name, sentence in SENTENCES.items()), FINGERPRINT
)
TARGET = Target("purchase_7d", "occurs", "purchase", 7)
CUTOFF = Cutoff.from_key("20260601T000000Z")
CALIBRATOR = Calibrator(slope=1.1, intercept=-0.2)


@pytest.fixture(scope="session")
def classifier() -> gbdt.Gbdt:
    random = np.random.default_rng(7)
    X = random.normal(size=(400, 2))
    y = (random.random(400) < 1 / (1 + np.exp(-2 * X[:, 0]))).astype(np.int8)
    parameters = GbdtParameters(rounds=20, min_leaf=10, folds=2, threads=1)
    return gbdt_training.fit(samples(X, y, np.arange(400)), COLUMNS, parameters, 7).model


@pytest.fixture
def artifact(classifier: gbdt.Gbdt, tmp_path: Path) -> tuple[Path, str]:
    folder = tmp_path / "artifact"
    folder.mkdir()
    sha256 = pack(
        folder, classifier, CALIBRATOR, SENTENCES, target=TARGET, fingerprint=FINGERPRINT, features=NAMES, cutoffs=[CUTOFF.plus_days(-14)]
    )
    return folder, sha256
