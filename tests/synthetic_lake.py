"""A few hundred users whose habits differ, written straight into a lake: timelines, features and labels as the stages leave them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from features.contract import EVENTS, VALUE_SCALE, bucket_of
from features.cutoff import Cutoff
from features.eligibility import eligible
from features.labels import outcome
from features.timeline import SORT_KEY, Timeline, from_events
from pipeline.config import Config
from pipeline.configured_features import configured_features
from pipeline.feature_build import LABELS_SCHEMA
from pipeline.lake import Lake
from pipeline.leaks.report import Checked, Finding, store

START = datetime(2026, 1, 1, tzinfo=UTC)
DAYS = 100
AS_OF = Cutoff(START + timedelta(days=DAYS))
EVENT_TYPES = ("view", "purchase")
TIMELINE = EVENTS.remove(EVENTS.get_field_index("bucket"))


SETTINGS: dict[str, dict[str, Any]] = {
    "source": {
        "files": "{date}.csv",
        "event_types": EVENT_TYPES,
        "columns": {"user_id": "u", "event_time": "t", "event_type": "e"},
    },
    "lake": {"buckets": 3},
    "dask": {"workers": 1, "timeout_minutes": 5},
    "windows": {"lookback_days": 60, "days": (7, 30)},
    "targets": {
        "purchase_7d": {"kind": "occurs", "event_type": "purchase", "horizon_days": 7},
        "churn_14d": {"kind": "absent", "horizon_days": 14, "eligible": {"within_days": 30}},
    },
    "training": {
        "cutoffs": 2,
        "step_days": 14,
        "gbdt": {"rounds": 30, "learning_rate": 0.1, "leaves": 7, "min_leaf": 10, "folds": 2, "early_stopping": 10},
        "sequence": {"length": 8, "width": 8, "epochs": 2, "batch": 64, "max_samples": 300},
    },
}
"""Two targets and small models."""


def configuration(root: Path, **sections: Any) -> Config:
    """`SETTINGS`, with whole sections replaced by `sections`, in folder `root`."""
    return Config.model_validate({"root": root, **SETTINGS, **sections})


def write_toml(root: Path, **sections: Any) -> Path:
    """The same configuration as a file, for the command line."""
    lines = [line for name, section in {**SETTINGS, **sections}.items() for line in _toml([name], section)]
    path = root / "nightcast.toml"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def write_events(config: Config, *, users: int = 240, seed: int = 7, twice: bool = False) -> None:
    """The lake's `timelines`: frequent buyers, rare buyers, and some who leave half-way; `twice`: each under two ids."""
    lake, random = Lake(config.lake_url), np.random.default_rng(seed)
    rows = [event for user in range(users) for event in _events(f"user-{user:04d}", random)]
    rows += [{**row, "user_id": f"{row['user_id']}-again"} for row in rows if twice]
    events = pa.Table.from_pylist(rows, schema=TIMELINE)
    buckets = np.array([bucket_of(user, config.lake.buckets) for user in events["user_id"].to_pylist()])
    parts = [
        lake.write_part("timelines", {"bucket": str(bucket)}, "timeline", _sorted(events.filter(pa.array(buckets == bucket))))
        for bucket in range(config.lake.buckets)
    ]
    lake.commit("timelines", TIMELINE, {}, parts, metadata={"events_version": "5"})


def write_features(config: Config, *cutoffs: Cutoff) -> None:
    """`features/…` at these cutoffs, for every user with a visible event."""
    lake, features = Lake(config.lake_url), configured_features(config)
    schema = pa.schema([pa.field("user_id", pa.string()), *(pa.field(name, pa.float64()) for name in features.names)])
    for cutoff in cutoffs:
        parts = []
        for bucket in range(config.lake.buckets):
            whole = timeline(config, bucket)
            seen = np.diff(whole.as_of(cutoff).offsets) > 0
            matrix = features.at(whole, cutoff)[seen]
            columns = [pa.array(whole.user_ids[seen], pa.string()), *(pa.array(column) for column in matrix.T)]
            partition = {"cutoff": cutoff.key, "bucket": str(bucket)}
            parts.append(lake.write_part(features.table, partition, "features", pa.Table.from_arrays(columns, schema=schema)))
        metadata = {**_made_from(lake), "rows": str(sum(part.rows for part in parts))}
        lake.commit(features.table, schema, {"cutoff": cutoff.key}, parts, metadata=metadata)


def write_labels(config: Config, target: str, *cutoffs: Cutoff) -> None:
    """`labels` of a target at these cutoffs, for eligible users."""
    lake, wanted = Lake(config.lake_url), config.target(target)
    for cutoff in cutoffs:
        parts = []
        for bucket in range(config.lake.buckets):
            whole = timeline(config, bucket)
            asked = eligible(whole, wanted, cutoff)
            happened = outcome(whole, wanted, cutoff)
            amount = pa.array(happened.amount[asked], from_pandas=True)
            columns = [pa.array(whole.user_ids[asked], pa.string()), happened.label[asked], amount, happened.item[asked]]
            found = pa.Table.from_arrays([pa.array(column) for column in columns], LABELS_SCHEMA.names)
            partition = {"target": target, "cutoff": cutoff.key, "bucket": str(bucket)}
            parts.append(lake.write_part("labels", partition, "labels", found.cast(LABELS_SCHEMA)))
        metadata = {**_made_from(lake), "rows": str(sum(part.rows for part in parts))}
        lake.commit("labels", LABELS_SCHEMA, {"target": target, "cutoff": cutoff.key}, parts, metadata=metadata)


def write_training(config: Config, target: str, as_of: Cutoff = AS_OF) -> None:
    """Features and labels at every cutoff of the training as of `as_of`, its evaluation included, and a passed leak gate."""
    found = config.split(config.target(target), as_of)
    cutoffs = (*found.training, found.evaluation)
    write_features(config, *cutoffs)
    write_labels(config, target, *cutoffs)
    write_leak_report(config, as_of)


def write_leak_report(config: Config, as_of: Cutoff = AS_OF, *, passed: bool = True) -> None:
    """A report of the leak gate about every target, with one finding."""
    lake = Lake(config.lake_url)
    splits = {target: config.split(target, as_of) for target in map(config.target, config.targets)}
    checked = Checked(configured_features(config), lake.version("timelines") or 0, splits)
    store(lake, as_of, checked, [Finding("truncation", "all features", 0.0, "0", passed, "a literal finding")])


def timeline(config: Config, bucket: int) -> Timeline:
    """A bucket's whole timeline."""
    return from_events(Lake(config.lake_url).read("timelines", {"bucket": str(bucket)}, TIMELINE.names), EVENT_TYPES)


def _events(user: str, random: np.random.Generator) -> list[dict[str, object]]:
    rate = random.gamma(0.6, 0.5)
    leaves = DAYS if random.random() < 0.7 else random.uniform(20, DAYS)
    days = np.sort(random.uniform(0, leaves, random.poisson(rate * leaves) + 1))
    buys = random.random(len(days)) < min(0.6, 0.1 + rate / 3)
    return [
        {
            "event_id": f"{user}-{number}",
            "user_id": user,
            "event_time": START + timedelta(days=float(day)),
            "available_at": START + timedelta(days=float(np.ceil(day))),
            "event_type": "purchase" if buy else "view",
            "item_id": f"item-{random.integers(20)}",
            "category": f"category-{random.integers(4)}",
            "value": int(random.integers(1, 100)) * VALUE_SCALE if buy else None,
            "session_id": None,
        }
        for number, (day, buy) in enumerate(zip(days, buys, strict=True))
    ]


def _made_from(lake: Lake) -> dict[str, str]:
    return {"timelines_version": str(lake.version("timelines")), "events_version": lake.metadata("timelines", {})["events_version"]}


def _sorted(events: pa.Table) -> pa.Table:
    return events.sort_by([(name, "ascending") for name in SORT_KEY])


def _toml(place: list[str], section: dict[str, Any]) -> list[str]:
    tables = {name: value for name, value in section.items() if isinstance(value, dict)}
    lines = [f"[{'.'.join(place)}]", *(f"{name} = {json.dumps(value)}" for name, value in section.items() if name not in tables)]
    return lines + [line for name, table in tables.items() for line in _toml([*place, name], table)]
