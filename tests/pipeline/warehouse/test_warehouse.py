from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.warehouse import open_warehouse
from tests.warehouse.engines import config_at


def test_no_driver_is_loaded_before_a_warehouse_is_opened() -> None:
    look = "import sys, pipeline.warehouse; print(sorted({'duckdb', 'psycopg', 'sqlalchemy'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_the_connection_is_closed_when_the_block_raises(tmp_path: Path) -> None:
    config = config_at(tmp_path, "duckdb:///night.duckdb")
    with pytest.raises(KeyError), open_warehouse(config) as warehouse:
        raise KeyError
    with pytest.raises(Exception, match="closed"):
        warehouse.query("SELECT 1")
    with open_warehouse(config, patience=0):
        pass
