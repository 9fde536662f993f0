"""What every DAG must be: listed here, complete, documented, bounded, light."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap
from datetime import timedelta
from pathlib import Path

import pytest
from airflow.sdk import DAG, Asset, CronPartitionTimetable, TriggerRule
from airflow.sdk.exceptions import ParamValidationError
from airflow.serialization.serialized_objects import DagSerialization

from pipeline import errors
from pipeline.orchestration.command_operator import CommandOperator

FOLDER = Path(__file__).parents[2] / "dags"
MODELS = ("train_baselines", "train_gbdt", "train_sequence")
LANE = (*MODELS, "evaluate", "promote")
LANES = {"buys": LANE, "leaves": LANE, "spends": tuple(stage for stage in LANE if stage != "train_sequence")}
TASKS = {
    "ingest": {"ingest"},
    "train": {"build_features", "check_leaks", *(f"{target}.{stage}" for target, stages in LANES.items() for stage in stages)},
    "score": {"build_features", "score", "publish"},
}
HEAVY = (
    "dask", "deltalake", "distributed", "duckdb", "features", "great_expectations", "keras", "lightgbm", "mlflow", "models", "numba",
    "numpy", "pandas", "polars", "pyarrow", "scipy", "sklearn", "tensorflow",
)  # fmt: skip
TABLE_ROW = re.compile(r"^\| (\d+) \| (.+) \| (.+) \|$", re.MULTILINE)

Dags = dict[str, DAG]


def test_every_dag_is_listed_here(dags: Dags) -> None:
    assert set(dags) == set(TASKS), "a DAG was added or removed: add its tasks to TASKS above, and its run-book to its docstring"


def test_every_file_is_one_dag_of_its_own_name() -> None:
    files = {path.stem for path in FOLDER.glob("*.py")} - {"__init__"}
    assert files == set(TASKS), "a DAG file that nobody listed would not be tested: list it in TASKS above"


@pytest.mark.parametrize("name", TASKS)
def test_the_tasks_are_those_listed(dags: Dags, name: str) -> None:
    assert set(dags[name].task_ids) == TASKS[name]


def test_the_models_of_a_target_train_side_by_side_after_the_leak_gate(dags: Dags) -> None:
    train = dags["train"]
    for target, stages in LANES.items():
        for model in set(MODELS).intersection(stages):
            task = train.get_task(f"{target}.{model}")
            assert task.upstream_task_ids == {"check_leaks"}
            assert task.downstream_task_ids == {f"{target}.evaluate"}
        assert train.get_task(f"{target}.evaluate").downstream_task_ids == {f"{target}.promote"}
    assert train.get_task("check_leaks").upstream_task_ids == {"build_features"}


def test_scores_are_published_last(dags: Dags) -> None:
    score = dags["score"]
    assert score.get_task("score").upstream_task_ids == {"build_features"}
    assert score.get_task("publish").upstream_task_ids == {"score"}


def test_publishing_tells_the_dags_that_come_after(dags: Dags) -> None:
    outlets = {(name, task.task_id): task.outlets for name, dag in dags.items() for task in dag.tasks if task.outlets}
    assert outlets == {("score", "publish"): [Asset(name="user_scores", uri="nightcast://warehouse/user_scores")]}
    page = (FOLDER.parent / "docs" / "bi.md").read_text(encoding="utf-8")
    (follower,) = re.findall(r"```python\n(from airflow.*?)```", page, re.DOTALL)
    found: dict[str, object] = {}
    exec(follower, found)
    assert found["dag"].schedule == outlets["score", "publish"]


@pytest.mark.parametrize("name", TASKS)
def test_a_failed_task_never_leaves_a_green_run(dags: Dags, name: str) -> None:
    """A run takes its state from its last tasks; each of them must fail with anything before it."""
    assert {task.trigger_rule for task in dags[name].tasks} == {TriggerRule.ALL_SUCCESS}
    assert not any(task.is_teardown for task in dags[name].tasks)


@pytest.mark.parametrize("name", TASKS)
def test_every_task_is_a_documented_bounded_command_line_with_an_owner(dags: Dags, config: Path, name: str) -> None:
    for task in dags[name].tasks:
        assert isinstance(task, CommandOperator), task.task_id
        assert task.owner == "nightcast"
        assert "nightcast " in (task.doc_md or ""), f"{task.task_id} does not say which line a person would type"
        assert task.execution_timeout is not None
        assert timedelta(0) < task.execution_timeout <= dags[name].dagrun_timeout
        assert (task.retries, task.retry_delay) == (2, timedelta(minutes=1))
        assert task.on_failure_callback
        stage = task.task_id.rpartition(".")[2].replace("_", "-")
        assert task.argv[:4] == ["/stages/python", "-m", "pipeline", stage]
        assert task.argv[-3:] == ["--config", str(config), "--json"]


@pytest.mark.parametrize("name", TASKS)
def test_every_dag_runs_one_at_a_time_in_bounded_time_and_never_catches_up(dags: Dags, name: str) -> None:
    dag = dags[name]
    assert (dag.max_active_runs, dag.catchup) == (1, False)
    assert dag.dagrun_timeout is not None
    assert "nightcast" in dag.tags
    assert dag.description
    # a start date in the future of a backfilled day would let its run succeed without a single task
    assert dag.start_date is None


@pytest.mark.parametrize("name", TASKS)
def test_the_run_book_says_what_to_do_for_exit_codes_that_exist(dags: Dags, name: str) -> None:
    known = {kind.exit_code for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.NightcastError)}
    book = dags[name].doc_md
    rows = TABLE_ROW.findall(book)
    assert {int(code) for code, _, _ in rows} <= known | {2}
    assert {2, 10, 30, 31} <= {int(code) for code, _, _ in rows}
    for parameter in dags[name].params:
        assert f"**{parameter}**" in book, f"the run-book does not explain the parameter {parameter}"


def test_scheduled_runs_are_keyed_by_the_local_day_of_the_run_and_ingests_by_the_day_before(dags: Dags) -> None:
    expected = {"ingest": ("0 2 * * *", -1), "train": ("0 6 * * 1", 0), "score": ("0 4 * * *", 0)}
    for name, (cron, offset) in expected.items():
        timetable = dags[name].schedule
        assert isinstance(timetable, CronPartitionTimetable)
        assert (timetable.expression, timetable.run_offset or 0, str(timetable.timezone)) == (cron, offset, "Europe/London")


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("train", {"cutoff": "20-11-2026"}),
        ("train", {"cutoff": "2026-13-45"}),
        ("train", {"cutoff": 20261120}),
        ("train", {"dry_run": "yes"}),
        ("score", {"cutoff": "../2026-11-20"}),
        ("ingest", {"from": "yesterday"}),
        ("ingest", {"to": -1}),
    ],
)
def test_impossible_parameters_are_refused_before_a_run_exists(dags: Dags, name: str, given: dict[str, object]) -> None:
    params = dags[name].params
    params.validate()
    with pytest.raises(ParamValidationError):
        params.update(given)


@pytest.mark.parametrize("name", TASKS)
def test_every_template_renders_to_the_line_a_person_would_type(dags: Dags, name: str) -> None:
    given = {"train": {"cutoff": "2026-06-10", "dry_run": True}, "score": {"cutoff": "2026-06-10"}, "ingest": {}}[name]
    dag = dags[name]

    class Run:
        conf = given

    context = {
        "params": {**dag.params.dump(), **given},
        "dag": dag,
        "dag_run": Run,
        "partition_key": "2026-06-09",
        "triggering_asset_events": {},
        **dag.user_defined_macros,
    }
    lines = {task.task_id: [dag.get_template_env().from_string(argument).render(context) for argument in task.argv] for task in dag.tasks}
    if name == "ingest":
        assert lines["ingest"][3:8] == ["ingest", "--from", "2026-06-09", "--to", "2026-06-09"]
    else:
        assert all("2026-06-10" in line for line in lines.values())
    if name == "train":
        assert {task for task, line in lines.items() if "--dry-run" in line} == {f"{target}.promote" for target in LANES}


@pytest.mark.parametrize("name", TASKS)
def test_the_scheduler_can_store_it(dags: Dags, name: str) -> None:
    stored = DagSerialization.to_dict(dags[name])
    assert {task["__var"]["task_id"] for task in stored["dag"]["tasks"]} == TASKS[name]


def test_the_tasks_that_judge_have_a_button_to_their_report(dags: Dags) -> None:
    stored = {
        (name, task["__var"]["task_id"]): task["__var"].get("_operator_extra_links", {})
        for name, dag in dags.items()
        for task in DagSerialization.to_dict(dag)["dag"]["tasks"]
    }
    button = {"Data Docs": "_link_ReportLink"}
    assert {place: links for place, links in stored.items() if links} == {("ingest", "ingest"): button, ("score", "publish"): button}


def test_parsing_takes_under_a_second_after_airflow_and_reaches_no_heavy_library(config: Path) -> None:
    program = textwrap.dedent(f"""
        import runpy, sys, time
        from airflow.sdk import DAG, Asset, BaseOperator, CronPartitionTimetable, Param, TaskGroup
        for name in {sorted(TASKS)!r}:
            began = time.perf_counter()
            runpy.run_path(f"{FOLDER}/{{name}}.py")
            print(name, time.perf_counter() - began)
        print("heavy", *sorted(set({HEAVY!r}) & set(sys.modules)))
    """)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=dict(os.environ), timeout=120)
    *times, heavy = done.stdout.strip().splitlines()
    assert heavy.split()[1:] == [], "parsing a DAG loaded a heavy library"
    assert {line.split()[0] for line in times} == set(TASKS)
    slow = [line for line in times if float(line.split()[1]) >= 1.0]
    assert not slow, f"parsing took a second or more: {slow}"


def test_the_dags_parse_before_there_is_a_configuration(config: Path) -> None:
    config.unlink()
    program = f"import runpy; print(runpy.run_path('{FOLDER}/train.py')['dag'].task_ids)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=dict(os.environ), timeout=120)
    assert done.stdout.strip().splitlines()[-1] == "['build_features', 'check_leaks']"
