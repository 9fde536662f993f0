from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit
from sklearn.metrics import log_loss

from models import metrics
from models.classifier import Floats, Labels
from pipeline.config_sections import Evaluation
from pipeline.evaluation.evidence import Slice
from pipeline.evaluation.slice_figures import weigh_parts
from pipeline.evaluation.slicing import Column, parts
from tests.models.plain_figures import paired_auc

RANDOM = np.random.default_rng(7)
SETTINGS = Evaluation(slice_rows=20, slice_positives=5, reach=0.1)
Y = (RANDOM.random(600) < 0.3).astype(np.int8)
RAW = np.stack([Y + RANDOM.normal(size=600), RANDOM.normal(size=600)])
COUNTRY: Column = np.array(["Germany", "France"], dtype=object)[(np.arange(600) >= 400).astype(int)]
GERMANY = slice(0, 400)


def weighed(y: Labels, raw: Floats, column: Column, settings: Evaluation = SETTINGS) -> tuple[Slice, ...]:
    versions = [str(place + 1) for place in range(len(raw))]
    return weigh_parts(y, versions, raw, expit(raw), parts({"country": column}, {}), settings)


def test_a_group_has_the_figures_of_its_own_users() -> None:
    germany, france = weighed(Y, RAW, COUNTRY)
    y, raw = Y[GERMANY], RAW[0, GERMANY]
    found, auc = germany.models["1"], metrics.auc_interval(y, raw)
    assert (germany.name, germany.rows, germany.positives) == ("country = Germany", 400, int(y.sum()))
    assert (france.name, france.rows, france.positives) == ("country = France", 200, int(Y[400:].sum()))
    assert (found["auc"].value, found["auc"].lower, found["auc"].upper) == pytest.approx(tuple(auc))
    assert found["log_loss"].value == pytest.approx(log_loss(y, expit(raw)))
    assert found["brier"].value == pytest.approx(np.square(expit(raw) - y).mean())
    assert found["calibration_ratio"].value == pytest.approx(expit(raw).sum() / y.sum())
    assert set(found) == {"auc", "log_loss", "brier", "calibration_ratio", "reached", "recall"}


def test_intervals_of_means_are_those_of_the_users_losses() -> None:
    found = weighed(Y, RAW, COUNTRY)[0].models["2"]
    y, probability = Y[GERMANY], expit(RAW[1, GERMANY])
    losses = -np.log(np.where(y == 1, probability, 1 - probability))
    for name, each in (("log_loss", losses), ("brier", np.square(probability - y))):
        half = 1.959964 * each.std(ddof=1) / 20
        assert (found[name].lower, found[name].upper) == (pytest.approx(each.mean() - half), pytest.approx(each.mean() + half))


def test_pairs_are_compared_on_the_same_users() -> None:
    germany, _ = weighed(Y, RAW, COUNTRY)
    found = germany.difference("1", "2")
    assert found is not None
    auc = paired_auc(Y[GERMANY], RAW[0, GERMANY], RAW[1, GERMANY])
    assert (found.figures["auc"].value, found.figures["auc"].lower, found.figures["auc"].upper) == pytest.approx(tuple(auc))
    assert found.figures["log_loss"].value == pytest.approx(germany.models["1"]["log_loss"].value - germany.models["2"]["log_loss"].value)


def test_who_is_worse_has_a_small_chance_by_either_figure() -> None:
    germany, _ = weighed(Y, RAW, COUNTRY)
    better, worse = germany.difference("1", "2"), germany.difference("2", "1")
    assert better is not None
    assert worse is not None
    assert min(better.worse.values()) > 0.99
    assert max(worse.worse.values()) < 0.01


def test_equal_models_are_not_apart() -> None:
    (germany, _) = weighed(Y, RAW[[0, 0]], COUNTRY)
    found = germany.difference("1", "2")
    assert found is not None
    assert {name: estimate.value for name, estimate in found.figures.items()} == {"auc": 0, "log_loss": 0}
    assert found.worse == {"auc": 0.5, "log_loss": 0.5}


def test_a_group_that_is_too_small_says_what_it_lacks() -> None:
    y = np.repeat([0, 1, 0, 1, 0], [30, 5, 25, 4, 10]).astype(np.int8)
    column: Column = np.repeat(np.array(["enough", "few of an outcome", "few"], dtype=object), [35, 29, 10])
    enough, outcomes, few = weighed(y, np.arange(74.0)[None], column)
    assert (enough.too_small, set(enough.models)) == ("", {"1"})
    assert outcomes.too_small == "4 of its 29 users have outcome 1; at least 5 with it and without it are needed"
    assert few.too_small == "it has 10 users; at least 20 are needed"
    assert (few.models, few.differences, outcomes.models) == ({}, (), {})
    turned = weighed(1 - y, np.arange(74.0)[None], column)[1]
    assert turned.too_small == "25 of its 29 users have outcome 1; at least 5 with it and without it are needed"


def test_the_reached_are_the_best_ranked_of_all_users() -> None:
    y = np.tile([0, 1], 50).astype(np.int8)
    column: Column = np.repeat(np.array(["low", "high"], dtype=object), 50)
    high, low = weighed(y, np.arange(100.0)[None], column)
    assert (high.models["1"]["reached"].value, low.models["1"]["reached"].value) == (0.2, 0)
    assert (high.models["1"]["recall"].value, low.models["1"]["recall"].value) == (0.2, 0)


def test_users_tied_at_the_edge_count_by_their_share() -> None:
    y = np.tile([0, 1], 50).astype(np.int8)
    column: Column = np.repeat(np.array(["low", "high"], dtype=object), 50)
    raw = np.where(np.arange(100) < 4, 9.0, 0.0)  # 4 are above, 6 of the other 96 make the ten
    for each in weighed(y, raw[None], column):
        above = 4 if each.value == "low" else 0
        assert each.models["1"]["reached"].value == pytest.approx((above + (50 - above) * 6 / 96) / 50)
        assert each.models["1"]["recall"].value == pytest.approx((above / 2 + (25 - above / 2) * 6 / 96) / 25)


@pytest.mark.parametrize("reach", [0.004, 0.1, 0.333, 0.999])
def test_all_groups_together_reach_as_many_as_was_asked(reach: float) -> None:
    raw = np.round(RAW, 1)
    found = weighed(Y, raw, COUNTRY, SETTINGS.model_copy(update={"reach": reach}))
    for version in ("1", "2"):
        assert sum(each.models[version]["reached"].value * each.rows for each in found) == pytest.approx(600 * reach)


def test_probabilities_of_0_and_1_that_were_wrong_cost_what_they_cost_overall() -> None:
    y = np.tile([0, 1], 20).astype(np.int8)
    sure = np.tile([1.0, 0.0], 20)
    (found,) = weigh_parts(y, ["1"], sure[None], sure[None], parts({"c": np.zeros(40)}, {}), SETTINGS)
    assert found.models["1"]["log_loss"].value == pytest.approx(metrics.log_loss(y, sure))


def test_without_models_groups_are_counted() -> None:
    germany, _ = weighed(Y, RAW[:0], COUNTRY)
    assert (germany.rows, germany.models, germany.too_small) == (400, {}, "")
