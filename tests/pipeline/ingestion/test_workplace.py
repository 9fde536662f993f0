from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from pipeline.ingestion.workplace import PREFIX, SETTLED_SECONDS, private_folder, subfolder

HOLDER = "from pipeline.ingestion.workplace import private_folder; import time\nwith private_folder() as found: print(found, flush=True); time.sleep(60)"


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def age(folder: Path) -> None:
    long_ago = time.time() - 2 * SETTLED_SECONDS
    os.utime(folder, (long_ago, long_ago))


def test_the_folder_goes_away_with_its_block_however_it_ends(scratch: Path) -> None:
    with private_folder() as folder:
        (subfolder(folder, "spill") / "file").write_text("x")
        assert folder.parent == scratch
    assert list(scratch.iterdir()) == []
    with pytest.raises(KeyboardInterrupt), private_folder():
        raise KeyboardInterrupt
    assert list(scratch.iterdir()) == []


def test_what_a_killed_process_left_is_removed_and_what_another_holds_is_not(scratch: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER], stdout=subprocess.PIPE, text=True, env={**os.environ, "TMPDIR": str(scratch)}
    )
    assert process.stdout is not None
    with process.stdout:
        held = Path(process.stdout.readline().strip())
    (held / "spill").write_text("x")
    age(held)
    with private_folder():
        assert held.is_dir()
    process.kill()
    process.wait()
    with private_folder() as folder:
        assert [path.name for path in scratch.iterdir()] == [folder.name]


def test_a_folder_that_is_not_locked_yet_is_left_alone(scratch: Path) -> None:
    (scratch / f"{PREFIX}young").mkdir()
    (scratch / "someone-elses").mkdir()
    age(scratch / "someone-elses")
    with private_folder():
        pass
    assert {path.name for path in scratch.iterdir()} == {f"{PREFIX}young", "someone-elses"}
