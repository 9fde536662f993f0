"""Where one bucket's users stand among all of a night, and their rows as the night holds them: the second task of the nightly run.

A percentile needs everybody's score. Only the raw scores are brought together, and what travels between processes are names of files.
"""

from __future__ import annotations

import posixpath
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import lru_cache
from uuid import uuid4

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from models.classifier import Floats
from pipeline.errors import MissingInput
from pipeline.lake import Lake
from pipeline.lake_parts import Layout, Part
from pipeline.scoring.bucket_scores import FOLDER, TEXTS
from pipeline.scoring.night import SCORES, SCORES_TABLE, Provenance, counts, ranked

RAW = "raw_score"

REPEATED = (*TEXTS, "unit", "decile", "horizon_days", "model_name", "model_version", "run_id", "scored_at")
LAYOUT = Layout(dictionaries=REPEATED)


@dataclass(frozen=True)
class RankTask:
    """Rank the users of one `Unranked` file; `order` is the file of everybody's raw scores."""

    lake: Lake
    bucket: int
    path: str
    order: str
    partition: Mapping[str, str]
    provenance: Provenance

    def __str__(self) -> str:
        return str(self.bucket)


@dataclass(frozen=True)
class Ranked:
    """The written, uncommitted part of `scores` (none without rows), and how many of its users are eligible, scored and refused."""

    parts: Sequence[Part]
    counts: Mapping[str, int]


def write_order(lake: Lake, run: str, paths: Sequence[str]) -> str:
    """Bring the raw scores of all scored users of these files in order; the file they are in, eight bytes each."""
    found = [_raw(lake, path) for path in paths]
    rows = pa.table({RAW: np.sort(np.concatenate([np.empty(0), *found]))})
    part = lake.write_part(FOLDER, {}, f"{run}-{uuid4().hex}", rows, Layout(dictionaries=(), compression="lz4"))
    return posixpath.join(FOLDER, part.path)


def rank_bucket(task: RankTask) -> Ranked:
    """Write the bucket's part of the night, sorted by user. Files of a night are in the order of their buckets, so a rerun reads alike."""
    found = Counter[str](eligible=0, scored=0, refused=0)
    name = f"{task.bucket:05d}-{uuid4().hex}"
    with task.lake.part_writer(SCORES_TABLE, task.partition, name, SCORES, LAYOUT) as writer, _opened(task.lake, task.path) as file:
        for group in range(file.num_row_groups):
            rows = ranked(file.read_row_group(group, use_threads=False), _ordered(task.lake, task.order), task.provenance)
            found.update(counts(rows))
            writer.write(rows)
    return Ranked([writer.part] if writer.part else [], found)


@lru_cache(maxsize=1)
def _ordered(lake: Lake, path: str) -> Floats:
    """Read once per worker and target: every bucket asks for it."""
    return _raw(lake, path)


def _raw(lake: Lake, path: str) -> Floats:
    with _opened(lake, path) as file:
        raw: Floats = file.read(columns=[RAW])[RAW].drop_null().to_numpy()
    return raw


def _opened(lake: Lake, path: str) -> closing[pq.ParquetFile]:
    file = lake.open_file(path)
    if file is None:
        raise MissingInput(f"The lake under {lake.url} has no file '{path}' (any more)", mend="score this cutoff again")
    return closing(file)
