"""Tells people that a task has failed for good: one line in the log, and one message to a webhook if there is one.

Standard library only: DAG files import this module. `NIGHTCAST_ALERT_URL` names the webhook (https); it gets a POST with a JSON
object whose `text` is the sentence, as Slack and Mattermost read it.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping
from typing import Any
from urllib.request import Request, urlopen

URL_VARIABLE = "NIGHTCAST_ALERT_URL"
TIMEOUT_SECONDS = 10.0

log = logging.getLogger(__name__)


def sentence(context: Mapping[str, Any]) -> str:
    """What failed in which run, and the first line of why."""
    task = context["task_instance"]
    reason = str(context.get("exception") or "no reason given").partition("\n")[0]
    return f"Nightcast: task {task.task_id} of DAG {task.dag_id} failed in run {task.run_id} (try {task.try_number}): {reason}"


def task_failed(context: Mapping[str, Any]) -> None:
    """Airflow's `on_failure_callback`: called once, after the last try. A webhook that does not answer is only logged."""
    said = sentence(context)
    log.error(said)
    if url := os.environ.get(URL_VARIABLE, ""):
        _post(url, {"text": said})


def _post(url: str, message: Mapping[str, str]) -> None:
    if not url.startswith("https://"):
        log.warning("%s is not an https address; no message sent", URL_VARIABLE)
        return
    request = Request(url, json.dumps(message).encode(), {"Content-Type": "application/json"})  # noqa: S310 – https, checked above
    try:
        with urlopen(request, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310 – https, checked above
            answer.read(1)
    except OSError as error:
        log.warning("The alert webhook did not take the message: %s", error)
