from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from features.cutoff import Cutoff
from pipeline.config import Config
from pipeline.cutoff_plan import covered_until, require_closed, scoring_plan, training_plan
from pipeline.errors import NoEvents, NotMatured
from pipeline.timelines import Extent
from tests.features.literal import CUTOFF, TYPES, event
from tests.pipeline.ingested import configuration, ingest

WITH_ITEM = {
    "files": "{date}.csv",
    "event_types": TYPES,
    "columns": {"user_id": "u", "event_time": "t", "event_type": "e", "item_id": "i"},
}
REACH = Extent(CUTOFF.plus_days(-60).instant, CUTOFF.plus_days(-1).instant)


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return configuration(tmp_path)


def days(*cutoffs: Cutoff) -> list[int]:
    return [(CUTOFF.instant - cutoff.instant).days for cutoff in cutoffs]


def test_training_needs_each_targets_cutoffs_once(config: Config) -> None:
    plan = training_plan(config, [CUTOFF], REACH, CUTOFF)
    assert days(*plan.features) == [21, 17, 14, 10, 7, 5]
    assert [(target.name, *days(cutoff)) for target, cutoff in plan.labelled] == [
        ("buys", 21),
        ("buys", 14),
        ("buys", 7),
        ("quiet", 17),
        ("quiet", 10),
        ("quiet", 5),
    ]
    assert [(target.name, *days(cutoff)) for target, cutoff in plan.evaluated] == [("buys", 7), ("quiet", 5)]


def test_scoring_needs_features_at_the_cutoffs_alone(config: Config) -> None:
    plan = scoring_plan(config, [CUTOFF, CUTOFF.plus_days(-7), CUTOFF], REACH)
    assert days(*plan.features) == [7, 0]
    assert plan.labelled == plan.evaluated == ()


def test_cutoffs_before_the_first_event_stay_as_long_as_one_teaches(config: Config) -> None:
    plan = training_plan(config, [CUTOFF], Extent(CUTOFF.plus_days(-16).instant, REACH.last_event), CUTOFF)
    assert 21 in days(*plan.features)


@pytest.mark.parametrize("as_of", [CUTOFF.plus_days(-60), CUTOFF.plus_days(-50)])
def test_a_horizon_that_has_not_closed_twice_is_not_matured(config: Config, as_of: Cutoff) -> None:
    with pytest.raises(NotMatured, match=r"'buys' cannot be learned.*7 days.*from 2026-01-01"):
        training_plan(config, [as_of], REACH, CUTOFF)


def test_the_first_possible_cutoff_that_the_error_names_works(config: Config) -> None:
    with pytest.raises(NotMatured) as caught:
        training_plan(config, [CUTOFF.plus_days(-55)], REACH, CUTOFF)
    possible = datetime.strptime(caught.value.mend.split()[4], "%Y-%m-%d").replace(tzinfo=UTC)
    assert training_plan(config, [Cutoff(possible)], REACH, CUTOFF).features


def test_labels_are_not_made_from_days_that_were_not_ingested(config: Config) -> None:
    covered = CUTOFF.plus_days(-1)
    with pytest.raises(
        NotMatured, match=r"'buys' at 2026-02-23T00:00:00Z closes at 2026-03-02T00:00:00Z; the ingested days end at 2026-03-01"
    ):
        training_plan(config, [CUTOFF], REACH, covered)


def test_a_label_is_refused_up_to_the_instant_at_which_its_window_closes(config: Config) -> None:
    target, closes = config.target("buys"), CUTOFF.plus_days(7)
    require_closed(target, CUTOFF, closes)
    with pytest.raises(NotMatured, match=r"'buys' at 2026-03-02T00:00:00Z closes at 2026-03-09T00:00:00Z; .* end at 2026-03-08T23:59:59"):
        require_closed(target, CUTOFF, Cutoff(closes.instant - timedelta(microseconds=1)))


def test_no_training_label_is_planned_before_its_horizon_has_closed(config: Config) -> None:
    plan = training_plan(config, [CUTOFF, Cutoff(CUTOFF.instant - timedelta(microseconds=1))], REACH, CUTOFF)
    assert [(target.name, *days(cutoff)) for target, cutoff in plan.evaluated] == [("buys", 7), ("quiet", 5), ("buys", 8), ("quiet", 6)]


def test_targets_without_models_get_labels_too(tmp_path: Path) -> None:
    config = configuration(tmp_path, source=WITH_ITEM, targets={"next": {"kind": "next_item", "event_type": "purchase", "horizon_days": 7}})
    assert [(target.kind, *days(cutoff)) for target, cutoff in training_plan(config, [CUTOFF], REACH, CUTOFF).labelled] == [
        ("next_item", 21),
        ("next_item", 14),
        ("next_item", 7),
    ]


def test_an_embargo_moves_what_teaches_and_what_is_possible(tmp_path: Path) -> None:
    config = configuration(tmp_path, training={"cutoffs": 1, "embargo_days": 10})
    plan = training_plan(config, [CUTOFF], REACH, CUTOFF)
    assert [(target.name, *days(cutoff)) for target, cutoff in plan.labelled] == [("buys", 24), ("buys", 7), ("quiet", 20), ("quiet", 5)]
    with pytest.raises(NotMatured, match=r"training\.embargo_days = 10 between them") as caught:
        training_plan(config, [CUTOFF.plus_days(-40)], REACH, CUTOFF)
    possible = datetime.strptime(caught.value.mend.split()[4], "%Y-%m-%d").replace(tzinfo=UTC)
    assert training_plan(config, [Cutoff(possible)], REACH, CUTOFF).features


@pytest.mark.parametrize("plan", ["scoring", "training"])
def test_a_cutoff_without_an_event_before_it_is_named(config: Config, plan: str) -> None:
    before = Cutoff(REACH.first_known - timedelta(microseconds=1))
    with pytest.raises(NoEvents, match=r"No event is known before 2025-12-31T23:59:59.999999Z; .* from 2026-01-01 to 2026-03-01"):
        scoring_plan(config, [before], REACH) if plan == "scoring" else training_plan(config, [before], REACH, CUTOFF)
    assert scoring_plan(config, [Cutoff(REACH.first_known)], REACH).features


def test_a_cutoff_long_after_the_last_event_is_named(config: Config) -> None:
    last = Cutoff(REACH.last_event).plus_days(30)
    assert scoring_plan(config, [last], REACH).features
    with pytest.raises(NoEvents, match="No event lies in the 30 days before"):
        scoring_plan(config, [Cutoff(last.instant + timedelta(microseconds=1))], REACH)


@pytest.mark.parametrize(
    ("agos", "covered"),
    [((5.5,), 5), ((3.5, 2.5, 1.5), 1), ((5.5, 3.5, 1.5), 0), ((30.5, 10.5, 9.5), 6)],
)
def test_ingested_days_end_after_the_last_one_and_its_usual_pause(config: Config, agos: tuple[float, ...], covered: int) -> None:
    lake = ingest(config, [event("a", ago) for ago in agos])
    assert days(covered_until(lake, "UTC")) == [covered]
