"""Takes raw events into the lake, a day or a range of days at a time.

Each day's events are read as `[source]` in `nightcast.toml` describes them: mapped, validated, wrong rows set aside, committed.
A day is replaced whole, so running one again is always safe, also for several days at once.

## Parameters

* **from**, **to**: first and last day, both included. Leave both empty for one day: the day of the run's partition key, or
  yesterday in the source's time zone. A backfill in Airflow names the same days by their partition dates.

## Rows that were set aside

A row that breaks a rule is kept with its reason. When the mapping or the rule is mended, such rows come back without a new delivery.

* `nightcast quarantine list --from DAY`: how many rows of which day break which rule
* `nightcast quarantine show --date DAY --rule RULE`: the rows as they came, each with its place and what is wrong with it
* `nightcast quarantine readmit --date DAY`: judge them again; those that keep the rules now become events of that day

## When it fails

The log ends with what was wrong, its value and what to do. The button **Data Docs** of the task opens the day's validation report.
Only exit codes from 30 up are tried again by themselves.

| code | what happened | what to do |
|---|---|---|
| 2 | a parameter was not understood | trigger again with days such as 2026-11-09 |
| 10 | `nightcast.toml` is wrong | correct the places that the log lists |
| 11 | a file, table or column of the source is missing | wait for the day's delivery, or correct `[source]` |
| 11 | the source drifted: the log lists new, missing and retyped columns | have it mended, or take it in with `source.drift = "accept"` |
| 12 | the day did not pass validation; nothing was committed | see Data Docs and `quarantined_events`; mend the source or `[validation]` |
| 13 | there are no events on that day | check the delivery; a day without events is never committed silently |
| 30 | warehouse or lake did not answer, three times | check the address in the log; clear the task |
| 31 | another run held the lock, three times | the log names it; let it end, clear the task |
"""

from datetime import timedelta

from airflow.sdk import DAG, Param

from pipeline.commands import ingest_steps
from pipeline.orchestration.cutoff import batch_day_macros
from pipeline.orchestration.report_link import ReportLink
from pipeline.orchestration.wiring import add_tasks, settings, task_defaults, time_zone, timetable

DOCS = {"ingest": "Reads the days' raw events, validates them and commits each day to the lake: `nightcast ingest --from DAY --to DAY`."}
TIMEOUTS = {"ingest": timedelta(hours=6)}
LINKS = {"ingest": [ReportLink()]}

found = settings()
with DAG(
    "ingest",
    description="Raw events of a day, or of a range of days, into the lake",
    doc_md=__doc__,
    schedule=timetable(found, "ingest", days_back=1),
    params={
        "from": Param(
            None, type=["null", "string"], format="date", title="First day", description="With `to`; both empty: one day, see above"
        ),
        "to": Param(None, type=["null", "string"], format="date", title="Last day, included"),
    },
    user_defined_macros=batch_day_macros(time_zone(found)),
    default_args=task_defaults(),
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=20),
    tags=["nightcast", "lake"],
) as dag:
    add_tasks(dag, ingest_steps("{{ first_day() }}", "{{ last_day() }}"), docs=DOCS, timeouts=TIMEOUTS, links=LINKS)
