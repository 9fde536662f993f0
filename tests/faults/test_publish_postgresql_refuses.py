"""PostgreSQL answers, and says no: rights, time, room or connections are short. One error in words, the old night stays, and a rerun is
exact once there is enough again (F14)."""

from __future__ import annotations

import os
import pwd
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from tests.faults.laid_night import Scored, Shop, refused_in_words, shop_at
from tests.faults.small_disk import Disk, mounted
from tests.synthetic_lake import AS_OF

CONFIG, UNREACHABLE = 10, 30
KIB = 1024


@dataclass(frozen=True)
class Tenant:
    """A shop that publishes as a role with no more rights than it needs, and whoever rules over it."""

    shop: Shop
    role: str
    ruler: str

    def rule(self, *statements: str) -> None:
        """Run as the administrator, `{role}` filled in."""
        with psycopg.connect(self.ruler, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.format(role=self.role).encode())


@pytest.fixture(scope="module")
def tenant(postgresql: str, scored_night: Scored, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tenant]:
    """With one night published."""
    role = f"tenant_{uuid.uuid4().hex[:8]}"
    url = postgresql.replace("postgres:@", f"{role}@") + f"&options=-csearch_path%3D{role}"
    found = Tenant(shop_at(tmp_path_factory.mktemp("tenant") / "shop", url, scored_night), role, postgresql)
    found.rule("CREATE ROLE {role} LOGIN", "CREATE SCHEMA {role} AUTHORIZATION {role}")
    found.shop.lay("1")
    found.shop.publish()
    yield found
    found.rule("DROP OWNED BY {role} CASCADE", "DROP ROLE {role}")


@dataclass(frozen=True)
class Fault:
    """What the administrator does, and undoes; the words and the exit code that tell of it."""

    harm: str
    mend: str
    says: str
    code: int


FAULTS = {
    "no right to write": Fault(
        "REVOKE INSERT ON ALL TABLES IN SCHEMA {role} FROM {role}",
        "GRANT ALL ON ALL TABLES IN SCHEMA {role} TO {role}",
        "permission denied",
        CONFIG,
    ),
    "no right to the schema": Fault(
        "ALTER SCHEMA {role} OWNER TO postgres; REVOKE ALL ON SCHEMA {role} FROM {role}",
        "ALTER SCHEMA {role} OWNER TO {role}; GRANT ALL ON SCHEMA {role} TO {role}",
        "no schema has been selected",
        CONFIG,
    ),
    "a standby that is only read": Fault(
        "ALTER ROLE {role} SET default_transaction_read_only = on",
        "ALTER ROLE {role} RESET default_transaction_read_only",
        "read-only transaction",
        UNREACHABLE,
    ),
    "too little time": Fault(
        "ALTER ROLE {role} SET statement_timeout = 2", "ALTER ROLE {role} RESET statement_timeout", "raise statement_timeout", UNREACHABLE
    ),
    "no connection left": Fault(
        "ALTER ROLE {role} CONNECTION LIMIT 0", "ALTER ROLE {role} CONNECTION LIMIT -1", "too many connections", UNREACHABLE
    ),
    "an account that is closed": Fault("ALTER ROLE {role} NOLOGIN", "ALTER ROLE {role} LOGIN", "not permitted to log in", UNREACHABLE),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_server_that_refuses(tenant: Tenant, name: str) -> None:
    """The first faults meet a night that is there already, the others the first of its cutoff."""
    shop, fault, place = tenant.shop, FAULTS[name], list(FAULTS).index(name)
    cutoff = AS_OF.plus_days(place // 3 * place)
    before, new = shop.look(cutoff), shop.lay(name, cutoff)
    tenant.rule(fault.harm)
    try:
        ended = shop.begin_publish(cutoff).ended()
    finally:
        tenant.rule(fault.mend)
    refused_in_words(ended, [fault.code])
    assert fault.says in ended.said
    assert shop.look(cutoff) == before
    shop.publish(cutoff)
    assert shop.look(cutoff) == new


@pytest.fixture
def disk() -> Iterator[Disk]:
    """Where the server's own account may come, too, which is not into pytest's folders."""
    with tempfile.TemporaryDirectory(prefix="nightcast-disk-") as name:
        Path(name).chmod(0o755)
        with mounted(Path(name) / "disk", 24) as found:
            yield found


def test_a_server_without_room(tenant: Tenant, disk: Disk) -> None:
    """The night's table lies on a disk that fills up while its rows come in."""
    shop, cutoff, folder = tenant.shop, AS_OF.plus_days(20), disk.place / "tables"
    _hand_over(folder)
    tenant.rule(f"CREATE TABLESPACE {{role}} OWNER {{role}} LOCATION '{folder}'", "ALTER ROLE {role} SET default_tablespace = {role}")
    try:
        before, new = shop.look(cutoff), shop.lay("crowded", cutoff)
        disk.fill(64 * KIB)
        ended = shop.begin_publish(cutoff).ended()
        refused_in_words(ended, [UNREACHABLE])
        assert "No space left on device" in ended.said
        assert shop.look(cutoff) == before
        disk.clear()
        shop.publish(cutoff)
        assert shop.look(cutoff) == new
        assert list(folder.rglob("*[0-9]")), "the rows are elsewhere"
    finally:
        tenant.rule("ALTER ROLE {role} RESET default_tablespace", "DROP OWNED BY {role} CASCADE", "DROP TABLESPACE {role}")
        tenant.rule("CREATE SCHEMA {role} AUTHORIZATION {role}")


def _hand_over(folder: Path) -> None:
    """Make the folder the server's own."""
    folder.mkdir(mode=0o700)
    with suppress(KeyError):  # there is such an account only where the tests run as root
        os.chown(folder, pwd.getpwnam("pgserver").pw_uid, -1)
