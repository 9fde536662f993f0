"""A whole chain of stages in one process tree: the command lines of its DAG, without Airflow."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.commands import Step, asks_a_person, command_line, read_settings, score_steps, train_steps
from pipeline.errors import NightcastError

CHAINS = {"train": train_steps, "score": lambda _targets, cutoff: score_steps(cutoff)}


class StepFailed(NightcastError):
    """A step of the chain ended with an error; the chain passes its exit code on."""

    def __init__(self, step: Step, exit_code: int, said: str) -> None:
        super().__init__(
            f"Step {step.name} failed with exit code {exit_code}:\n{said.rstrip()}",
            mend=f"run `nightcast {' '.join(step.argv)}` to try it alone",
        )
        self.exit_code = exit_code


@dataclass(frozen=True)
class Outcome:
    """What a finished step returned, and how long it took."""

    step: Step
    seconds: float
    result: dict[str, Any]


def run(chain: str, targets: Mapping[str, str], cutoff: str, *, config: Path, show: bool) -> dict[str, Any]:
    """Run the steps of `train` or `score` in their order, side by side where nothing forbids it; their results.

    targets  name → kind of those that have models

    Where promotion takes a person's approval nobody is promoted: `to approve` lists what `promote` proposes, and the line that does it.
    Raises StepFailed with the exit code of the first step that fails; steps already running are waited for.
    """
    ask = chain == "train" and asks_a_person(read_settings(config))
    steps = train_steps(targets, cutoff, promote_options=("--dry-run",)) if ask else CHAINS[chain](targets, cutoff)
    outcomes = _in_order(steps, config, show)
    return {
        "chain": chain,
        "cutoff": cutoff,
        "steps": [{"step": outcome.step.name, "seconds": round(outcome.seconds, 1)} for outcome in outcomes],
        **({"to approve": [_proposal(outcome) for outcome in outcomes if outcome.result.get("promoted")]} if ask else {}),
    }


def _proposal(outcome: Outcome) -> dict[str, Any]:
    result, words = outcome.result, [word for word in outcome.step.argv if word != "--dry-run"]
    return {
        "target": result["target"],
        "why": result["reasons"][0],
        "approve with": f"nightcast {' '.join(words)} --expect-version {result['version']}",
    }


def _in_order(steps: Sequence[Step], config: Path, show: bool) -> list[Outcome]:
    waiting, finished, outcomes = list(steps), set[str](), list[Outcome]()
    with ThreadPoolExecutor(len(steps)) as pool:
        running: set[Future[Outcome]] = set()
        while waiting or running:
            for step in [step for step in waiting if finished.issuperset(step.after)]:
                waiting.remove(step)
                running.add(pool.submit(_run_step, step, config))
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for outcome in (future.result() for future in done):
                finished.add(outcome.step.name)
                outcomes.append(outcome)
                if show:
                    sys.stderr.write(f"  {outcome.step.name:<32} {outcome.seconds:6.1f} s\n")
    return outcomes


def _run_step(step: Step, config: Path) -> Outcome:
    began = time.perf_counter()
    line = command_line(step, python=sys.executable, config=str(config))
    done = subprocess.run(line, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        raise StepFailed(step, done.returncode if done.returncode > 0 else 1, done.stderr[-2000:])
    last = done.stdout.strip().rpartition("\n")[2]
    return Outcome(step, time.perf_counter() - began, json.loads(last))
