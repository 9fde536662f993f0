"""Airflow as three processes on loopback: api-server (UI and REST), scheduler with LocalExecutor, DAG processor.

Not `airflow standalone`: that one opens its log servers to the network and prints its password into its log.
"""

from __future__ import annotations

from pathlib import Path

from pipeline.services.airflow_api import AirflowApi
from pipeline.services.airflow_home import USER, AirflowHome
from pipeline.services.process import LOOPBACK, Services, free_port

PORT = 8080
START_SECONDS = 240.0


def start(services: Services, state: Path, config: Path, reports_url: str) -> AirflowHome:
    """Prepare the home below `state` and start the three processes; `wait` says when they can be used."""
    home = AirflowHome(state / "airflow", config.resolve(), free_port(PORT), reports_url)
    home.prepare(services)
    services.start(home.service("api-server", "api-server", "--host", LOOPBACK, "--port", str(home.port)))
    services.start(home.service("scheduler", "scheduler", "--skip-serve-logs"))
    services.start(home.service("dag-processor", "dag-processor"))
    return home


def wait(services: Services, home: AirflowHome) -> AirflowApi:
    """Wait until scheduler and DAG processor are healthy; a signed-in client."""
    api = AirflowApi(home.address, USER, home.password())
    services.wait_until(api.healthy, f"Airflow at {home.address}", START_SECONDS)
    return api
