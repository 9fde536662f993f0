from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from pipeline import process_tree

DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
OBEDIENT = "import time; print('up', flush=True); time.sleep(60)"


def start(program: str) -> subprocess.Popen[bytes]:
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    assert process.stdout is not None
    with process.stdout:
        process.stdout.readline()
    return process


def gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def wait_until(true: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not true() and time.monotonic() < deadline:
        time.sleep(0.05)
    return true()


def test_what_obeys_sigterm_ends_long_before_the_grace_is_over() -> None:
    process = start(OBEDIENT)
    began = time.monotonic()
    process_tree.stop(process_tree.tree(process.pid), grace=10)
    assert gone(process.pid)
    assert time.monotonic() - began < 5
    process.wait()


def test_what_ignores_sigterm_is_killed_after_the_grace() -> None:
    process = start(DEAF)
    began = time.monotonic()
    process_tree.stop(process_tree.tree(process.pid), grace=0.5)
    assert gone(process.pid)
    assert 0.5 <= time.monotonic() - began < 5
    process.wait()


def test_a_process_that_has_ended_has_no_tree() -> None:
    process = start("print()")
    process.wait()
    assert process_tree.tree(process.pid) == []
    process_tree.stop([], grace=1)


@pytest.fixture
def parent(tmp_path: Path) -> Callable[[str], list[int]]:
    """Run a program that prints process ids, as a process of its own; the ids."""

    def run(program: str) -> list[int]:
        path = tmp_path / "parent.py"
        path.write_text(textwrap.dedent(program), encoding="utf-8")
        done = subprocess.run([sys.executable, str(path)], env={"PYTHONPATH": str(Path.cwd())}, capture_output=True, text=True)
        assert done.returncode in (0, -signal.SIGKILL), done.stderr
        return [int(pid) for pid in done.stdout.split()]

    return run


def test_a_child_dies_with_its_killed_parent(parent: Callable[[str], list[int]]) -> None:
    (child,) = parent("""
        import os, signal, subprocess, sys
        from pipeline import process_tree
        death = process_tree.die_with_parent(signal.SIGKILL)
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], stdout=subprocess.DEVNULL, preexec_fn=death)
        print(child.pid, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
    """)
    assert wait_until(lambda: gone(child), 3)


def test_orphans_of_an_ended_child_are_still_found(parent: Callable[[str], list[int]]) -> None:
    grandchild, *found = parent("""
        import subprocess, sys
        from pipeline import process_tree
        process_tree.adopt_orphans()
        sleeper = "[sys.executable, '-c', 'import time; time.sleep(60)'], stdout=subprocess.DEVNULL"
        program = f"import subprocess, sys; print(subprocess.Popen({sleeper}).pid)"
        child = subprocess.Popen([sys.executable, "-W", "ignore", "-c", program], stdout=subprocess.PIPE, text=True)
        grandchild = int(child.communicate()[0])
        print(grandchild, *(process.pid for process in process_tree.descendants()))
        process_tree.stop(process_tree.descendants(), grace=5)
    """)
    assert found == [grandchild]
    assert gone(grandchild)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_block_as_ctrl_c_does_and_only_there(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with pytest.raises(KeyboardInterrupt), process_tree.ending_on_sigterm():
        os.kill(os.getpid(), number)
    assert signal.getsignal(number) is before


def test_an_engine_s_own_error_about_it_is_still_an_interrupt() -> None:
    def query() -> None:
        try:
            os.kill(os.getpid(), signal.SIGTERM)
        except KeyboardInterrupt:
            raise RuntimeError("Query interrupted") from None

    with pytest.raises(KeyboardInterrupt), process_tree.ending_on_sigterm():
        query()


def test_other_errors_pass() -> None:
    with pytest.raises(RuntimeError, match="another"), process_tree.ending_on_sigterm():
        raise RuntimeError("another")


def test_outside_the_main_thread_the_block_runs_without_it() -> None:
    def block() -> signal.Handlers | object:
        with process_tree.ending_on_sigterm():
            return signal.getsignal(signal.SIGTERM)

    before = signal.getsignal(signal.SIGTERM)
    with ThreadPoolExecutor(1) as threads:
        assert threads.submit(block).result(10) is before
