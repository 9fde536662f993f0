"""From a fitted model to a registered candidate: calibrated, described in MLflow, packed, and last of all a version."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from features.cutoff import Cutoff
from features.feature_set import FeatureSet
from features.splits import Split
from features.target import Target
from models import baselines, calibration
from models.calibration import Calibrator
from models.classifier import Classifier, Floats, Labels, NotLearnable
from pipeline.config import Config
from pipeline.errors import NotEnoughData
from pipeline.evaluation import figures
from pipeline.evaluation.figures import reliability
from pipeline.lake import Lake
from pipeline.leaks import report
from pipeline.scoring import interfaces, training_report
from pipeline.scoring.artifact import pack
from pipeline.scoring.scorer import READ_EVENTS
from pipeline.scoring.training_report import Findings
from pipeline.tracking import registry, runs
from pipeline.tracking.model_folder import Interface
from pipeline.tracking.registry import Candidate, Card, ModelVersion
from pipeline.tracking.runs import Run
from pipeline.training_set import LABELS_TABLE

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from models.amount import Amount

MEND = "use a later cutoff, more training cutoffs (training.cutoffs), or a wider eligibility of the target"


@dataclass(frozen=True)
class Training:
    """One training: of which target, as of when, on which cutoffs and features."""

    config: Config
    target: Target
    as_of: Cutoff
    split: Split
    features: FeatureSet

    @property
    def newest(self) -> Cutoff:
        """The last cutoff that teaches."""
        return self.split.training[-1]


@dataclass(frozen=True)
class Trained:
    """A fitted model.

    y, raw      (m,) outcomes and log-odds of samples whose users the answering model has not seen: calibration learns from them
    refitted    (m,) log-odds of the same samples by the classifier itself, if it was fitted again, on these too: they set the level
    rows        samples it learned from; positives: those with outcome 1
    curves      name → loss after each `step`; `best`: the step whose model is used, counted from 1
    importance  column → its gain in training, and the mean of |SHAP| in log-odds
    typical     column of the feature set → median of the training rows; a column that is absent counts as 0 in examples
    amount      what a sum target's users spend who spend at all
    """

    classifier: Classifier
    sentences: Mapping[str, str]
    y: Labels
    raw: Floats
    rows: int
    positives: int
    parameters: Mapping[str, object]
    curves: Mapping[str, Sequence[float]]
    step: str
    refitted: Floats | None = None
    best: int | None = None
    importance: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    typical: Mapping[str, float] = field(default_factory=dict)
    amount: Amount | None = None


@contextmanager
def opened(training: Training, kind: str) -> Iterator[Run]:
    """The MLflow run of one candidate, below that of the whole training, with the tables it reads, by version, and the leak gate's report.

    Raises MissingInput if the gate has not judged exactly these features and cutoffs, LeakFound if they did not pass, and
    NotEnoughData for samples that cannot teach a model.
    """
    lake, table = Lake(training.config.lake_url), training.features.table
    taught = lake.metadata(LABELS_TABLE, {"target": training.target.name, "cutoff": training.newest.key})
    checks = report.require(lake, training.as_of, training.features, training.target, training.split, str(taught.get("timelines_version")))
    read = {each: lake.version(each) for each in (LABELS_TABLE, table)}
    made_from = {name: str(taught.get(name)) for name in ("timelines_version", "events_version")}
    lineage = {"labels_version": str(read[LABELS_TABLE]), "features_version": str(read[table]), **made_from}
    tags = {"kind": kind, "cutoff": training.as_of.key, "fingerprint": training.features.fingerprint, **lineage, "leak_gate": "passed"}
    asked = training.config, training.target.name, training.as_of
    name = f"{kind} {training_report.day(training, training.as_of)}"
    with runs.opened(training.config, training.target.name, name, tags, parent=runs.training(*asked)) as run:
        run.table("leak_check.json", {"checks": checks})
        _log_tables(training, run, lake, read, made_from)
        try:
            yield run
        except NotLearnable as error:
            raise NotEnoughData(f"Target '{training.target.name}' as of {training.as_of} cannot be learned: {error}", mend=MEND) from error
    runs.training(*asked)  # it ends with its last candidate


def _log_tables(training: Training, run: Run, lake: Lake, read: Mapping[str, int | None], made_from: Mapping[str, str]) -> None:
    """The tables as the run's data sets; a table's digest is that of its address in the lake, its version and the cutoffs read."""
    profile = {"cutoffs": [str(cutoff) for cutoff in training.split.training], **made_from}
    tables = {training.features.table: profile, LABELS_TABLE: {**profile, "target": training.target.name}}
    for table, told in tables.items():
        version, columns = read[table], training.features.names if table == training.features.table else ()
        digest = hashlib.sha256(json.dumps([table, version, told], sort_keys=True).encode()).hexdigest()
        run.dataset(table, digest, lake.uri(table), version, context="training", profile=told, columns=columns)


def enrol(training: Training, run: Run, trained: Trained, seconds: float) -> dict[str, Any]:
    """Calibrate, log, pack and register; the stage's result. The version appears when everything else is stored.

    `auc_out_of_fold` is None where the calibration rows have one outcome only, as a base rate's may.
    """
    chosen = calibration.choose(trained.y, trained.raw, seed=training.config.training.seed)
    found = training_report.examine(trained, chosen, seconds)
    run.params({**_described(training), "calibrator": chosen.calibrator.name, **trained.parameters, **training_report.environment()})
    run.metrics(found.figures)
    run.history({f"{name}_log_loss": curve for name, curve in trained.curves.items()})
    _draw(run, trained, chosen.calibrator.probability(trained.raw))
    run.tags({"mlflow.note.content": training_report.note(training, trained, found)})
    version = _register(training, run, trained, found)
    return {
        "target": training.target.name,
        "kind": version.kind,
        "trained": True,
        "version": version.version,
        "run_id": run.id,
        "as_of": str(training.as_of),
        "rows": trained.rows,
        "positives": trained.positives,
        "seconds": round(seconds, 2),
        "auc_out_of_fold": found.figures.get("out_of_fold_auc"),
    }


def _draw(run: Run, trained: Trained, probability: Floats) -> None:
    """Pictures of the answers about users the model has not seen, of the training, and of the columns.

    Of a baseline only what the evaluation does not show beside the other models' anyway.
    """
    if training_report.both_outcomes(trained.y):
        for name, figure in _judged(trained, probability):
            run.figure(name, figure)
    if trained.curves:
        run.figure("learning_curve", figures.learning_curve(trained.curves, trained.step, trained.best))
    if trained.importance:
        run.figure("feature_importance", figures.importance(trained.importance, trained.sentences))
        run.grid("feature_importance", training_report.importances(trained))


def _judged(trained: Trained, probability: Floats) -> Iterator[tuple[str, Figure]]:
    kind = trained.classifier.kind
    if kind not in baselines.KINDS:
        yield from figures.judgement(trained.y, {kind: probability})
        return
    for draw in (reliability.calibration, reliability.scores):
        yield draw.__name__, draw(trained.y, {kind: probability})


def _register(training: Training, run: Run, trained: Trained, found: Findings) -> ModelVersion:
    target, features, calibrator = training.target, training.features, _calibrator(trained, found)
    answers = trained.raw if trained.refitted is None else trained.refitted
    with tempfile.TemporaryDirectory(prefix="nightcast-") as name:
        folder = Path(name)
        manifest_sha256 = pack(
            folder,
            trained.classifier,
            calibrator,
            trained.sentences,
            target=target,
            fingerprint=features.fingerprint,
            features=features.names,
            cutoffs=training.split.training,
            base_rate=float(calibrator.probability(answers).mean()),
            amount=trained.amount,
        )
        candidate = Candidate(
            kind=trained.classifier.kind,
            cutoff=training.as_of,
            newest_training_cutoff=training.newest,
            labels_until=target.window(training.newest)[1],
            fingerprint=features.fingerprint,
            manifest_sha256=manifest_sha256,
        )
        card = Card(
            description=f"{training_report.title(training, candidate.kind)}. {found.words}",
            figures=found.figures,
            interface=_interface(training, trained),
        )
        return registry.register(training.config, target.name, run, folder, candidate, card)


def _interface(training: Training, trained: Trained) -> Interface:
    if trained.classifier.kind in READ_EVENTS:
        return interfaces.of_events(training.target, training.features.event_types, training.newest)
    return interfaces.of_features(training.target, training.features.names, training_report.example(training, trained))


def _calibrator(trained: Trained, found: Findings) -> Calibrator:
    """The one chosen on answers of models that had not seen the newest cutoff, at the level of the model that has."""
    shaped = found.chosen.calibrator
    return shaped if trained.refitted is None else shaped.levelled(trained.y, trained.refitted)


def _described(training: Training) -> dict[str, object]:
    target = training.target
    return {
        "target_kind": target.kind,
        "event_type": target.event_type,
        "horizon_days": target.horizon_days,
        "gap_days": target.gap_days,
        "as_of": training.as_of,
        "training_cutoffs": len(training.split.training),
        "oldest_training_cutoff": training.split.training[0],
        "newest_training_cutoff": training.newest,
        "evaluation_cutoff": training.split.evaluation,
        "features": len(training.features.names),
        "seed": training.config.training.seed,
    }
