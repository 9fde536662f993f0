"""The real events that quality is measured on, straight from the published files: what the shipped profiles' ingest accepts of them.

The ingest of Cross Validated takes minutes, so the profiles' mapping is written down here once more, in a few expressions. Counts tell
when the two part: `ACCEPTED` is what `tests/e2e` sees the ingest accept.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import gettempdir

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from features.contract import EVENTS
from pipeline.source.amounts import amounts

SHARED = Path(__file__).parents[3] / "shared/data"
ACCEPTED = {"online_retail": 335_399, "cross_validated": 184_994}
DAY = pl.duration(days=1)


def real_events(profile: str) -> pa.Table:
    """The profile's events (`features.contract.EVENTS`), kept in the temporary folder for the next run."""
    kept = Path(gettempdir()) / f"nightcast-quality-{profile}-1.parquet"
    if not kept.is_file():
        events = READ[profile]()
        if len(events) != ACCEPTED[profile]:
            raise ValueError(f"{len(events)} events of {profile}; the ingest accepts {ACCEPTED[profile]}")
        pq.write_table(events, kept)
    return pq.read_table(kept, schema=EVENTS)


def online_retail() -> pa.Table:
    """Invoice lines with a customer, identical ones once; an event is known from the midnight that ends its day."""
    files = sorted((SHARED / "online-retail").glob("*.csv.gz"))
    lines = pl.concat([_texts(file) for file in files])
    columns = sorted(lines.columns)
    lines = lines.filter(pl.col("CustomerID") != "").unique(maintain_order=True)
    local = pl.col("InvoiceDate").str.to_datetime("%Y-%m-%d %H:%M:%S", time_unit="us")
    return _events(
        lines.select(
            event_id=pl.Series([_digest(row) for row in lines.select(columns).iter_rows()]),
            user_id=pl.col("CustomerID").cast(pl.Float64).cast(pl.Int64).cast(pl.String),
            event_time=_utc(local),
            available_at=_utc(local.dt.truncate("1d") + DAY),
            event_type=pl.when(pl.col("InvoiceNo").str.starts_with("C")).then(pl.lit("cancel")).otherwise(pl.lit("purchase")),
            item_id="StockCode",
            category=pl.lit(None, pl.String),
            value=pl.Series(amounts(lines["Quantity"].to_arrow(), lines["UnitPrice"].to_arrow())),
            session_id="InvoiceNo",
        )
    )


def cross_validated() -> pa.Table:
    """Sign-ups, posts (question or answer) and badges of those who are users."""
    users, posts, badges = (_texts(SHARED / f"cross-validated/{name}.csv.gz") for name in ("users", "posts", "badges"))
    posts = posts.filter(pl.col("PostTypeId").is_in(["1", "2"]))
    kind = pl.when(pl.col("PostTypeId") == "1").then(pl.lit("question")).otherwise(pl.lit("answer"))
    streams = [
        _stream(users, "Id", "CreationDate", "signup", pl.lit(None, pl.String)),
        _stream(posts, "OwnerUserId", "CreationDate", "post", kind),
        _stream(badges, "UserId", "Date", "badge", pl.lit(None, pl.String)),
    ]
    opened = pl.col("event_time") >= pl.datetime(2010, 7, 19, time_unit="us", time_zone="UTC")
    rows = pl.concat(streams).filter(~pl.col("user_id").is_in(["", "-1"]) & opened)
    absent = {"item_id": pl.lit(None, pl.String), "value": pl.lit(None, pl.Int64), "session_id": pl.lit(None, pl.String)}
    return _events(rows.with_columns(**absent))


READ: Mapping[str, Callable[[], pa.Table]] = {"online_retail": online_retail, "cross_validated": cross_validated}


def _texts(file: Path) -> pl.DataFrame:
    return pl.read_csv(file, infer_schema=False).fill_null("")


def _stream(rows: pl.DataFrame, user: str, moment: str, kind: str, category: pl.Expr) -> pl.DataFrame:
    time = pl.col(moment).str.to_datetime("%Y-%m-%d %H:%M:%S", time_unit="us")
    return rows.select(
        event_id=pl.format("{}-{}", pl.lit(kind), "Id"),
        user_id=user,
        event_time=time.dt.replace_time_zone("UTC"),
        available_at=(time.dt.truncate("1d") + DAY).dt.replace_time_zone("UTC"),
        event_type=pl.lit(kind),
        category=category,
    )


def _utc(local: pl.Expr) -> pl.Expr:
    """An hour that comes twice is taken the first time, as the ingest does."""
    return local.dt.replace_time_zone("Europe/London", ambiguous="earliest").dt.convert_time_zone("UTC")


def _digest(row: tuple[str, ...]) -> str:
    return hashlib.md5(",".join(f"{len(text.encode())}:{text}" for text in row).encode(), usedforsecurity=False).hexdigest()


def _events(rows: pl.DataFrame) -> pa.Table:
    return rows.with_columns(segment=pl.lit(None, pl.String), bucket=pl.lit(0, pl.Int32)).select(EVENTS.names).to_arrow().cast(EVENTS)
