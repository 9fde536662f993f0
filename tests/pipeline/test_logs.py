from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import logging
from pipeline import logs
logs.configure(verbose=False)
logging.getLogger("pipeline.stages.score").info("ours")
logging.getLogger("distributed.nanny").info("theirs")
"""


def test_our_lines_go_to_stderr_in_utc_and_other_libraries_stay_quiet() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    assert done.stdout == ""
    assert done.stderr.endswith("Z INFO pipeline.stages.score: ours\n")
    assert "theirs" not in done.stderr
