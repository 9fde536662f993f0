from __future__ import annotations

import pytest

from pipeline.progress import track


@pytest.mark.parametrize("show", [True, False])
def test_every_item_passes_in_order(show: bool, capsys: pytest.CaptureFixture[str]) -> None:
    assert list(track(iter("abc"), "letters", 3, show)) == ["a", "b", "c"]
    captured = capsys.readouterr()
    assert captured.out == ""
    assert ("letters" in captured.err) is show
