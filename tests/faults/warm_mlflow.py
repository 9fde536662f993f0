"""MLflow, imported as Nightcast imports it: with its telemetry and its progress bars off."""

import os

from pipeline.tracking.store import ENVIRONMENT

for name, value in ENVIRONMENT.items():
    os.environ.setdefault(name, value)

import mlflow  # noqa: E402, F401 – reads the environment when it is imported
