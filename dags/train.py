"""Trains the models of every target and promotes the best one where the evidence allows it.

Builds features and labels for every training cutoff as of one day, and checks them for leaks: nothing is trained on columns that
know the future. Then, for each target, trains the simple baselines, the gradient boosted trees and the sequence model side by side,
judges them and the present champion on the same later, unseen users, and moves the alias `champion` where the evidence allows it.
A model that does not surely beat every baseline is not promoted; where none does, the best baseline scores, and `promote` says so.
A lane that fails does not hold up the other targets, and the run still ends as failed.

## Parameters

* **cutoff**: as of which day; everything up to and including the day before may be known. Needed when nothing else names the day:
  a scheduled run has its partition key, a backfill its partition dates.
* **dry_run**: decide and explain, but leave the champions where they are.

## When a model is not trained

Where a target's outcomes are too few for a model to be told from chance, `train_gbdt` and `train_sequence` end without one, in green:
their log says how many outcomes there are and how many it takes. The baselines are trained all the same, and the best of them scores.
Nothing has to be done; more history or a wider `eligible` brings the models in by itself.

With fewer than two users of an outcome at the evaluation cutoff, models cannot be compared. `evaluate` and `promote` end in green then,
too: a champion stays, and without one the base rate gives everybody the same score for now.

## When a person has to agree

With `promotion.approval = "human"` every lane ends in three tasks. `propose` decides and changes nothing. `approve` shows the proposal,
its gates and its reasons under Required Actions, and waits `promotion.approval_hours`. `promote` then moves the alias to the version
that was approved, and to no other.

* **Approve**: `promote` runs. If the decision has changed since, by a newer evaluation or another champion, it ends with code 18.
* **Reject**, or no answer in time: the champion stays, in green, and `promote` records the no with the reason given and the numbers.
  To ask again, clear `propose` and what follows it.
* The champion would stay anyway, or **dry_run**: nobody is asked, and `promote` records the reasons, or says them.

A run waits in blue, without a process, and the next one starts when it has ended. To take a champion back later, at any time:
`nightcast rollback --target TARGET --to VERSION --reason "…"`. Running `promote` again does not undo that.

## When a task fails

The log ends with what was wrong, its value and what to do. Only exit codes from 30 up are tried again by themselves.
After mending, clear the failed task: finished ones need not run again.

| code | what happened | what to do |
|---|---|---|
| 2 | a parameter was not understood | trigger again with a cutoff such as 2026-11-10 |
| 10 | `nightcast.toml` is wrong | correct the places that the log lists |
| 13 | no events before this cutoff | run `ingest` for the days before it, or choose a later cutoff |
| 14 | a target's horizon has not closed | choose an earlier cutoff |
| 16 | a model's files do not match their digest, or its features changed | train again; find out who changed the files |
| 17 | nobody to learn from or judge on, or too few outcomes to judge on and no base rate | more history, a wider `eligible`, baselines |
| 18 | an earlier stage has not run for this cutoff | clear the task before it |
| 18 | `promote`: models or champion are not those that were judged | clear `evaluate`, and what follows it |
| 18 | `promote`: the decision is not the approved one any more | read the new one in the log; clear `propose`, and what follows it |
| 20 | features know what happened after their cutoff | the log names check, target and feature; unmap the column, ingest and build again |
| 30 | warehouse, lake, MLflow or Dask did not answer, three times | check the address in the log; clear the task |
| 31 | another run held the lock, or moved the champion meanwhile, three times | the log names it; let it end, clear the task |
| 32 | Dask lost its workers, three times | usually memory: raise `dask.memory_limit` or `lake.buckets`; clear the task |
"""

from datetime import timedelta

from airflow.sdk import DAG, Param

from pipeline.commands import asks_a_person, learned_targets, train_steps
from pipeline.orchestration.approval import approval_macros
from pipeline.orchestration.cutoff import cutoff_macro
from pipeline.orchestration.wiring import add_tasks, settings, task_defaults, time_zone, timetable

DOCS = {
    "build_features": "Features and labels at every training and evaluation cutoff: `nightcast build-features --training --cutoff DAY`.",
    "check_leaks": "Refuses features that know what happened after their cutoff: `nightcast check-leaks --cutoff DAY`.",
    "train_baselines": "Fits base rate, recency, active days and BG/NBD, which a model must beat, and registers each: "
    "`nightcast train-baselines --target TARGET --cutoff DAY`.",
    "train_gbdt": "Trains LightGBM, calibrates it, registers it as a candidate: `nightcast train-gbdt --target TARGET --cutoff DAY`.",
    "train_sequence": "Trains the Keras GRU, calibrates it, registers it: `nightcast train-sequence --target TARGET --cutoff DAY`.",
    "evaluate": "Judges candidates and champion on the same unseen users: `nightcast evaluate --target TARGET --cutoff DAY`.",
    "propose": "Says whom the evidence would make champion, and why: `nightcast promote --target TARGET --cutoff DAY --dry-run`.",
    "approve": "Asks a person about what `propose` found; `nightcast promote … --expect-version VERSION`, or `--declined WHY`, follows.",
    "promote": "Moves the alias `champion`, or says why not: `nightcast promote --target TARGET --cutoff DAY`.",
}
TIMEOUTS = {
    "build_features": timedelta(hours=3),
    "check_leaks": timedelta(hours=1),
    "train_baselines": timedelta(hours=1),
    "train_gbdt": timedelta(hours=4),
    "train_sequence": timedelta(hours=4),
    "evaluate": timedelta(hours=1),
    "propose": timedelta(minutes=15),
    "promote": timedelta(minutes=15),
}

found = settings()
approval, patience = asks_a_person(found), timedelta(hours=found.get("promotion", {}).get("approval_hours", 24))
options = ("{{ '--dry-run' if params.dry_run else '' }}", *(("{{ approved() }}",) if approval else ()))
with DAG(
    "train",
    description="Features, baselines and models per target, evaluation on unseen users, promotion",
    doc_md=__doc__,
    schedule=timetable(found, "train", days_back=0),
    params={
        "cutoff": Param(None, type=["null", "string"], format="date", title="Cutoff", description="As of this day's midnight"),
        "dry_run": Param(False, type="boolean", title="Dry run", description="Leave the champions where they are"),
    },
    user_defined_macros={"cutoff": cutoff_macro(time_zone(found), today_if_unknown=False), **approval_macros()},
    default_args=task_defaults(),
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=12) + (patience if approval else timedelta(0)),
    tags=["nightcast", "models"],
) as dag:
    steps = train_steps(learned_targets(found), "{{ cutoff() }}", promote_options=options, approval=approval)
    add_tasks(dag, steps, docs=DOCS, timeouts={**TIMEOUTS, "approve": patience})
