from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from pipeline import demo
from pipeline.demo import Phases, Shop
from pipeline.errors import ConfigError
from pipeline.services.airflow_api import RunFailed


class Api:
    """An Airflow that has parsed everything."""

    def parsed_since(self, _dag: str, _instant: object) -> bool:
        return True


@pytest.fixture
def happened(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Any]]:
    """What the demo did, with Airflow and the simulator stood in for."""
    done: list[tuple[str, Any]] = []

    def run_dag(_api: object, dag: str, parameters: dict[str, str], **_: object) -> str:
        done.append((dag, parameters))
        return f"run of {dag}"

    def collect(_config: object, _api: object, run: str, cutoff: date) -> list[object]:
        done.append(("collect", (run, cutoff)))
        return []

    monkeypatch.setattr(demo.simulate, "run", lambda folder, **how: done.append(("simulate", {"folder": folder, **how})))
    monkeypatch.setattr(demo.airflow, "start", lambda *_: None)
    monkeypatch.setattr(demo.airflow, "wait", lambda *_: Api())
    monkeypatch.setattr(demo, "run_dag", run_dag)
    monkeypatch.setattr(demo.demo_results, "collect", collect)
    return done


def test_a_shop_is_simulated_and_goes_through_the_three_dags_in_order(tmp_path: Path, happened: list[tuple[str, Any]]) -> None:
    demo.run(tmp_path / "demo", users=300, days=31, seed=5, show=False)
    names = [name for name, _ in happened]
    assert names == ["simulate", "ingest", "train", "score", "collect"]
    done = dict(happened)
    assert done["simulate"] == {
        "folder": tmp_path / "demo", "profile": "ordered", "users": 300, "days": 31, "start": date(2026, 1, 1), "seed": 5, "show": False,
    }  # fmt: skip
    assert done["ingest"] == {"from": "2026-01-01", "to": "2026-01-31"}
    assert done["train"] == done["score"] == {"cutoff": "2026-02-01"}
    assert done["collect"] == ("run of train", date(2026, 2, 1))


def test_a_second_demo_uses_the_shop_again(tmp_path: Path, happened: list[tuple[str, Any]]) -> None:
    for _ in range(2):
        demo.run(tmp_path, users=300, days=31, seed=5, show=False)
    assert [name for name, _ in happened].count("simulate") == 1
    assert [name for name, _ in happened].count("ingest") == 2


def test_another_shop_in_the_same_folder_is_refused_before_anything_starts(tmp_path: Path, happened: list[tuple[str, Any]]) -> None:
    demo.run(tmp_path, users=300, days=31, seed=5, show=False)
    happened.clear()
    with pytest.raises(ConfigError, match="another shop"):
        demo.run(tmp_path, users=301, days=31, seed=5, show=False)
    assert happened == []


def test_a_simulation_that_fails_ends_the_demo_and_is_not_remembered(
    tmp_path: Path, happened: list[tuple[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ConfigError("no room")

    monkeypatch.setattr(demo.simulate, "run", fail)
    with pytest.raises(ConfigError, match="no room"):
        demo.run(tmp_path, users=300, days=31, seed=5, show=False)
    assert happened == []
    assert not (tmp_path / "shop.json").exists()


def test_a_failed_run_ends_the_demo(tmp_path: Path, happened: list[tuple[str, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    def run_dag(_api: object, dag: str, _parameters: object, **_: object) -> str:
        raise RunFailed(f"Run of {dag} failed in ingest")

    monkeypatch.setattr(demo, "run_dag", run_dag)
    with pytest.raises(RunFailed) as failed:
        demo.run(tmp_path, users=300, days=31, seed=5, show=False)
    assert failed.value.exit_code != 0


def test_the_cutoff_is_the_night_after_the_last_day() -> None:
    shop = Shop(users=1, days=59, seed=0)
    assert (shop.last_day, shop.cutoff) == (date(2026, 2, 28), date(2026, 3, 1))


def test_a_phase_is_measured_even_if_it_fails() -> None:
    phases = Phases()
    with pytest.raises(ValueError, match="wrong"), phases("train"):
        raise ValueError("wrong")
    assert phases.seconds["train"] >= 0
