from __future__ import annotations

import os
import signal
import stat
from pathlib import Path

import pytest

from pipeline.services.stack import ending_on_sigterm, state_folder


def test_the_state_folder_is_the_owners_alone_and_git_does_not_see_it(tmp_path: Path) -> None:
    folder = state_folder(tmp_path)
    assert folder == tmp_path / ".nightcast" == state_folder(tmp_path)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert (folder / ".gitignore").read_text() == "*\n"


def test_sigterm_ends_the_block_as_ctrl_c_does_and_only_there() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt), ending_on_sigterm():
        os.kill(os.getpid(), signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) is before
