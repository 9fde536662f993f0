from __future__ import annotations

from typing import Any

import pytest

from pipeline.services.http import answers


def test_success_is_an_answer_and_refusal_or_silence_is_not(script: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    script.answers["GET", "/here"] = [(200, {})]
    assert answers(f"{script.address}/here")
    assert not answers(f"{script.address}/missing")
    assert not answers("http://127.0.0.1:9/")
