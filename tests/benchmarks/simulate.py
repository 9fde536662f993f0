"""Seconds to simulate and write at least a million events: `python tests/benchmarks/simulate.py [profile] [users] [days]`."""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

from pipeline.stages.simulate import run

if __name__ == "__main__":
    profile, users, days = (*sys.argv[1:], *("plain", "10500", "196")[len(sys.argv) - 1 :])
    with TemporaryDirectory() as folder:
        print(run(Path(folder), profile=profile, users=int(users), days=int(days), start=date(2025, 6, 1), seed=7, show=False))
