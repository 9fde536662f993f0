"""The columns that a source declares, by name."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.errors import SourceError


def by_name(place: str, names: Sequence[str], types: Sequence[str]) -> dict[str, str]:
    """Each column's type by its name, in order. Raises SourceError if two columns have one name: which is meant could only be guessed."""
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise SourceError(f"{place} has the column {', '.join(map(repr, twice))} more than once", mend="give every column its own name")
    return dict(zip(names, types, strict=True))
