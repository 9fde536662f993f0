"""Airflow's own folder: its secrets, its database and the environment in which its programs run."""

from __future__ import annotations

import base64
import json
import os
import secrets
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pipeline.commands import CONFIG_VARIABLE, PYTHON_VARIABLE
from pipeline.errors import Unreachable
from pipeline.services.process import LOOPBACK, Service, Services

REPORTS_VARIABLE = "NIGHTCAST__VALIDATION__REPORTS_URL"
AIRFLOW_VARIABLE = "NIGHTCAST_AIRFLOW_PYTHON"
USER = "admin"
PARALLEL_TASKS = 4
MIGRATE_SECONDS = 300.0
PROJECT = Path(__file__).resolve().parents[2]


def airflow_python(environment: Mapping[str, str] = os.environ) -> Path:
    """The interpreter of the environment that holds Airflow: `NIGHTCAST_AIRFLOW_PYTHON`, else `.venv-airflow` beside the code."""
    python = Path(environment.get(AIRFLOW_VARIABLE, PROJECT / ".venv-airflow" / "bin" / "python"))
    if not python.is_file():
        raise Unreachable(f"There is no Airflow: {python} does not exist", mend=f"run `make setup`, or set {AIRFLOW_VARIABLE}")
    return python


@dataclass(frozen=True)
class AirflowHome:
    """One Airflow on SQLite for one `nightcast.toml`; nobody but the owner can read the folder.

    `reports_url` is where Data Docs are served, so that tasks link to them; a browser opens no file from Airflow's pages.
    """

    folder: Path
    config: Path
    port: int
    reports_url: str = ""

    @property
    def address(self) -> str:
        """Where UI and REST API are."""
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def passwords(self) -> Path:
        """JSON object of user name and password; mode 0600."""
        return self.folder / "passwords.json"

    def password(self) -> str:
        """The administrator's password."""
        return str(json.loads(self.passwords.read_text(encoding="utf-8"))[USER])

    def prepare(self, services: Services) -> None:
        """Folder, secrets and an up-to-date database; only the first call, and the first after an upgrade, takes long."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        _write_once(self.passwords, json.dumps({USER: secrets.token_urlsafe(24)}))
        for name in ("jwt_secret", "api_secret"):
            _write_once(self.folder / name, secrets.token_urlsafe(48))
        _write_once(self.folder / "fernet_key", base64.urlsafe_b64encode(secrets.token_bytes(32)).decode())
        version, migrated = _version(), self.folder / "migrated"
        if not migrated.is_file() or migrated.read_text(encoding="utf-8") != version:
            services.run(self.service("db-migrate", "db", "migrate"), MIGRATE_SECONDS)
            migrated.write_text(version, encoding="utf-8")

    def service(self, name: str, *arguments: str) -> Service:
        """An Airflow program of this home."""
        argv = (str(airflow_python()), "-m", "airflow", *arguments)
        return Service(f"Airflow {name}", argv, self.environment(), self.folder / "logs" / f"{name}.log")

    def environment(self) -> dict[str, str]:
        """The caller's environment without any other Airflow's settings, and with this one's."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "_AIRFLOW"))}
        inherited.pop("PYTHONDONTWRITEBYTECODE", None)
        return {
            **inherited,
            "PATH": f"{airflow_python().parent}{os.pathsep}{inherited.get('PATH', os.defpath)}",
            "PYTHONPATH": str(PROJECT),
            **{name: ",".join(filter(None, (inherited.get(name), LOOPBACK))) for name in ("NO_PROXY", "no_proxy")},
            CONFIG_VARIABLE: str(self.config),
            PYTHON_VARIABLE: inherited.get(PYTHON_VARIABLE, sys.executable),
            **({REPORTS_VARIABLE: self.reports_url} if self.reports_url else {}),
            "AIRFLOW_HOME": str(self.folder),
            **{f"AIRFLOW__{name}": value for name, value in self._settings().items()},
        }

    def _settings(self) -> dict[str, str]:
        return {
            "CORE__DAGS_FOLDER": str(PROJECT / "dags"),
            "CORE__LOAD_EXAMPLES": "False",
            "CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
            "CORE__EXECUTOR": "LocalExecutor",
            "CORE__PARALLELISM": str(PARALLEL_TASKS),
            "CORE__FERNET_KEY": self._secret("fernet_key"),
            "CORE__EXECUTION_API_SERVER_URL": f"{self.address}/execution/",
            "CORE__AUTH_MANAGER": "airflow.api_fastapi.auth.managers.simple.simple_auth_manager.SimpleAuthManager",
            "CORE__SIMPLE_AUTH_MANAGER_USERS": f"{USER}:admin",
            "CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(self.passwords),
            "DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{self.folder / 'airflow.db'}",
            "LOGGING__BASE_LOG_FOLDER": str(self.folder / "logs"),
            "API__BASE_URL": self.address,
            "API__SECRET_KEY": self._secret("api_secret"),
            "API__WORKERS": "1",
            "API_AUTH__JWT_SECRET": self._secret("jwt_secret"),
            "DAG_PROCESSOR__PARSING_PROCESSES": "1",
            "USAGE_DATA_COLLECTION__ENABLED": "False",
            # a busy small machine answers heartbeats late; that is no reason to end a training
            "WORKERS__MAX_FAILED_HEARTBEATS": "20",
        }

    def _secret(self, name: str) -> str:
        return (self.folder / name).read_text(encoding="utf-8")


def _version() -> str:
    ask = "from importlib.metadata import version; print(version('apache-airflow'))"
    done = subprocess.run([airflow_python(), "-c", ask], capture_output=True, text=True, check=False, timeout=60)
    if done.returncode:
        raise Unreachable(f"{airflow_python()} has no Airflow:\n{done.stderr.strip()}", mend="run `make setup`")
    return done.stdout.strip()


def _write_once(path: Path, text: str) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
