from __future__ import annotations

import pytest
from pydantic import ValidationError

from pipeline.config_sections import Dask, Mlflow, Schedule, Source, TargetSection, Training, Warehouse, Windows

COLUMNS = {"user_id": "u", "event_time": "t", "event_type": "k"}


@pytest.mark.parametrize("section", [Dask, Mlflow, Schedule, Training, Warehouse, Windows])
def test_a_section_without_keys_is_complete_and_frozen(section: type) -> None:
    made = section()
    with pytest.raises(ValidationError, match="frozen"):
        setattr(made, next(iter(section.model_fields)), "other")


@pytest.mark.parametrize(
    "wrong",
    [
        {"scheduler": "host:8786"},
        {"workers": 0},
        {"memory_limit": "2 gigs"},
        {"timeout_minutes": 0},
    ],
)
def test_dask_refuses_what_it_could_not_use(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Dask(**wrong)


def test_a_source_is_a_table_or_files_never_both() -> None:
    assert Source(table="raw", event_types=("buy",), columns=COLUMNS).table == "raw"
    with pytest.raises(ValidationError, match="exactly one"):
        Source(table="raw", files="{date}.csv", event_types=("buy",), columns=COLUMNS)


def test_a_source_knows_its_zone() -> None:
    source = Source(table="raw", time_zone="Europe/London", event_types=("buy",), columns=COLUMNS)
    assert source.zone.key == "Europe/London"


@pytest.mark.parametrize("kind", ["sum", "next_item"])
def test_a_reserved_kind_of_target_says_so(kind: str) -> None:
    with pytest.raises(ValidationError, match="reserved"):
        TargetSection(kind=kind, horizon_days=7)
