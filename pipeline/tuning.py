"""Better parameters of the trees, looked for under a time budget, and used only where they surely win on later rows.

The cutoff that calibrates is never looked at, nor the one that judges models: what is chosen here cannot have seen what judges it.
How many trials a budget holds depends on the machine's speed; the same number of trials gives the same parameters.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from features.splits import Roles
from models import cross_fitting, gbdt_space, gbdt_tuning
from models.forward_folds import ForwardFold, contest_folds, forward_folds
from models.gbdt_judge import FoldLoss, Judge, mean_difference
from models.gbdt_parameters import GbdtParameters
from models.gbdt_tuning import Plan, Trial
from models.metrics import Interval
from models.sample_views import drawn, until
from models.samples import Samples
from pipeline import tuning_storage
from pipeline.evaluation.figures.tuning import tuning_history
from pipeline.lake import Lake
from pipeline.progress import track
from pipeline.scoring.enrolment import Training
from pipeline.tracking import runs
from pipeline.tracking.runs import Run
from pipeline.training_set import definition

logger = logging.getLogger(__name__)

LEAST_CUTOFFS = 4
"""Two teaching cutoffs, one that judges the other's trials; one to stop at and for the contest; one to calibrate at."""


@dataclass(frozen=True)
class Verdict:
    """words: what was decided and why; chosen: the parameters to train with; gain: of log loss at the stop cutoff, if it came so far."""

    words: str
    chosen: GbdtParameters | None = None
    gain: Interval | None = None


def tuned(training: Training, tracked: Run, samples: Samples, parameters: GbdtParameters, *, show: bool) -> GbdtParameters:
    """The parameters to train with: `parameters`, or better ones.

    Trials learn from teaching cutoffs and are judged at later teaching cutoffs (`models.forward_folds`). The one that loses least there
    meets `parameters` at the cutoff where training stops early, which is later than all of these: it is used if the lower end of the 95 %
    interval of the mean difference in log loss, by user, is above 0. From `crossfit_rows` rows on, a draw of users stands for all.
    Trials that an earlier process finished for the same samples are taken over, and the minutes it spent count.
    Raises NotLearnable like the training itself, and Unreachable or Busy for the storage and for MLflow.
    """
    settings = training.config.training
    roles = cross_fitting.plan(samples, parameters.folds, parameters.crossfit_rows, settings.seed).roles
    known = drawn(until(samples, roles.stop), parameters.crossfit_rows, settings.seed)
    folds = forward_folds(known, roles.teach, training.target, settings.tuning.folds, settings.seed)
    if not folds:
        needed = f"at least {LEAST_CUTOFFS} training cutoffs with both outcomes are needed (training.cutoffs)"
        verdict = Verdict(f"no teaching cutoff can judge what an earlier one taught; {needed}")
    else:
        judge = Judge(known, training.features, parameters, settings.seed)
        trials = _searched(training, tracked, known, judge, folds, parameters, show=show)
        verdict = _verdict(judge, known, roles, trials, parameters, settings.seed)
        _describe(tracked, trials, verdict)
    words = f"tuned parameters {'are used' if verdict.chosen else 'were not used'}: {verdict.words}"
    tracked.tags({"tuning": "used" if verdict.chosen else "not used", "tuning_verdict": words})
    logger.info("%s: %s", training.target.name, words)
    return verdict.chosen or parameters


def _searched(
    training: Training,
    tracked: Run,
    known: Samples,
    judge: Judge,
    folds: Sequence[ForwardFold],
    start: GbdtParameters,
    *,
    show: bool,
) -> list[Trial]:
    wanted, seed = training.config.training.tuning, training.config.training.seed
    plan = Plan(len(folds), max(len(fold.learn) for fold in folds), wanted.trials, wanted.minutes * 60)

    def judged(parameters: GbdtParameters, fold: int, deadline: float) -> FoldLoss:
        return judge.loss(parameters, folds[fold], deadline)

    with tuning_storage.opened(training.config, training.target.name) as storage:
        study = gbdt_tuning.opened(storage, _name(training, known, start))
        for trial in track(gbdt_tuning.search(study, start, judged, plan, seed), "trials", wanted.trials, show):
            _log(training, tracked, trial)
        return gbdt_tuning.ended(study, start)


def _name(training: Training, known: Samples, start: GbdtParameters) -> str:
    """One study for one question: trials are taken over only where they would come out the same again."""
    settings, newest = training.config.training, known.cutoffs[-1]
    built = Lake(training.config.lake_url).metadata(training.features.table, {"cutoff": newest.key})
    asked = {
        "target": definition(training.target),
        "as_of": training.as_of.key,
        "features": training.features.fingerprint,
        "timelines_version": built.get("timelines_version"),
        "cutoffs": [cutoff.key for cutoff in known.cutoffs],
        "samples": [hashlib.sha256(column.tobytes()).hexdigest() for column in (known.users, known.labels, known.cutoff)],
        "start": asdict(replace(start, threads=0)),
        "folds": settings.tuning.folds,
        "seed": settings.seed,
        "space": gbdt_space.VERSION,
    }
    return f"{training.target.name} {hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()}"


def _verdict(judge: Judge, known: Samples, roles: Roles, trials: Sequence[Trial], start: GbdtParameters, seed: int) -> Verdict:
    best = gbdt_tuning.best(trials)
    if best is None:
        return Verdict("no trial came to its end within the minutes (training.tuning.minutes)")
    if best.present:
        return Verdict(f"those configured lost least of {len(trials)} trials")
    folds = contest_folds(known, roles, start.folds, seed)
    if len(folds) < 2:
        return Verdict(f"too few users are known at {known.cutoffs[roles.stop]} to compare there")
    rows, lost = judge.contest([start, best.parameters], folds)
    gain = mean_difference(known.users[rows], lost[0] - lost[1])
    found = (
        f"at {known.cutoffs[roles.stop]} their log loss is {gain.value:.5f} lower than that of those configured "
        f"(95 % {gain.lower:.5f} … {gain.upper:.5f}; {len(rows)} rows; {len(trials)} trials)"
    )
    return Verdict(found, best.parameters if gain.lower > 0 else None, gain)


def _log(training: Training, tracked: Run, trial: Trial) -> None:
    tags = {"kind": "trial", "state": trial.state, "present": str(trial.present).lower()}
    with runs.opened(training.config, training.target.name, f"trial {trial.number}", tags, parent=tracked) as run:
        run.params(_searched_values(trial))
        run.metrics({"seconds": trial.seconds, **({} if trial.loss is None else {"log_loss": trial.loss})})
        if trial.losses:
            run.history({"fold_log_loss": trial.losses, "fold_rounds": trial.rounds})


def _describe(tracked: Run, trials: Sequence[Trial], verdict: Verdict) -> None:
    gain = verdict.gain
    tracked.metrics(
        {
            "tuning_trials": len(trials),
            "tuning_pruned": sum(trial.state == "pruned" for trial in trials),
            "tuning_seconds": sum(trial.seconds for trial in trials),
            **({} if gain is None else {"tuning_gain": gain.value, "tuning_gain_lower": gain.lower, "tuning_gain_upper": gain.upper}),
        }
    )
    rows = [
        {"trial": trial.number, "state": trial.state, "log_loss": trial.loss, "seconds": trial.seconds, **_searched_values(trial)}
        for trial in trials
    ]
    tracked.grid("tuning_trials", {name: [row[name] for row in rows] for name in rows[0]} if rows else {"trial": []})
    complete = [(trial.number, trial.loss) for trial in trials if trial.loss is not None]
    if complete:
        numbers, losses = zip(*complete, strict=True)
        tracked.figure("tuning_history", tuning_history(numbers, losses))


def _searched_values(trial: Trial) -> dict[str, Any]:
    return {name: getattr(trial.parameters, name) for name in gbdt_space.NAMES}
