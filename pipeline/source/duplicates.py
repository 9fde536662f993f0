"""Re-deliveries and repeats among the judged rows, by each stream's declared policy.

Two rows are the same event if user and event_id are equal (`features.contract.IDENTITY`). Hashes find the few rows that may be;
only those are compared.
"""

from __future__ import annotations

from datetime import date

import duckdb
import pyarrow as pa
import pyarrow.dataset as pads

from features.contract import FIRST_KNOWN, IDENTITY

ORDER = ", ".join((*FIRST_KNOWN, "row"))
"""Of several rows of the same event the one that was known first counts, so that the order in which rows are delivered does not matter."""

BATCH_ROWS = 65_536


def find_duplicates(session: duckdb.DuckDBPyConnection) -> None:
    """Fill `dropped` (row), the re-deliveries within the batch, and `numbers` (row, number), the repeats that are kept, from 2 on."""
    session.execute(
        f"""
        CREATE TABLE candidates AS
            SELECT row, kept, user_id, event_id,
                   row_number() OVER (PARTITION BY kept, user_id, event_id ORDER BY {ORDER}) AS number
            FROM judged
            WHERE NOT broken AND identity IN (SELECT identity FROM judged WHERE NOT broken GROUP BY identity HAVING count(*) > 1);
        CREATE TABLE dropped AS SELECT row FROM candidates WHERE NOT kept AND number > 1;
        CREATE TABLE numbers AS SELECT row, number FROM candidates WHERE kept AND number > 1"""  # noqa: S608 – constants only
    ).fetchall()


def drop_known(session: duckdb.DuckDBPyConnection, known: pads.Dataset) -> None:
    """Add to `dropped` the rows of streams that keep no repeats whose event is in `known` (user_id, event_id), read once."""
    session.register("known", streamed(known, list(IDENTITY)))
    session.execute(
        """
        CREATE OR REPLACE TABLE near AS
            SELECT user_id, event_id, hash(user_id, event_id) AS identity
            FROM (SELECT CAST(user_id AS VARCHAR) AS user_id, CAST(event_id AS VARCHAR) AS event_id FROM known)
            WHERE hash(user_id, event_id) IN (SELECT identity FROM judged WHERE NOT broken AND NOT kept);
        INSERT INTO dropped
            SELECT row FROM judged
            WHERE NOT broken AND NOT kept AND row NOT IN (SELECT row FROM dropped)
              AND identity IN (SELECT identity FROM near)
              AND (user_id, event_id) IN (SELECT (user_id, event_id) FROM near)"""
    ).fetchall()
    session.unregister("known")


def number_after(session: duckdb.DuckDBPyConnection, base: pads.Dataset, day: date) -> None:
    """Number the repeats that are kept after those which the day has already: `…-2026-03-29-4` is there, so the next is 5."""
    session.register("base", streamed(base, list(IDENTITY)))
    session.execute(
        f"""
        CREATE TABLE there AS
            SELECT user_id, event_id, max(number) AS number
            FROM (SELECT CAST(user_id AS VARCHAR) AS user_id, regexp_replace(event_id, '-{day}-[0-9]+$', '') AS event_id,
                         TRY_CAST(regexp_extract(event_id, '-{day}-([0-9]+)$', 1) AS BIGINT) AS number
                  FROM base)
            WHERE number IS NOT NULL AND (user_id, event_id) IN (SELECT (user_id, event_id) FROM judged WHERE NOT broken AND kept)
            GROUP BY ALL;
        CREATE OR REPLACE TABLE numbers AS
            SELECT row, coalesce(numbers.number, 1) + coalesce(there.number, 0) AS number
            FROM judged LEFT JOIN numbers USING (row) LEFT JOIN there USING (user_id, event_id)
            WHERE NOT broken AND kept"""  # noqa: S608 – an ISO date and constants
    ).fetchall()
    session.unregister("base")


def streamed(dataset: pads.Dataset, columns: list[str]) -> pa.RecordBatchReader:
    """The dataset's columns with little of it in memory at a time."""
    return dataset.scanner(columns=columns, batch_size=BATCH_ROWS, batch_readahead=2, fragment_readahead=1).to_reader()
