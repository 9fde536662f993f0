from __future__ import annotations

from pathlib import Path

import pytest

from pipeline import profiles
from pipeline.cli.project import Profile
from pipeline.config import load
from pipeline.errors import ConfigError


@pytest.mark.parametrize("profile", list(Profile))
def test_every_profile_is_a_valid_configuration(profile: Profile, tmp_path: Path) -> None:
    path = tmp_path / "nightcast.toml"
    profiles.write(profile.value, path)
    assert load(path).targets


def test_every_shipped_file_can_be_chosen() -> None:
    assert profiles.__file__ is not None
    shipped = {path.stem for path in Path(profiles.__file__).parent.glob("*.toml")}
    assert shipped == {profile.value for profile in Profile}


def test_an_existing_file_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "nightcast.toml"
    path.write_text("mine")
    with pytest.raises(ConfigError, match="exists already"):
        profiles.write("starter", path)
    assert path.read_text() == "mine"
