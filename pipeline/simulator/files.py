"""The shop's folder: daily files, the oracle, and a note of how they were made. Every file appears whole or not at all."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from features.contract import TIMESTAMP
from pipeline.errors import NightcastError
from pipeline.progress import track
from pipeline.simulator.delivery import Batches, instant, user_ids
from pipeline.simulator.oracle import UNKNOWN, Answer

NOTE = "simulation.json"
COMPRESSION = 6

ORACLE = pa.schema(
    [
        pa.field("user_id", pa.string(), nullable=False),
        pa.field("cutoff", TIMESTAMP, nullable=False),
        pa.field("target", pa.string(), nullable=False),
        pa.field("probability", pa.float64(), nullable=False),
        pa.field("probability_given_hidden", pa.float64(), nullable=False),
        pa.field("happened", pa.int8()),
    ]
)
"""One row per target, cutoff and user with an event delivered by then; see `pipeline.simulator.oracle.Answer`."""

DIGITS = 12
"""Decimals kept of a probability: users with equal histories are equal, whatever the order of the sums."""


def claim(folder: Path, arguments: Mapping[str, object]) -> None:
    """Note in `folder` which simulation it holds, before anything else is written.

    Raises NightcastError if it holds events of another simulation or of no known one, or cannot be written.
    """
    note = folder / NOTE
    text = json.dumps(dict(arguments), sort_keys=True) + "\n"
    try:
        (folder / "events").mkdir(parents=True, exist_ok=True)
        found = note.read_text(encoding="utf-8") if note.is_file() else ""
        if found != text and any((folder / "events").iterdir()):
            raise NightcastError(
                f"{folder / 'events'} already holds files of {found.strip() or 'an unknown origin'}, not of {text.strip()}",
                mend="choose another folder, or delete this one",
            )
        _replace(note, text.encode())
    except OSError as error:
        raise NightcastError(f"Cannot write to {folder}: {error.strerror}", mend="choose a folder that you may write to") from error


def write_batches(folder: Path, batches: Batches, first: date, *, show: bool) -> int:
    """One `events/{date}.csv.gz` per day, header included, even of a day without rows; how many were written."""
    start = 0
    for day, end in track(enumerate(batches.ends.tolist()), "Events", len(batches.ends), show):
        text = batches.rows[start:end].write_csv(float_precision=2)
        name = f"{first + timedelta(days=day)}.csv.gz"
        _replace(folder / "events" / name, gzip.compress(text.encode(), COMPRESSION, mtime=0))
        start = end
    return len(batches.ends)


def write_oracle(folder: Path, answers: Iterable[Answer], first: date, users: int, *, count: int, show: bool) -> int:
    """`oracle.parquet`, in the order of the `count` answers; how many rows were written."""
    ids = pa.array(user_ids(users).to_list(), pa.string())
    parts = [_oracle_rows(answer, first, ids) for answer in track(answers, "Oracle", count, show)]
    table = pa.concat_tables(parts)
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd")
    _replace(folder / "oracle.parquet", sink.getvalue().to_pybytes())
    return int(table.num_rows)


def _oracle_rows(answer: Answer, first: date, ids: pa.Array) -> pa.Table:
    count = len(answer.user)
    columns = [
        ids.take(pa.array(answer.user)),
        pa.repeat(pa.scalar(instant(first, answer.cutoff), TIMESTAMP), count),
        pa.repeat(pa.scalar(answer.target.name, pa.string()), count),
        pa.array(np.round(answer.probability, DIGITS)),
        pa.array(np.round(answer.given_hidden, DIGITS)),
        pa.array(answer.happened, mask=answer.happened == UNKNOWN),
    ]
    return pa.table(columns, schema=ORACLE)


def _replace(path: Path, content: bytes) -> None:
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_bytes(content)
    temporary.replace(path)
