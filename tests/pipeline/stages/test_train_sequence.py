from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.config import Config
from pipeline.configured_features import configured_features
from pipeline.errors import ConfigError, MissingInput
from pipeline.scoring.bucket import ScorerFile
from pipeline.scoring.scorer import open_scorer
from pipeline.stages import train_sequence
from pipeline.tracking import registry, runs
from tests.synthetic_lake import AS_OF, configuration


def test_a_training_ends_in_a_registered_candidate_that_opens(shop: Config, tmp_path: Path) -> None:
    result = train_sequence.run(shop, shop.target("purchase_7d"), AS_OF, show=False)
    (made,) = registry.candidates(shop, "purchase_7d", AS_OF)
    assert (result["kind"], result["version"], result["run_id"]) == ("sequence", made.version, made.run_id)
    assert result["rows"] == 300  # max_samples
    assert result["trained"]
    assert 0 < result["auc_out_of_fold"] <= 1
    run = runs.existing(shop, made.run_id)
    assert run.client.get_run(run.id).data.tags["sufficiency"] in {"go", "warn"}
    assert [point.step for point in run.client.get_metric_history(run.id, "held_out_log_loss")] == [1, 2]
    assert [point.step for point in run.client.get_metric_history(run.id, "training_log_loss")] == [1, 2]
    file = ScorerFile(str(registry.download(shop, made, tmp_path)), made.manifest_sha256, made.fingerprint, shop.target("purchase_7d"))
    scorer = open_scorer(Path(file.folder), file.manifest_sha256, fingerprint=configured_features(shop).fingerprint, target=file.target)
    assert scorer.manifest.kind == "sequence"
    assert {"model.keras", "vocabulary.json", "calibrator.json", "sentences.json"} <= scorer.manifest.files.keys()
    assert set(scorer.sentences) == set(scorer.classifier.sentences())  # type: ignore[attr-defined]


def test_too_few_of_one_outcome_skip_the_training_with_the_counts(shop: Config, tmp_path: Path) -> None:
    strict = configuration(tmp_path, training={**shop.training.model_dump(), "min_positives": 150})
    result = train_sequence.run(strict, strict.target("purchase_7d"), AS_OF, show=False)
    assert (result["target"], result["kind"], result["trained"]) == ("purchase_7d", "sequence", False)
    assert "at least 150 of each" in result["reason"]
    assert registry.candidates(strict, "purchase_7d", AS_OF) == ()


def test_labels_that_were_never_built_are_missing(shop: Config) -> None:
    with pytest.raises(MissingInput, match="build-features --training"):
        train_sequence.run(shop, shop.target("purchase_7d"), AS_OF.plus_days(3), show=False)


def test_a_sum_is_refused_with_what_learns_it(shop: Config, tmp_path: Path) -> None:
    source = {"files": "{date}.csv", "event_types": shop.source.event_types}
    columns = {"user_id": "u", "event_time": "t", "event_type": "e", "value": "v"}
    targets = {"spent_7d": {"kind": "sum", "event_type": "purchase", "horizon_days": 7}}
    summed = configuration(tmp_path, targets=targets, source={**source, "columns": columns})
    with pytest.raises(ConfigError, match="says nothing of amounts") as refused:
        train_sequence.run(summed, summed.target("spent_7d"), AS_OF, show=False)
    assert "nightcast train-gbdt --target spent_7d" in refused.value.mend
