"""The search for better parameters of the trees: the Optuna room. Training and judging are the caller's.

A study holds numbers only, and goes on where a process that was ended left it: each proposal depends on the finished trials before it and
on the seed, not on the process, so an interrupted study proposes what an uninterrupted one would have.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Literal

import optuna
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, TrialState

from models.gbdt_judge import FoldLoss, OutOfTime
from models.gbdt_parameters import GbdtParameters
from models.gbdt_space import nearest, space

PRUNED_FROM = 5
"""Trials that run to their end before one may be ended early."""

OVERRUN = 1.25
"""Of the planned seconds: a trial that still runs by then is ended between two rounds."""

PRESENT, LOSSES, ROUNDS, SECONDS = "present", "losses", "rounds", "seconds"
"""What is noted of a trial, as numbers and lists of numbers."""

State = Literal["complete", "pruned", "stopped"]
STATES: Mapping[TrialState, State] = {TrialState.COMPLETE: "complete", TrialState.PRUNED: "pruned", TrialState.FAIL: "stopped"}


@dataclass(frozen=True)
class Plan:
    """How much is tried.

    folds    that each trial is judged on; rows: how many teach at most, which bounds the space
    trials   at most so many finished ones; seconds: none begins after so many; both count those of earlier processes
    """

    folds: int
    rows: int
    trials: int
    seconds: float


@dataclass(frozen=True)
class Trial:
    """What became of one set of parameters.

    present        whether it is the one that the search began with
    losses, rounds of the folds that were judged: all of them, if complete
    loss           mean over all judged rows; None unless complete
    """

    number: int
    state: State
    parameters: GbdtParameters
    present: bool
    losses: tuple[float, ...]
    rounds: tuple[int, ...]
    seconds: float
    loss: float | None


Judge = Callable[[GbdtParameters, int, float], FoldLoss]
"""The loss of parameters on a fold. Raises OutOfTime when `time.monotonic` reaches the last argument."""


def opened(storage: BaseStorage, name: str) -> optuna.Study:
    """The study of this name, new or gone on with.

    The caller sees to it that one process at a time works on a study: a trial that is still running belongs to one that was killed, and
    is set aside.
    """
    study = optuna.create_study(storage=storage, study_name=name, load_if_exists=True)
    for trial in study.get_trials(states=(TrialState.RUNNING,)):
        study.tell(trial.number, state=TrialState.FAIL)
    return study


def search(
    study: optuna.Study, start: GbdtParameters, judge: Judge, plan: Plan, seed: int, clock: Callable[[], float] = time.monotonic
) -> Iterator[Trial]:
    """Judge proposals until the plan is done, and yield each trial as it ends; those that the study has already are not repeated.

    The first is `start` itself, so that a search can only add. A trial is pruned after a fold when it has lost more on the folds so far
    than the median of the complete trials had by then. (Optuna's own median pruner forgives all later folds for one good one.)
    """
    allowed, began = space(start, plan.rows), clock()
    spent = sum(trial.seconds for trial in ended(study, start))
    deadline = began + OVERRUN * plan.seconds - spent
    while (done := len(_finished(study))) < plan.trials and spent + clock() - began < plan.seconds:
        study.sampler = optuna.samplers.TPESampler(seed=seed + done)
        if done == 0 and not study.get_trials(states=(TrialState.WAITING,)):
            study.enqueue_trial(nearest(start, allowed), user_attrs={PRESENT: True})
        asked, asked_at = study.ask(allowed), clock()
        parameters = _parameters(study.trials[asked.number], start)
        found: list[FoldLoss] = []
        state = _judged(study, asked, found, plan.folds, lambda fold: judge(parameters, fold, deadline))  # noqa: B023
        asked.set_user_attr(LOSSES, [each.loss for each in found])
        asked.set_user_attr(ROUNDS, [each.rounds for each in found])
        asked.set_user_attr(SECONDS, clock() - asked_at)
        yield _trial(study.tell(asked, _mean(found) if state == TrialState.COMPLETE else None, state), start)


def ended(study: optuna.Study, start: GbdtParameters) -> list[Trial]:
    """Every trial that is over, in order; of one whose process was killed, what was noted by then."""
    return [_trial(trial, start) for trial in study.get_trials(deepcopy=False, states=tuple(STATES))]


def best(trials: Sequence[Trial]) -> Trial | None:
    """The complete trial of least loss, the earliest of equals; None without one."""
    complete = [(trial.loss, trial.number, trial) for trial in trials if trial.loss is not None]
    return min(complete)[2] if complete else None


def _judged(study: optuna.Study, asked: optuna.Trial, found: list[FoldLoss], folds: int, judge: Callable[[int], FoldLoss]) -> TrialState:
    """Append fold after fold to `found`, as far as it goes."""
    for fold in range(folds):
        try:
            found.append(judge(fold))
        except OutOfTime:
            return TrialState.FAIL
        asked.report(_mean(found), fold)
        if fold < folds - 1 and _behind(study, _mean(found), fold):
            return TrialState.PRUNED
    return TrialState.COMPLETE


def _behind(study: optuna.Study, loss: float, fold: int) -> bool:
    complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    return len(complete) >= PRUNED_FROM and loss > median(trial.intermediate_values[fold] for trial in complete)


def _mean(found: Sequence[FoldLoss]) -> float:
    """Over all rows."""
    return sum(each.loss * each.rows for each in found) / sum(each.rows for each in found)


def _finished(study: optuna.Study) -> list[FrozenTrial]:
    return study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.PRUNED))


def _parameters(trial: FrozenTrial, start: GbdtParameters) -> GbdtParameters:
    return start if PRESENT in trial.user_attrs else replace(start, **trial.params)


def _trial(trial: FrozenTrial, start: GbdtParameters) -> Trial:
    noted = trial.user_attrs
    return Trial(
        number=trial.number,
        state=STATES[trial.state],
        parameters=_parameters(trial, start),
        present=PRESENT in noted,
        losses=tuple(noted.get(LOSSES, ())),
        rounds=tuple(noted.get(ROUNDS, ())),
        seconds=noted.get(SECONDS, 0.0),
        loss=trial.value if trial.state == TrialState.COMPLETE else None,
    )
