from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import psutil
import pytest

from pipeline.errors import Unreachable
from pipeline.services.process import LOOPBACK, Service, Services, free_port, tail

SLEEPER = "import time; print('up', flush=True); time.sleep(60)"


def service(log: Path, program: str) -> Service:
    return Service("Sleeper", (sys.executable, "-c", program), {"PATH": os.defpath}, log)


def pids(log: Path) -> list[int]:
    return [int(line) for line in log.read_text().split()]


def test_a_server_runs_with_its_log_until_the_context_ends(tmp_path: Path) -> None:
    log = tmp_path / "logs" / "sleeper.log"
    with Services() as services:
        services.start(service(log, "import os, time; print(os.getpid(), flush=True); time.sleep(60)"))
        services.wait_until(lambda: log.read_text().endswith("\n"), "the sleeper", 20)
        (pid,) = pids(log)
        assert psutil.pid_exists(pid)
        services.check()
    assert not psutil.pid_exists(pid)


def test_the_end_takes_what_a_server_started_and_what_it_left_behind(tmp_path: Path) -> None:
    program = textwrap.dedent("""
        import os, subprocess, sys, time
        sleeper = [sys.executable, "-c", "import time; time.sleep(60)"]
        orphaned = "import subprocess; print(subprocess.Popen(%r).pid, flush=True)" % (sleeper,)
        subprocess.run([sys.executable, "-W", "ignore", "-c", orphaned])
        print(subprocess.Popen(sleeper).pid, flush=True)
        time.sleep(60)
    """)
    log = tmp_path / "log"
    with Services() as services:
        services.start(service(log, program))
        services.wait_until(lambda: len(log.read_text().split()) == 2, "the sleepers", 20)
        started = pids(log)
    assert [psutil.pid_exists(pid) for pid in started] == [False, False]


def test_a_server_that_ends_by_itself_is_told_with_the_end_of_its_log(tmp_path: Path) -> None:
    with Services() as services:
        services.start(service(tmp_path / "log", "import sys; sys.exit('no database here')"))
        with pytest.raises(Unreachable, match=r"Sleeper ended by itself with exit code 1(?s:.*)no database here"):
            services.wait_until(lambda: False, "the sleeper", 20)


def test_waiting_is_bounded_and_names_the_log(tmp_path: Path) -> None:
    with Services() as services:
        services.start(service(tmp_path / "sleeper.log", SLEEPER))
        with pytest.raises(Unreachable, match=r"the sleeper is not ready after 1 s(?s:.*)sleeper\.log"):
            services.wait_until(lambda: False, "the sleeper", 1)


def test_a_preparing_command_is_run_to_its_end(tmp_path: Path) -> None:
    with Services() as services:
        services.run(service(tmp_path / "log", "print('done')"), 20)
        assert (tmp_path / "log").read_text() == "done\n"
        services.check()


@pytest.mark.parametrize(("program", "said"), [("raise SystemExit('broken')", "exit code 1(?s:.*)broken"), (SLEEPER, "longer than 1 s")])
def test_a_preparing_command_that_fails_or_hangs_is_told(tmp_path: Path, program: str, said: str) -> None:
    with Services() as services, pytest.raises(Unreachable, match=said):
        services.run(service(tmp_path / "log", program), 1)


def test_a_missing_program_is_told_with_the_mend(tmp_path: Path) -> None:
    with Services() as services, pytest.raises(Unreachable, match="make setup"):
        services.start(Service("Nothing", ("/no/such/program",), {}, tmp_path / "log"))


def test_servers_end_with_a_killed_owner(tmp_path: Path) -> None:
    program = textwrap.dedent(f"""
        import os, signal, sys, time
        from pathlib import Path
        from pipeline.services.process import Service, Services
        with Services() as services:
            services.start(Service("Sleeper", (sys.executable, "-c", {SLEEPER!r}), dict(os.environ), Path({str(tmp_path / "log")!r})))
            print(services._running[0][1].pid, flush=True)
            os.kill(os.getpid(), signal.SIGKILL)
    """)
    owner = subprocess.run([sys.executable, "-c", program], env={"PYTHONPATH": str(Path.cwd())}, capture_output=True, text=True)
    assert owner.returncode == -signal.SIGKILL, owner.stderr
    pid, deadline = int(owner.stdout), time.monotonic() + 5
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_taken_port_is_passed_over() -> None:
    with socket.socket() as taken:
        taken.bind((LOOPBACK, 0))
        taken.listen()
        wanted = taken.getsockname()[1]
        assert free_port(wanted) not in (0, wanted)
    assert free_port(wanted) == wanted


def test_the_tail_is_the_last_lines_and_empty_without_a_log(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("\n".join(map(str, range(100))))
    assert tail(tmp_path / "log").splitlines() == [str(line) for line in range(80, 100)]
    assert tail(tmp_path / "none") == ""
