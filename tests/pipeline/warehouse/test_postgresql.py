from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from pipeline.config import Config
from pipeline.errors import ConfigError, Unreachable
from pipeline.warehouse import open_warehouse
from tests.warehouse.engines import config_at, new_config, postgresql
from tests.warehouse.nights import CUTOFF, TARGET, run_of, scores

__all__ = ["new_config", "postgresql"]


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://analyst:s3cret@127.0.0.1:1/shop", "postgresql://analyst:***@127.0.0.1:1/shop"),
        ("postgresql://127.0.0.1:1/shop?user=analyst&password=s3cret&sslmode=disable", "password=***&sslmode=disable"),
    ],
)
def test_a_server_that_does_not_answer_is_named_without_its_password(tmp_path: Path, url: str, shown: str) -> None:
    began = time.monotonic()
    with pytest.raises(Unreachable) as unreachable, open_warehouse(config_at(tmp_path, url)):
        pass
    assert shown in str(unreachable.value)
    assert "s3cret" not in str(unreachable.value)
    assert time.monotonic() - began < 15


@pytest.mark.parametrize("password", ["s3c#r/et", "123/s3cr/et", "[s3cr/et"])
def test_an_address_that_cannot_be_read_never_shows_a_piece_of_the_password(tmp_path: Path, password: str) -> None:
    config = config_at(tmp_path, f"postgresql://analyst:{password}@localhost/shop")
    with pytest.raises(ConfigError, match=r"is not a PostgreSQL URL[\s\S]*%2F") as wrong, open_warehouse(config):
        pass
    assert not any(piece in str(wrong.value) for piece in ("s3c", "r/et"))


def test_a_right_that_the_role_lacks_is_named(new_config: Callable[[str], Config]) -> None:
    config, rows = new_config("postgresql"), scores()
    with open_warehouse(config) as warehouse:
        warehouse.publish(rows, TARGET, CUTOFF, run_of(rows))
    reader = f"reader_{config.warehouse.url[-12:]}"
    with psycopg.connect(config.warehouse.url, autocommit=True) as connection:
        for text in (f'CREATE ROLE "{reader}" LOGIN', f'GRANT USAGE ON SCHEMA "{config.warehouse.url.rpartition("%3D")[2]}" TO "{reader}"'):
            connection.execute(text)  # type: ignore[call-overload]
        connection.execute(f'GRANT SELECT ON ALL TABLES IN SCHEMA "{config.warehouse.url.rpartition("%3D")[2]}" TO "{reader}"')  # type: ignore[call-overload]
    as_reader = config_at(config.root, config.warehouse.url.replace("postgres:@", f"{reader}:@"))
    with open_warehouse(as_reader) as warehouse:
        assert warehouse.query("SELECT count(*) AS n FROM user_scores")["n"].to_pylist() == [40]
        with pytest.raises(ConfigError, match=r"permission denied for table user_scores\n.*grant that right"):
            warehouse.publish(rows, TARGET, CUTOFF, run_of(rows))


def test_a_server_without_room_says_so_and_keeps_the_old_night(new_config: Callable[[str], Config]) -> None:
    config, rows = new_config("postgresql"), scores()
    with open_warehouse(config) as warehouse:
        warehouse.publish(rows, TARGET, CUTOFF, run_of(rows))
        warehouse.execute("SET statement_timeout = 1")  # type: ignore[attr-defined]
        more = scores(20_000, 0, seed=3)
        with pytest.raises(Unreachable, match=r"canceling statement due to statement timeout"):
            warehouse.publish(more, TARGET, CUTOFF, run_of(more))
        warehouse.execute("SET statement_timeout = 0")  # type: ignore[attr-defined]
        assert warehouse.query("SELECT count(*) AS n FROM user_scores")["n"].to_pylist() == [40]
