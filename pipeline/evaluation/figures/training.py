"""How a training went, and what the model made of its columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from pipeline.evaluation.figures.canvas import COLORS, INK, canvas, colored, legend

TOP = 20


def learning_curve(curves: Mapping[str, Sequence[float]], step: str, best: int | None = None) -> Figure:
    """Loss after each iteration or epoch, counted from 1; `best` is marked."""
    figure, (panel,) = canvas("Learning curve", size=(8.0, 4.6))
    for name, color in colored(curves):
        values = curves[name]
        panel.plot(
            np.arange(1, len(values) + 1), values, color=color, label=name.replace("_", " "), marker="o" if len(values) < 25 else None
        )
    if best:
        panel.axvline(best, color=INK, linestyle="--", linewidth=1)
        panel.annotate(
            f"{step} {best:,} is used", (best, 1), xycoords=("data", "axes fraction"), xytext=(5, -12), textcoords="offset points"
        )
    panel.set(xlabel=step, ylabel="log loss")
    legend(panel, "upper right")
    return figure


def importance(columns: Mapping[str, tuple[float, float]], sentences: Mapping[str, str]) -> Figure:
    """The twenty columns that move scores most: gain in training beside the mean of |SHAP|, with the reason text of each.

    columns    name → gain, mean |SHAP| in log-odds; at least one
    sentences  name → text with {value}
    """
    top = sorted(columns, key=lambda name: (-columns[name][1], -columns[name][0], name))[:TOP][::-1]
    figure, (moved, gained) = canvas(
        f"What the model reads: {len(top)} of {len(columns)} columns", columns=2, size=(6.4, 1.4 + 0.34 * len(top))
    )
    total = sum(gain for gain, _ in columns.values()) or 1.0
    moved.barh(top, [columns[name][1] for name in top], color=COLORS[0])
    gained.barh(top, [100 * columns[name][0] / total for name in top], color=COLORS[1])
    moved.set(xlabel="mean |SHAP|, log-odds: how far it moves a score")
    gained.set(xlabel="gain, % of all: how much it helped to learn")
    moved.set_yticks(range(len(top)), [f"{wording(sentences.get(name, ''))}\n{name}" for name in top], fontsize=9)
    gained.set_yticks(range(len(top)), [])
    for panel in (moved, gained):
        panel.set_ylim(-0.6, len(top) - 0.4)
        panel.grid(axis="y", visible=False)
    return figure


def wording(sentence: str) -> str:
    """A reason text without its number: "{value} purchases in the last 30 days|none" → "… purchases in the last 30 days"."""
    return sentence.partition("|")[0].replace("{value}", "…")
