from __future__ import annotations

import errno
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from pipeline.errors import SourceError, Unreachable
from pipeline.ingestion.workplace import PREFIX, SETTLED_SECONDS, naming_full_disk, private_folder, subfolder

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


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.EDQUOT, "Disk quota exceeded"),
        OSError(errno.EFBIG, "File too large"),
        RuntimeError('IO Error: Could not write all bytes to file "x": No space left on device\nmore'),
        RuntimeError("Out of Memory Error: failed to offload data block of size 256.0 KiB"),
    ],
)
def test_a_full_disk_is_one_error_that_names_the_place(error: Exception) -> None:
    with pytest.raises(Unreachable, match="The disk of /some/where is full") as found, naming_full_disk("/some/where"):
        raise error
    assert "\n" not in found.value.message
    assert found.value.mend


@pytest.mark.parametrize("error", [OSError(errno.EACCES, "Permission denied"), ValueError("x"), SourceError("no space left on device")])
def test_other_errors_pass(error: Exception) -> None:
    with pytest.raises(type(error)) as found, naming_full_disk("/some/where"):
        raise error
    assert found.value is error
