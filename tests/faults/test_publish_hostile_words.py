"""SQL where nobody expects it: in user ids, reasons, targets' names, cutoffs, the warehouse's address. It is stored as it is or refused in
words, and never run (F28)."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import numpy as np
import psycopg
import pyarrow as pa
import pytest

from features.contract import bucket_of
from features.timeline import SORT_KEY
from pipeline.config import Config, load
from pipeline.lake import Lake
from pipeline.warehouse import open_warehouse
from tests.faults.laid_night import Scored, refused_in_words, scored_here, shop_at
from tests.faults.scoring_night import PARTITION, TARGET
from tests.faults.warm import begin
from tests.synthetic_lake import AS_OF, SETTINGS, TIMELINE, write_features, write_toml
from tests.warehouse.engines import ENGINES

DROP = "'; DROP TABLE user_scores; --"
WORDS = [
    DROP,
    '"; DROP TABLE "user_scores" CASCADE; --',
    "Robert'); DELETE FROM score_runs WHERE ('1'='1",
    "x' || (SELECT pg_sleep(60)) || '",
    "$1",
    "%s %(user)s {0}",
    "\\.",
    "\\N",
    "NULL",
    "a,b;c\td",
    'two\r\nlines, "quoted"',
    "=cmd|' /C calc'!A0",
    "../../../../etc/passwd",
    "read_csv('/etc/passwd')",
    "ünïcödé ☃ 🛒 \u202e\ufeff",
    " ",
    "select",
    "long" * 2_000,
]


@pytest.fixture(scope="module")
def night(trained_night: Config, tmp_path_factory: pytest.TempPathFactory) -> Config:
    """A night whose first users have such ids, scored."""
    root = tmp_path_factory.mktemp("night") / "night"
    shutil.copytree(trained_night.root, root)
    config = load(root / "nightcast.toml")
    lake = Lake(config.lake_url)
    events = lake.read("timelines", {}, TIMELINE.names)
    named = {f"user-{number:04d}": word for number, word in enumerate(WORDS)}
    users = [named.get(user, user) for user in events["user_id"].to_pylist()]
    events = events.set_column(events.column_names.index("user_id"), TIMELINE.field("user_id"), pa.array(users, pa.string()))
    buckets = np.array([bucket_of(user, config.lake.buckets) for user in users])
    parts = [
        lake.write_part("timelines", {"bucket": str(bucket)}, "hostile", _sorted(events.filter(pa.array(buckets == bucket))))
        for bucket in range(config.lake.buckets)
    ]
    lake.commit("timelines", TIMELINE, {}, parts, metadata={"events_version": "6"})
    write_features(config, AS_OF)
    assert scored_here(config)["rows"] == 240
    return config


def _sorted(events: pa.Table) -> pa.Table:
    return events.sort_by([(name, "ascending") for name in SORT_KEY])


@pytest.mark.parametrize("engine", ENGINES)
def test_users_with_such_names_are_users_like_any_other(night: Config, request: pytest.FixtureRequest, engine: str) -> None:
    config = into(night, request, engine)
    ended = begin(words(config, "publish"), config.root / "publish").ended()
    assert ended.code == 0, ended.said
    with open_warehouse(config) as warehouse:
        found = warehouse.query("SELECT user_id, score FROM user_scores_latest")
        checksum = warehouse.checksum(TARGET, AS_OF)
    rows = Lake(config.lake_url).read("scores", PARTITION)
    assert dict(zip(found["user_id"].to_pylist(), found["score"].to_pylist(), strict=True)) == dict(
        zip(rows["user_id"].to_pylist(), rows["score"].to_pylist(), strict=True)
    )
    assert set(WORDS) <= set(found["user_id"].to_pylist())
    assert json.loads(ended.out)["checksums"] == {TARGET: checksum}
    assert not any(word in ended.said for word in WORDS if len(word) > 9), "a user id in the log"


@pytest.mark.parametrize("engine", ENGINES)
def test_reasons_with_such_words_are_texts_like_any_other(
    scored_night: Scored, request: pytest.FixtureRequest, tmp_path: Path, engine: str
) -> None:
    shop = shop_at(tmp_path / "shop", address(request, engine), scored_night)
    rows = scored_night.rows
    told = [*WORDS, *rows["reason_1"].to_pylist()[len(WORDS) :]]
    rows = rows.set_column(rows.column_names.index("reason_1"), "reason_1", pa.array(told, pa.string()))
    new = shop.lay("1", rows=rows)
    shop.publish()
    assert shop.look() == new
    with shop.reader() as ask:
        assert {text for (text,) in ask("SELECT DISTINCT reason_1 FROM user_scores")} >= set(WORDS)


def address(request: pytest.FixtureRequest, engine: str) -> str:
    """Of a new warehouse whose schema, or file, is named like an attack."""
    if engine == "duckdb":
        return 'duckdb:///night\'; DROP TABLE "x".duckdb'
    url, schema = request.getfixturevalue("postgresql"), 'night"; DROP TABLE user_scores; --'
    with psycopg.connect(url, autocommit=True) as connection:
        named = '"' + schema.replace('"', '""') + '"'
        connection.execute(f"DROP SCHEMA IF EXISTS {named} CASCADE; CREATE SCHEMA {named}".encode())
    path = '"' + schema.replace('"', '""') + '"'
    return f"{url}&options={quote('-csearch_path=' + path.replace(' ', chr(92) + ' '))}"


def into(night: Config, request: pytest.FixtureRequest, engine: str) -> Config:
    url = address(request, engine)
    return load(write_toml(night.root, targets={TARGET: SETTINGS["targets"][TARGET]}, warehouse={"url": url}))


def words(config: Config, command: str, *more: str) -> list[str]:
    return [command, "--cutoff", str(AS_OF), "--config", str(config.root / "nightcast.toml"), "--json", *more]


@pytest.fixture
def kept(night: Config) -> Iterator[Config]:
    """The night's configuration, whatever the test does to the file."""
    path = night.root / "nightcast.toml"
    text = path.read_text()
    yield night
    path.write_text(text)


@pytest.mark.parametrize("command", ["score", "publish"])
@pytest.mark.parametrize("name", [DROP, '"', "select *", "Purchase", "a" * 64, "ü", "../x", ""])
def test_a_targets_name_is_a_name(kept: Config, command: str, name: str) -> None:
    toml = kept.root / "nightcast.toml"
    toml.write_text(toml.read_text().replace(f"[targets.{TARGET}]", f"[targets.{json.dumps(name)}]"))
    refused_in_words(begin(words(kept, command), kept.root / command).ended(), [10])


@pytest.mark.parametrize("command", ["score", "publish"])
@pytest.mark.parametrize(("option", "value"), [("--target", DROP), ("--cutoff", f"2026-04-11{DROP}"), ("--cutoff", "2026-04-11; SELECT 1")])
def test_what_is_typed_is_checked(kept: Config, command: str, option: str, value: str) -> None:
    ended = begin(words(kept, command, option, value), kept.root / command).ended()
    assert ended.code in {2, 10}, ended.said
    assert Lake(kept.lake_url).metadata("scores", PARTITION)["scored"] == "240"
