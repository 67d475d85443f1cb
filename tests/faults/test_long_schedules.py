"""Days of soak in seconds: the real loop, evidence and gate under clocks and a workload that only pretend.

What is promised is held against what the receipt says was measured: over segments, suspends, steps of the wall clock.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from tests.faults.pretending import HOUR, World

from soak_action.begin import begin_run
from soak_action.config.load import Loaded, Request, load
from soak_action.evidence.ledger import Ledger
from soak_action.evidence.run_dir import RunDir
from soak_action.evidence.standing import Standing
from soak_action.loop import Loop, Segment, Surroundings
from soak_action.resuming import examine, make_ready
from soak_action.verify import Judged, seal, verify


def soak(directory: Path, schedule: str, world: World, limit: float | None = None) -> Judged:
    """Run segment after segment, three hours apart, until the run has ended; every one of them verifies."""
    (directory / "soak.yaml").write_text(
        f"version: 1\nworkload: {{run: [/bin/sh]}}\nschedule: {schedule}\n"
        "kpis:\n  v: {from: m.json#v, better: lower, hard: 1000000, window: all}\n"
    )
    loaded = load(Request(directory, {"PATH": "/bin:/usr/bin"}), lambda _: None)
    suffixes = (f"{number:06x}" for number in count())
    run, genesis = begin_run(
        loaded, directory / ".soak", argv=[], environ={}, now=world.moment, random_suffixes=suffixes
    )
    standing = Standing(genesis, genesis)
    for _ in range(40):
        judged = _segment(run, loaded, standing, world, limit)
        assert verify(run).problems == ()
        if judged.outcome.conduct.state != "paused":
            return judged
        world.pass_by(3 * HOUR)
        standing = examine(run)
        make_ready(run, standing)
    raise AssertionError("it never ends")


def _segment(run: RunDir, loaded: Loaded, standing: Standing, world: World, limit: float | None) -> Judged:
    surroundings = Surroundings(loaded.base, {"PATH": "/bin:/usr/bin"}, "python3", None, start=world.start)
    with Ledger(run.path, standing.head) as ledger:
        loop = Loop(run, loaded.config, ledger, surroundings, world.clock(), world, world)  # type: ignore[arg-type]
        loop.execute(Segment(standing.next_segment, standing.next_begins, limit), standing.past(run))
    return seal(run)


def lines(judged: Judged, name: str = "iterations.jsonl") -> list[dict[str, Any]]:
    return [json.loads(line) for line in (judged.run.path / name).read_bytes().splitlines()]


def coverage(judged: Judged) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((judged.run.path / "receipt.json").read_text("utf-8"))["coverage"]
    return found


def starts(judged: Judged) -> list[float]:
    return [record["offset_seconds"] for record in lines(judged)]


@pytest.mark.parametrize(
    ("schedule", "hours", "every"),
    [
        ("{duration: 24h, every: 1h}", 24, HOUR),
        ("{duration: 24h, every: 30m, iterations: 10}", 24, HOUR / 2),
        ("{duration: 72h, every: 1h, budget: 80h}", 72, HOUR),
    ],
)
@pytest.mark.parametrize("limit", [None, 5 * HOUR], ids=["in one go", "in segments of 5 h"])
def test_trap_21_days_are_soaked_and_measured_without_drift(
    tmp_path: Path, schedule: str, hours: int, every: float, limit: float | None
) -> None:
    world = World(takes=lambda number: 60.0 + number % 7)
    judged = soak(tmp_path, schedule, world, limit)
    assert judged.verdict.verdict == "pass", judged.verdict.reasons
    slots = int(hours * HOUR / every)
    assert starts(judged) == [slot * every for slot in range(slots)]
    assert [record["iteration"] for record in lines(judged)] == list(range(1, slots + 1))
    found = coverage(judged)
    assert (found["seconds_promised"], found["seconds_measured"]) == (hours * HOUR, hours * HOUR)
    assert (found["iterations_planned"], found["iterations_done"], found["missed_slots"]) == (slots, slots, 0)
    assert found["longest_segment_seconds"] == (limit or hours * HOUR)
    assert len(lines(judged, "segments.jsonl")) == (1 if limit is None else -(-hours * HOUR // limit))
    assert found["seconds_active"] == sum(60.0 + number % 7 for number in range(1, slots + 1))


def test_trap_22_iterations_alone_are_all_run_however_many_segments_it_takes(tmp_path: Path) -> None:
    judged = soak(tmp_path, "{iterations: 30, every: 1h}", World(), 5 * HOUR)
    assert (judged.verdict.verdict, coverage(judged)["iterations_done"]) == ("pass", 30)
    assert coverage(judged)["seconds_promised"] is None
    assert coverage(judged)["seconds_measured"] == 29 * HOUR + 60


def test_trap_21_one_iteration_of_a_day_is_no_day_of_iterations(tmp_path: Path) -> None:
    judged = soak(tmp_path, "{duration: 24h, every: 1h}", World(takes=lambda _: 27 * HOUR))
    assert (judged.verdict.verdict, judged.outcome.conduct.state) == ("inconclusive", "finished")
    assert coverage(judged)["missed_slots"] == 23


@pytest.mark.parametrize("limit", [None, 5 * HOUR], ids=["in one go", "in segments of 5 h"])
def test_missed_slots_are_counted_where_they_were_missed_and_in_all(tmp_path: Path, limit: float | None) -> None:
    takes = {3: 2.5 * HOUR, 9: 1.5 * HOUR, 21: 4.2 * HOUR}
    judged = soak(tmp_path, "{duration: 24h, every: 1h}", World(lambda number: takes.get(number, 60.0)), limit)
    missed = {record["iteration"]: record["missed_slots"] for record in lines(judged) if record["missed_slots"]}
    assert (missed[4], missed[10]) == (2, 1)
    assert starts(judged)[:5] == [0, HOUR, 2 * HOUR, 5 * HOUR, 6 * HOUR]
    found = coverage(judged)
    assert found["missed_slots"] + found["iterations_done"] == found["iterations_planned"] == 24
    assert lines(judged, "segments.jsonl")[-1]["missed_slots"] == found["missed_slots"]
    assert judged.verdict.verdict == "warn"
    assert any(f"{found['missed_slots']} slots of schedule.every went by" in text for text in judged.verdict.reasons)


@pytest.mark.parametrize("limit", [None, 5 * HOUR], ids=["in one go", "in segments of 5 h"])
def test_a_suspend_is_no_part_of_the_soak_wherever_it_comes(tmp_path: Path, limit: float | None) -> None:
    world = World()
    world.during = {4: lambda: world.sleep(2 * HOUR)}
    world.asleep_at = 6.5 * HOUR
    judged = soak(tmp_path, "{duration: 24h, every: 1h}", world, limit)
    assert judged.verdict.verdict == "pass"
    assert starts(judged) == [slot * HOUR for slot in range(24)]
    found = coverage(judged)
    assert (found["seconds_measured"], found["suspends"], found["suspended_seconds"]) == (24 * HOUR, 2, 10 * HOUR)
    assert (found["missed_slots"], found["clock_steps"]) == (0, 0)
    told = [suspend for record in lines(judged) for suspend in record["suspends"]]
    assert [suspend["seconds"] for suspend in told] == [2 * HOUR, 8 * HOUR]
    before, after = (datetime.fromisoformat(told[1][key]) for key in ("before", "after"))
    assert timedelta(hours=8) <= before - after <= timedelta(hours=8, minutes=1)
    assert [text for text in judged.verdict.reasons if text.startswith("SUSPENDED: ")]
    assert sum(end["suspended_seconds"] for end in lines(judged, "segments.jsonl")) == 10 * HOUR


@pytest.mark.parametrize("step", [26 * HOUR, -26 * HOUR])
@pytest.mark.parametrize("limit", [None, 5 * HOUR], ids=["in one go", "in segments of 5 h"])
def test_a_step_of_the_wall_clock_changes_nothing_but_is_told(tmp_path: Path, limit: float | None, step: float) -> None:
    world = World()
    world.during = {4: lambda: world.set_clock(step)}
    judged = soak(tmp_path, "{duration: 24h, every: 1h}", world, limit)
    assert (judged.verdict.verdict, judged.verdict.reasons) == ("pass", ())
    assert starts(judged) == [slot * HOUR for slot in range(24)]
    found = coverage(judged)
    assert (found["seconds_measured"], found["clock_steps"], found["suspends"]) == (24 * HOUR, 1, 0)
    assert found["largest_clock_step_seconds"] == step


def test_a_clock_that_is_set_back_right_after_a_suspend_makes_no_result_stale(tmp_path: Path) -> None:
    world = World()

    def wake_up() -> None:
        world.sleep(HOUR)
        world.set_clock(-30)

    world.during = {2: wake_up}
    judged = soak(tmp_path, "{iterations: 3, every: 1h}", world)
    assert [record["missing"] for record in lines(judged)] == [{}, {}, {}]
    assert (coverage(judged)["clock_steps"], coverage(judged)["suspends"]) == (1, 1)
