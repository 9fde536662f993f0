from __future__ import annotations

import numpy as np
from matplotlib.dates import date2num
from matplotlib.figure import Figure

from pipeline.evaluation.evidence import Estimate
from pipeline.evaluation.figures.over_time import MOST, over_time
from pipeline.evaluation.quality_history import Basis, Point
from tests.synthetic_lake import AS_OF


def _point(day: int, users: str, value: float, basis: Basis = "realised", version: str = "1", metric: str = "auc") -> Point:
    return Point(AS_OF.plus_days(day), version, users, metric, basis, Estimate(value, value - 0.1, value + 0.1))


def _titles(figure: Figure) -> list[str]:
    return [panel.get_title() for panel in figure.axes]


def _drawn(figure: Figure, marker: str, panel: int = 0) -> list[list[float]]:
    found = [each for each in figure.axes[panel].get_lines() if each.get_marker() == marker and len(each.get_xdata())]
    return [np.asarray(each.get_ydata()).tolist() for each in found]


def test_each_group_has_a_panel_and_groups_nothing_is_known_of_have_none() -> None:
    points = [_point(0, "all", 0.7), _point(0, "segment = DE", 0.6), _point(0, "segment = FR", 1.0, metric="calibration_ratio")]
    assert _titles(over_time(points, ["all", "segment = FR", "segment = DE"], "auc", 0.5)) == ["all users", "segment = DE"]


def test_versions_have_lines_of_their_own_and_what_was_judged_stands_apart() -> None:
    points = [_point(0, "all", 0.7, "validation"), _point(1, "all", 0.71), _point(2, "all", 0.72), _point(3, "all", 0.8, version="2")]
    figure = over_time(points, ["all"], "auc", 0.5)
    assert _drawn(figure, "o") == [[0.71, 0.72], [0.8]]
    assert _drawn(figure, "D") == [[0.7]]
    said = [text.get_text() for text in figure.legends[0].get_texts()]
    assert said == ["when judged", "come true", "version 1", "version 2"]


def test_panels_share_their_axes_whatever_is_in_them() -> None:
    points = [_point(0, "all", 0.7), _point(30, "segment = DE", 0.4)]
    figure = over_time(points, ["all", "segment = DE"], "auc", 0.5)
    assert len({panel.get_ylim() for panel in figure.axes}) == len({panel.get_xlim() for panel in figure.axes}) == 1
    first, last = figure.axes[0].get_xlim()
    assert first < date2num(AS_OF.instant) < date2num(AS_OF.plus_days(30).instant) < last
    figure.canvas.draw()


def test_a_night_without_an_interval_is_a_point_alone_and_groups_beyond_the_last_panel_are_left_out() -> None:
    names = [f"segment = {number}" for number in range(20)]
    points = [Point(AS_OF, "1", name, "auc", "realised", Estimate(0.6)) for name in names]
    figure = over_time(points, names, "auc", 0.5)
    assert _titles(figure) == names[:MOST]
    figure.canvas.draw()
