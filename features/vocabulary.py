"""Which items and categories a sequence model knows by name: 0 is padding, 1 is everything unknown, the rest follow by frequency."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from features.timeline import Codes, Timeline

PADDING_ID = 0
UNKNOWN_ID = 1
FIRST_KNOWN_ID = 2


@dataclass(frozen=True)
class Vocabulary:
    """Known names, most frequent first; the name at position k has id k + 2."""

    items: tuple[str, ...]
    categories: tuple[str, ...]

    def item_ids(self, names: npt.NDArray[np.object_]) -> Codes:
        """(n,) int32 ids of item names; 1 for a name that is not known."""
        return _ids(names, self.items)

    def category_ids(self, names: npt.NDArray[np.object_]) -> Codes:
        """(n,) int32 ids of category names; 1 for a name that is not known."""
        return _ids(names, self.categories)

    def to_json(self) -> str:
        """Text that `from_json` turns back into an equal vocabulary."""
        return json.dumps({"items": self.items, "categories": self.categories}, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Vocabulary:
        """Inverse of `to_json`. Raises ValueError for anything that is not two lists of distinct strings."""
        found = json.loads(text)
        if not isinstance(found, dict) or set(found) != {"items", "categories"}:
            raise ValueError("A vocabulary is an object with the keys items and categories")
        for key, names in found.items():
            if not isinstance(names, list) or not all(isinstance(name, str) for name in names) or len(set(names)) != len(names):
                raise ValueError(f"The vocabulary's {key} are not a list of distinct strings")
        return cls(tuple(found["items"]), tuple(found["categories"]))


def fit(views: Iterable[Timeline], *, max_items: int, max_categories: int) -> Vocabulary:
    """The most frequent names among the events of `views`; equal counts go in the order of the names.

    `views` hold training data only, already cut at their cutoff (`Timeline.as_of`). The views' order changes nothing.
    """
    items: Counter[str] = Counter()
    categories: Counter[str] = Counter()
    for view in views:
        items.update(_counts(view.items, view.item))
        categories.update(_counts(view.categories, view.category))
    return Vocabulary(_most_frequent(items, max_items), _most_frequent(categories, max_categories))


def _counts(names: npt.NDArray[np.object_], codes: Codes) -> dict[str, int]:
    counts = np.bincount(codes[codes >= 0], minlength=len(names))
    seen = np.flatnonzero(counts)
    return dict(zip(names[seen].tolist(), counts[seen].tolist(), strict=True))


def _most_frequent(counts: Counter[str], limit: int) -> tuple[str, ...]:
    ranked = sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))
    return tuple(name for name, _ in ranked[:limit])


def _ids(names: npt.NDArray[np.object_], known: Sequence[str]) -> Codes:
    position = {name: FIRST_KNOWN_ID + rank for rank, name in enumerate(known)}
    return np.array([position.get(name, UNKNOWN_ID) for name in names], dtype=np.int32)
