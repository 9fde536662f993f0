"""Logs go to stderr, one line each, in UTC; stdout carries only results."""

from __future__ import annotations

import logging
import os
import sys
import time

NOISY = ("alembic", "distributed", "fsspec", "great_expectations", "matplotlib", "mlflow", "tensorflow", "urllib3")


def configure(*, verbose: bool) -> None:
    """Send this program's INFO (DEBUG when verbose) and other libraries' warnings to stderr."""
    # TensorFlow writes to stderr from C++, past logging; worker processes inherit this.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "0" if verbose else "3")
    line = logging.Formatter("%(asctime)sZ %(levelname)s %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%S")
    line.converter = time.gmtime
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(line)
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    for name in ("pipeline", "features", "models"):
        logging.getLogger(name).setLevel(logging.DEBUG if verbose else logging.INFO)
    for name in NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)
