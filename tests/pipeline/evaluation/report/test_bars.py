from __future__ import annotations

import pytest

from pipeline.evaluation.evidence import Estimate
from pipeline.evaluation.report.bars import Scale, bar, scale


def test_a_bar_lies_where_its_numbers_are() -> None:
    drawn = bar(Estimate(0.5, 0.25, 1.0), Scale(-1.0, 1.0, 0.0), "better")
    assert drawn == (
        '<span class="bar better"><u style="left:50%"></u><i style="left:62.5%;width:37.5%"></i><b style="left:75%"></b></span>'
    )


def test_without_an_interval_there_is_a_point_alone() -> None:
    assert "<i" not in bar(Estimate(0.5), Scale(0.0, 1.0, 0.5))


def test_a_scale_holds_all_intervals_and_the_mark() -> None:
    low, high, mark = scale([Estimate(0.02, 0.01, 0.05), Estimate(0.04)], 0.0)
    assert (low, high) == pytest.approx((-0.002, 0.052))
    assert mark == 0.0


@pytest.mark.parametrize("estimates", [[], [Estimate(0.0, 0.0, 0.0)], [Estimate(float("nan"))]])
def test_where_there_is_nothing_to_span_bars_can_still_be_drawn(estimates: list[Estimate]) -> None:
    assert scale(estimates, 0.0).place(0.0) == 50.0


def test_nothing_is_drawn_beyond_the_ends() -> None:
    on = Scale(0.0, 1.0, 0.5)
    assert (on.place(-3.0), on.place(7.0)) == (0.0, 100.0)
