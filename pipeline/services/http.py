"""Requests to servers of our own on this machine: never through a proxy, whatever the environment says."""

from __future__ import annotations

from http.client import HTTPResponse
from typing import cast
from urllib.request import ProxyHandler, Request, build_opener


def open_direct(request: Request | str, seconds: float) -> HTTPResponse:
    """The answer, as a context manager. Raises OSError (HTTPError for a status of 400 and above) and HTTPException."""
    return cast(HTTPResponse, build_opener(ProxyHandler({})).open(request, timeout=seconds))


def answers(url: str) -> bool:
    """Whether something at `url` answers with success."""
    try:
        with open_direct(url, seconds=5.0) as answer:
            return answer.status < 300
    except OSError:
        return False
