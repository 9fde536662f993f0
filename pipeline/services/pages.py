"""Data Docs, the validation reports, as plain files on loopback."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from pipeline.services.process import LOOPBACK, Service, Services, free_port

PORT = 8090


def start(services: Services, state: Path, folder: Path) -> str:
    """Serve the folder, which may still be empty; its address."""
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port(PORT)
    argv = (sys.executable, "-m", "http.server", str(port), "--bind", LOOPBACK, "--directory", str(folder))
    services.start(Service("Data Docs", argv, dict(os.environ), state / "logs" / "pages.log"))
    return f"http://{LOOPBACK}:{port}"
