from __future__ import annotations

import pytest

from pipeline.errors import NightcastError
from pipeline.simulator.profiles import PROFILES, profile


def test_only_in_the_ordered_shop_does_the_direction_matter() -> None:
    assert {name: len(set(world.lift)) > 1 for name, world in PROFILES.items()} == {"plain": False, "ordered": True, "noise": False}


def test_an_unknown_profile_names_those_there_are() -> None:
    with pytest.raises(NightcastError, match="no profile 'fancy'") as caught:
        profile("fancy")
    assert "plain, ordered, noise" in caught.value.mend
