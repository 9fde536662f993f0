"""How a warehouse reaches the tables of this program: created at once when new, upgraded step by step when old."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pipeline.errors import ConfigError
from pipeline.warehouse import ddl, parting
from pipeline.warehouse.schema import Engine, Table
from pipeline.warehouse.tables import TABLES, VIEWS

UPGRADES: Mapping[int, Sequence[str]] = {
    2: (
        'ALTER TABLE "quarantined_events" ADD COLUMN "stream" text',
        'ALTER TABLE "quarantined_events" ADD COLUMN "place" text',
        'ALTER TABLE "validation_runs" ADD COLUMN "run_id" text',
        'ALTER TABLE "validation_runs" ADD COLUMN "lake_version" bigint',
        'ALTER TABLE "validation_runs" ADD COLUMN "readmitted" bigint',
        'ALTER TABLE "validation_runs" ADD COLUMN "accepted_by_type" text',
        'ALTER TABLE "validation_runs" ADD COLUMN "repeated_by_type" text',
    ),
    3: (),
    4: (
        """CREATE TABLE "decile_outcomes" (
  "target" text NOT NULL,
  "cutoff" timestamptz NOT NULL,
  "decile" integer NOT NULL,
  "users" bigint NOT NULL,
  "realised_events" bigint NOT NULL,
  "realised_value" double precision,
  PRIMARY KEY ("target", "cutoff", "decile")
)""",
    ),
    parting.VERSION: (),
}
"""For each version after 1, the statements that lead there from the version before, in SQL that both engines read.

An upgrade renews all comments and views; one without statements does only that, or what one engine alone needs.
"""


@dataclass(frozen=True)
class Migration:
    """From which version of the tables a warehouse was brought to which; None: it had none. The same twice: there was nothing to do."""

    found: int | None
    reached: int


def newest() -> int:
    """Version of the tables that this program writes."""
    return max(UPGRADES, default=1)


def preparations(found: int | None, engine: Engine) -> list[str]:
    """What comes before `statements` in the same transaction, and takes long: people may read meanwhile."""
    return [text for table in _parted_anew(found, engine) for text in parting.copy(table)]


def statements(found: int | None, engine: Engine) -> list[str]:
    """What brings a warehouse from version `found` (None: an empty one) to the newest; empty when it is there.

    Raises ConfigError for a warehouse that a newer program has upgraded.
    """
    if found == newest():
        return []
    if found is not None and found > newest():
        raise ConfigError(
            f"The warehouse has tables of version {found}; this program knows versions up to {newest()}",
            mend="run the newer Nightcast that upgraded it, or name another warehouse.url",
        )
    if found is None:
        tables = [text for table in TABLES for text in ddl.create_table(table, engine)]
    else:
        tables = [text for table in _parted_anew(found, engine) for text in parting.exchange(table)]
        tables += [text for version in range(found + 1, newest() + 1) for text in UPGRADES[version]]
        tables += [text for table in TABLES for text in ddl.comments(table)]
    return tables + [text for view in VIEWS for text in ddl.create_view(view)]


def _parted_anew(found: int | None, engine: Engine) -> list[Table]:
    due = engine == "postgresql" and found is not None and found < parting.VERSION <= newest()
    return [table for table in TABLES if table.parted_by] if due else []
