from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline.config import Config


@pytest.fixture
def configured(tmp_path: Path) -> Callable[..., Config]:
    """A configuration with these `validation` settings."""

    def build(**validation: Any) -> Config:
        columns = {"user_id": "u", "event_time": "t", "event_type": "k"}
        source = {"files": "{date}.csv", "event_types": ["view", "purchase"], "columns": columns}
        targets = {
            "buys": {"kind": "occurs", "event_type": "purchase", "horizon_days": 7},
            "leaves": {"kind": "absent", "horizon_days": 28},
            "stays": {"kind": "occurs", "horizon_days": 28},
        }
        return Config(root=tmp_path / "project", source=source, targets=targets, validation=validation)

    return build


@pytest.fixture
def staging(tmp_path: Path) -> Path:
    folder = tmp_path / "it's staging"
    folder.mkdir()
    return folder
