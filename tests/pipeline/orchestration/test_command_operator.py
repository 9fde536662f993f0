from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import psutil
import pytest
from airflow.sdk import Asset
from airflow.sdk.exceptions import AirflowException, AirflowFailException
from airflow.sdk.execution_time.context import OutletEventAccessors

from pipeline.errors import RETRYABLE_EXIT_CODES
from pipeline.orchestration.command_operator import STDERR_LINES_KEPT, CommandOperator, child_environment

Script = Callable[[str], list[str]]


@pytest.fixture
def script(tmp_path: Path) -> Script:
    """A Python program as an argument list."""

    def write(text: str) -> list[str]:
        path = tmp_path / "program.py"
        path.write_text(textwrap.dedent(text), encoding="utf-8")
        return [sys.executable, str(path)]

    return write


def run(argv: list[str]) -> dict[str, object]:
    return CommandOperator(task_id="task", argv=argv).execute({})


def wait_until(true: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not true() and time.monotonic() < deadline:
        time.sleep(0.05)
    return true()


def test_the_last_json_object_on_stdout_is_the_result_though_stderr_is_noisy_to_the_end(script: Script) -> None:
    argv = script("""
        import sys
        print("not json")
        print('{"rows": 1}')
        print('{"rows": 2}', flush=True)
        sys.stderr.write("noise\\n" * 50_000 + '{"rows": 3}\\n')
    """)
    assert run(argv) == {"rows": 2}


@pytest.mark.parametrize(("code", "extra"), [(0, {"rows": 1}), (19, {})])
def test_an_outlet_gets_an_event_with_the_result_unless_the_command_fails(script: Script, code: int, extra: dict[str, int]) -> None:
    asset, events = Asset(name="scores", uri="nightcast://scores"), OutletEventAccessors()
    argv = script(f"print('{{\"rows\": 1}}'); raise SystemExit({code})")
    with pytest.raises(AirflowFailException) if code else nullcontext():
        CommandOperator(task_id="task", argv=argv, outlets=[asset]).execute({"outlet_events": events})
    assert events[asset].extra == extra


def test_much_output_on_both_streams_at_once_does_not_block(script: Script) -> None:
    argv = script("""
        import sys
        for i in range(3000):
            print("o" * 200)
            print("e" * 200, file=sys.stderr)
        print("{}" if False else '{"ok": true}')
    """)
    assert run(argv) == {"ok": True}


def test_success_without_a_result_fails_at_once(script: Script) -> None:
    with pytest.raises(AirflowFailException, match="no JSON object"):
        run(script("print('[1, 2]')"))


@pytest.mark.parametrize("code", [1, 2, 10, 12, 19])
def test_other_exit_codes_fail_at_once_with_the_end_of_stderr(script: Script, code: int) -> None:
    argv = script(f"""
        import sys
        for line in range(100):
            print(f"line {{line}}", file=sys.stderr)
        sys.exit({code})
    """)
    with pytest.raises(AirflowFailException) as failed:
        run(argv)
    said = str(failed.value).splitlines()
    assert said[0].startswith(f"exit code {code}: ")
    assert said[1:] == [f"line {line}" for line in range(100 - STDERR_LINES_KEPT, 100)]


@pytest.mark.parametrize("code", sorted(RETRYABLE_EXIT_CODES))
def test_exit_codes_that_time_may_mend_are_left_to_the_retries(script: Script, code: int) -> None:
    with pytest.raises(AirflowException, match=f"exit code {code}") as failed:
        run(script(f"import sys; sys.exit({code})"))
    assert not isinstance(failed.value, AirflowFailException)


def test_death_by_a_signal_is_left_to_the_retries(script: Script) -> None:
    with pytest.raises(AirflowException, match="killed by signal 9") as failed:
        run(script("import os; os.kill(os.getpid(), 9)"))
    assert not isinstance(failed.value, AirflowFailException)


def test_a_program_that_does_not_exist_fails_with_the_way_out() -> None:
    with pytest.raises(AirflowFailException, match="NIGHTCAST_PYTHON"):
        run(["/no/such/python", "-m", "pipeline"])


def test_a_shell_line_stays_one_argument(script: Script, tmp_path: Path) -> None:
    evil = f"$(touch {tmp_path}/made); `id` 'x' \"y\" {{{{ 7*7 }}}} --cutoff | cat"
    argv = [*script("import json, sys; print(json.dumps({'argv': sys.argv[1:]}))"), evil]
    assert run(argv) == {"argv": [evil]}
    assert not (tmp_path / "made").exists()


def test_an_argument_that_renders_to_nothing_is_left_out(script: Script) -> None:
    argv = [*script("import json, sys; print(json.dumps({'argv': sys.argv[1:]}))"), "a", "", "b"]
    assert run(argv) == {"argv": ["a", "b"]}


def test_only_allowed_variables_reach_the_child() -> None:
    everything = {
        "PATH": "/bin",
        "HOME": "/root",
        "TZ": "UTC",
        "NIGHTCAST_CONFIG": "a.toml",
        "NIGHTCAST__WAREHOUSE__URL": "duckdb:///x",
        "AIRFLOW__API_AUTH__JWT_SECRET": "secret",
        "AIRFLOW_HOME": "/airflow",
        "_AIRFLOW_PROCESS_CONTEXT": "server",
        "AWS_SECRET_ACCESS_KEY": "secret",
    }
    expected = {name: everything[name] for name in ("PATH", "HOME", "TZ", "NIGHTCAST_CONFIG", "NIGHTCAST__WAREHOUSE__URL")}
    assert child_environment(everything, {}) == expected
    assert child_environment(everything, {"TZ": "Europe/London"}) == {**expected, "TZ": "Europe/London"}


def test_airflows_keys_do_not_leak(script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__API__SECRET_KEY", "canary")
    argv = script("import json, os; print(json.dumps(dict(os.environ)))")
    seen = run(argv)
    assert not [name for name in seen if "AIRFLOW" in name]
    assert "canary" not in seen.values()


def test_the_child_has_no_stdin(script: Script) -> None:
    assert run(script("import json, sys; print(json.dumps({'stdin': sys.stdin.read()}))")) == {"stdin": ""}


def test_a_grandchild_that_keeps_the_pipes_open_does_not_outlive_the_command(script: Script) -> None:
    argv = script("""
        import json, subprocess, sys
        grandchild = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        print(json.dumps({"pid": grandchild.pid}))
    """)
    began = time.monotonic()
    pid = run(argv)["pid"]
    assert time.monotonic() - began < 8
    assert not psutil.pid_exists(int(str(pid)))


STUBBORN = """
    import signal, subprocess, sys, time
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
    grandchild = subprocess.Popen([sys.executable, "-c", deaf], stdout=subprocess.PIPE)
    grandchild.stdout.readline()
    print(grandchild.pid, file=open(sys.argv[1], "w"), flush=True)
    time.sleep(60)
"""

RUNNER = """
    import signal, sys
    from pipeline.orchestration.command_operator import CommandOperator
    task = CommandOperator(task_id="task", argv=sys.argv[1:])
    signal.signal(signal.SIGTERM, lambda *_: task.on_kill())
    task.execute({})
"""


def start_runner(script: Script, tmp_path: Path) -> tuple[subprocess.Popen[bytes], list[psutil.Process]]:
    """A process that runs the operator as Airflow's task runner does, once its child and its grandchild are up."""
    noted = tmp_path / "grandchild"
    program = script(STUBBORN)
    line = [sys.executable, "-c", textwrap.dedent(RUNNER), *program, str(noted)]
    runner = subprocess.Popen(line, env={**os.environ, "PYTHONPATH": str(Path.cwd())}, stderr=subprocess.DEVNULL)
    assert wait_until(lambda: noted.is_file() and noted.read_text().endswith("\n"), 60)
    family = psutil.Process(runner.pid).children(recursive=True)
    assert len(family) == 2
    return runner, family


def test_a_stopped_task_leaves_nothing_behind_even_if_its_processes_ignore_sigterm(script: Script, tmp_path: Path) -> None:
    runner, family = start_runner(script, tmp_path)
    began = time.monotonic()
    runner.send_signal(signal.SIGTERM)
    assert runner.wait(timeout=10) == 1  # the operator raised
    assert time.monotonic() - began < 5  # Airflow's own SIGKILL would come now
    assert not any(process.is_running() and process.status() != psutil.STATUS_ZOMBIE for process in family)


def test_the_command_dies_with_a_killed_task_runner(script: Script, tmp_path: Path) -> None:
    runner, family = start_runner(script, tmp_path)
    child = next(process for process in family if process.ppid() == runner.pid)
    runner.kill()
    runner.wait(timeout=5)
    try:
        assert wait_until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE, 3)
    finally:
        for process in family:
            if process.is_running():
                process.kill()
