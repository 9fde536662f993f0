"""Folders that need Airflow are collected only where it is installed: the second environment of `make test`."""

from __future__ import annotations

from importlib.util import find_spec

collect_ignore = [] if find_spec("airflow") else ["dags", "pipeline/orchestration"]
