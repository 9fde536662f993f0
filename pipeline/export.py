"""Published scores as Parquet, for tools that read files: one file per target and night, and one of each target's newest."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow.fs import LocalFileSystem

from features.cutoff import Cutoff
from pipeline.config import Config
from pipeline.errors import Unreachable
from pipeline.lake_files import SUFFIX, filesystem, put
from pipeline.lake_parts import ANY_LAYOUT
from pipeline.refresh_lock import refresh_lock
from pipeline.warehouse import Warehouse, open_warehouse
from pipeline.warehouse.tables import USER_SCORES, USER_SCORES_LATEST

LOCK = ".export.lock"
FIND_RUN = """
SELECT checksum, model_version, cutoff = (SELECT max(cutoff) FROM score_runs WHERE target = $1) AS newest
FROM score_runs WHERE target = $1 AND cutoff = $2
"""
FIND_ROWS = "SELECT * FROM user_scores WHERE target = $1 AND cutoff = $2"


def export(config: Config, targets: Sequence[str], cutoff: Cutoff) -> list[str]:
    """Write what is published of these targets at `cutoff` into `export.folder`; the files, none where no folder is set.

    `user_scores/TARGET/CUTOFF.parquet`, and `user_scores_latest/TARGET.parquet` unless a later night is published, hold the rows as they
    are read back from the warehouse, sorted by user: never what another run has replaced. Each file is replaced whole.
    Raises Unreachable if a file cannot be written, Busy if another run goes on writing here; the scores are published all the same.
    """
    url = config.export_url.rstrip("/")
    if not url:
        return []
    try:
        with _alone(url):
            return [file for target in targets for file in _export(config, url, target, cutoff)]
    except (OSError, pa.ArrowInvalid) as error:
        raise Unreachable(
            f"The scores are published, but their files below {url} cannot be written: {error}",
            mend="free space, allow writing there or correct export.folder, then publish again: it replaces the night by the same rows",
        ) from error


def _alone(url: str) -> AbstractContextManager[None]:
    """Two runs that read and write in turns would leave the older rows; where files are objects there is nothing to lock."""
    found, path = filesystem(url)
    return refresh_lock(Path(path) / LOCK) if isinstance(found, LocalFileSystem) else nullcontext()


def _export(config: Config, url: str, target: str, cutoff: Cutoff) -> list[str]:
    with open_warehouse(config) as warehouse:
        run = warehouse.query(FIND_RUN, [target, cutoff.instant]).to_pylist()
        rows = _rows(warehouse, target, cutoff) if run else None
    if rows is None:  # kept no longer: warehouse.keep_days
        return []
    about = {"target": target, "cutoff": str(cutoff), "model_version": run[0]["model_version"], "checksum": run[0]["checksum"]}
    files = [f"{url}/{USER_SCORES.name}/{target}/{cutoff.key}{SUFFIX}"]
    if run[0]["newest"]:
        files.append(f"{url}/{USER_SCORES_LATEST.name}/{target}{SUFFIX}")
    with tempfile.TemporaryDirectory(prefix="nightcast-") as folder:
        written = Path(folder) / f"{target}{SUFFIX}"
        pq.write_table(rows.replace_schema_metadata(about), written, **ANY_LAYOUT.options)
        for file in files:
            put(file, written)
    return files


def _rows(warehouse: Warehouse, target: str, cutoff: Cutoff) -> pa.Table:
    """The night's rows; each column carries its comment."""
    fields = [pa.field(column.name, column.type.arrow, column.optional, {"comment": column.comment}) for column in USER_SCORES.columns]
    return warehouse.query(FIND_ROWS, [target, cutoff.instant]).sort_by("user_id").cast(pa.schema(fields))
