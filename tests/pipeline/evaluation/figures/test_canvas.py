from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure

from pipeline.evaluation.figures.canvas import COLORS, canvas, colored, log_odds_axis, on_log_odds, percent, rows


@pytest.mark.parametrize(("share", "text"), [(0.0, "0 %"), (0.0001, "0.01 %"), (0.07, "7 %"), (0.975, "97.5 %"), (1.0, "100 %")])
def test_shares_are_read_in_percent(share: float, text: str) -> None:
    assert percent(share) == text


def test_log_odds_have_ticks_within_the_range_only() -> None:
    panel = Figure().add_subplot()
    log_odds_axis(panel.xaxis, 0.02, 0.6)
    assert [tick.get_text() for tick in panel.get_xticklabels()] == ["3 %", "10 %", "25 %", "50 %"]


def test_probabilities_of_nought_and_one_lie_at_the_ends() -> None:
    low, middle, high = on_log_odds(np.array([0.0, 0.5, 1.0]), 0.01, 0.99)
    assert (low, middle, high) == pytest.approx((-4.595, 0.0, 4.595), abs=1e-3)


def test_panels_go_line_by_line() -> None:
    figure, panels = canvas("title", columns=2, lines=3)
    assert len(panels) == len(figure.axes) == 6
    assert figure.get_suptitle() == "title"


def test_the_eighth_model_has_the_first_ones_color() -> None:
    colors = [color for _, color in colored("abcdefgh")]
    assert len(set(colors)) == len(COLORS) == 7
    assert colors[7] == colors[0]


def test_a_title_says_about_how_many_users_it_is() -> None:
    assert rows(np.array([0, 1] * 600, dtype=np.int8)) == "1,200 users, 600 with outcome 1"
