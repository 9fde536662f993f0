from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from features.target import Target
from models import amount, gbdt
from pipeline.errors import ModelRefused
from pipeline.scoring.artifact import digest, pack
from pipeline.scoring.table_scorer import open_table_scorer, outputs
from tests.pipeline.scoring.conftest import CALIBRATOR, CUTOFF, FINGERPRINT, NAMES

Artifact = tuple[Path, str]


def test_answers_keep_the_tables_index_and_read_columns_by_name(artifact: Artifact) -> None:
    scorer = open_table_scorer(*artifact)
    table = pd.DataFrame(np.random.default_rng(1).normal(size=(5, 2)), columns=list(NAMES), index=list("abcde"))
    found = scorer.judge(table)
    assert (list(found.index), list(found.columns)) == (list("abcde"), ["score"])
    pd.testing.assert_frame_equal(scorer.judge(table[list(NAMES[::-1])]), found)
    assert found["score"].between(0, 1).all()


def test_an_undefined_feature_is_an_answer_like_any_other(artifact: Artifact) -> None:
    nothing = pd.DataFrame([[np.nan, np.nan]], columns=list(NAMES))
    assert np.isfinite(open_table_scorer(*artifact).judge(nothing)["score"]).all()


def test_a_missing_column_is_named(artifact: Artifact) -> None:
    with pytest.raises(KeyError, match="days_since_view"):
        open_table_scorer(*artifact).judge(pd.DataFrame({"purchases_30d": [1.0]}))


def test_changed_files_are_not_opened(artifact: Artifact) -> None:
    (artifact[0] / "model.txt").write_text("tree")
    with pytest.raises(ModelRefused, match=r"model\.txt was changed"):
        open_table_scorer(*artifact)


def test_a_model_of_events_does_not_read_a_table(artifact: Artifact) -> None:
    folder, _ = artifact
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps({**manifest, "kind": "sequence"}))
    with pytest.raises(ModelRefused, match="reads events"):
        open_table_scorer(folder, digest(folder / "manifest.json"))


def test_a_sum_is_answered_with_its_expected_value(classifier: gbdt.Gbdt, tmp_path: Path) -> None:
    target = Target("spend_30d", "sum", "purchase", 30, unit="GBP")
    spent = amount.constant(np.array([0.0, 20.0, 40.0]), np.array([0.5, 0.5, 0.5]))
    seal = {"target": target, "fingerprint": FINGERPRINT, "features": NAMES, "cutoffs": [CUTOFF], "amount": spent}
    sha256 = pack(tmp_path, classifier, CALIBRATOR, {}, **seal)  # type: ignore[arg-type]
    found = open_table_scorer(tmp_path, sha256).judge(pd.DataFrame([[1.0, 2.0], [0.0, np.nan]], columns=list(NAMES)))
    assert tuple(found.columns) == outputs(target)
    assert (found["expected_value"] / found["score"]).nunique() == 1  # everybody who spends spends the same


def test_a_sum_has_an_expected_value_besides_its_probability() -> None:
    assert outputs(Target("spend_30d", "sum", "purchase", 30)) == ("score", "expected_value")
    assert outputs(Target("purchase_7d", "occurs", "purchase", 7)) == ("score",)
