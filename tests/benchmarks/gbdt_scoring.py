"""Scoring beside bare `booster.predict`, and reasons beside LightGBM's `pred_contrib`, in one process, by turns, with the same answers:

    python -m tests.benchmarks.gbdt_scoring [--rows 1000000] [--explained 200000] [--sample 4000] [--rounds 200] [--threads 2] [--pairs 3]

The features are those of three event types over five windows, and BG/NBD of a repeat event; their values are drawn, some undefined. The
model has trees of 31 leaves and depth 6. Scoring is everything from the matrix of the feature set to a percentile: the model's columns,
log-odds, calibration, rank. The booster gets its columns ready made. Reasons are timed twice: the contributions alone, with the tables
they need, and with the columns, the themes and the texts. `pred_contrib` is timed on a sample, its rows/s do not depend on how many.
Compiling is done before, on a few rows. CPU seconds stand beside the wall clock's: on a busy machine they are the ones to compare.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import median

import lightgbm
import numpy as np

from features.definition import Definition
from features.feature_set import FeatureSet, feature_set
from models import calibration, model_features, tree_shap
from models.classifier import Batch, Floats
from models.explanations import top_reasons
from models.gbdt import Gbdt
from pipeline.scoring.ranks import percentiles

SHOP = Definition(("view", "add_to_cart", "purchase"), (7, 14, 30, 90, 180), 180, session_minutes=30, repeat_event="purchase")
LEARNED, DISTINCT = 60_000, 200_000
SEED = 5


@dataclass
class Times:
    """Seconds of each way, by the wall clock and of the processor."""

    wall: dict[str, list[float]] = field(default_factory=dict)
    cpu: dict[str, list[float]] = field(default_factory=dict)

    def of(self, name: str, work: Callable[[], Floats]) -> Floats:
        """What the work gives, its time noted."""
        wall, cpu = time.perf_counter(), time.process_time()
        found = work()
        self.wall.setdefault(name, []).append(time.perf_counter() - wall)
        self.cpu.setdefault(name, []).append(time.process_time() - cpu)
        return found

    def show(self, rows: dict[str, int], against: str) -> None:
        """Rows per second of each way, and how many times those of `against`."""
        print(f"{'':34}{'rows':>10}{'s':>9}{'rows/s':>12}{'ratio':>8}{'CPU s':>9}{'ratio':>8}")
        rate = {name: (rows[name] / median(self.wall[name]), rows[name] / median(self.cpu[name])) for name in self.wall}
        for name, (wall, cpu) in rate.items():
            ratio = f"{wall / rate[against][0]:8.2f}{median(self.cpu[name]):9.2f}{cpu / rate[against][1]:8.2f}"
            print(f"{name:34}{rows[name]:>10,}{median(self.wall[name]):9.2f}{wall:12,.0f}{ratio}")


def drawn(features: FeatureSet, rows: int) -> Floats:
    """(rows, F) values of every feature: whole numbers, some fractions, many zeros, and NaN where a sentence has words for it."""
    random = np.random.default_rng(SEED)
    X = random.gamma(1.0, 5.0, (min(rows, DISTINCT), len(features.names)))
    whole = np.array([feature.unit in ("events", "days", "sessions", "items") for feature in features.features])
    X[:, whole] = np.floor(X[:, whole])
    X[random.random(X.shape) < 0.2] = 0
    for place, feature in enumerate(features.features):
        if "|" in feature.sentence:
            X[random.random(len(X)) < 0.2, place] = np.nan
    count, span, age = (features.names.index(f"repeat_purchase_{part}") for part in ("count", "span", "age"))
    X[:, age] = np.where(np.isnan(X[:, count]), np.nan, random.integers(1, 700, len(X)))
    X[:, span] = np.where(X[:, count] > 0, np.floor(X[:, age] * random.random(len(X))), X[:, age] * 0)
    return X if rows <= DISTINCT else X[random.integers(0, len(X), rows)]


def learned(features: FeatureSet, rounds: int, threads: int) -> Gbdt:
    """A model of outcomes that many columns have a part in."""
    random, X = np.random.default_rng(SEED), drawn(features, LEARNED)
    read = model_features.fit(X, features, SEED)
    columns = np.nan_to_num(read.apply(X))
    log_odds = columns @ random.normal(scale=0.04, size=columns.shape[1]) + np.sin(columns[:, 3] * columns[:, 7] / 9)
    y = (random.random(len(X)) < 1 / (1 + np.exp(np.median(log_odds) - log_odds))).astype(np.int8)
    data = lightgbm.Dataset(read.apply(X), y, feature_name=list(read.names))
    chosen = {"objective": "binary", "num_leaves": 31, "max_depth": 6, "learning_rate": 0.05, "min_data_in_leaf": 40}
    booster = lightgbm.train({**chosen, "verbosity": -1, "num_threads": threads, "seed": SEED}, data, rounds)
    return Gbdt(booster, read, threads)


def batch(X: Floats) -> Batch:
    """Users of whom only the features matter."""
    return Batch(None, np.arange(len(X)), None, X)  # type: ignore[arg-type]


def scoring(model: Gbdt, calibrator: calibration.Calibrator, X: Floats, pairs: int) -> None:
    """From the feature set's matrix to percentiles, beside the booster on its own columns."""
    ready = model.features.apply(X)

    def ours() -> Floats:
        raw = model.raw(batch(X))
        probability = calibrator.probability(raw)
        percentiles(probability, np.sort(probability))
        return raw

    def bare() -> Floats:
        return np.asarray(model.booster.predict(ready, raw_score=True, num_threads=model.threads))

    times = Times()
    for _ in range(pairs):
        np.testing.assert_array_equal(times.of("probability and percentile", ours), times.of("bare booster.predict", bare))
    times.show(dict.fromkeys(times.wall, len(X)), "bare booster.predict")


def reasons(model: Gbdt, calibrator: calibration.Calibrator, X: Floats, sample: int, pairs: int) -> None:
    """Contributions and texts, beside LightGBM's contributions."""
    ready, raw = model.features.apply(X), model.raw(batch(X))

    def contributions() -> Floats:
        tree_shap._prepared.clear()
        return tree_shap.contributions(model.booster, ready, model.threads)

    def texts() -> Floats:
        tree_shap._prepared.clear()
        return top_reasons(model.effects(batch(X)), model.features.sentences, raw, calibrator)[1]

    def bare() -> Floats:
        return np.asarray(model.booster.predict(ready[:sample], pred_contrib=True, num_threads=model.threads))[:, :-1]

    times = Times()
    for _ in range(pairs):
        found = times.of("contributions", contributions)
        np.testing.assert_allclose(found[:sample], times.of("pred_contrib", bare), rtol=0, atol=1e-4)
        times.of("contributions, themes and texts", texts)
    times.show({name: sample if name == "pred_contrib" else len(X) for name in times.wall}, "pred_contrib")
    for user, said in enumerate(top_reasons(model.effects(batch(X[:3])), model.features.sentences, raw[:3], calibrator)[0]):
        print(f"    user {user}: {'; '.join(text for text in said if text)}")


def main(arguments: Sequence[str] | None = None) -> None:
    """Both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("rows", 1_000_000), ("explained", 200_000), ("sample", 4_000), ("rounds", 200), ("threads", 2), ("pairs", 3)):
        parser.add_argument(f"--{name}", type=int, default=default)
    chosen = parser.parse_args(arguments)
    features = feature_set(SHOP)
    model = learned(features, chosen.rounds, chosen.threads)
    few = drawn(features, 2_000)
    raw = model.raw(batch(few))
    outcomes = (np.random.default_rng(SEED).random(len(raw)) < 1 / (1 + np.exp(-raw))).astype(np.int8)
    calibrator = calibration.fit(outcomes, raw)
    top_reasons(model.effects(batch(few)), model.features.sentences, raw, calibrator)
    print(f"{len(features.names)} features, {len(model.features.names)} columns, {chosen.rounds} trees, {chosen.threads} threads\n")
    X = drawn(features, chosen.rows)
    scoring(model, calibrator, X, chosen.pairs)
    print()
    reasons(model, calibrator, X[: chosen.explained], chosen.sample, chosen.pairs)


if __name__ == "__main__":
    main()
