"""Judged rows that become events: the session's view `accepted`, what it adds up to, and its order."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import duckdb
import pyarrow as pa
import pyarrow.dataset as pads

from features.contract import EVENTS
from features.cutoff import local_midnight
from pipeline.config import Config
from pipeline.day_record import DayRecord
from pipeline.source.duplicates import streamed

ORDER = "bucket, user_id, event_time, available_at, event_id"
COLUMNS = ", ".join(EVENTS.names)


def accept(session: duckdb.DuckDBPyConnection, day: date, back: pa.Table) -> None:
    """Make the view of the rows that keep every rule and are not dropped; times in microseconds.

    Repeats that are kept get the day and their number; events of `back` (`batch.READMITTED`) are available from then on only.
    """
    session.register("back", back)
    session.execute("CREATE TABLE came_back AS SELECT user_id, event_id, epoch_us(available_at) AS available_at FROM back").fetchall()
    session.unregister("back")
    session.execute(
        f"""
        CREATE VIEW accepted AS
            SELECT named.* REPLACE (greatest(named.available_at, came_back.available_at) AS available_at,
                                    returned OR came_back.event_id IS NOT NULL AS returned)
            FROM (SELECT judged.* REPLACE (CASE WHEN kept THEN event_id || '-{day}-' || coalesce(number, 1) ELSE event_id END AS event_id)
                  FROM judged LEFT JOIN numbers USING (row) ANTI JOIN dropped USING (row)
                  WHERE NOT broken) named
            LEFT JOIN came_back USING (user_id, event_id)"""  # noqa: S608 – an ISO date
    ).fetchall()


def record_of(
    session: duckdb.DuckDBPyConnection, config: Config, day: date, run_id: str, rows: int, columns: Mapping[str, Mapping[str, str]]
) -> DayRecord:
    """What the judged rows add up to."""
    midnight = local_midnight(day, config.source.time_zone).micros
    types = session.execute(
        "SELECT event_type, count(*), count(*) FILTER (event_time < ?), count(*) FILTER (returned), max(event_time) "
        "FROM accepted GROUP BY ALL ORDER BY ALL",
        [midnight],
    ).fetchall()
    repeated = session.execute("SELECT event_type, count(*) FROM judged SEMI JOIN dropped USING (row) GROUP BY ALL ORDER BY ALL").fetchall()
    quarantined = session.execute("SELECT count(*) FROM refused").fetchall()[0][0]
    return DayRecord(
        day,
        run_id,
        rows=rows,
        accepted=sum(count for _, count, *_ in types),
        quarantined=quarantined,
        duplicates=sum(count for _, count in repeated),
        late=sum(late for _, _, late, *_ in types),
        readmitted=sum(back for _, _, _, back, _ in types),
        by_type={name: count for name, count, *_ in types},
        repeated=dict(repeated),
        newest=max((newest for *_, newest in types), default=None),
        columns=columns,
    )


def sorted_events(session: duckdb.DuckDBPyConnection, base: pads.Dataset | None) -> str:
    """The query for all events of the day in the order of its file, those of `base` among them."""
    if base is None:
        return f"SELECT {COLUMNS} FROM accepted ORDER BY {ORDER}"  # noqa: S608 – constants only
    session.register("base", streamed(base, EVENTS.names))
    micros = "* REPLACE (epoch_us(event_time) AS event_time, epoch_us(available_at) AS available_at)"
    return f"SELECT {COLUMNS} FROM (FROM accepted SELECT {COLUMNS} UNION ALL FROM base SELECT {micros}) ORDER BY {ORDER}"  # noqa: S608 – constants only


def returned(*, with_earlier: bool) -> str:
    """The query for the events that came back from quarantine; `with_earlier`: those of `back` too, which are not judged again."""
    earlier = "UNION ALL SELECT * FROM came_back " if with_earlier else ""
    return f"SELECT user_id, event_id, available_at FROM accepted WHERE returned {earlier}ORDER BY ALL"  # noqa: S608 – constants only
