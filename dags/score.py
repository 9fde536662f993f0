"""Scores every eligible user with the champions and publishes tonight's scores.

Builds features at one cutoff, scores every target's users with the exact version that is champion, and puts the scores into the
warehouse: staged, checked, swapped in one transaction. Readers see the previous night until the new one is complete, and running
a night again leaves the same rows.

## Parameters

* **cutoff**: scores as of which day; everything up to and including the day before may be known. Empty: the run's partition key,
  or today in the source's time zone.

## For DAGs that come after

Every publish that succeeds is an event of the asset `user_scores`. Its `extra` is what the command printed: `cutoff`, `targets`, `rows`,
`refused`, `checksums` and `reports` by target, `exported` files. The schedule of a DAG that runs then:
`[Asset(name="user_scores", uri="nightcast://warehouse/user_scores")]`.

## When a task fails

The log ends with what was wrong, its value and what to do. Only exit codes from 30 up are tried again by themselves.
After mending, clear the failed task: finished ones need not run again.

| code | what happened | what to do |
|---|---|---|
| 2 | a parameter was not understood | trigger again with a cutoff such as 2026-11-10 |
| 10 | `nightcast.toml` is wrong | correct the places that the log lists |
| 13 | no events before this cutoff | run `ingest` for the days before it |
| 15 | a target has no champion yet | run `train`; see why `promote` kept none |
| 16 | the champion's files do not match their digest, or its features changed | train again; find out who changed the files |
| 18 | an earlier stage has not run for this cutoff | clear the task before it |
| 19 | a target's scores failed their check; its old night stays, others are published | "Data Docs" or the log says why; clear `score` |
| 30 | warehouse, lake, MLflow or Dask did not answer, three times | check the address in the log; clear the task |
| 31 | another run or a reader held the lock, three times | the log names it; let it end, clear the task |
| 32 | Dask lost its workers, three times | usually memory: raise `dask.memory_limit` or `lake.buckets`; clear the task |
"""

from datetime import timedelta

from airflow.sdk import DAG, Asset, Param

from pipeline.commands import score_steps
from pipeline.orchestration.cutoff import cutoff_macro
from pipeline.orchestration.report_link import ReportLink
from pipeline.orchestration.wiring import add_tasks, settings, task_defaults, time_zone, timetable

DOCS = {
    "build_features": "Features of every user seen before the cutoff: `nightcast build-features --cutoff DAY`.",
    "score": "Scores and reasons by each target's champion, kept in the lake: `nightcast score --cutoff DAY`.",
    "publish": "Puts the night into the warehouse in one transaction: `nightcast publish --cutoff DAY`.",
}
SCORES = Asset(name="user_scores", uri="nightcast://warehouse/user_scores")
TIMEOUTS = {"build_features": timedelta(hours=2), "score": timedelta(hours=2), "publish": timedelta(hours=1)}

found = settings()
with DAG(
    "score",
    description="Features at the cutoff, scores by the champions, atomic publishing",
    doc_md=__doc__,
    schedule=timetable(found, "score", days_back=0),
    params={"cutoff": Param(None, type=["null", "string"], format="date", title="Cutoff", description="As of this day's midnight")},
    user_defined_macros={"cutoff": cutoff_macro(time_zone(found), today_if_unknown=True)},
    default_args=task_defaults(),
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=5),
    tags=["nightcast", "warehouse"],
) as dag:
    add_tasks(
        dag, score_steps("{{ cutoff() }}"), docs=DOCS, timeouts=TIMEOUTS, links={"publish": [ReportLink()]}, outlets={"publish": [SCORES]}
    )
