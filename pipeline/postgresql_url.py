"""The address of a PostgreSQL database as people write it: checked, completed for the network's faults, and without its password."""

from __future__ import annotations

import re
from collections.abc import Mapping

from pipeline.errors import ConfigError

SCHEME = "postgresql://"
ADDRESS: Mapping[str, str] = {
    "application_name": "nightcast",
    "connect_timeout": "10",
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "60000",
}
"""Added to the URL, which may say otherwise: a server that vanishes without a word is noticed within about a minute."""

PASSWORD = re.compile(r"(://[^:/@]*:).*(?=@)|(password=)[^&]*")


def masked(url: str) -> str:
    """The URL without a password, for people and logs. A password may hold any character, also an `@` that should be written %40."""
    return PASSWORD.sub(r"\1\2***", url)


def conninfo(url: str, key: str) -> str:
    """The URL with `ADDRESS` added, as libpq reads it. Raises ConfigError naming `key`, the place of the URL in the configuration.

    A password with unescaped / or # moves its rest into port and database, which messages quote: such a URL is refused.
    """
    import psycopg
    from psycopg.conninfo import conninfo_to_dict, make_conninfo

    try:
        given = {name: str(value) for name, value in conninfo_to_dict(url).items()}
        readable = all(port.isdecimal() for port in given.get("port", "5432").split(",")) and "@" not in given.get("dbname", "")
    except psycopg.ProgrammingError:
        readable = False
    if not readable:
        raise ConfigError(
            f"{key} = {masked(url)} is not a PostgreSQL URL",
            mend="write postgresql://user:password@host:5432/database, with / # @ : ? of the password as %2F %23 %40 %3A %3F",
        )
    return make_conninfo("", **{**ADDRESS, **given})
