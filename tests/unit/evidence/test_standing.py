"""Where a run stands: what ended, and the end that a killed segment could not write itself."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from soak_action.config.model import Schedule
from soak_action.evidence.consistency import SegmentCheck, Span, segment_contradictions
from soak_action.evidence.ledger import KILLED, Chain, Ledger
from soak_action.evidence.run_dir import RunDir, stamp
from soak_action.evidence.standing import Standing, standing_of

GENESIS = "0" * 64
START = datetime(2026, 11, 23, tzinfo=UTC)


def iteration(number: int, segment: int = 1, offset: float = 0.0, seconds: float = 2.0, drift=0.0, at=None) -> dict:
    return {
        "iteration": number,
        "segment": segment,
        "started_at": stamp(START + timedelta(seconds=offset if at is None else at)),
        "offset_seconds": offset,
        "seconds": seconds,
        "clock_drift_seconds": drift,
        "outcome": "ok",
        "suspends": [],
    }


def end(segment: int = 1, *, state="paused", measured=10.0, iterations=2, reason="r", wall=None) -> dict:
    return {
        "segment": segment,
        "started_at": stamp(START),
        "ended_at": stamp(START + timedelta(seconds=measured if wall is None else wall)),
        "state": state,
        "reason": reason,
        "iterations": iterations,
        "measured_seconds": measured,
        "clock_drift_seconds": 0.0,
    }


SCHEDULE = Schedule(
    iterations=9, duration=None, every=4.0, pause=None, warmup=0, failures=0, budget=None, min_active=None
)


def written(path, *records: dict) -> RunDir:
    path.mkdir(exist_ok=True)
    with Ledger(path, GENESIS) as ledger:
        for record in records:
            ledger.end_segment(record) if "state" in record else ledger.add_iteration(record)
    return RunDir(path)


def test_a_run_without_a_record_stands_at_its_beginning(tmp_path):
    standing = standing_of(written(tmp_path), GENESIS, SCHEDULE)
    assert standing == Standing(GENESIS, GENESIS)
    assert (standing.next_segment, standing.next_begins, list(standing.past(RunDir(tmp_path)))) == (1, 0.0, [])


def test_a_paused_run_stands_where_its_segments_ended(tmp_path):
    run = written(tmp_path, iteration(1), iteration(2, offset=4.0), end(), iteration(3, 2, 10.0), end(2, iterations=3))
    standing = standing_of(run, GENESIS, SCHEDULE)
    last = json.loads((tmp_path / "segments.jsonl").read_text().splitlines()[-1])
    assert (standing.head, standing.state, standing.killed) == (last["digest"], "paused", None)
    assert (standing.next_segment, standing.next_begins) == (3, 20.0)
    assert [record["iteration"] for record in standing.past(run)] == [1, 2, 3]


def test_a_killed_segment_counts_up_to_its_last_record(tmp_path):
    slept = {"suspends": [{"seconds": 60.0}]}
    second, third = iteration(2, 2, 10.0, at=100), iteration(3, 2, 14.0, at=104)
    run = written(tmp_path, iteration(1) | slept, end(iterations=1), second | slept, third)
    standing = standing_of(run, GENESIS, SCHEDULE)
    assert standing.state is None
    assert standing.killed == {
        "segment": 2,
        "started_at": stamp(START + timedelta(seconds=100)),
        "ended_at": stamp(START + timedelta(seconds=106)),
        "state": "interrupted",
        "reason": KILLED,
        "iterations": 3,
        "measured_seconds": 6.0,
        "clock_drift_seconds": 0.0,
        "missed_slots": 1,
        "suspends": [],
        "suspended_seconds": 60.0,
    }
    assert (standing.segments, standing.next_segment, standing.next_begins) == (1, 3, 16.0)


def problems(run: RunDir) -> list[str]:
    chain = Chain(run.path, GENESIS)
    check, found, spans = None, [], {}
    for _, record in chain.records():
        check = check or SegmentCheck(chain.segments)
        found.append(check.contradiction_of(record))
        spans[record["segment"]] = Span(record["iteration"], record["offset_seconds"] + record["seconds"])
    ends = segment_contradictions(chain.segments, spans)
    return [*filter(None, found), *(problem.what for problem in ends), *map(str, chain.problems)]


@pytest.mark.parametrize("step", [0.0, 3600.0, -3600.0])
@pytest.mark.parametrize("when", ["before the first", "during the first", "during the second", "after the second"])
def test_the_end_that_is_written_for_a_killed_segment_fits_wherever_the_wall_clock_stepped(tmp_path, when, step):
    moments = ["before the first", "during the first", "during the second", "after the second"]
    stepped = [moments.index(when) <= moment for moment in range(4)]
    drifts = [step if has else 0.0 for has in stepped]
    records = [
        iteration(1, 1, 1.0, drift=drifts[1], at=1.0 + drifts[0]),
        iteration(2, 1, 5.0, drift=drifts[2], at=5.0 + drifts[1]),
        iteration(3, 1, 9.0, drift=drifts[3], at=9.0 + drifts[3]),
    ]
    run = written(tmp_path, *records)
    standing = standing_of(run, GENESIS, SCHEDULE)
    with Ledger(tmp_path, standing.head) as ledger:
        ledger.end_segment(standing.killed)
    assert problems(run) == []


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({}, None),
        ({"measured_seconds": 20.0, "ended_at": stamp(START + timedelta(seconds=20))}, "was killed"),
        ({"measured_seconds": 4.0, "ended_at": stamp(START + timedelta(seconds=4))}, "was killed"),
        ({"state": "paused"}, "was killed"),
        ({"state": "finished"}, "was killed"),
        ({"iterations": 1}, "counts 1 iterations"),
    ],
    ids=["as soak writes it", "longer", "shorter", "paused", "finished", "count"],
)
def test_the_end_of_a_killed_segment_says_no_more_than_its_records(tmp_path, changes, found):
    run = written(tmp_path, iteration(1), iteration(2, offset=4.0))
    standing = standing_of(run, GENESIS, SCHEDULE)
    with Ledger(tmp_path, standing.head) as ledger:
        ledger.end_segment({**standing.killed, **changes})
    assert any(found in what for what in problems(run)) if found else problems(run) == []


def test_a_segment_without_iterations_cannot_have_been_killed(tmp_path):
    run = written(tmp_path, iteration(1), end(iterations=1), end(2, state="interrupted", iterations=1, reason=KILLED))
    assert problems(run) == ["was killed, so nothing can be known about it but its iterations"]


def test_an_interrupted_segment_may_be_without_iterations(tmp_path):
    run = written(tmp_path, iteration(1), end(iterations=1), end(2, state="interrupted", iterations=1, measured=5.0))
    assert problems(run) == []


@pytest.mark.parametrize(
    ("records", "found"),
    [
        ([iteration(1), end(iterations=1), iteration(2, 2, 10.0)], None),
        ([iteration(1), iteration(2, 2, 10.0)], "belongs to segment 2"),
        ([iteration(1), end(iterations=1), iteration(2, 3, 10.0)], "belongs to segment 3"),
        ([iteration(1), end(iterations=1), iteration(2, 2, 10.0), iteration(3, 1, 14.0)], "belongs to segment 1"),
        ([iteration(1), end(iterations=1), iteration(2, 2, 9.0)], "began before its segment did"),
        ([iteration(1, seconds=11.0), end(iterations=1)], "its last iteration ended after 11.000 s"),
        ([iteration(1), end(state="finished", iterations=1), iteration(2, 2, 10.0)], "ended the run as finished"),
        ([iteration(1), end(state="aborted", iterations=1), iteration(2, 2, 10.0)], "ended the run as aborted"),
        ([iteration(1), end(state="interrupted", iterations=1), iteration(2, 2, 10.0)], None),
        ([iteration(1), end(state="aborted", iterations=1), end(2, iterations=1)], "ended the run as aborted"),
    ],
)
def test_segments_follow_each_other_in_soak_time_and_only_where_the_run_had_not_ended(tmp_path, records, found):
    run = written(tmp_path, *records)
    assert any(found in what for what in problems(run)) if found else problems(run) == []


def exit_of(start: int) -> dict:
    return {"start": start}


def test_the_service_stands_where_any_record_tells_of_it(tmp_path):
    first = {**iteration(1), "service": {"start": 2, "exits": [exit_of(1)]}}
    second = {**iteration(2, 2, 10.0), "service": {"start": 4, "exits": []}}
    paused = {**end(iterations=1), "service": {"exits": [exit_of(2)], "not_ready": None, "stop": exit_of(3)}}
    standing = standing_of(written(tmp_path / "running", first, paused, second), GENESIS, SCHEDULE)
    assert (standing.service_exits, standing.service_start) == (2, 4)
    standing = standing_of(written(tmp_path / "paused", first, paused), GENESIS, SCHEDULE)
    assert (standing.service_exits, standing.service_start) == (2, 3)
    paused["service"]["stop"] = None
    standing = standing_of(written(tmp_path / "gone", first, paused), GENESIS, SCHEDULE)
    assert (standing.service_exits, standing.service_start) == (2, 2)


def test_without_a_service_nothing_stands(tmp_path):
    standing = standing_of(written(tmp_path, iteration(1), end(iterations=1)), GENESIS, SCHEDULE)
    assert (standing.service_exits, standing.service_start) == (0, 0)
