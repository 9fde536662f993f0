"""Tuning on a few hundred made-up users; the search and the judge alone are tested in tests/models."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mlflow.entities import Run as Logged
from scipy.special import expit

from features.cutoff import Cutoff
from features.splits import Split
from models.gbdt_parameters import GbdtParameters
from models.samples import Samples
from pipeline import tuning
from pipeline.errors import Unreachable
from pipeline.scoring.enrolment import Training
from pipeline.tracking import runs
from pipeline.tracking.runs import Run
from pipeline.tuning import tuned
from tests.mlflow_store import place_mlflow_store
from tests.models.feature_columns import columns
from tests.models.gbdt_samples import samples
from tests.synthetic_lake import configuration

COLUMNS = columns(("a", "b", "c"))
AS_OF = Cutoff(datetime(2026, 3, 1, tzinfo=UTC))
SEEDLESS = {"folds": 3, "early_stopping": 10, "threads": 1}
SENSIBLE = GbdtParameters(rounds=40, learning_rate=0.05, leaves=4, depth=3, min_leaf=40, l2=20.0, **SEEDLESS)
REGRETTABLE = GbdtParameters(rounds=40, learning_rate=1.0, leaves=31, depth=6, min_leaf=1, **SEEDLESS)


class Sealed:
    """The block of the calibrating cutoff: whoever reads it, fails."""

    def __init__(self, rows: int) -> None:
        self.rows = rows

    def __len__(self) -> int:
        return self.rows

    def matrix(self) -> np.ndarray:
        raise PermissionError("the calibrating cutoff was read")


def shop(cutoffs: int = 5, users: int = 300, strength: float = 1.5, sealed: bool = True) -> Samples:
    """Every user at every cutoff, a week apart; the outcome follows the first of three columns."""
    random = np.random.default_rng(5)
    rows = cutoffs * users
    X = random.normal(size=(rows, 3))
    y = random.random(rows) < expit(strength * X[:, 0])
    made = samples(X, y, np.tile(np.arange(users), cutoffs), np.repeat(np.arange(cutoffs), users), block=users)
    return replace(made, blocks=[*made.blocks[:-1], Sealed(users)]) if sealed else made


def training(root: Path, known: Samples, **settings: Any) -> Training:
    if not (root / "mlflow.db").exists():
        place_mlflow_store(root)
    wanted = {"minutes": 60, "trials": 3, "folds": 2, **settings}
    config = configuration(root, training={"tuning": wanted})
    split = Split(known.cutoffs, known.cutoffs[-1].plus_days(14))
    return Training(config, config.target("purchase_7d"), AS_OF, split, COLUMNS)


def done(asked: Training, known: Samples, start: GbdtParameters) -> tuple[GbdtParameters, Run]:
    with runs.opened(asked.config, "purchase_7d", "gbdt", {}) as tracked:
        return tuned(asked, tracked, known, start, show=False), tracked


def below(tracked: Run) -> list[Logged]:
    """The runs of its trials, oldest first."""
    experiment = tracked.client.get_experiment_by_name("nightcast/purchase_7d")
    wanted = f"tags.`mlflow.parentRunId` = '{tracked.id}'"
    return tracked.client.search_runs([experiment.experiment_id], wanted, order_by=["attributes.start_time ASC"])


@dataclass(frozen=True)
class Won:
    """One tuning that wins, for all tests that only look."""

    root: Path
    known: Samples
    chosen: GbdtParameters
    tracked: Run
    messages: list[str]


@pytest.fixture(scope="module")
def won(tmp_path_factory: pytest.TempPathFactory) -> Won:
    root, known = tmp_path_factory.mktemp("won"), shop()
    heard = logging.Handler()
    messages: list[str] = []
    heard.emit = lambda record: messages.append(record.getMessage())  # type: ignore[method-assign]
    logger = logging.getLogger("pipeline.tuning")
    level = logger.level
    logger.setLevel("INFO")
    logger.addHandler(heard)
    try:
        chosen, tracked = done(training(root, known), known, REGRETTABLE)
    finally:
        logger.removeHandler(heard)
        logger.setLevel(level)
    return Won(root, known, chosen, tracked, messages)


def test_better_parameters_are_used_and_the_run_says_why(won: Won) -> None:
    assert won.chosen != REGRETTABLE
    assert replace(REGRETTABLE, **{name: getattr(won.chosen, name) for name in tuning.gbdt_space.NAMES}) == won.chosen
    logged = won.tracked.client.get_run(won.tracked.id).data
    assert logged.tags["tuning"] == "used"
    assert logged.tags["tuning_verdict"].startswith("tuned parameters are used: at 2026-01-22T00:00:00Z their log loss is 0.")
    assert won.messages == [f"purchase_7d: {logged.tags['tuning_verdict']}"]
    assert logged.metrics["tuning_gain"] > logged.metrics["tuning_gain_lower"] > 0
    assert logged.metrics["tuning_trials"] == 3
    assert "figures/tuning_history.png" in {entry.path for entry in won.tracked.client.list_artifacts(won.tracked.id, "figures")}


def test_every_trial_is_a_run_below_the_training_and_a_row_of_its_table(won: Won) -> None:
    first, *others = below(won.tracked)
    assert [run.info.run_name for run in (first, *others)] == ["trial 0", "trial 1", "trial 2"]
    assert {run.info.status for run in (first, *others)} == {"FINISHED"}
    assert [run.data.tags["present"] for run in (first, *others)] == ["true", "false", "false"]
    assert first.data.params["learning_rate"] == "1.0"
    assert first.data.tags["state"] == "complete"
    assert len(won.tracked.client.get_metric_history(first.info.run_id, "fold_log_loss")) == 2
    table = runs.read_table(won.tracked, "tuning_trials.json")
    assert table["columns"][:4] == ["trial", "state", "log_loss", "seconds"]
    assert [row[:2] for row in table["data"]] == [[0, "complete"], [1, "complete"], [2, "complete"]]
    assert table["data"][0][2] == pytest.approx(first.data.metrics["log_loss"])


def test_a_repeated_training_takes_its_trials_over_whatever_the_calibrating_labels(won: Won) -> None:
    flipped = np.where(won.known.cutoff == 4, 1 - won.known.labels, won.known.labels)
    chosen, tracked = done(training(won.root, won.known), replace(won.known, labels=flipped), REGRETTABLE)
    assert chosen == won.chosen
    assert below(tracked) == []
    verdicts = [run.client.get_run(run.id).data.tags["tuning_verdict"] for run in (won.tracked, tracked)]
    assert verdicts[0] == verdicts[1]


def test_more_trials_later_add_to_those_that_are_done(won: Won, monkeypatch: pytest.MonkeyPatch) -> None:
    """And winning among them does not suffice: the interval at the stop cutoff decides, and here its lower end is 0."""
    monkeypatch.setattr(tuning, "mean_difference", lambda users, lost: tuning.Interval(0.1, 0.0, 0.2))
    chosen, tracked = done(training(won.root, won.known, trials=4), won.known, REGRETTABLE)
    assert [run.info.run_name for run in below(tracked)] == ["trial 3"]
    logged = tracked.client.get_run(tracked.id).data
    assert logged.metrics["tuning_trials"] == 4
    assert chosen == REGRETTABLE
    assert "is 0.10000 lower than that of those configured (95 % 0.00000 … 0.20000; 300 rows; 4 trials)" in logged.tags["tuning_verdict"]


def test_parameters_that_do_not_win_are_not_used(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Nothing can be learned here: whichever trial lost least did so by chance."""
    known = shop(strength=0.0)
    with caplog.at_level("INFO"):
        chosen, tracked = done(training(tmp_path, known), known, SENSIBLE)
    assert chosen == SENSIBLE
    logged = tracked.client.get_run(tracked.id).data
    assert logged.tags["tuning"] == "not used"
    assert logged.tags["tuning_verdict"].startswith("tuned parameters were not used: ")
    assert f"purchase_7d: {logged.tags['tuning_verdict']}" in caplog.messages


def test_what_is_configured_may_be_the_best(tmp_path: Path) -> None:
    known = shop()
    chosen, tracked = done(training(tmp_path, known, trials=1), known, SENSIBLE)
    assert chosen == SENSIBLE
    assert "those configured lost least of 1 trials" in tracked.client.get_run(tracked.id).data.tags["tuning_verdict"]


@pytest.mark.parametrize("cutoffs", [1, 3])
def test_too_few_cutoffs_are_said_and_nothing_is_tried(cutoffs: int, tmp_path: Path) -> None:
    known = shop(cutoffs, sealed=False)
    chosen, tracked = done(training(tmp_path, known), known, REGRETTABLE)
    assert chosen == REGRETTABLE
    assert "at least 4 training cutoffs" in tracked.client.get_run(tracked.id).data.tags["tuning_verdict"]
    assert not (tmp_path / "tuning.db").exists()


def test_a_budget_that_is_spent_at_once_changes_nothing(tmp_path: Path) -> None:
    known = shop()
    chosen, tracked = done(training(tmp_path, known, minutes=1e-12), known, REGRETTABLE)
    assert chosen == REGRETTABLE
    assert "no trial came to its end" in tracked.client.get_run(tracked.id).data.tags["tuning_verdict"]


@pytest.mark.parametrize("change", ["labels", "features", "seed", "start", "as of"])
def test_trials_of_another_question_are_not_taken_over(change: str, tmp_path: Path) -> None:
    known = shop()
    asked, start = training(tmp_path, known), REGRETTABLE
    name = tuning._name(asked, known, start)
    assert tuning._name(training(tmp_path, known, minutes=5, trials=9), known, replace(start, threads=4)) == name
    if change == "labels":
        known = replace(known, labels=1 - known.labels)
    elif change == "features":
        asked = replace(asked, features=replace(COLUMNS, fingerprint="e" * 64))
    elif change == "seed":
        asked = replace(asked, config=configuration(tmp_path, training={"seed": 8, "tuning": asked.config.training.tuning.model_dump()}))
    elif change == "start":
        start = replace(start, half_life_days=30.0)
    else:
        asked = replace(asked, as_of=AS_OF.plus_days(1))
    assert tuning._name(asked, known, start) != name


def test_a_tuning_that_broke_off_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known, opened = shop(), runs.opened

    @contextmanager
    def fails_at_the_second_trial(*words: Any, **named: Any) -> Iterator[Run]:
        if words[2] == "trial 1":
            raise Unreachable("MLflow does not answer")
        with opened(*words, **named) as run:
            yield run

    monkeypatch.setattr(runs, "opened", fails_at_the_second_trial)
    with pytest.raises(Unreachable):
        done(training(tmp_path, known), known, REGRETTABLE)
    monkeypatch.undo()
    _, tracked = done(training(tmp_path, known), known, REGRETTABLE)
    assert [run.info.run_name for run in below(tracked)] == ["trial 2"]
    assert [row[1] for row in runs.read_table(tracked, "tuning_trials.json")["data"]] == ["complete"] * 3


def test_a_large_table_is_drawn_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known, seen = shop(), []
    judge = tuning.Judge
    monkeypatch.setattr(tuning, "Judge", lambda part, *rest: (seen.append(len(part.users)), judge(part, *rest))[1])
    done(training(tmp_path, known, trials=1), known, replace(SENSIBLE, crossfit_rows=600))
    assert seen == [600]  # half of the 1,200 rows up to the stop cutoff
