import subprocess
import sys
from pathlib import Path

import pytest

from pipeline import refresh_lock as module
from pipeline.errors import Busy
from pipeline.refresh_lock import refresh_lock

HOLD = """
import sys
from pathlib import Path
from pipeline.refresh_lock import refresh_lock
with refresh_lock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_run_waits_then_names_the_holder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WAIT_SECONDS", 0.3)
    path = tmp_path / "lake" / "timelines.lock"
    with subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(Busy, match=rf"process {other.pid} on"), refresh_lock(path):
            pass
        other.kill()
        other.wait()
    with refresh_lock(path):
        pass


def test_the_lock_is_free_after_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WAIT_SECONDS", 0.3)
    path = tmp_path / "timelines.lock"
    with pytest.raises(ZeroDivisionError), refresh_lock(path):
        _ = 1 / 0
    with refresh_lock(path):
        pass
