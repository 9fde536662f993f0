from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline.config import Config

MAPPED = {"user_id": "user", "event_time": "time", "event_type": "kind", "item_id": "item", "value": "value"}
HEADER = "user,time,kind,item,value,note"


@pytest.fixture
def configured(tmp_path: Path) -> Callable[..., Config]:
    """A configuration whose files lie in the test's folder; keywords change `source`, `validation` and `warehouse`."""

    def build(*, validation: dict[str, Any] | None = None, warehouse: dict[str, Any] | None = None, **source: Any) -> Config:
        own: dict[str, Any] = {"files": "{date}.csv", "columns": MAPPED}
        if "streams" in source:
            own = {}
        elif "table" in source or "query" in source:
            del own["files"]
        settings = {"time_zone": "Europe/Berlin", "event_types": ["view", "purchase"], **own, **source}
        target = {"kind": "occurs", "event_type": "purchase", "horizon_days": 7}
        return Config(root=tmp_path, source=settings, targets={"t": target}, validation=validation or {}, warehouse=warehouse or {})

    return build
