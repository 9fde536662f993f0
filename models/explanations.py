"""The few things that moved a user's probability most, in words."""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from numba import njit

from features.feature import theme
from features.timeline import Ints
from models.calibration import Calibrator
from models.classifier import Effects, Floats

Texts = npt.NDArray[np.object_]

NOTHING = -1

SHARE = "{value} %"
"""How a sentence asks for the share that it shows in per cent."""

SINGULAR = {
    "categories": "category",
    "days": "day",
    "events": "event",
    "items": "item",
    "minutes": "minute",
    "sessions": "session",
}
"""What the sentences count: 3 days, 1 day."""

COUNTED = re.compile(rf"(?<={{value}} )(?!(?:%|at|in|of|on|that) )((?:(?!in the ).)*?)\b({'|'.join(SINGULAR)})\b")
"""The noun that the number counts, after the words between: "different items", "add to cart events"; "of" and the like begin none."""

MOST_DIGITS = 4
"""Decimals of a small number: 4.8e-05 is nothing to say to people."""


def top_reasons(
    effects: Effects, sentences: Mapping[str, str], raw: Floats, calibrator: Calibrator, count: int = 3
) -> tuple[Texts, Floats]:
    """Each user's `count` strongest reasons: texts (n, count) and their effects on the probability (n, count).

    effects    of n users; raw (n,) their uncalibrated log-odds
    sentences  name → text as `wordings` reads it

    Quantities of one theme (`features.feature.theme`: one count over several windows) are one reason, and so are those that are undefined
    with the same text ("no purchase so far"): their log-odds are added, with their signs, and the text is that of the strongest of them.
    Strongest means the largest |log-odds|; ties go to the earlier one, for themes to that of the earlier quantity. The effect is
    p(raw) − p(raw − log-odds): what the probability would lose without the theme; effects of several reasons do not add up. Themes
    without any effect are no reasons: the text is None and the effect NaN there.
    Raises ValueError for a quantity without a sentence.
    """
    unnamed = [name for name in effects.names if name not in sentences]
    if unnamed:
        raise ValueError(f"No sentence for {', '.join(unnamed)}; every quantity of a model needs one")
    themes: dict[str, int] = {}
    of = np.empty((2, len(effects.names)), dtype=np.int64)
    for place, name in enumerate(effects.names):
        absent = _parts(sentences[name])[1]
        of[0, place] = themes.setdefault(theme(name), len(themes))
        of[1, place] = themes.setdefault(f"|{absent}", len(themes)) if absent else of[0, place]
    spoken, log_odds = _strongest(np.asarray(effects.log_odds, np.float64), np.asarray(effects.values, np.float64), of, count)
    played = spoken != NOTHING
    values = effects.values[np.arange(len(raw))[:, None], np.maximum(spoken, 0)] if len(themes) else np.zeros(spoken.shape)
    texts = np.full(spoken.shape, None, dtype=object)
    for position in np.unique(spoken[played]):
        where = np.nonzero(spoken == position)
        texts[where] = wordings(sentences[effects.names[position]], values[where])
    change = calibrator.probability(raw)[:, None] - calibrator.probability(raw[:, None] - log_odds)
    return texts, np.where(played, change, np.nan)


def wordings(sentence: str, values: Floats) -> Texts:
    """(n,) the sentence with each of (n,) values, written as `readable` does; before " %" they are shares, shown in per cent.

    What is counted is singular with a 1, and "1 times" is left out: "1 purchase event", "the usual pace".
    After a first `|` stands the text for NaN, without one (or an empty one) the word "unknown" takes the value's place. After a second `|`
    stands a usual value, as text; others are compared with it: "{value} purchases in the last 30 days|no purchase so far|1" gives
    "3 purchases in the last 30 days, usually 1". A sentence without {value} is true of some: it is said of values other than 0, and the
    text after `|`, where there is one, of 0 and NaN.
    """
    present, absent, usual = _parts(sentence)
    distinct, inverse = np.unique(rounded(_shown(present, values)), return_inverse=True)
    texts = np.empty(len(distinct), dtype=object)
    for place, value in enumerate(distinct.tolist()):
        if "{value}" not in present:
            texts[place] = absent if absent and (value == 0 or np.isnan(value)) else present
        elif np.isnan(value):
            texts[place] = absent or present.replace("{value}", "unknown")
        else:
            unlike = usual and usual != _with_unit(present, _written(value))
            texts[place] = _counting(present, _written(value)) + (f", usually {usual}" if unlike else "")
    return texts[inverse]


def compared(sentence: str, typical: float | None) -> str:
    """The sentence with a typical value behind, as `wordings` reads it.

    It stays as it is where there is none, where it shows no number, and where it says itself how the number stands to the usual.
    """
    present, _, absent = sentence.partition("|")
    if typical is None or "{value}" not in present or "usual" in present:
        return sentence
    usual = readable(float(_shown(present, np.array([typical]))[0]))
    return f"{present}|{absent}|{_with_unit(present, usual)}"


def readable(value: float) -> str:
    """`3` → "3", `1234.56` → "1,234.6", `0.0312` → "0.031": whole numbers without decimals, others with one, small ones with two digits."""
    return _written(float(rounded(np.array([value]))[0]))


def rounded(values: Floats) -> Floats:
    """(n,) the numbers that `readable` shows of (n,) values: few distinct ones, however many values there are."""
    small = (np.abs(values) < 0.1) & (values != 0)
    digits = 10.0 ** np.minimum(1 - np.floor(np.log10(np.abs(values, where=small, out=np.ones_like(values)))), MOST_DIGITS)
    shown: Floats = np.where(small, np.round(values * digits) / digits, np.round(values, 1))
    return shown + 0.0


def _written(value: float) -> str:
    if value == round(value):
        return f"{value:,.0f}"
    return f"{value:.2g}" if abs(value) < 0.1 else f"{value:,.1f}"


def _shown(present: str, values: Floats) -> Floats:
    return values * 100 if SHARE in present else values


def _with_unit(present: str, number: str) -> str:
    return SHARE.replace("{value}", number) if SHARE in present else number


def _counting(present: str, number: str) -> str:
    """The text with the number, and what it counts in the number's form."""
    if number == "1":
        present = COUNTED.sub(lambda noun: noun[1] + SINGULAR[noun[2]], present.replace("{value} times ", ""), count=1)
    return present.replace("{value}", number)


def _parts(sentence: str) -> tuple[str, str, str]:
    present, absent, usual, *_ = *sentence.split("|"), "", ""
    return present, absent, usual


@njit(cache=True, nogil=True)
def _strongest(log_odds: Floats, values: Floats, of: Ints, count: int) -> tuple[Ints, Floats]:
    """(n, count) the strongest quantity of each of the strongest themes, `NOTHING` where there is none, and the themes' log-odds.

    log_odds, values (n, K) of quantities; of (2, K) their themes, and those they have where their value is NaN, numbered from 0 in the
    order in which they first come.
    """
    users, quantities = log_odds.shape
    themes = of.max() + 1 if quantities else 0
    spoken, sums = np.full((users, count), NOTHING, dtype=np.int64), np.zeros((users, count))
    total, strongest = np.empty(themes), np.empty(themes, dtype=np.int64)
    for user in range(users):
        total[:] = 0
        strongest[:] = NOTHING
        for quantity in range(quantities):
            theme_ = of[int(np.isnan(values[user, quantity])), quantity]
            total[theme_] += log_odds[user, quantity]
            before = strongest[theme_]
            if before == NOTHING or abs(log_odds[user, quantity]) > abs(log_odds[user, before]):
                strongest[theme_] = quantity
        for theme_ in range(themes):
            place = count
            while place > 0 and abs(total[theme_]) > abs(sums[user, place - 1]):
                place -= 1
                if place + 1 < count:
                    spoken[user, place + 1], sums[user, place + 1] = spoken[user, place], sums[user, place]
            if place < count:
                spoken[user, place], sums[user, place] = strongest[theme_], total[theme_]
    return spoken, sums
