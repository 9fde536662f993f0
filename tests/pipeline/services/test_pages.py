from __future__ import annotations

from pathlib import Path

import psutil

from pipeline.services import pages
from pipeline.services.http import answers, open_direct
from pipeline.services.process import Services


def test_a_folder_is_served_on_loopback_only_and_even_before_it_exists(tmp_path: Path) -> None:
    with Services() as services:
        address = pages.start(services, tmp_path / "state", tmp_path / "data_docs")
        services.wait_until(lambda: answers(address), "pages", 30)
        (tmp_path / "data_docs" / "index.html").write_text("<h1>Validated days</h1>", encoding="utf-8")
        with open_direct(address, 5) as answer:
            assert answer.read() == b"<h1>Validated days</h1>"
        listening = [
            connection.laddr.ip
            for process in psutil.Process().children(recursive=True)
            for connection in process.net_connections(kind="tcp")
            if connection.status == psutil.CONN_LISTEN
        ]
    assert listening == ["127.0.0.1"]
    assert not answers(address)
