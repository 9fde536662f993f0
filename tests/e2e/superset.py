"""Apache Superset on this machine, out of an environment of its own, and what a person does in it: log in, connect, chart."""

from __future__ import annotations

import json
import secrets
import socket
from pathlib import Path
from typing import Any

from playwright.sync_api import BrowserContext

from pipeline.services.http import answers
from pipeline.services.process import LOOPBACK, Service, Services

PROGRAM = Path(__file__).parents[2] / ".venv-superset" / "bin" / "superset"
USER, PASSWORD = "owner", secrets.token_urlsafe(16)
PREPARING_S, START_S = 300, 120


def start(services: Services, folder: Path) -> str:
    """A new Superset whose own database, log and secrets are in `folder`; its address."""
    config = folder / "superset_config.py"
    config.write_text(
        f"SECRET_KEY = {secrets.token_urlsafe(42)!r}\nSQLALCHEMY_DATABASE_URI = 'sqlite:///{folder}/superset.db'\n", encoding="utf-8"
    )
    environment = {
        "PATH": f"{PROGRAM.parent}:/usr/bin:/bin",
        "SUPERSET_HOME": str(folder),
        "SUPERSET_CONFIG_PATH": str(config),
        "FLASK_APP": "superset",
        "SCARF_ANALYTICS": "false",
        "PYTHONWARNINGS": "ignore",
    }

    def called(*words: str) -> Service:
        return Service("Superset", (str(PROGRAM), *words), environment, folder / "superset.log")

    person = ("--username", USER, "--firstname", "A", "--lastname", "Owner", "--email", "owner@example.org", "--password", PASSWORD)
    for words in (("db", "upgrade"), ("fab", "create-admin", *person), ("init",)):
        services.run(called(*words), PREPARING_S)
    with socket.socket() as found:
        found.bind((LOOPBACK, 0))
        port = found.getsockname()[1]
    services.start(called("run", "--host", LOOPBACK, "--port", str(port), "--with-threads"))
    services.wait_until(lambda: answers(f"http://{LOOPBACK}:{port}/health"), "Superset", START_S)
    return f"http://{LOOPBACK}:{port}"


class Visit:
    """A logged-in visitor's requests to Superset's API."""

    def __init__(self, context: BrowserContext) -> None:
        self._context = context
        page = context.new_page()
        page.goto("/login/")
        page.fill("#username", USER)
        page.fill("#password", PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_url("**/superset/welcome/")
        page.close()
        self._token = self.get("/api/v1/security/csrf_token/")["result"]

    def get(self, path: str) -> Any:
        """The answer, parsed."""
        found = self._context.request.get(path)
        assert found.ok, found.text()
        return found.json()

    def send(self, method: str, path: str, content: dict[str, Any]) -> Any:
        """The answer, parsed, whatever its status."""
        headers = {"X-CSRFToken": self._token, "Content-Type": "application/json", "Referer": path}
        return self._context.request.fetch(path, method=method, headers=headers, data=json.dumps(content)).json()

    def create(self, kind: str, **content: Any) -> int:
        """The id of a new database, dataset or chart."""
        answer = self.send("POST", f"/api/v1/{kind}/", content)
        assert "id" in answer, answer
        return int(answer["id"])
