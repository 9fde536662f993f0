from __future__ import annotations

import pytest

from pipeline.progress import counter, track


@pytest.mark.parametrize("show", [True, False])
def test_every_item_passes_in_order(show: bool, capsys: pytest.CaptureFixture[str]) -> None:
    assert list(track(iter("abc"), "letters", 3, show)) == ["a", "b", "c"]
    captured = capsys.readouterr()
    assert captured.out == ""
    assert ("letters" in captured.err) is show


@pytest.mark.parametrize("show", [True, False])
def test_steps_of_unknown_number_are_counted(show: bool, capsys: pytest.CaptureFixture[str]) -> None:
    with counter("rounds", show) as step:
        for _ in range(3):
            step()
    captured = capsys.readouterr()
    assert captured.out == ""
    assert ("rounds" in captured.err and "3/?" in captured.err) is show
