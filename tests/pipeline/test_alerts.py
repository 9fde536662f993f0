from __future__ import annotations

import json
import logging
from io import BytesIO
from types import SimpleNamespace
from typing import Any
from urllib.error import URLError
from urllib.request import Request

import pytest

from pipeline import alerts

TASK = SimpleNamespace(task_id="buys.train_gbdt", dag_id="train", run_id="scheduled__2026-11-10", try_number=3)
CONTEXT = {"task_instance": TASK, "exception": ValueError("exit code 30: nightcast train-gbdt\nstderr line")}
SENTENCE = "Nightcast: task buys.train_gbdt of DAG train failed in run scheduled__2026-11-10 (try 3): exit code 30: nightcast train-gbdt"


@pytest.fixture
def posted(monkeypatch: pytest.MonkeyPatch) -> list[Request]:
    sent: list[Request] = []

    def urlopen(request: Request, timeout: float) -> BytesIO:
        assert timeout <= 10
        sent.append(request)
        return BytesIO(b"ok")

    monkeypatch.setattr(alerts, "urlopen", urlopen)
    return sent


def test_the_sentence_says_what_failed_and_the_first_line_of_why() -> None:
    assert alerts.sentence(CONTEXT) == SENTENCE


def test_without_a_webhook_the_log_is_all(posted: list[Request], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(alerts.URL_VARIABLE, raising=False)
    with caplog.at_level(logging.ERROR):
        alerts.task_failed(CONTEXT)
    assert caplog.messages == [SENTENCE]
    assert posted == []


def test_a_webhook_gets_the_sentence_as_text(posted: list[Request], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(alerts.URL_VARIABLE, "https://chat.example/hook")
    alerts.task_failed(CONTEXT)
    (request,) = posted
    assert (request.full_url, request.get_method()) == ("https://chat.example/hook", "POST")
    assert json.loads(request.data or b"") == {"text": SENTENCE}  # type: ignore[arg-type]


@pytest.mark.parametrize("url", ["http://chat.example/hook", "file:///etc/passwd"])
def test_only_https_is_spoken(posted: list[Request], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv(alerts.URL_VARIABLE, url)
    alerts.task_failed(CONTEXT)
    assert posted == []
    assert "not an https address" in caplog.text
    assert url not in caplog.text  # its path is a secret


def test_a_webhook_that_does_not_answer_changes_nothing(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    def urlopen(request: Request, timeout: float) -> Any:
        raise URLError("connection refused")

    monkeypatch.setattr(alerts, "urlopen", urlopen)
    monkeypatch.setenv(alerts.URL_VARIABLE, "https://chat.example/hook")
    alerts.task_failed(CONTEXT)
    assert "connection refused" in caplog.text
