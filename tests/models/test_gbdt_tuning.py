"""The search alone, on a landscape that is written down: no tree is trained here."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import optuna
import pytest
from optuna.storages import InMemoryStorage, RDBStorage

from models import gbdt_tuning
from models.gbdt_judge import FoldLoss, OutOfTime
from models.gbdt_parameters import GbdtParameters
from models.gbdt_tuning import Plan, Trial

START = GbdtParameters()
PLAN = Plan(folds=3, rows=1000, trials=4, seconds=1e9)
ROOT = Path(__file__).parents[2]


def landscape(parameters: GbdtParameters, fold: int, deadline: float) -> FoldLoss:
    """Fewer leaves are better; later folds are harder; the last fold has the most rows."""
    return FoldLoss(0.5 + parameters.leaves / 1000 + fold / 10, 100 * (fold + 1), 10 * (fold + 1))


def new_study() -> optuna.Study:
    return gbdt_tuning.opened(InMemoryStorage(), "s")


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Callable[[], RDBStorage]]:
    made: list[RDBStorage] = []

    def connect() -> RDBStorage:
        made.append(RDBStorage(f"sqlite:///{tmp_path / 'tuning.db'}"))
        return made[-1]

    yield connect
    for each in made:
        each.remove_session()
        each.engine.dispose()


def searched(study: optuna.Study, judge: gbdt_tuning.Judge = landscape, plan: Plan = PLAN, start: GbdtParameters = START) -> list[Trial]:
    return list(gbdt_tuning.search(study, start, judge, plan, seed=7))


def test_the_first_trial_is_what_is_configured_exactly_and_the_loss_is_over_all_rows() -> None:
    start = GbdtParameters(learning_rate=0.5, leaves=100, l2=0.0, half_life_days=30)
    first, second = searched(new_study(), plan=Plan(3, 1000, 2, 1e9), start=start)
    assert (first.number, first.state, first.present, first.parameters) == (0, "complete", True, start)
    assert first.losses == pytest.approx((0.6, 0.7, 0.8))
    assert first.rounds == (10, 20, 30)
    assert first.loss == pytest.approx((0.6 + 2 * 0.7 + 3 * 0.8) / 6)
    assert not second.present
    assert second.parameters.leaves <= 31
    assert second.parameters.half_life_days == 30


def test_the_same_seed_gives_the_same_trials() -> None:
    once, again = ([trial.parameters for trial in searched(new_study())] for _ in range(2))
    assert once == again
    assert len(set(map(str, once))) == 4


def test_the_best_is_the_first_of_the_least_losses_and_never_a_pruned_one() -> None:
    def trial(number: int, loss: float | None) -> Trial:
        return Trial(number, "pruned" if loss is None else "complete", START, False, (0.0,), (1,), 1.0, loss)

    assert gbdt_tuning.best([trial(0, 0.5), trial(1, None), trial(2, 0.4), trial(3, 0.4)]).number == 2
    assert gbdt_tuning.best([trial(0, None)]) is None


def test_a_bad_trial_is_ended_after_the_fold_that_shows_it() -> None:
    asked: list[int] = []

    def judge(parameters: GbdtParameters, fold: int, deadline: float) -> FoldLoss:
        asked.append(fold)
        trial = asked.count(0) - 1
        return FoldLoss(0.9 if trial == 7 else 0.5, 100, 10)

    trials = searched(new_study(), judge, Plan(3, 1000, 9, 1e9))
    assert [trial.state for trial in trials] == ["complete"] * 7 + ["pruned", "complete"]
    assert (trials[7].losses, trials[7].loss) == ((0.9,), None)
    assert asked.count(0) == 9
    assert asked.count(1) == 8


def test_one_good_fold_does_not_save_a_trial_that_is_behind_after_the_next() -> None:
    def judge(parameters: GbdtParameters, fold: int, deadline: float) -> FoldLoss:
        begun[0] += fold == 0
        bad = (-0.01, 0.05, 0.0)[fold] if begun[0] == 8 else 0.0
        return FoldLoss(0.5 + fold / 10 + bad, 100, 10)

    begun = [0]
    trials = searched(new_study(), judge, Plan(3, 1000, 9, 1e9))
    assert [trial.state for trial in trials] == ["complete"] * 7 + ["pruned", "complete"]
    assert trials[7].losses == pytest.approx((0.49, 0.65))


def test_finished_trials_are_not_repeated_and_a_finished_plan_is_not_begun_again() -> None:
    """With more trials than the sampler draws at random, so that it learns from those of before."""
    whole = searched(new_study(), plan=Plan(3, 1000, 14, 1e9))
    kept = InMemoryStorage()
    first = searched(gbdt_tuning.opened(kept, "parts"), plan=Plan(3, 1000, 12, 1e9))
    rest = searched(gbdt_tuning.opened(kept, "parts"), plan=Plan(3, 1000, 14, 1e9))
    assert [trial.number for trial in rest] == [12, 13]
    assert [trial.parameters for trial in (*first, *rest)] == [trial.parameters for trial in whole]
    assert searched(gbdt_tuning.opened(kept, "parts"), plan=Plan(3, 1000, 14, 1e9)) == []


KILLED = """
import os, signal, sys
from optuna.storages import RDBStorage
from models import gbdt_tuning
from tests.models.test_gbdt_tuning import PLAN, START, landscape
calls = 0
def judge(parameters, fold, deadline):
    global calls
    calls += 1
    if calls == int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)
    return landscape(parameters, fold, deadline)
list(gbdt_tuning.search(gbdt_tuning.opened(RDBStorage(sys.argv[1]), "killed"), START, judge, PLAN, seed=7))
"""


def test_a_killed_search_goes_on_and_proposes_what_an_uninterrupted_one_would_have(
    storage: Callable[[], RDBStorage], tmp_path: Path
) -> None:
    """It dies in the second fold of the third trial."""
    whole = searched(new_study())
    url = f"sqlite:///{tmp_path / 'tuning.db'}"
    killed = subprocess.run([sys.executable, "-c", KILLED, url, "8"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    study = gbdt_tuning.opened(storage(), "killed")
    assert [trial.state for trial in gbdt_tuning.ended(study, START)] == ["complete", "complete", "stopped"]
    rest = searched(study)
    assert [trial.parameters for trial in rest] == [trial.parameters for trial in whole[2:]]
    assert [trial.number for trial in rest] == [3, 4]
    finished = [trial for trial in gbdt_tuning.ended(study, START) if trial.state != "stopped"]
    assert [trial.present for trial in finished] == [True] + [False] * 3


def test_the_minutes_count_those_of_earlier_processes() -> None:
    """Every look at the clock is a second: a trial takes one between its first and its last."""
    study = new_study()
    ticks = count()
    first = list(gbdt_tuning.search(study, START, landscape, Plan(3, 1000, 60, 10.0), 7, lambda: float(next(ticks))))
    assert 1 <= len(first) < 10
    assert all(trial.seconds == 1.0 for trial in first)
    spent = sum(trial.seconds for trial in gbdt_tuning.ended(study, START))
    assert list(gbdt_tuning.search(study, START, landscape, Plan(3, 1000, 60, spent), 7, lambda: 0.0)) == []
    assert len(list(gbdt_tuning.search(study, START, landscape, Plan(3, 1000, len(first) + 1, spent + 1.0), 7, lambda: 0.0))) == 1


def test_a_trial_far_beyond_the_budget_is_ended_and_counts() -> None:
    now, deadlines = [100.0], []

    def judge(parameters: GbdtParameters, fold: int, deadline: float) -> FoldLoss:
        deadlines.append(deadline)
        now[0] += 30.0
        if now[0] >= deadline:
            raise OutOfTime
        return landscape(parameters, fold, deadline)

    study = new_study()
    (only,) = gbdt_tuning.search(study, START, judge, Plan(3, 1000, 60, 60.0), 7, lambda: now[0])
    assert (only.state, only.seconds, only.loss, len(only.losses)) == ("stopped", 90.0, None, 2)
    assert deadlines == [175.0] * 3
    assert list(gbdt_tuning.search(study, START, judge, Plan(3, 1000, 60, 60.0), 7, lambda: now[0])) == []


def test_more_minutes_later_begin_with_what_is_configured_again() -> None:
    def too_slow(parameters: GbdtParameters, fold: int, deadline: float) -> FoldLoss:
        raise OutOfTime

    study, ticks = new_study(), count(0, 50)
    list(gbdt_tuning.search(study, START, too_slow, Plan(3, 1000, 60, 60.0), 7, lambda: float(next(ticks))))
    trials = searched(study, plan=Plan(3, 1000, 2, 1e9))
    assert [trial.present for trial in trials] == [True, False]


def test_what_is_stored_are_numbers(storage: Callable[[], RDBStorage], tmp_path: Path) -> None:
    study = gbdt_tuning.opened(storage(), "s")
    searched(study, plan=Plan(3, 1000, 2, 1e9))
    assert all(isinstance(value, bool | int | float) for trial in study.trials for value in trial.params.values())
    noted = [value for trial in study.trials for value in trial.user_attrs.values()]
    assert all(isinstance(each, bool | int | float) for value in noted for each in (value if isinstance(value, list) else [value]))
    assert not any(mark in (tmp_path / "tuning.db").read_bytes() for mark in (b"\x80\x04\x95", b"\x80\x05\x95", b"c__builtin__"))
