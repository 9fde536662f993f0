from __future__ import annotations

from typing import Any

import pytest
from mlflow import MlflowClient

from pipeline.config import Config
from pipeline.tracking import parent_runs, store

KEY = {"kind": "training", "cutoff": "20260601T000000Z"}


@pytest.fixture
def client(config: Config) -> MlflowClient:
    return store.prepare(config)


@pytest.fixture
def experiment(client: MlflowClient) -> str:
    return str(client.get_experiment_by_name("nightcast/purchase_7d").experiment_id)


def made(client: MlflowClient, experiment: str, began: int, **tags: str) -> str:
    return str(client.create_run(experiment, start_time=began, tags=tags).info.run_id)


def settled(client: MlflowClient, experiment: str) -> str:
    return parent_runs.settled(client, experiment, "training 2026-06-01", KEY, {"target": "purchase_7d"})


def standing(client: MlflowClient, experiment: str) -> list[str]:
    return [run.info.run_id for run in client.search_runs([experiment], "tags.kind = 'training'")]


def parent_of(client: MlflowClient, run_id: str) -> Any:
    return client.get_run(run_id).data.tags["mlflow.parentRunId"]


def test_the_oldest_of_several_stays_with_the_runs_below_all_of_them(client: MlflowClient, experiment: str) -> None:
    younger, oldest, youngest = (made(client, experiment, began, **KEY) for began in (2000, 1000, 3000))
    children = [made(client, experiment, 4000, **{"mlflow.parentRunId": above}) for above in (younger, oldest, youngest)]
    assert settled(client, experiment) == oldest
    assert standing(client, experiment) == [oldest]
    assert [parent_of(client, child) for child in children] == [oldest] * 3


def test_of_two_of_the_same_instant_all_processes_choose_the_same(client: MlflowClient, experiment: str) -> None:
    twins = [made(client, experiment, 1000, **KEY) for _ in range(2)]
    assert settled(client, experiment) == min(twins)


def test_a_run_opened_below_one_that_has_gone_is_moved_later(client: MlflowClient, experiment: str) -> None:
    oldest, younger = (made(client, experiment, began, **KEY) for began in (1000, 2000))
    settled(client, experiment)
    late = made(client, experiment, 3000, **{"mlflow.parentRunId": younger})
    assert settled(client, experiment) == oldest
    assert parent_of(client, late) == oldest


def test_an_older_one_that_was_on_its_way_wins_in_the_end(client: MlflowClient, experiment: str) -> None:
    """Another process read its clock first and wrote last: after this one had looked."""
    mine = settled(client, experiment)
    child = made(client, experiment, 4000, **{"mlflow.parentRunId": mine})
    other = made(client, experiment, 1000, **KEY)
    assert settled(client, experiment) == other
    assert standing(client, experiment) == [other]
    assert parent_of(client, child) == other


def test_two_that_see_none_agree_on_one(client: MlflowClient, experiment: str, monkeypatch: pytest.MonkeyPatch) -> None:
    create, others = client.create_run, []

    def beaten(experiment_id: str, **about: Any) -> Any:
        others.append(create(experiment_id, start_time=1000, tags=KEY).info.run_id)
        return create(experiment_id, **about)

    monkeypatch.setattr(client, "create_run", beaten)
    assert [settled(client, experiment)] == standing(client, experiment) == others


def test_one_that_goes_while_it_is_ended_is_no_error(client: MlflowClient, experiment: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process may merge this one into an older one at any time."""
    end = client.set_terminated

    def gone(run_id: str, status: str) -> None:
        client.delete_run(run_id)
        end(run_id, status)

    monkeypatch.setattr(client, "set_terminated", gone)
    assert settled(client, experiment)
    assert standing(client, experiment) == []


def test_a_run_that_a_person_deleted_is_made_again_above_what_it_held(client: MlflowClient, experiment: str) -> None:
    old = settled(client, experiment)
    child = made(client, experiment, 4000, **{"mlflow.parentRunId": old})
    client.delete_run(old)
    new = settled(client, experiment)
    assert new != old
    assert parent_of(client, child) == new
