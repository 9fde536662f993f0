"""Several boosters as one: their trees side by side, each leaf worth its share of the mean."""

from __future__ import annotations

import re
from collections.abc import Sequence

import lightgbm

END = "end of trees\n"


def averaged(boosters: Sequence[lightgbm.Booster], rounds: Sequence[int]) -> lightgbm.Booster:
    """A booster whose raw score is the mean of these boosters', each cut off after its `rounds` trees.

    They were trained on one dataset with one set of parameters but for the seed. A single one keeps its text as it is.
    """
    texts = [booster.model_to_string(num_iteration=last) for booster, last in zip(boosters, rounds, strict=True)]
    if len(texts) == 1:
        return lightgbm.Booster(model_str=texts[0])
    trees = [_shared(tree, len(texts)) for text in texts for tree in _trees(text)]
    numbered = [re.sub(r"^Tree=\d+", f"Tree={number}", tree) for number, tree in enumerate(trees)]
    head, tail = texts[0][: texts[0].index("Tree=0\n")], texts[0][texts[0].index(END) :]
    sizes = " ".join(str(len(tree.encode())) for tree in numbered)
    merged = lightgbm.Booster(
        model_str=re.sub(r"^tree_sizes=.*$", f"tree_sizes={sizes}", head, flags=re.MULTILINE) + "".join(numbered) + tail
    )
    # LightGBM counts splits when it writes a model: what it has read still holds the counts of the first booster.
    return lightgbm.Booster(model_str=merged.model_to_string())


def _trees(text: str) -> list[str]:
    """Each tree's own text, up to the beginning of the next."""
    return re.findall(r"^Tree=\d+\n.*?(?=^Tree=\d+\n|^end of trees$)", text, flags=re.MULTILINE | re.DOTALL)


def _shared(tree: str, boosters: int) -> str:
    """The tree with leaves, and the means in its nodes, divided by the number of boosters."""
    return re.sub(r"^(leaf_value|internal_value)=(.*)$", lambda line: f"{line[1]}={_divided(line[2], boosters)}", tree, flags=re.MULTILINE)


def _divided(values: str, boosters: int) -> str:
    return " ".join(repr(float(value) / boosters) for value in values.split())
