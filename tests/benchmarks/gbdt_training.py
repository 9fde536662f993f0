"""Training from the lake beside bare LightGBM on the same matrix in memory, and beside the way through pandas:

    python -m tests.benchmarks.gbdt_training [--rows 5000000] [--columns 100] [--rounds 300] [--pairs 1] [--threads 2]

`rows` samples teach, of ten cutoffs; a tenth of the users is held out, as with any training of that size. Every run is a process of its own
from the files on disk to the trained booster; `training` is `lightgbm.train` alone. Memory is the process's greatest resident size. On a
machine that does other work too, compare CPU seconds of one thread. The three ways get the same rows in the same order, and the same parameters:

    lake    labels and features of the lake → `gbdt_training.fit`, checksums verified, columns chosen, calibration rows answered
    numpy   the chosen columns as a ready .npy file → `lightgbm.Dataset` → `lightgbm.train`
    pandas  the same as Parquet → `pandas.read_parquet` → `lightgbm.Dataset` → `lightgbm.train`
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import lightgbm
    import numpy as np

    from features.cutoff import Cutoff
    from features.feature_set import FeatureSet
    from features.target import Target
    from models.gbdt_parameters import GbdtParameters
    from models.samples import Samples
    from pipeline.lake import Lake

WAYS = ("lake", "numpy", "pandas")
CUTOFFS, BUCKETS, SEED = 10, 8, 7
TAUGHT = 0.9 * (CUTOFFS - 2) / CUTOFFS
SHOWN = {"seconds": 1, "training": 1, "cpu_seconds": 1, "mib": 0}


def make(folder: str, rows: int, columns: int) -> dict[str, Any]:
    """A lake of features and labels, and of the samples that a training on them learns from the files of the other ways."""
    lake, features, target, cutoffs = _shop(folder, columns)
    _write_lake(lake, features, target, cutoffs, max(1, round(rows / TAUGHT / CUTOFFS / BUCKETS)))
    return _write_matrices(Path(folder), lake, features, target, cutoffs)


def run(folder: str, way: str, columns: int, rounds: int, threads: int) -> dict[str, Any]:
    """One way's time, memory, and what came out."""
    import lightgbm  # noqa: F401 – imports are on no one's time
    import pandas as pd  # noqa: F401

    from models import gbdt_training  # noqa: F401
    from pipeline import training_set  # noqa: F401

    ways = {"lake": _from_lake, "numpy": _from_numpy, "pandas": _from_pandas}
    began, cpu = time.perf_counter(), time.process_time()
    found = ways[way](folder, columns, _parameters(rounds, threads))
    spent = {"seconds": time.perf_counter() - began, "cpu_seconds": time.process_time() - cpu}
    return {**found, **spent, "mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def _parameters(rounds: int, threads: int) -> GbdtParameters:
    from models.gbdt_parameters import GbdtParameters

    return GbdtParameters(rounds=rounds, leaves=31, bagging_fraction=1.0, feature_fraction=1.0, crossfit_rows=1, threads=threads)


def _from_lake(folder: str, columns: int, parameters: GbdtParameters) -> dict[str, Any]:
    from models import gbdt_training
    from pipeline.training_set import training_set

    lake, features, target, cutoffs = _shop(folder, columns)
    training, train = [], gbdt_training.stopped_early

    def timed(*arguments: Any) -> gbdt_training.Stopped:
        started = time.perf_counter()
        stopped = train(*arguments)
        training.append(time.perf_counter() - started)
        return stopped

    gbdt_training.stopped_early = timed
    fitted = gbdt_training.fit(training_set(lake, features, target, cutoffs), features, parameters, SEED)
    return _said(fitted.model.booster, fitted.rounds, fitted.curve[fitted.rounds - 1], sum(training))


def _from_numpy(folder: str, columns: int, parameters: GbdtParameters) -> dict[str, Any]:
    import numpy as np

    place = Path(folder)
    X, y, Xv, yv = (np.load(place / f"{name}.npy") for name in ("X", "y", "X_held_out", "y_held_out"))
    return _bare(X, y, Xv, yv, parameters, place)


def _from_pandas(folder: str, columns: int, parameters: GbdtParameters) -> dict[str, Any]:
    import pandas as pd

    place = Path(folder)
    frame, held_out = pd.read_parquet(place / "X"), pd.read_parquet(place / "X_held_out")
    y, yv = frame.pop("label"), held_out.pop("label")
    return _bare(frame, y, held_out, yv, parameters, place)


def _bare(X: Any, y: Any, Xv: Any, yv: Any, parameters: GbdtParameters, place: Path) -> dict[str, Any]:
    import lightgbm

    names = json.loads((place / "names.json").read_text())
    settings, history = parameters.settings(names, SEED), {}
    train = lightgbm.Dataset(X, label=y, feature_name=names, params=settings)
    held_out = lightgbm.Dataset(Xv, label=yv, reference=train, feature_name=names, params=settings)
    train.construct(), held_out.construct()
    started = time.perf_counter()
    stopping = [lightgbm.early_stopping(parameters.early_stopping, verbose=False), lightgbm.record_evaluation(history)]
    booster = lightgbm.train(settings, train, parameters.rounds, [held_out], ["held_out"], callbacks=stopping)
    seconds = time.perf_counter() - started
    loss = history["held_out"]["binary_logloss"][booster.best_iteration - 1]
    return _said(booster, booster.best_iteration, loss, seconds)


def _said(booster: lightgbm.Booster, rounds: int, loss: float, training: float) -> dict[str, Any]:
    text = booster.model_to_string(num_iteration=rounds).encode()
    digest = hashlib.sha256(text).hexdigest()[:12]
    return {"trees": booster.num_trees(), "loss": float(loss), "model": digest, "training": training}


def _shop(folder: str, columns: int) -> tuple[Lake, FeatureSet, Target, tuple[Cutoff, ...]]:
    from datetime import UTC, datetime

    from features.cutoff import Cutoff
    from features.definition import Definition
    from features.feature import Feature
    from features.feature_set import FeatureSet
    from features.target import Target
    from pipeline.lake import Lake

    named = tuple(Feature(f"column_{place:04d}", "events", f"{{value}} of {place}|none") for place in range(columns))
    oldest = Cutoff(datetime(2026, 1, 1, tzinfo=UTC))
    features = FeatureSet(Definition(("view", "purchase"), (7,), 7, families=("frequency",)), named, "f" * 64)
    cutoffs = tuple(oldest.plus_days(7 * week) for week in range(CUTOFFS))
    return Lake(f"{folder}/lake"), features, Target("purchase_7d", "occurs", "purchase", 7), cutoffs


def _write_lake(lake: Lake, features: FeatureSet, target: Target, cutoffs: tuple[Cutoff, ...], users: int) -> None:
    import numpy as np
    import pyarrow as pa

    from pipeline.feature_build import LABELS_SCHEMA, _layout, features_schema

    random, schema = np.random.default_rng(1), features_schema(features)
    parts: dict[str, list[Any]] = {"features": [], "labels": []}
    for cutoff in cutoffs:
        for bucket in range(BUCKETS):
            ids = pa.array([f"user-{bucket}-{number:08d}" for number in range(users)])
            X = _matrix(random, users, len(features.names))
            label = (random.random(users) < 1 / (1 + np.exp(2 - np.nan_to_num(X[:, :12]) @ np.linspace(-0.5, 0.5, 12)))).astype(np.int8)
            partition = {"cutoff": cutoff.key, "bucket": str(bucket)}
            table = pa.Table.from_arrays([ids, *map(pa.array, X.T)], schema=schema)
            parts["features"].append(lake.write_part(features.table, partition, "features", table, _layout(schema)))
            nothing = [pa.nulls(users, pa.float64()), pa.nulls(users, pa.string())]
            labels = pa.Table.from_arrays([ids, pa.array(label), *nothing], schema=LABELS_SCHEMA)
            parts["labels"].append(lake.write_part("labels", {"target": target.name, **partition}, "labels", labels))
    lake.commit(features.table, schema, {}, parts["features"], metadata={})
    lake.commit("labels", LABELS_SCHEMA, {}, parts["labels"], metadata={})


def _matrix(random: np.random.Generator, rows: int, columns: int) -> np.ndarray:
    """Columns as features have them: half counts, mostly 0, a quarter times since something, often undefined, a quarter sums of values."""
    import numpy as np

    X = np.empty((rows, columns))
    for place in range(columns):
        kind = place % 4
        if kind < 2:
            X[:, place] = random.poisson(random.gamma(0.4, 1 + place / 20, rows))
        elif kind == 2:
            X[:, place] = np.round(random.exponential(20, rows), 3)
            X[random.random(rows) < 0.3, place] = np.nan
        else:
            X[:, place] = np.round(random.gamma(0.5, 40, rows), 2) * (random.random(rows) < 0.4)
    return X


def _write_matrices(place: Path, lake: Lake, features: FeatureSet, target: Target, cutoffs: tuple[Cutoff, ...]) -> dict[str, Any]:
    """The rows that a training learns from, and those that end it, as NumPy and as Parquet files."""
    from models import cross_fitting, gbdt_rows
    from pipeline.training_set import training_set

    samples, parameters = training_set(lake, features, target, cutoffs), _parameters(1, 1)
    (fold,) = cross_fitting.plan(samples, parameters.folds, parameters.crossfit_rows, SEED).folds
    chosen = gbdt_rows.fitted_features(samples, features, SEED)
    (place / "names.json").write_text(json.dumps(chosen.names))
    for name, rows in (("", fold.teach), ("_held_out", fold.stop)):
        _write_matrix(place, name, samples, rows, chosen)
    return {"rows": len(fold.teach), "held_out": len(fold.stop), "columns": len(chosen.names), "samples": len(samples.labels)}


def _write_matrix(place: Path, name: str, samples: Samples, rows: np.ndarray, chosen: Any) -> None:
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    np.save(place / f"y{name}.npy", samples.labels[rows])
    X = np.lib.format.open_memmap(place / f"X{name}.npy", "w+", np.float64, (len(rows), len(chosen.names)))
    (place / f"X{name}").mkdir()
    for number, start in enumerate(range(0, len(rows), 200_000)):
        part = rows[start : start + 200_000]
        X[start : start + len(part)] = chosen.apply(samples.matrix(part))
        table = pa.table({**dict(zip(chosen.names, X[start : start + len(part)].T, strict=True)), "label": samples.labels[part]})
        pq.write_table(table, place / f"X{name}" / f"{number:04d}.parquet", compression="zstd")


def in_a_process(step: str, **arguments: Any) -> dict[str, Any]:
    """What `STEPS[step]` returns."""
    threads = str(arguments.get("threads", os.cpu_count()))
    command = [sys.executable, "-m", "tests.benchmarks.gbdt_training", "--step", step, json.dumps(arguments)]
    surroundings = {**os.environ, "POLARS_MAX_THREADS": threads, "OMP_NUM_THREADS": threads, "ARROW_IO_THREADS": threads}
    found = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2], env=surroundings)
    return dict(json.loads(found.stdout.splitlines()[-1]))


def compare(folder: str, rows: int, columns: int, rounds: int, threads: int, pairs: int, ways: list[str]) -> None:
    there = in_a_process("make", folder=folder, rows=rows, columns=columns)
    print(f"{there['rows']:,} x {there['columns']} teach, {there['held_out']:,} end the training, {there['samples']:,} samples", flush=True)
    runs: dict[str, list[dict[str, Any]]] = {way: [] for way in ways}
    for _ in range(pairs):
        for way, found in runs.items():
            found.append(in_a_process("run", folder=folder, way=way, columns=columns, rounds=rounds, threads=threads))
            print(
                f"{way:8}" + "  ".join(f"{name} {found[-1][name]:,.1f}" for name in SHOWN) + f"  loss {found[-1]['loss']:.6f}", flush=True
            )
    print(
        f"\n{'':8}" + "".join(f"{name:>13}" for name in SHOWN) + "   lake / this: seconds  training  cpu_seconds  memory   loss      model"
    )
    mine = runs["lake"]
    for way, found in runs.items():
        ratios = [
            median(own[name] / other[name] for own, other in zip(mine, found, strict=True))
            for name in ("seconds", "training", "cpu_seconds", "mib")
        ]
        middle = "".join(f"{median(one[name] for one in found):13,.{digits}f}" for name, digits in SHOWN.items())
        print(
            f"{way:8}{middle}{ratios[0]:23.3f}{ratios[1]:10.3f}{ratios[2]:13.3f}{ratios[3]:8.3f}   {found[0]['loss']:.6f}  {found[0]['model']}"
        )


STEPS = {"make": make, "run": run}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--columns", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=300)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--pairs", type=int, default=1)
    parser.add_argument("--ways", default=",".join(WAYS))
    parser.add_argument("--step", nargs=2)
    given = parser.parse_args()
    if given.step:
        print(json.dumps(STEPS[given.step[0]](**json.loads(given.step[1]))))
        return
    with TemporaryDirectory() as folder:
        compare(folder, given.rows, given.columns, given.rounds, given.threads, given.pairs, given.ways.split(","))


if __name__ == "__main__":
    main()
