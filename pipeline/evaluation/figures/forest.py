"""Where one model is better than another: the difference in every group of users, with its interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pipeline.evaluation.evidence import Estimate, Evidence
from pipeline.evaluation.figures.canvas import COLORS, FAINT, INK, PER_INCH
from pipeline.evaluation.report.words import LOWER_IS_BETTER, interval, sentence, signed, title, verdict

ROW, AROUND, WIDE = 0.27, 1.25, 9.6
"""In inches: the height of a line, what stands above and below all of them, and the width."""
TONES = {"better": COLORS[0], "worse": COLORS[1], "open": "0.5"}


@dataclass(frozen=True)
class Line:
    """One line: `name` of the group and its `users`; without a `lead` it says `why` there is none. A heading has neither.

    whole  all users, which the groups are parts of
    """

    name: str
    users: int | None = None
    lead: Estimate | None = None
    why: str = ""
    whole: bool = False


def lines(evidence: Evidence, version: str, other: str, metric: str) -> list[Line]:
    """All users, then the groups below the name of their column; one in which nobody was judged says why."""
    found = [Line("all users", evidence.rows, evidence.between(version, other).figures.get(metric), whole=True)]
    for column, group in groupby(evidence.slices, key=lambda each: each.column):
        found.append(Line(column.replace("_", " ")))
        for each in group:
            pair = each.difference(version, other)
            found.append(Line(each.value, each.rows, pair.figures.get(metric) if pair else None, each.too_small))
    return found


def forest(found: Sequence[Line], metric: str, model: str, rival: str) -> Figure:
    """Figures `metric` of `model` minus those of `rival`, a line for each group, at least one with a lead; further right is better."""
    figure = Figure(figsize=(WIDE, AROUND + ROW * len(found)), dpi=PER_INCH, layout="constrained")
    figure.suptitle(f"{sentence(title(metric))}: {model} minus {rival}, by group of users", color=INK, fontsize=12)
    panel = figure.add_subplot()
    for place, line in enumerate(found):
        _draw(panel, place, line, metric)
    panel.axvline(0, color=FAINT, linewidth=1, zorder=0)
    panel.set(ylim=(len(found) - 0.4, -0.6), yticks=range(len(found)), xlabel="95 % intervals, not corrected for the number of groups")
    panel.set_yticklabels([line.name if line.users is None else f"{line.name}  ({line.users:,})" for line in found])
    for tick, line in zip(panel.get_yticklabels(), found, strict=True):
        tick.set(color=INK if line.lead else "0.45", fontweight="bold" if line.whole else "normal")
    panel.spines[["top", "right", "left"]].set_visible(False)
    panel.tick_params(axis="y", length=0)
    panel.grid(axis="x", color="0.92", linewidth=0.8)
    panel.set_axisbelow(True)
    if metric in LOWER_IS_BETTER:
        panel.invert_xaxis()
    for name, side, shift in ((f"← {rival} is better", "right", -8), (f"{model} is better →", "left", 8)):
        where = {"xycoords": panel.get_xaxis_transform(), "xytext": (shift, 4), "textcoords": "offset points"}
        panel.annotate(name, (0, 1), ha=side, color="0.45", fontsize=9, **where)  # type: ignore[arg-type]
    return figure


def _draw(panel: Axes, place: int, line: Line, metric: str) -> None:
    said = {"transform": panel.get_yaxis_transform(), "va": "center", "fontsize": 9}
    if line.lead is None:
        panel.text(1.02, place, line.why, color="0.45", style="italic", **said)  # type: ignore[arg-type]
        return
    tone = TONES[verdict(metric, line.lead)]
    if line.lead.lower is not None and line.lead.upper is not None:
        panel.hlines(place, line.lead.lower, line.lead.upper, color=tone, linewidth=2, alpha=0.6)
    panel.plot(line.lead.value, place, marker="D" if line.whole else "o", markersize=7 if line.whole else 6, color=tone)
    ends = interval(metric, line.lead, difference=True)
    told = signed(metric, line.lead) + (f"  ({ends})" if ends else "")
    panel.text(1.02, place, told, color=tone, fontweight="bold" if line.whole else "normal", **said)  # type: ignore[arg-type]
