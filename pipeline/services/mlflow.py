"""The MLflow UI on loopback, over the configuration's tracking store."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from pipeline.config import Config
from pipeline.services.process import LOOPBACK, Service, Services, free_port
from pipeline.tracking.store import address

PORT = 5000


def start(services: Services, state: Path, config: Config) -> str:
    """Start the UI and return its address at once; a store that is a server already has its own, which is returned."""
    store = address(config)
    if store.startswith(("http://", "https://")):
        return store
    port = free_port(PORT)
    hosts = f"{LOOPBACK}:{port},localhost:{port}"
    argv = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", store, "--host", LOOPBACK, "--port", str(port)]
    argv += ["--workers", "1", "--allowed-hosts", hosts, "--no-serve-artifacts"]
    environment = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}
    services.start(Service("MLflow", tuple(argv), environment, state / "logs" / "mlflow.log"))
    return f"http://{LOOPBACK}:{port}"
