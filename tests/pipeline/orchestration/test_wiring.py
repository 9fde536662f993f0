from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from airflow.sdk import DAG, CronPartitionTimetable

from pipeline.commands import Step
from pipeline.orchestration.approval import Approval
from pipeline.orchestration.wiring import add_tasks, settings, time_zone, timetable

NIGHTLY = {"source": {"time_zone": "Europe/London"}, "schedule": {"ingest": "0 2 * * *", "train": "0 6 * * 1", "score": " "}}


def test_an_empty_or_missing_schedule_is_by_hand_only() -> None:
    assert timetable(NIGHTLY, "score", days_back=0) is None
    assert timetable({}, "score", days_back=0) is None


def test_a_schedule_reads_the_clock_of_the_source_and_keys_its_runs_by_day() -> None:
    found = timetable(NIGHTLY, "train", days_back=0)
    assert isinstance(found, CronPartitionTimetable)
    assert (found.expression, str(found.timezone), found.run_offset, found.key_format) == ("0 6 * * 1", "Europe/London", 0, "%Y-%m-%d")


def test_ingest_keys_its_runs_by_the_day_before() -> None:
    found = timetable(NIGHTLY, "ingest", days_back=1)
    assert found is not None
    assert found.run_offset == -1


@pytest.mark.parametrize("cron", ["0 */6 * * *", "0 2 * * 1", "0 2,14 * * *", "@hourly", "* * * * *"])
def test_one_day_back_takes_a_schedule_of_once_a_day(cron: str) -> None:
    with pytest.raises(ValueError, match="once a day"):
        timetable({"schedule": {"ingest": cron}}, "ingest", days_back=1)


def test_days_begin_in_utc_unless_the_source_says_otherwise() -> None:
    assert (time_zone({}), time_zone(NIGHTLY)) == ("UTC", "Europe/London")


def test_settings_are_those_of_the_file_in_force(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NIGHTCAST_CONFIG", str(tmp_path / "nightcast.toml"))
    assert settings() == {}
    (tmp_path / "nightcast.toml").write_text("[targets.buys]\nhorizon_days = 7\n", encoding="utf-8")
    assert settings() == {"targets": {"buys": {"horizon_days": 7}}}


def test_steps_become_tasks_with_the_line_a_person_would_type(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NIGHTCAST_PYTHON", "/stages/python")
    monkeypatch.setenv("NIGHTCAST_CONFIG", "/shop/nightcast.toml")
    steps = [
        Step("first", ("first", "--cutoff", "{{ cutoff() }}")),
        Step("buys.second", ("second", "--target", "buys"), ("first",), "buys"),
    ]
    hour = timedelta(hours=1)
    with DAG("wired", schedule=None) as dag:
        add_tasks(dag, steps, docs={"first": "One.", "second": "Two."}, timeouts={"first": hour, "second": 2 * hour})
    second = dag.get_task("buys.second")
    assert dag.task_ids == ["first", "buys.second"]
    assert second.upstream_task_ids == {"first"}
    assert second.argv == ["/stages/python", "-m", "pipeline", "second", "--target", "buys", "--config", "/shop/nightcast.toml", "--json"]
    assert (second.execution_timeout, second.doc_md) == (2 * hour, "Two.")


def test_a_step_without_arguments_asks_a_person() -> None:
    steps = [Step("buys.approve", (), (), "buys"), Step("buys.promote", ("promote",), ("buys.approve",), "buys")]
    hour = timedelta(hours=1)
    with DAG("wired", schedule=None) as dag:
        add_tasks(dag, steps, docs={"approve": "Asks.", "promote": "Moves."}, timeouts={"approve": 5 * hour, "promote": hour})
    task = dag.get_task("buys.approve")
    assert isinstance(task, Approval)
    assert (task.response_timeout, task.doc_md, task.downstream_task_ids) == (5 * hour, "Asks.", {"buys.promote"})
