"""PostgreSQL goes away in the middle of a publish: an error that invites a retry, and never a doubled night (F12, F13)."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
import pytest

from pipeline.config import Config
from pipeline.errors import Unreachable
from pipeline.warehouse.postgresql import PostgreSQLWarehouse
from tests.faults.publisher import NEW, OLD, night, publish, whole


def cut(config: Config) -> None:
    """End every other session of the database, as a restart would."""
    with psycopg.connect(config.warehouse.url, autocommit=True) as connection:
        others = (
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        connection.execute(others)


@pytest.mark.parametrize("step", ["begin", "append", "commit"])
@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_connection_lost_at_a_step_is_unreachable_and_a_retry_is_exact(
    new_config: Callable[[str], Config], monkeypatch: pytest.MonkeyPatch, step: str, moment: str
) -> None:
    config = new_config("postgresql")
    publish(config, OLD, "run-1")
    own = getattr(PostgreSQLWarehouse, step)

    def lost(self: PostgreSQLWarehouse, *words: object) -> None:
        if moment == "before":
            cut(config)
        own(self, *words)
        if moment == "after":
            cut(config)

    monkeypatch.setattr(PostgreSQLWarehouse, step, lost)
    with pytest.raises(Unreachable, match=r"does not answer"):
        publish(config, NEW, "run-2")
    monkeypatch.undo()
    committed = (step, moment) == ("commit", "after")
    assert night(config) == (whole(NEW, "run-2") if committed else whole(OLD, "run-1"))
    publish(config, NEW, "run-3")
    assert night(config) == whole(NEW, "run-3")
