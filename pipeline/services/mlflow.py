"""The MLflow UI on loopback, over the configuration's tracking store."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from pipeline.config import Config
from pipeline.services.process import LOOPBACK, Service, Services, free_port
from pipeline.tracking.store import SQLITE, address, prepare

PORT = 5000
SETTINGS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    # eight processes for features that only language models use, and they outlive a killed server
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
}


def page(address: str) -> str:
    """Where people begin: the list of experiments, on the pages of model training, since MLflow opens those of language models first."""
    return f"{address}/#/experiments?workflowType=machine_learning"


def start(services: Services, state: Path, config: Config) -> str:
    """Start the UI and return its address at once; a store that is a server already has its own, which is returned."""
    store = address(config)
    if store.startswith(("http://", "https://")):
        return store
    if store.startswith(SQLITE) and not Path(store.removeprefix(SQLITE)).exists():
        prepare(config)  # a server and a training that create the database at once would break it
    port = free_port(PORT)
    hosts = f"{LOOPBACK}:{port},localhost:{port}"
    argv = [sys.executable, "-m", "mlflow", "server", "--host", LOOPBACK, "--port", str(port), "--workers", "1"]
    argv += ["--allowed-hosts", hosts, "--no-serve-artifacts"]
    environment = {**os.environ, **SETTINGS, "MLFLOW_BACKEND_STORE_URI": store}  # it may hold a password, so it is no argument
    services.start(Service("MLflow", tuple(argv), environment, state / "logs" / "mlflow.log"))
    return f"http://{LOOPBACK}:{port}"
