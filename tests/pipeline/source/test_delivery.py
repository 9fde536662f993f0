from __future__ import annotations

import dataclasses

import pytest

from pipeline.source.delivery import Delivery
from pipeline.source.rows import Rows


def test_rows_are_available_as_mapped_unless_they_come_back_from_quarantine() -> None:
    delivery = Delivery("events", Rows("made", {}, True, iter(())))
    assert delivery.available_from is None
    with pytest.raises(dataclasses.FrozenInstanceError):
        delivery.stream = "other"  # type: ignore[misc]
