"""A night's real scores laid into a lake as the scoring stage leaves them, to be published by `nightcast publish` under all sorts of faults."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import psycopg
import pyarrow as pa
import pytest

from features.cutoff import Cutoff
from pipeline.config import Config, load
from pipeline.lake import Lake
from pipeline.stages import score
from pipeline.warehouse.duckdb_file import read_copy
from pipeline.warehouse.night import RUN
from tests.faults.scoring_night import PARTITION, TARGET, ready
from tests.faults.warm import Ended, Running, begin
from tests.synthetic_lake import AS_OF, SETTINGS, write_toml

COPIES, REFUSED = 10, 7
"""So many users for one that was scored, and so many beside them without a score."""

SAID = (*RUN, "model_kind", "target_kind")
"""What a scoring run writes beside its rows, of what publishing reads."""

SEEN = """
SELECT (SELECT count(DISTINCT user_id) FROM user_scores WHERE {night}), (SELECT count(*) FROM user_scores WHERE {night}),
       (SELECT min(model_version || ' of ' || run_id) FROM user_scores WHERE {night}),
       (SELECT max(model_version || ' of ' || run_id) FROM user_scores WHERE {night}),
       (SELECT count(*) FROM refused_users WHERE {night}), (SELECT min(model_version || ' of ' || run_id) FROM score_runs WHERE {night}),
       (SELECT sum(scored) FROM score_runs WHERE {night}), (SELECT sum(refused) FROM score_runs WHERE {night}),
       (SELECT sum(eligible) FROM score_runs WHERE {night})
"""

Seen = tuple[Any, ...]
ABSENT: Seen = (0, 0, None, None, 0, None, None, None, None)


@dataclass(frozen=True)
class Scored:
    """A night's rows of the lake's `scores`, and what their run said of itself."""

    rows: pa.Table
    said: dict[str, str]

    @property
    def users(self) -> int:
        """How many have a score."""
        return int(self.said["scored"])


@dataclass(frozen=True)
class Shop:
    """A folder whose lake is given nights, and its warehouse."""

    config: Config
    night: Scored

    def lay(self, version: str, cutoff: Cutoff = AS_OF, *, rows: pa.Table | None = None) -> Seen:
        """Put the night into the lake as the answer of this version; what readers see when it is published whole."""
        run_id, lake = f"run-{uuid.uuid4().hex[:8]}", Lake(self.config.lake_url)
        partition = {**PARTITION, "cutoff": cutoff.key}
        given = self.night.rows if rows is None else rows
        for name, value in (("model_version", version), ("run_id", run_id)):
            given = given.set_column(given.column_names.index(name), name, pa.array([value] * len(given), pa.string()))
        part = lake.write_part("scores", partition, run_id, given)
        said = {**self.night.said, "model_version": version, "run_id": run_id}
        lake.commit("scores", given.schema, partition, [part], metadata=said)
        users, one = self.night.users, f"{version} of {run_id}"
        return (users, users, one, one, REFUSED, one, users, REFUSED, users + REFUSED)

    def begin_publish(self, cutoff: Cutoff = AS_OF, **options: Any) -> Running:
        """`nightcast publish` in a process of its own; `options` as `tests.faults.warm.begin` takes them."""
        words = ["publish", "--cutoff", str(cutoff), "--config", str(self.config.root / "nightcast.toml"), "--json"]
        return begin(words, self.config.root / f"publish-{uuid.uuid4().hex[:8]}", **options)

    def publish(self, cutoff: Cutoff = AS_OF) -> str:
        """Publish what lies in the lake, which must succeed; the checksum read back."""
        ended = self.begin_publish(cutoff).ended()
        assert ended.code == 0, ended.said
        found: str = json.loads(ended.out)["checksums"][TARGET]
        return found

    def look(self, cutoff: Cutoff = AS_OF) -> Seen:
        """What a reader sees of the night now: PostgreSQL itself, or the copy of the DuckDB file."""
        with self.reader() as ask:
            return ask(seen(cutoff))[0]

    def in_the_file(self, cutoff: Cutoff = AS_OF) -> Seen:
        """As `look`, in the DuckDB file itself: a publish that was killed may have left the readers' copy behind it."""
        if self.duckdb is None:
            return self.look(cutoff)
        with duckdb.connect(self.duckdb, read_only=True) as connection:
            return connection.execute(seen(cutoff)).fetchall()[0]

    @property
    def duckdb(self) -> Path | None:
        """The DuckDB file; None in PostgreSQL."""
        url = self.config.warehouse.url
        return self.config.path(url.removeprefix("duckdb:///")) if url.startswith("duckdb") else None

    @contextmanager
    def reader(self) -> Iterator[Callable[[str], list[Seen]]]:
        """Asks as a BI tool would, one statement at a time."""
        if self.duckdb is None:
            with psycopg.connect(self.config.warehouse.url, autocommit=True) as connection:
                yield lambda sql: connection.execute(sql.encode()).fetchall()
            return
        with duckdb.connect(read_copy(self.duckdb), read_only=True) as copy:
            yield lambda sql: copy.execute(sql).fetchall()


def seen(cutoff: Cutoff) -> str:
    """One statement that tells everything of a night, and so a mixture of two."""
    return SEEN.format(night=f"target = '{TARGET}' AND cutoff = TIMESTAMPTZ '{cutoff.instant.isoformat()}'")


def refused_in_words(ended: Ended, codes: Sequence[int]) -> None:
    """The command said in one error what was wrong and what to do, and ended with one of the codes."""
    assert ended.code in codes, (ended.code, ended.said)
    assert ended.said.count("error: ") == 1, ended.said
    assert "  → " in ended.said, "no mend"


def shop_at(root: Path, url: str, night: Scored, **sections: Any) -> Shop:
    """A shop with nothing in its lake; `sections` of its configuration are as `tests.synthetic_lake.write_toml` takes them."""
    root.mkdir(exist_ok=True)
    targets = {TARGET: SETTINGS["targets"][TARGET]}
    sections["warehouse"] = {"url": url, **sections.get("warehouse", {})}
    return Shop(load(write_toml(root, targets=targets, **sections)), night)


class _Here:
    def map(self, function: Callable[[Any], Any], arguments: Sequence[Any], **_options: object) -> list[Any]:
        return [function(argument) for argument in arguments]


@contextmanager
def _here(_config: Config) -> Iterator[_Here]:
    yield _Here()


def scored_here(config: Config) -> dict[str, Any]:
    """Score the night in this process, without the seconds that workers need to start; what the stage says."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(score, "cluster", _here)
        return score.run(config, AS_OF, targets=[config.target(TARGET)], show=False)


@pytest.fixture(scope="session")
def trained_night(tmp_path_factory: pytest.TempPathFactory) -> Config:
    """A folder with a champion, ready to be scored. Copied, never changed; its model files stay where they are."""
    return ready(tmp_path_factory.mktemp("trained"), workers=2)


@pytest.fixture(scope="session")
def scored_night(trained_night: Config, tmp_path_factory: pytest.TempPathFactory) -> Scored:
    """Rows that the champion gave, each for several users, and some users without a score."""
    root = tmp_path_factory.mktemp("scored") / "lake"
    config = trained_night.model_copy(update={"lake": trained_night.lake.model_copy(update={"url": str(root)})})
    root.mkdir()
    for path in Path(trained_night.lake_url).iterdir():
        (root / path.name).symlink_to(path)
    scored_here(config)
    lake = Lake(config.lake_url)
    found, said = lake.read("scores", PARTITION), {name: lake.metadata("scores", PARTITION)[name] for name in SAID}
    return _many(found.drop_columns([name for name in PARTITION if name in found.column_names]), said)


def _many(rows: pa.Table, said: dict[str, str]) -> Scored:
    """Equal scores keep their percentile, so a copy of everybody is a night like any other."""
    place = rows.column_names.index("user_id")
    named = [rows.set_column(place, "user_id", pa.array([f"{user}-{n}" for user in rows["user_id"].to_pylist()])) for n in range(COPIES)]
    always = {name: rows[name].slice(0, REFUSED) for name in ("horizon_days", "model_name", "model_version", "run_id", "scored_at")}
    refused = {"user_id": pa.array([f"nobody-{n}" for n in range(REFUSED)]), "refused_reason": pa.array(["no features"] * REFUSED)}
    beside = pa.table({**always, **refused})
    many = pa.concat_tables([*named, beside], promote_options="permissive").select(rows.column_names)
    scored = COPIES * len(rows)
    return Scored(many, {**said, "scored": str(scored), "refused": str(REFUSED), "eligible": str(scored + REFUSED)})
