import logging
import re
import time
import urllib.request
from pathlib import Path

import psutil
import pytest
from distributed import Client, Future

from pipeline import cluster as module
from pipeline.cluster import cluster
from pipeline.errors import Unreachable, WorkersLost
from tests.faults.worker_jobs import double, refuse, sleep
from tests.pipeline.ingested import configuration


def test_results_come_in_the_order_of_the_arguments(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    level = logging.getLogger("distributed").level
    with cluster(configuration(tmp_path)) as workers:
        assert workers.map(double, [3, 1, 2], label="number", show=False) == [6, 2, 4]
        assert workers.map(double, [], label="number", show=False) == []
        with pytest.raises(ValueError, match="1 is not wanted"):
            workers.map(refuse, [1], label="number", show=False)
        assert workers.map(double, [5], label="number", show=True) == [10]
        listening = {each.laddr.ip for each in psutil.net_connections() if each.status == "LISTEN" and each.pid in _family()}
    assert listening == {"127.0.0.1"}
    _alone(within=10)
    assert logging.getLogger("distributed").level == level
    captured = capfd.readouterr()
    assert captured.out == ""
    assert "distributed" not in captured.err


def test_no_more_tasks_are_out_than_workers_can_run_and_the_dashboard_names_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    submit, futures, out = Client.submit, [], []

    def counted(self: Client, *arguments: object, **options: object) -> Future:
        futures.append(submit(self, *arguments, **options))
        out.append(sum(not future.done() for future in futures))
        return futures[-1]

    monkeypatch.setattr(Client, "submit", counted)
    with cluster(configuration(tmp_path)) as workers:
        assert workers.map(double, list(range(20)), label="number", show=False) == list(range(0, 40, 2))
        (address,) = re.findall(r"Dask dashboard: (http://127\.0\.0\.1:\d+/status)", caplog.text)
        with urllib.request.urlopen(address, timeout=30) as page:
            assert b"bokeh" in page.read().lower()
    assert len(out) == 20
    assert max(out) <= 2
    assert all(re.fullmatch(r"number-[0-9a-f]{32}-\d+: \d+", future.key) for future in futures)


def test_an_answer_that_takes_too_long_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CLOSE_SECONDS", 2)

    def nap() -> None:
        with cluster(configuration(tmp_path)) as workers:
            monkeypatch.setattr(workers, "_seconds", 1.0)
            workers.map(sleep, [0, 300], label="nap", show=False)

    began = time.monotonic()
    with pytest.raises(WorkersLost, match=r"No answer within 1 s for nap .*300"):
        nap()
    assert time.monotonic() - began < 60
    _alone(within=10)


def test_workers_that_do_not_come_back_are_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(module.SETTINGS, "distributed.scheduler.no-workers-timeout", "1s")

    def left_alone() -> None:
        with cluster(configuration(tmp_path, dask={"workers": 1})) as workers:
            workers._client.cluster.scale(0)
            while workers._client.nthreads():
                time.sleep(0.05)
            workers.map(double, [7], label="number", show=False)

    with pytest.raises(WorkersLost, match="number 7: NoWorkerError"):
        left_alone()


def test_an_absent_scheduler_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CONNECT_SECONDS", 1)
    config = configuration(tmp_path, dask={"scheduler": "tcp://127.0.0.1:9"})
    with pytest.raises(Unreachable, match=r"tcp://127.0.0.1:9 does not answer"), cluster(config):
        pass


def _family() -> set[int]:
    """This process and its worker processes that still run."""
    own = psutil.Process()
    running = [child for child in own.children(recursive=True) if child.status() != psutil.STATUS_ZOMBIE]
    return {own.pid, *(child.pid for child in running if "spawn_main" in " ".join(child.cmdline()))}


def _alone(within: float) -> None:
    deadline = time.monotonic() + within
    while len(_family()) > 1:
        assert time.monotonic() < deadline, "workers are still running"
        time.sleep(0.1)
