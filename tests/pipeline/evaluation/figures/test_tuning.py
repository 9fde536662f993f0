from __future__ import annotations

from pipeline.evaluation.figures.tuning import tuning_history
from tests.pipeline.evaluation.figures.lines import line


def test_trials_are_drawn_in_order_with_the_least_so_far() -> None:
    figure = tuning_history([0, 1, 4], [0.5, 0.6, 0.4])
    assert line(figure, "trial").tolist() == [[0, 0.5], [1, 0.6], [4, 0.4]]
    assert line(figure, "least so far").tolist() == [[0, 0.5], [1, 0.5], [4, 0.4]]
    assert line(figure, "as configured")[:, 1].tolist() == [0.5, 0.5]
    figure.canvas.draw()
