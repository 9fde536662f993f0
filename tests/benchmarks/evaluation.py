"""What judging costs, and whether its numbers are right, in tables:

    python -m tests.benchmarks.evaluation [--rows 1000000] [--models 6] [--replicates 1000] [--sum] [--no-drawing]
    python -m tests.benchmarks.evaluation --coverage 1000

The first one times `pipeline.evaluation.assessment.weigh` as a whole in a process of its own: figures, DeLong for all pairs, bootstrap,
slices by three columns of texts and one of numbers. Shares are those of the parts, peak memory is the process's own, with the answers in
it. Compiling is done before, on a few rows. The pictures and the page of the evaluation run are timed after it. `--sum`: a target that is a
sum. Then the figures are compared: with scikit-learn's, sample by sample in a plain loop on the same weights, and with DeLong's deviations.

The second one draws so many evaluations of two models, one with the right probabilities and one that is too sure, and counts how often
the 95 % intervals hold the truth, which is what four million users show.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any
from unittest.mock import patch

import numpy as np

from features.cutoff import Cutoff
from models import bootstrap, metrics, poisson_weights, weighted_figures
from models.classifier import Floats, Labels
from pipeline.config_sections import Evaluation
from pipeline.evaluation import assessment, overall
from pipeline.evaluation.assessment import Answers, weigh
from pipeline.evaluation.decision import Rule
from pipeline.evaluation.evidence import Evidence
from pipeline.evaluation.figures.album import album
from pipeline.evaluation.promotion import decide
from pipeline.evaluation.report.duel import duel
from pipeline.evaluation.report.page import page
from tests.models import plain_figures

AS_OF, HELD = Cutoff.from_key("20260119T000000Z"), Cutoff.from_key("20260112T000000Z")
SEED = 7
PARTS = (
    ("points", overall.bootstrap, "points"),
    ("replicates", overall.bootstrap, "replicates"),
    ("DeLong, the slices' too", overall.metrics, "delong"),
    ("slices, with theirs", assessment, "weigh_parts"),
    ("whose slice is whose", assessment, "parts"),
)
COUNTED = ("auc", "average_precision", "log_loss", "brier", "ece", "recall", "precision", "f1", "lift_decile_1")


def drawn(rows: int, models: int) -> tuple[Labels, list[Answers], Floats]:
    """Outcomes, ever better answers of models that have most of their knowledge in common, and amounts."""
    random = np.random.default_rng(SEED)
    truth = 1.2 * random.normal(size=rows) - 2.5
    y = (random.random(rows) < 1 / (1 + np.exp(-truth))).astype(np.int8)
    amounts = np.round(y * random.gamma(1.5, 20, rows), 2)
    answers = []
    for place in range(models):
        raw = truth + random.normal(scale=0.3 + 0.1 * (models - place), size=rows)
        probability = 1 / (1 + np.exp(-raw))
        answers.append(Answers(str(place + 1), "gbdt", AS_OF, raw, probability, 30 * probability))
    return y, answers, amounts


def groups(rows: int) -> dict[str, Any]:
    """Three columns of texts, with few, some and many groups, and one of numbers."""
    random = np.random.default_rng(SEED)
    chances = random.dirichlet(np.full(30, 0.5))
    texts = {"score_basis": ["rich", "thin", "new"], "tenure": ["a month", "a year", "longer", "new"]}
    drawn = {name: np.array(values, dtype=object)[random.integers(0, len(values), rows)] for name, values in texts.items()}
    countries = np.array([f"country {place}" for place in range(30)], dtype=object)
    return {**drawn, "segment": countries[random.choice(30, rows, p=chances)], "views_30d": np.floor(random.gamma(1, 10, rows))}


@contextmanager
def timed() -> Iterator[dict[str, float]]:
    """Seconds in each of `PARTS`."""
    spent = dict.fromkeys((name for name, _, _ in PARTS), 0.0)

    def noted(name: str, work: Callable[..., Any], *args: Any, **options: Any) -> Any:
        began = time.perf_counter()
        found = work(*args, **options)
        spent[name] += time.perf_counter() - began
        return found

    patches = [patch.object(where, attribute, partial(noted, name, getattr(where, attribute))) for name, where, attribute in PARTS]
    for each in patches:
        each.start()
    yield spent
    for each in patches:
        each.stop()


def judged(rows: int, models: int, replicates: int, *, sums: bool) -> tuple[Evidence, Labels, Sequence[Answers]]:
    """One whole evaluation."""
    y, answers, amounts = drawn(rows, models)
    settings = Evaluation(slices=("score_basis", "tenure", "segment", "views_30d"), replicates=replicates)
    spent = amounts if sums else None
    return weigh("purchase_7d", AS_OF, HELD, y, answers, {}, spent, groups=groups(rows), settings=settings, seed=SEED), y, answers


def peak() -> float:
    """MB that this process has held at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def inside(rows: int, models: int, replicates: int, *, sums: bool, drawing: bool) -> dict[str, Any]:
    """Seconds and megabytes of an evaluation in this process."""
    judged(3_000, models, 100, sums=sums)
    start = peak()
    y, answers, amounts = drawn(rows, models)
    told, settings = groups(rows), Evaluation(slices=("score_basis", "tenure", "segment", "views_30d"), replicates=replicates)
    ready = peak()
    began, worked = time.perf_counter(), time.process_time()
    with timed() as spent:
        evidence = weigh("purchase_7d", AS_OF, HELD, y, answers, {}, amounts if sums else None, groups=told, settings=settings, seed=SEED)
    found = {
        "seconds": time.perf_counter() - began,
        "cpu": time.process_time() - worked,
        "mb": {"imports": start, "with the answers": ready, "peak of weigh": peak()},
        "parts": spent,
        "slices": sum(not each.too_small for each in evidence.slices),
        "positives": evidence.positives,
    }
    if drawing:
        began = time.perf_counter()
        decision = decide(evidence, "1", Rule())
        pictures = album(evidence, duel(evidence, decision), y, answers, ())
        found["drawing"] = time.perf_counter() - began
        began = time.perf_counter()
        found["page"] = len(page(evidence, decision, pictures, (), {}, zone="UTC")) / 1e6
        found["writing"] = time.perf_counter() - began
        found["mb"]["peak with pictures"] = peak()
    return found


def show_cost(chosen: argparse.Namespace) -> None:
    """The table of one evaluation."""
    told = ["--inside", "--rows", chosen.rows, "--models", chosen.models, "--replicates", chosen.replicates]
    told += ["--sum"] * chosen.sum + ["--no-drawing"] * chosen.no_drawing
    ended = subprocess.run([sys.executable, "-m", __spec__.name, *map(str, told)], check=True, stdout=subprocess.PIPE, text=True)
    found = json.loads(ended.stdout.splitlines()[-1])
    print(
        f"{chosen.rows:,} users, {found['positives']:,} with outcome 1, {chosen.models} models, {chosen.replicates:,} replicates, ", end=""
    )
    print(f"{found['slices']} slices large enough")
    print(f"{'weigh':28}{found['seconds']:8.1f} s{found['cpu']:8.1f} s of the processor")
    for name, seconds in found["parts"].items():
        print(f"    {name:24}{seconds:8.1f} s{seconds / found['seconds']:8.0%}")
    for name, megabytes in found["mb"].items():
        print(f"{name:28}{megabytes:8.0f} MB")
    if not chosen.no_drawing:
        print(f"{'pictures':28}{found['drawing']:8.1f} s")
        print(f"{'page':28}{found['writing']:8.1f} s{found['page']:8.1f} MB")


def show_agreement(samples: int = 32, rows: int = 1_000, models: int = 6) -> None:
    """Largest distance to scikit-learn's figures on the same samples, the time of either way, and deviations beside DeLong's."""
    y, answers, _ = drawn(rows, models)
    raw, probability = np.stack([each.raw for each in answers]), np.stack([each.probability for each in answers])
    users = weighted_figures.prepared(y, raw, probability, reach=0.1, threads=1, amounts=None, expected=None)
    weights = poisson_weights.draw(poisson_weights.keys(SEED, samples), rows)
    began = time.perf_counter()
    ours = weighted_figures.found(users, weights).figures
    seconds, began = time.perf_counter() - began, time.perf_counter()
    plain = [
        [plain_figures.figures(y, *each, weights[:, sample].astype(np.int64), 0.1) for each in zip(raw, probability, strict=True)]
        for sample in range(samples)
    ]
    slow = time.perf_counter() - began
    apart = {name: max(abs(plain[r][k][name] - ours[name][k, r]) for r in range(samples) for k in range(models)) for name in plain[0][0]}
    print(f"\n{rows:,} users, {models} models, {samples} samples: largest distance to a plain loop of scikit-learn's figures ", end="")
    print(f"{max(apart.values()):.1e}; {seconds:.2f} s beside {slow:.1f} s")
    _, spread = metrics.delong(y, raw)
    areas = bootstrap.replicates(y, raw, probability, reach=0.1, count=4000, seed=SEED)["auc"]
    ratio = np.sqrt(np.cov(areas) / spread)
    print(f"deviations of 4,000 replicates ÷ DeLong's: AUC {_range(np.diag(ratio))}", end="")
    pairs = np.triu_indices(models, 1)
    lead = [
        np.var(areas[one] - areas[other]) / (spread[one, one] + spread[other, other] - 2 * spread[one, other])
        for one, other in zip(*pairs, strict=True)
    ]
    print(f", differences of two {_range(np.sqrt(lead))}")


def _range(values: Sequence[float] | Floats) -> str:
    return f"{min(values):.3f} to {max(values):.3f}"


def imperfect(seed: int, rows: int) -> tuple[Labels, Floats, Floats]:
    """Outcomes, log-odds and probabilities of a model that is right, of one that is a little too sure, and of a noisy one."""
    random = np.random.default_rng(seed)
    right = 1.2 * random.normal(size=rows) - 2
    raw = np.stack([right, 1.15 * right, 1.5 * right + random.normal(size=rows)])
    probability = 1 / (1 + np.exp(-raw))
    return (random.random(rows) < probability[0]).astype(np.int8), raw, probability


def show_coverage(runs: int) -> None:
    """How often intervals hold the truth, per figure and number of users; of each model, then of two differences."""
    truth = bootstrap.points(*imperfect(0, 4_000_000), reach=0.1)
    truth["ece"][0] = 0
    print(f"95 % intervals that hold the truth, of {runs:,} evaluations: three models (right, a little too sure, noisy), ", end="")
    print("first − second, first − third")
    for rows in (1_000, 10_000):
        held = {name: np.zeros(5) for name in COUNTED}
        for seed in range(1, runs + 1):
            users = imperfect(seed, rows)
            point, samples = bootstrap.points(*users, reach=0.1), bootstrap.replicates(*users, reach=0.1, count=400, seed=seed)
            for name, times in held.items():
                times += [_holds(name, truth[name], point[name], samples[name], *pair) for pair in ((0,), (1,), (2,), (0, 1), (0, 2))]
        for name, times in held.items():
            print(f"{rows:>8,} users  {name:20}{truth[name][1]:9.4f}" + "".join(f"{share:9.1%}" for share in times / runs))


def _holds(name: str, truth: Floats, point: Floats, samples: Floats, one: int, other: int | None = None) -> bool:
    if other is None:
        lower, upper = bootstrap.interval(name, float(point[one]), samples[one])
        return bool(lower <= truth[one] <= upper)
    lower, upper = bootstrap.interval_between(name, point[[one, other]], samples[[one, other]])
    return bool(lower <= truth[one] - truth[other] <= upper)


def main(arguments: Sequence[str] | None = None) -> None:
    """The tables asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("rows", 1_000_000), ("models", 6), ("replicates", 1_000), ("coverage", 0)):
        parser.add_argument(f"--{name}", type=int, default=default)
    for flag in ("sum", "no-drawing", "inside"):
        parser.add_argument(f"--{flag}", action="store_true")
    chosen = parser.parse_args(arguments)
    if chosen.inside:
        print(json.dumps(inside(chosen.rows, chosen.models, chosen.replicates, sums=chosen.sum, drawing=not chosen.no_drawing)))
    elif chosen.coverage:
        show_coverage(chosen.coverage)
    else:
        show_cost(chosen)
        show_agreement()


if __name__ == "__main__":
    main()
