"""Configurations that ship with Nightcast, each a commented nightcast.toml."""

from __future__ import annotations

import os
from importlib import resources
from pathlib import Path

from pipeline.errors import ConfigError


def text(profile: str) -> str:
    """The profile's file as it is."""
    return resources.files(__name__).joinpath(f"{profile}.toml").read_text(encoding="utf-8")


def write(profile: str, path: Path) -> None:
    """Write the profile to a new file. Raises ConfigError if there is a file already."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    except FileExistsError as error:
        raise ConfigError(f"{path} exists already", mend="move it away, or name another path: nightcast init PATH") from error
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be written: {error.strerror}", mend="name a path in a folder that exists and is writable"
        ) from error
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text(profile))
