from __future__ import annotations

import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import psycopg
import pytest

from pipeline.config import Config
from pipeline.errors import Busy, ConfigError, SourceError, Unreachable
from pipeline.source.postgresql_source import open_postgresql
from pipeline.source.reading import open_source
from tests.pipeline.source.taken import of_day, rows, users
from tests.warehouse.engines import postgresql

__all__ = ["postgresql"]

Configured = Callable[..., Config]
COLUMNS = {"user_id": '"user id"', "event_time": "at", "event_type": "kind"}
DAY = date(2026, 3, 29)
SHOP = """
CREATE TABLE "order; drop" ("user id" integer, "at" timestamp, kind text, price numeric(9, 2), "a""b" jsonb);
INSERT INTO "order; drop" VALUES
  (1, '2026-03-28 23:59:59.999999', 'view', 1, NULL),
  (2, '2026-03-29 00:00:00', 'view', 2.55, '{"b": 10000000000000000000000.5, "a": "😀"}'),
  (3, '2026-03-29 23:59:59.999999', 'purchase', NULL, '[1]'),
  (4, '2026-03-30 00:00:00', 'view', 1, NULL),
  (5, NULL, 'view', 1, NULL),
  (6, 'infinity', 'view', 1, NULL),
  (7, '0044-03-15 BC', 'view', 1, NULL),
  (8, '10000-01-01', 'view', 1, NULL);
CREATE VIEW typed AS SELECT "user id", "at" AT TIME ZONE 'UTC' AS "at", kind, price, "a""b" FROM "order; drop";
CREATE VIEW texts AS SELECT "user id", to_char("at", 'YYYY-MM-DD"T"HH24:MI:SS.US') AS "at", kind FROM "order; drop" WHERE "user id" < 6;
CREATE VIEW days AS SELECT "user id", "at"::date AS "at", kind FROM "order; drop";
"""


@dataclass(frozen=True)
class Server:
    """A schema of its own in the server, on the search path of `url`."""

    url: str
    schema: str

    def run(self, sql: str) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(sql.encode())


@pytest.fixture
def empty(postgresql: str) -> Iterator[Server]:
    schema = f"shop_{uuid.uuid4().hex[:12]}"
    server = Server(f"{postgresql}&options=-csearch_path%3D{schema}", schema)
    server.run(f"CREATE SCHEMA {schema}")
    yield server
    server.run(f"DROP SCHEMA {schema} CASCADE")


@pytest.fixture
def server(empty: Server) -> Server:
    empty.run(SHOP)
    return empty


@pytest.fixture
def here(configured: Configured, server: Server) -> Configured:
    return lambda **source: configured(url=server.url, **{"columns": COLUMNS, **source})


@pytest.mark.parametrize("table", ["order; drop", "texts", "days"])
def test_rows_of_the_local_day(table: str, here: Configured) -> None:
    assert users(here(table=table), DAY) == ["2", "3"]


def test_instants_are_compared_as_such(here: Configured, server: Server) -> None:
    assert users(here(table=f"{server.schema}.typed"), DAY) == ["1", "2"]


def test_rows_are_numbered_and_their_values_are_exact_texts(here: Configured, server: Server) -> None:
    assert of_day(here(table="order; drop"), DAY) == {
        f"events: table {server.schema}.order; drop": [
            (1, None, None, ("2", "2026-03-29 00:00:00", "view", "2.55", '{"a": "😀", "b": 10000000000000000000000.5}')),
            (2, None, None, ("3", "2026-03-29 23:59:59.999999", "purchase", None, "[1]")),
        ]
    }


TYPES = {
    "timestamptz '2026-03-29 02:30:00.5+05:30'": ("timestamp with time zone", "2026-03-28 21:00:00.5+00"),
    "date '2026-03-29'": ("date", "2026-03-29"),
    "numeric '12345678901234567890123.4500'": ("numeric", "12345678901234567890123.4500"),
    "double precision '0.1'": ("double precision", "0.1"),
    "real 'NaN'": ("real", "NaN"),
    "true": ("boolean", "true"),
    "interval '1 day 02:03'": ("interval", "1 day 02:03:00"),
    "bytea '\\x00ff'": ("bytea", "\\x00ff"),
    "uuid '6ba7b810-9dad-11d1-80b4-00c04fd430c8'": ("uuid", "6ba7b810-9dad-11d1-80b4-00c04fd430c8"),
    "ARRAY['a,b', 'c']": ("text[]", '{"a,b",c}'),
    "int8range(1, 5)": ("int8range", "[1,5)"),
    "'plain'": ("text", "plain"),
}


def test_every_type_arrives_as_its_exact_text(here: Configured, server: Server) -> None:
    values = ", ".join(f'{sql} AS "v{number}"' for number, sql in enumerate(TYPES))
    server.run("ALTER DATABASE postgres SET TimeZone = 'Asia/Tokyo'; ALTER DATABASE postgres SET DateStyle = 'German'")
    try:
        config = here(query=f"SELECT 1 AS \"user id\", timestamp '2026-03-29 12:00' AS at, 'v' AS kind, {values}")
        with open_source(config, config.root / "spill", DAY, DAY) as source:
            (delivery,) = source.deliveries(DAY)
        ((_, _, _, found),) = of_day(config, DAY)["events: query of stream events"]
    finally:
        server.run("ALTER DATABASE postgres RESET TimeZone; ALTER DATABASE postgres RESET DateStyle")
    assert list(delivery.rows.columns.values())[3:] == [kind for kind, _ in TYPES.values()]
    assert list(found[3:]) == [text for _, text in TYPES.values()]


@pytest.mark.parametrize(("table", "lost"), [("order; drop", ["5", "6", "7", "8"]), ("typed", ["5", "6", "7", "8"]), ("texts", ["5"])])
def test_rows_without_a_readable_time_belong_to_no_day(table: str, lost: list[str], here: Configured) -> None:
    config = here(table=table)
    with open_source(config, config.root / "spill", DAY, DAY) as source:
        (found,) = rows(source.undated()).values()
    assert [row[3][0] for row in found] == lost


def test_a_query_is_read_as_a_table(here: Configured) -> None:
    query = (
        'SELECT "user id" + 10 AS who, "at" AS "when; --", kind FROM "order; drop" WHERE kind <> \'%s\' ORDER BY 1 DESC -- newest first\n;'
    )
    columns = {"user_id": "who", "event_time": '"when; --"', "event_type": "kind"}
    assert of_day(here(query=query, columns=columns), DAY) == {
        "events: query of stream events": [
            (1, None, None, ("13", "2026-03-29 23:59:59.999999", "purchase")),
            (2, None, None, ("12", "2026-03-29 00:00:00", "view")),
        ]
    }


@pytest.mark.parametrize(
    "query",
    [
        'SELECT 1; DROP TABLE "order; drop"',
        'SELECT 1) AS a; DROP TABLE "order; drop"; --',
        "SELECT 1) AS a, (SELECT 2",
        'DELETE FROM "order; drop" RETURNING *',
        'WITH gone AS (DELETE FROM "order; drop" RETURNING *) SELECT * FROM gone',
        'SELECT * INTO copied FROM "order; drop"',
        'SELECT * FROM "order; drop" FOR UPDATE',
        "SELECT set_config('transaction_read_only', 'off', false) AS kind, \"user id\", at FROM \"order; drop\"",
        "SELECT * FROM nowhere",
        "SELECT $1::text",
        "COPY texts TO '/tmp/texts.csv'",
        "",
    ],
)
def test_a_query_is_one_select_that_writes_nothing(query: str, here: Configured, server: Server) -> None:
    with pytest.raises((SourceError, ConfigError, ValueError)):
        of_day(here(query=query), DAY)
    with psycopg.connect(server.url) as connection:
        assert connection.execute('SELECT count(*) FROM "order; drop"').fetchone() == (8,)
        assert connection.execute("SELECT to_regclass('copied')").fetchone() == (None,)


def test_a_query_is_described_without_being_run(here: Configured, server: Server) -> None:
    server.run("CREATE FUNCTION boom() RETURNS numeric LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'it ran'; END $$")
    stream = here(query="SELECT boom() AS a, now() AS b").source
    with open_postgresql(stream, "events", server.url) as relation:
        assert relation.columns == {"a": "numeric", "b": "timestamp with time zone"}
        with pytest.raises(SourceError, match="it ran"):
            next(relation.batches("c0", "true", {}))


def test_a_column_that_is_there_twice_is_refused(here: Configured) -> None:
    with pytest.raises(SourceError, match="query of stream events has the column 'at' more than once"):
        of_day(here(query='SELECT *, "at" FROM texts'), DAY)


def test_a_missing_table_is_named_with_those_there_are(here: Configured) -> None:
    with pytest.raises(SourceError, match=r"no table 'orders'; its tables: days, order; drop, texts, typed\n"):
        of_day(here(table="orders"), DAY)


def test_a_missing_column_is_named(here: Configured) -> None:
    with pytest.raises(SourceError, match=r"The table shop_\w+\.texts has no column 'who' \(for user_id\); it has 'user id', 'at', 'kind'"):
        of_day(here(table="texts", columns={**COLUMNS, "user_id": "who"}), DAY)


def test_a_column_of_which_only_the_case_differs_is_missing(here: Configured, server: Server) -> None:
    server.run('CREATE TABLE "Orders" ("User" text, at timestamp, kind text)')
    with pytest.raises(SourceError, match="no column 'user'"):
        of_day(here(table="Orders", columns={**COLUMNS, "user_id": "user"}), DAY)


def test_a_value_that_the_query_cannot_compute_is_one_error(here: Configured) -> None:
    query = 'SELECT "user id", "at", (1 / ("user id" - 3))::text AS kind FROM "order; drop"'
    with pytest.raises(SourceError, match="query of stream events cannot be read: division by zero"):
        of_day(here(query=query), DAY)


@pytest.fixture
def encoded(postgresql: str) -> Iterator[Callable[[str], Server]]:
    """Makes a database of an encoding."""
    made: list[str] = []

    def build(encoding: str) -> Server:
        name = f"shop_{uuid.uuid4().hex[:12]}"
        Server(postgresql, "").run(f"CREATE DATABASE {name} ENCODING '{encoding}' LOCALE 'C' TEMPLATE template0")
        made.append(name)
        return Server(postgresql.replace("/postgres?", f"/{name}?"), "public")

    yield build
    for name in made:
        Server(postgresql, "").run(f"DROP DATABASE {name}")


SPELT = "CREATE TABLE spelt AS SELECT convert_from('\\x6de9', '{}') AS who, timestamp '2026-03-29' AS at, 'v'::text AS kind"


def test_text_of_another_encoding_is_converted(configured: Configured, encoded: Callable[[str], Server]) -> None:
    server = encoded("LATIN1")
    server.run(SPELT.format("LATIN1"))
    config = configured(table="spelt", url=server.url, columns={"user_id": "who", "event_time": "at", "event_type": "kind"})
    assert users(config, DAY) == ["mé"]


def test_text_of_no_encoding_is_refused(configured: Configured, encoded: Callable[[str], Server]) -> None:
    server = encoded("SQL_ASCII")
    server.run(SPELT.format("SQL_ASCII"))
    config = configured(table="spelt", url=server.url, columns={"user_id": "who", "event_time": "at", "event_type": "kind"})
    with pytest.raises(SourceError, match=r"table public\.spelt cannot be read: invalid byte sequence for encoding"):
        of_day(config, DAY)


def test_a_locked_table_is_busy(here: Configured, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    from pipeline.source import postgresql_source

    monkeypatch.setattr(postgresql_source, "SETTINGS", {**postgresql_source.SETTINGS, "lock_timeout": "200ms"})
    with psycopg.connect(server.url) as writer:
        writer.execute('LOCK TABLE "order; drop"')
        with pytest.raises(Busy, match="is locked by another session"):
            of_day(here(table="order; drop"), DAY)


@pytest.mark.parametrize("zone", ["Europe/Berlin", "UTC", "America/Havana"])
def test_days_of_23_and_25_hours_lose_and_double_no_row(zone: str, configured: Configured, empty: Server) -> None:
    empty.run(
        "CREATE TABLE clock AS SELECT row_number() OVER () AS who, t AS at, 'v' AS kind FROM generate_series("
        "timestamptz '2026-03-27 22:00+00', '2026-03-31 02:00+00', '15 minutes') AS t "
        "UNION ALL SELECT 10000 + row_number() OVER (), t, 'v' FROM generate_series(timestamptz '2026-10-23 22:00+00', '2026-10-27 02:00+00', '15 minutes') AS t;"
        f"CREATE VIEW readings AS SELECT who, at AT TIME ZONE '{zone}' AS at, kind FROM clock"
    )
    columns = {"user_id": "who", "event_time": "at", "event_type": "kind"}
    for days in ([date(2026, 3, day) for day in range(27, 32)], [date(2026, 10, day) for day in range(23, 28)]):
        for table in ("clock", "readings"):
            config = configured(table=table, url=empty.url, columns=columns, time_zone=zone)
            found = {day: users(config, day) for day in days}
            every = [user for day in days for user in found[day]]
            assert len(every) == len(set(every)) == 305
            if zone == "Europe/Berlin":
                assert [len(found[day]) for day in days][1:4] == ([96, 92, 96] if days[0].month == 3 else [96, 100, 96])


def test_the_repeated_hour_is_read_as_its_first_showing(configured: Configured, empty: Server) -> None:
    empty.run(
        "CREATE TABLE readings AS SELECT * FROM (VALUES ('skipped', timestamp '2026-03-29 02:30'), ('twice', '2026-10-25 02:30'), "
        "('eve', '2026-10-24 23:59:59.999999'), ('late', '2026-10-25 23:59:59.999999'), ('next', '2026-10-26 00:00')) AS r(who, at), (VALUES ('v')) AS k(kind)"
    )
    config = configured(table="readings", url=empty.url, columns={"user_id": "who", "event_time": "at", "event_type": "kind"})
    assert {day: users(config, date.fromisoformat(day)) for day in ("2026-03-29", "2026-10-24", "2026-10-25", "2026-10-26")} == {
        "2026-03-29": ["skipped"],
        "2026-10-24": ["eve"],
        "2026-10-25": ["twice", "late"],
        "2026-10-26": ["next"],
    }


BIG = """
CREATE TABLE big AS SELECT i AS u, timestamptz '2026-01-05' + i * interval '1 microsecond' AS t, repeat(md5(i::text), 3) AS e
FROM generate_series(0, 1999999) AS i"""


def test_a_large_table_streams_through(empty: Server, tmp_path: Path) -> None:
    """Two million rows of 130 bytes as text: neither this process nor the server holds them."""
    empty.run(BIG)
    script = f"""
import resource
from datetime import date
from pathlib import Path
from pipeline.config import Config
from pipeline.source.postgresql_source import open_postgresql
from pipeline.source.reading import open_source
root = Path({str(tmp_path)!r})
config = Config(root=root, source={{"table": "big", "url": {empty.url!r}, "event_types": ["v"], "columns": {{"user_id": "u", "event_time": "t", "event_type": "e"}}}}, targets={{"t": {{"kind": "occurs", "horizon_days": 7}}}})
day, found = date(2026, 1, 5), 0
with open_source(config, root, day, day) as source:
    for delivery in source.deliveries(day):
        for number, chunk in enumerate(delivery.rows.chunks):
            found += chunk.num_rows
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            first = peak if number == 2 else first if number > 2 else 0
print(found, (peak - first) // 1024)
"""
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    found, grown = map(int, done.stdout.split())
    assert found == 2_000_000
    assert grown < 40


def test_a_connection_that_is_lost_on_the_way_can_be_tried_again(configured: Configured, empty: Server) -> None:
    empty.run(BIG)
    config = configured(table="big", url=empty.url, columns={"user_id": "u", "event_time": "t", "event_type": "e"}, time_zone="UTC")
    with open_source(config, config.root / "spill", date(2026, 1, 5), date(2026, 1, 5)) as source:
        deliveries = source.deliveries(date(2026, 1, 5))
        delivery = next(deliveries)
        next(delivery.rows.chunks)
        empty.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'nightcast'")
        with pytest.raises(Unreachable, match=r"table shop_\w+\.big does not answer") as lost:
            for _ in delivery.rows.chunks:
                pass
    assert lost.value.exit_code == 30
    assert len(users(config, date(2026, 1, 5))) == 2_000_000


def test_a_query_that_takes_too_long_ends(here: Configured, monkeypatch: pytest.MonkeyPatch) -> None:
    from pipeline.source import postgresql_source

    monkeypatch.setattr(postgresql_source, "SETTINGS", {**postgresql_source.SETTINGS, "statement_timeout": "200ms"})
    with pytest.raises(Unreachable, match="statement timeout"):
        of_day(here(query='SELECT "user id", at, kind FROM texts, pg_sleep(30)'), DAY)


def test_a_wrong_password_is_refused_and_not_shown(configured: Configured, empty: Server, postgresql: str) -> None:
    role = f"clerk_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(postgresql, autocommit=True) as connection:
        found = connection.execute("SHOW hba_file").fetchone()
        assert found is not None
        rules = Path(found[0])
        before = rules.read_text()
        connection.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'right'".encode())
        rules.write_text(f"local all {role} scram-sha-256\n{before}")
        connection.execute("SELECT pg_reload_conf()")
        time.sleep(0.5)
        try:
            url = postgresql.replace("postgres:@", f"{role}:s3cret@")
            with pytest.raises(SourceError, match="password authentication failed") as wrong:
                of_day(configured(table="big", url=url), DAY)
            empty.run("CREATE TABLE secret (a text)")
            with pytest.raises(SourceError, match="permission denied"):
                of_day(configured(table=f"{empty.schema}.secret", url=url.replace("s3cret", "right")), DAY)
        finally:
            rules.write_text(before)
            connection.execute("SELECT pg_reload_conf()")
            connection.execute(f"DROP ROLE {role}".encode())
    assert "s3cret" not in str(wrong.value)


def test_a_server_that_is_not_there_is_named_without_its_password(configured: Configured) -> None:
    with pytest.raises(Unreachable, match=r"analyst:\*\*\*@127\.0\.0\.1:1/shop does not answer: .*Connection refused") as away:
        of_day(configured(table="orders", url="postgresql://analyst:s3cret@127.0.0.1:1/shop"), DAY)
    assert "s3cret" not in str(away.value)


def test_an_address_of_another_engine_is_refused_without_its_password(configured: Configured) -> None:
    with pytest.raises(ConfigError, match="neither duckdb:///") as wrong:
        of_day(configured(table="orders", url="mysql://me:s3cret@host/db"), DAY)
    assert "s3cret" not in str(wrong.value)
