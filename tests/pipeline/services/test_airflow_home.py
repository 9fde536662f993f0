from __future__ import annotations

import json
import stat
import sys
from pathlib import Path

import pytest

from pipeline.errors import Unreachable
from pipeline.services import airflow_home
from pipeline.services.airflow_home import AirflowHome, airflow_python
from pipeline.services.process import Service, Services

SECRETS = ("passwords.json", "jwt_secret", "api_secret", "fernet_key")


@pytest.fixture
def migrations(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The preparing commands that would have run; this interpreter stands in for Airflow's."""
    ran: list[str] = []
    monkeypatch.setenv("NIGHTCAST_AIRFLOW_PYTHON", sys.executable)
    monkeypatch.setattr(airflow_home, "_version", lambda: "3.3.2")
    monkeypatch.setattr(Services, "run", lambda _self, service, _seconds: ran.append(service.name))
    return ran


@pytest.fixture
def home(tmp_path: Path, migrations: list[str]) -> AirflowHome:
    found = AirflowHome(tmp_path / "airflow", tmp_path / "nightcast.toml", 8123)
    found.prepare(Services())
    return found


def test_secrets_are_long_random_and_only_the_owners(home: AirflowHome) -> None:
    texts = {name: (home.folder / name).read_text() for name in SECRETS}
    assert len(set(texts.values())) == len(SECRETS)
    assert all(len(text) >= 32 for text in texts.values())
    assert {stat.S_IMODE((home.folder / name).stat().st_mode) for name in SECRETS} == {0o600}
    assert stat.S_IMODE(home.folder.stat().st_mode) == 0o700
    assert json.loads(texts["passwords.json"]) == {"admin": home.password()}


def test_a_second_start_keeps_the_secrets_and_does_not_migrate_again(home: AirflowHome, migrations: list[str]) -> None:
    before = {name: (home.folder / name).read_text() for name in SECRETS}
    home.prepare(Services())
    assert {name: (home.folder / name).read_text() for name in SECRETS} == before
    assert migrations == ["Airflow db-migrate"]


def test_an_upgraded_airflow_migrates(home: AirflowHome, migrations: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(airflow_home, "_version", lambda: "3.4.0")
    home.prepare(Services())
    assert len(migrations) == 2


def test_the_environment_is_this_homes_and_no_other_airflows(home: AirflowHome, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__LOAD_EXAMPLES", "True")
    monkeypatch.setenv("AIRFLOW__CORE__SOMETHING", "else")
    found = home.environment()
    assert found["AIRFLOW__CORE__LOAD_EXAMPLES"] == "False"
    assert "AIRFLOW__CORE__SOMETHING" not in found
    assert found["AIRFLOW_HOME"] == str(home.folder)
    assert found["NIGHTCAST_CONFIG"] == str(home.config)
    assert found["NIGHTCAST_PYTHON"] == sys.executable
    assert found["AIRFLOW__USAGE_DATA_COLLECTION__ENABLED"] == "False"
    assert found["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] == f"sqlite:///{home.folder}/airflow.db"
    assert found["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"] == "http://127.0.0.1:8123/execution/"


def test_tasks_link_to_the_reports_where_they_are_served(home: AirflowHome) -> None:
    name = "NIGHTCAST__VALIDATION__REPORTS_URL"
    assert name not in home.environment()
    served = AirflowHome(home.folder, home.config, home.port, "http://127.0.0.1:8090")
    assert served.environment()[name] == "http://127.0.0.1:8090"


def test_no_secret_is_an_argument(home: AirflowHome) -> None:
    service: Service = home.service("api-server", "api-server", "--host", "127.0.0.1")
    line = " ".join(service.argv)
    assert not [name for name in SECRETS if (home.folder / name).read_text() in line]
    assert service.log == home.folder / "logs" / "api-server.log"


def test_a_missing_airflow_is_told_with_the_mend() -> None:
    with pytest.raises(Unreachable, match="make setup"):
        airflow_python({"NIGHTCAST_AIRFLOW_PYTHON": "/no/such/python"})


def test_an_environment_without_airflow_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NIGHTCAST_AIRFLOW_PYTHON", sys.executable)
    with pytest.raises(Unreachable, match="has no Airflow"):
        airflow_home._version()
