from __future__ import annotations

import stat
from pathlib import Path

from pipeline.services.stack import state_folder


def test_the_state_folder_is_the_owners_alone_and_git_does_not_see_it(tmp_path: Path) -> None:
    folder = state_folder(tmp_path)
    assert folder == tmp_path / ".nightcast" == state_folder(tmp_path)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert (folder / ".gitignore").read_text() == "*\n"
