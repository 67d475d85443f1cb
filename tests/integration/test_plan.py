"""soak plan as a person and as a workflow call it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

CONFIG = 'version: 1\nworkload: {run: ["${SOAK_PYTHON}", -c, pass]%s}\nschedule: {%s}\n'

WINDOWS = """\
version: 1
workload: {service: {start: [server], ready: {tcp: "127.0.0.1:1", within: 20m}, window: 2m}}
schedule: {%s}
"""


def write(folder: Path, schedule: str, workload: str = "") -> None:
    (folder / "soak.yaml").write_text(CONFIG % (workload, schedule), "utf-8")


def test_a_workflow_reads_one_document(soak):
    done = soak("plan", "--duration", "24h", "--segment", "5h", "--runs-on", "self-hosted, windows", "--json")
    assert (done.code, done.err, done.out.count("\n")) == (0, "", 1)
    slot = {"seconds": 18000, "timeout_minutes": 315}
    assert json.loads(done.out) == {
        "slots": [{"number": number, **slot} for number in range(1, 7)],
        "planned": 6,
        "spare": 1,
        "runs_on": ["self-hosted", "windows"],
        "segment_seconds": 18000,
        "duration_seconds": 86400,
        "wall_seconds": 90900,
        "runner_minutes": 1516,
        "minute_multiplier": 1,
    }


def test_a_person_reads_a_table(soak):
    done = soak("plan", "--duration", "3h", "--segment", "2h", "--runs-on", "windows-latest")
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines() == [
        "3h of soak in segments of 2h on windows-latest (hosted by GitHub)",
        "slot       soaks  time-out",
        "1          2h     135 min",
        "2          2h     135 min",
        "3 (spare)  2h     135 min",
        "takes about 3h30m when no slot dies, without waiting for runners",
        "costs about 422 runner-minutes, 2 for each",
    ]


@pytest.mark.parametrize(
    ("schedule", "workload", "words", "seconds"),
    [
        ("duration: 24h", "", (), 86400),
        ("iterations: 24, every: 1h", "", (), 86400),
        ("iterations: 24", ", timeout: 10m", (), 14400),
        ("iterations: 24, pause: 5m", ", timeout: 10m", (), 21600),
        ("duration: 24h", "", ("--iterations", "8", "--set", "schedule.every=1h"), 28800),
        ("iterations: 24", "", ("--duration", "10h"), 36000),
    ],
)
def test_the_length_comes_from_the_schedule(soak, tmp_path, schedule, workload, words, seconds):
    write(tmp_path, schedule, workload)
    done = soak("plan", "--segment", "5h", "--json", *words)
    assert done.code == 0, done.err
    assert done.json["duration_seconds"] == seconds


def test_a_slot_has_time_for_an_iteration_that_begins_late(soak, tmp_path):
    write(tmp_path, "duration: 24h", ", timeout: 10m")
    assert soak("plan", "--segment", "5h", "--json").json["slots"][0]["timeout_minutes"] == 325


@pytest.mark.parametrize(
    ("schedule", "seconds"),
    [
        ("iterations: 60", 7200),
        ("iterations: 60, every: 1m", 7200),
        ("iterations: 60, every: 3m", 10800),
        ("iterations: 60, pause: 1m", 10800),
        ("iterations: 60, budget: 1h", 3600),
    ],
)
def test_windows_of_a_service_tell_how_long_the_soak_takes(soak, tmp_path, schedule, seconds):
    (tmp_path / "soak.yaml").write_text(WINDOWS % schedule, "utf-8")
    plan = soak("plan", "--segment", "1h", "--json").json
    assert plan["duration_seconds"] == seconds
    # One window that began late, and the time that the service may take to be ready.
    assert plan["slots"][0]["timeout_minutes"] == 60 + 15 + 2 + 20


def test_a_time_out_does_not_lengthen_a_pace(soak, tmp_path):
    write(tmp_path, "iterations: 24, every: 5m", ", timeout: 10m")
    assert soak("plan", "--segment", "5h", "--json").json["duration_seconds"] == 7200


def test_iterations_of_unknown_length_are_refused_with_what_to_write(soak, tmp_path):
    write(tmp_path, "iterations: 24")
    done = soak("plan", "--segment", "5h")
    assert (done.code, done.out) == (2, "")
    assert done.err == (
        "soak: nothing says how long this schedule takes; give --duration, or write schedule.duration, schedule.every "
        "or workload.timeout in soak.yaml\n"
    )


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--duration", "24h"), "the following arguments are required: --segment; see soak plan --help"),
        (("--duration", "24h", "--segment", "5"), "--segment: '5' is not a duration"),
        (("--duration", "24h", "--segment", "0s"), "--segment: a segment has to last longer than 0s"),
        (("--duration", "24h", "--segment", "7h"), "the largest segment that fits is 5h45m"),
        (("--duration", "24h", "--segment", "1h"), "the smallest segment that fits is 1h36m"),
        (("--duration", "0s", "--segment", "1h"), "--duration: "),
        (("--duration", "", "--segment", "1h"), "--duration: the value is empty"),
        (("--duration", "24h", "--segment", "5h", "--runs-on", "{}"), "--runs-on: '{}' names no runner"),
        (("--duration", "24h", "--segment", "5h", "--config", "none.yaml"), "none.yaml"),
    ],
)
def test_bad_input_is_one_line_that_says_what_to_write(soak, words, told):
    done = soak("plan", *words)
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert told in done.err


def test_a_refusal_is_a_document_too(soak):
    done = soak("plan", "--duration", "24h", "--segment", "7h", "--json")
    assert (done.code, done.json["exit_code"]) == (2, 2)
