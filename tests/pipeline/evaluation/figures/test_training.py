from __future__ import annotations

from pipeline.evaluation.figures.training import importance, learning_curve, wording
from tests.pipeline.evaluation.figures.lines import line


def test_a_learning_curve_counts_from_one_and_marks_the_step_that_is_used() -> None:
    figure = learning_curve({"held_out": [0.7, 0.6, 0.65]}, "round", best=2)
    assert line(figure, "held out").tolist() == [[1, 0.7], [2, 0.6], [3, 0.65]]
    assert [text.get_text() for text in figure.axes[0].texts] == ["round 2 is used"]


def test_without_a_best_step_none_is_marked() -> None:
    assert not learning_curve({"held_out": [0.7]}, "epoch").axes[0].texts


def test_importance_shows_the_columns_that_move_scores_most_first() -> None:
    figure = importance({"recency": (30.0, 0.1), "purchases_30d": (10.0, 0.4)}, {"recency": "{value} days since the last visit|never"})
    moved, gained = figure.axes
    assert [label.get_text() for label in moved.get_yticklabels()] == ["… days since the last visit\nrecency", "\npurchases_30d"]
    assert [bar.get_width() for bar in moved.patches] == [0.1, 0.4]  # from the bottom
    assert [bar.get_width() for bar in gained.patches] == [75.0, 25.0]


def test_twenty_columns_are_shown_at_most() -> None:
    figure = importance({f"column_{number}": (1.0, float(number)) for number in range(30)}, {})
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert (len(labels), labels[-1], labels[0]) == (20, "\ncolumn_29", "\ncolumn_10")


def test_columns_without_any_gain_can_be_drawn() -> None:
    importance({"recency": (0.0, 0.0)}, {}).canvas.draw()


def test_a_wording_leaves_the_number_out() -> None:
    assert wording("{value} purchases in the last 30 days|no purchase yet") == "… purchases in the last 30 days"
