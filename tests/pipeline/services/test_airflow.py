from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.services import airflow
from pipeline.services.airflow_home import AirflowHome
from pipeline.services.process import Service, Services


def test_three_processes_on_loopback_and_never_standalone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[str] = []
    monkeypatch.setattr(AirflowHome, "prepare", lambda _self, _services: None)
    monkeypatch.setattr(AirflowHome, "service", lambda _self, name, *argv: Service(name, argv, {}, tmp_path))
    monkeypatch.setattr(Services, "start", lambda _self, service: started.append(" ".join(service.argv)))
    home = airflow.start(Services(), tmp_path, Path("nightcast.toml"), "http://127.0.0.1:8090")
    assert started == [f"api-server --host 127.0.0.1 --port {home.port}", "scheduler --skip-serve-logs", "dag-processor"]
    assert home.config.is_absolute()
    assert home.reports_url == "http://127.0.0.1:8090"
    assert home.folder == tmp_path / "airflow"
