"""Several promotions and rollbacks at once, in processes of their own: they take turns, and one finished version is champion."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from pipeline.config import Config
from pipeline.evaluation.recollection import decided, recall
from pipeline.tracking import aliases, registry
from tests import contest
from tests.contest import TARGET, judge, register
from tests.faults.warm import Running, begin
from tests.synthetic_lake import AS_OF

EARLIER = AS_OF.plus_days(-14)
PROMOTE = ["promote", "--cutoff", str(AS_OF)]


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """Version 2 is surely better than version 1, and nobody is champion."""
    root = tmp_path / "shop"
    root.mkdir()
    found = contest.place(root)
    judge(found, {"1": 0.70, "2": 0.75})
    return found


class Pause:
    """Says that it has been reached, then waits until it may go on."""

    def __init__(self, folder: Path) -> None:
        self.reached, self.go_on = folder / "reached", folder / "go on"

    def __call__(self) -> None:
        self.reached.touch()
        wait_for(self.go_on)


def wait_for(path: Path) -> None:
    deadline = time.monotonic() + 100
    while not path.exists():
        assert time.monotonic() < deadline, path
        time.sleep(0.02)


def start(config: Config, words: list[str], name: str, *, pause: dict[str, Pause] | None = None) -> Running:
    line = [*words, "--target", TARGET, "--config", str(config.root / "nightcast.toml"), "--json"]
    return begin(line, config.root.parent / name, deeds=pause)


def test_two_promotions_of_one_training_say_the_same(config: Config) -> None:
    both = [start(config, PROMOTE, name) for name in ("one", "other")]
    ended = [each.ended() for each in both]
    assert [each.code for each in ended] == [0, 0], [each.said for each in ended]
    assert ended[0].out == ended[1].out
    assert '"champion": "2"' in ended[0].out
    assert aliases.holder(config, TARGET, registry.CHAMPION) == "2"


def test_the_second_of_two_trainings_that_end_together_is_not_decided_by_evidence_without_the_new_champion(config: Config) -> None:
    """Both evaluations saw no champion. Whoever comes second would take the alias from a version it was never compared with."""
    register(config, "3", EARLIER)
    judge(config, {"3": 0.72}, EARLIER)
    pause = Pause(config.root.parent)
    first = start(config, PROMOTE, "first", pause={"pipeline.stages.promote:decide:after": pause})
    wait_for(pause.reached)
    second = start(config, ["promote", "--cutoff", str(EARLIER)], "second")
    time.sleep(0.5)  # a chance to be wrong: without turns it would have read that nobody is champion
    assert second.process.is_alive()
    pause.go_on.touch()
    assert first.ended().code == 0
    late = second.ended()
    assert (late.code, "does not know version 2" in late.said) == (18, True)
    assert aliases.holder(config, TARGET, registry.CHAMPION) == "2"
    assert "decision" not in aliases.tags(config, TARGET, "3")
    judge(config, {"3": 0.72, "2": 0.75}, EARLIER)
    assert start(config, ["promote", "--cutoff", str(EARLIER)], "again").ended().code == 0
    assert (aliases.holder(config, TARGET, registry.CHAMPION), aliases.tags(config, TARGET, "3")["decision"]) == ("2", "refused")


def test_a_version_registered_while_a_promotion_decides_never_gets_the_alias_unjudged(config: Config) -> None:
    pause = Pause(config.root.parent)
    running = start(config, PROMOTE, "first", pause={"pipeline.stages.promote:require_ready:before": pause})
    wait_for(pause.reached)
    register(config, "3")
    pause.go_on.touch()
    assert running.ended().code == 0
    assert aliases.holder(config, TARGET, registry.CHAMPION) == "2"
    again = start(config, PROMOTE, "again").ended()
    assert (again.code, "does not know version 3" in again.said) == (18, True)


def test_a_rollback_waits_for_a_promotion_and_has_the_last_word(config: Config) -> None:
    registry.set_alias(config, TARGET, registry.CHAMPION, "1")
    pause = Pause(config.root.parent)
    first = start(config, PROMOTE, "first", pause={"pipeline.tracking.registry:set_alias:before": pause})
    wait_for(pause.reached)
    back = start(config, ["rollback", "--to", "1"], "back")
    time.sleep(0.5)  # a chance to be wrong: without turns it would find version 1 in its place, and end
    assert back.process.is_alive()
    pause.go_on.touch()
    assert [first.ended().code, back.ended().code] == [0, 0]
    assert aliases.holder(config, TARGET, registry.CHAMPION) == "1"
    assert set(aliases.withdrawn(config, TARGET, "12")) == {"2"}


def test_a_promotion_that_was_killed_holds_nobody_up(config: Config) -> None:
    pause = Pause(config.root.parent)
    first = start(config, PROMOTE, "first", pause={"pipeline.tracking.registry:set_alias:before": pause})
    wait_for(pause.reached)
    second = start(config, PROMOTE, "second")
    first.kill()
    assert second.ended().code == 0
    assert aliases.holder(config, TARGET, registry.CHAMPION) == "2"
    run, _ = recall(config, TARGET, AS_OF)
    kept = decided(run)
    assert kept is not None
    assert (kept.promoted, kept.version) == (True, "2")


def test_a_champion_moved_by_hand_meanwhile_is_not_overwritten(config: Config) -> None:
    """A person in MLflow knows no lock."""
    pause = Pause(config.root.parent)
    running = start(config, PROMOTE, "first", pause={"pipeline.stages.promote:require_ready:after": pause})
    wait_for(pause.reached)
    registry.set_alias(config, TARGET, registry.CHAMPION, "1")
    pause.go_on.touch()
    ended = running.ended()
    assert (ended.code, "changed from nobody to 1" in ended.said) == (31, True)
    assert aliases.holder(config, TARGET, registry.CHAMPION) == "1"
    assert start(config, PROMOTE, "again").ended().code == 0
    assert aliases.holder(config, TARGET, registry.CHAMPION) == "2"
