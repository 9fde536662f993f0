"""What the trees cost beside bare LightGBM, training first, then scores and reasons: `python -m tests.benchmarks.gbdt`."""

from __future__ import annotations

from tests.benchmarks import gbdt_scoring, gbdt_training

if __name__ == "__main__":
    gbdt_training.main()
    gbdt_scoring.main()
