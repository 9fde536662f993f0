from __future__ import annotations

import pytest

from pipeline.errors import ConfigError
from pipeline.postgresql_url import conninfo, masked


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://loader:secret@db/shop", "postgresql://loader:***@db/shop"),
        ("postgresql://loader:se@cr@et@db/shop", "postgresql://loader:***@db/shop"),
        ("postgresql://loader:se/cr#et@db/shop", "postgresql://loader:***@db/shop"),
        ("postgresql://db/shop?user=loader&password=secret&x=1", "postgresql://db/shop?user=loader&password=***&x=1"),
        ("postgresql://loader@db/shop", "postgresql://loader@db/shop"),
        ("duckdb:///night.duckdb", "duckdb:///night.duckdb"),
    ],
)
def test_people_see_no_password(url: str, shown: str) -> None:
    assert masked(url) == shown


def test_an_address_is_completed_and_may_say_otherwise() -> None:
    found = conninfo("postgresql://me@db/shop?connect_timeout=3", "source.url")
    assert "connect_timeout=3" in found
    assert "application_name=nightcast" in found
    assert "tcp_user_timeout=60000" in found


@pytest.mark.parametrize("password", ["s3c#r/et", "123/s3cr/et", "[s3cr/et"])
def test_an_address_that_cannot_be_read_names_its_key_and_no_piece_of_the_password(password: str) -> None:
    with pytest.raises(ConfigError, match=r"source\.url = .* is not a PostgreSQL URL[\s\S]*%2F") as wrong:
        conninfo(f"postgresql://me:{password}@db/shop", "source.url")
    assert not any(piece in str(wrong.value) for piece in ("s3c", "r/et"))
