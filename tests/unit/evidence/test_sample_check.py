from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from soak_action import canonical
from soak_action.evidence.buckets import Bucket, Spread, thinned
from soak_action.evidence.sample_check import SampleCheck
from soak_action.evidence.samples import SAMPLES

Buckets = list[Bucket]


def records() -> list[dict[str, Any]]:
    """Three iterations in two segments, with 3, 0 and 2 samples; the last one lets no descriptors be counted."""
    return [
        record(1, 1, 0.0, 3, {"rss_mib": 30.0, "cpu_seconds": 9.0, "fds": 5.0}),
        record(2, 1, 10.0, 0, {}),
        record(3, 2, 20.0, 2, {"rss_mib": 50.0, "cpu_seconds": 1.0}),
    ]


def record(iteration: int, segment: int, offset: float, samples: int, values: dict[str, float]) -> dict[str, Any]:
    resources = {"samples": samples, "values": values}
    return {
        "iteration": iteration,
        "segment": segment,
        "offset_seconds": offset,
        "seconds": 5.0,
        "resources": resources,
    }


def sample(moment: float, iteration: int, segment: int, **values: float) -> Bucket:
    spreads = {name: Spread(value, value, value) for name, value in values.items()}
    return Bucket(moment, moment, spreads).placed(segment, iteration, 0.0)


def samples() -> Buckets:
    return [
        sample(0.5, 1, 1, rss_mib=10.0, cpu_seconds=0.5, fds=5.0),
        sample(1.5, 1, 1, rss_mib=30.0, cpu_seconds=1.5, fds=4.0),
        sample(2.5, 1, 1),
        sample(20.5, 3, 2, rss_mib=50.0, cpu_seconds=0.5, fds=99.0),
        sample(21.5, 3, 2, rss_mib=40.0, cpu_seconds=1.0),
    ]


def check(directory: Path, content: Buckets | bytes | None, *, is_sealed: bool = True, said: Any = None) -> SampleCheck:
    if content is not None:
        lines = content if isinstance(content, bytes) else b"".join(map(line_of, content))
        (directory / SAMPLES).write_bytes(lines)
    found = SampleCheck(directory)
    for one in said or records():
        found.add(one)
    found.finish(is_sealed=is_sealed)
    return found


def line_of(bucket: Bucket) -> bytes:
    return canonical.canonical_bytes(bucket.to_record()) + b"\n"


def told(directory: Path, content: Buckets | bytes | None, **more: Any) -> list[str]:
    return list(map(str, check(directory, content, **more).problems))


@pytest.mark.parametrize("capacity", [1, 2, 4, 1024])
def test_samples_that_agree_with_the_records_have_no_problem(tmp_path: Path, capacity: int) -> None:
    assert told(tmp_path, list(thinned(samples(), capacity))) == []


def test_a_run_without_sampling_has_no_file(tmp_path: Path) -> None:
    bare = [{"iteration": 1, "segment": 1, "offset_seconds": 0.0}]
    assert told(tmp_path, None, said=bare) == []
    assert told(tmp_path, samples()[:1], said=bare) == [f"{SAMPLES}:1: belongs to no iteration that was recorded"]


def change(position: int, **changes: Any) -> Callable[[Buckets], Buckets]:
    return lambda found: [replace(one, **changes) if at == position else one for at, one in enumerate(found)]


@pytest.mark.parametrize(
    ("edit", "where", "what"),
    [
        (lambda found: [], "", "holds fewer samples of iteration 1 than its record counts"),
        (lambda found: found[:-1], "", "holds fewer samples of iteration 3 than its record counts"),
        (lambda found: [found[0], *found], ":2", "belongs to"),
        (lambda found: [*found, found[-1]], ":6", "belongs to no iteration that was recorded"),
        (lambda found: [found[1], found[0], *found[2:]], ":2", "its times do not follow those before it"),
        (lambda found: [*found[:2], *found[3:]], ":3", "begins with iteration 3 of segment 2, but the next"),
        (change(0, first_iteration=2, last_iteration=2), ":1", "begins with iteration 2 of segment 1, but the next"),
        (change(0, segment=2), ":1", "begins with iteration 1 of segment 2, but the next"),
        (change(2, last_iteration=2), ":3", "ends with iteration 2, but its last sample does not"),
        (change(3, begins=19.0, ends=19.0), ":4", "begins before iteration 3 does"),
        (change(4, begins=26.0, ends=26.0), ":5", "ends after iteration 3 does"),
        (change(3, begins=22.0, ends=21.0), ":4", "its times do not follow"),
        (change(4, first_iteration=4), ":5", "ends before it begins"),
        (change(0, values={"fds": Spread(6.0, 6.0, 6.0)}), ":1", "has a fds of 6.0, which is above that"),
        (change(1, values={"rss_mib": Spread(1.0, 1.0, 29.0)}), "", "no sample of iteration 1 has its rss_mib of 30.0"),
        (change(0, values={"fds": Spread(3.0, 2.0, 5.0)}), ":1", "its fds cannot be: 3.0 to 5.0, mean 2.0"),
        (change(0, values={"fds": Spread(5.0, 5.0, 5.0, 2)}), ":1", "its fds cannot be"),
        (change(0, values={"teeth": Spread(5.0, 5.0, 5.0)}), ":1", "values breaks the schema"),
        (change(0, samples=0), ":1", "samples breaks the schema"),
        (change(0, samples=4), ":1", "ends with iteration 1, but its last sample does not"),
    ],
)
def test_what_does_not_agree_is_told_by_line(
    tmp_path: Path, edit: Callable[[Buckets], Buckets], where: str, what: str
) -> None:
    found = told(tmp_path, edit(samples()))
    if what == "belongs to":
        # A doubled sample pushes the others out of their iterations.
        assert found[0].startswith(f"{SAMPLES}:4: begins with iteration 1"), found
    else:
        assert [line for line in found if line.startswith(f"{SAMPLES}{where}: ") and what in line], found


def test_cpu_time_may_be_above_what_was_seen_but_not_below(tmp_path: Path) -> None:
    assert told(tmp_path, samples()) == []
    said = records()
    said[2]["resources"]["values"]["cpu_seconds"] = 0.9
    (problem,) = told(tmp_path, samples(), said=said)
    assert problem.startswith(f"{SAMPLES}:5: has a cpu_seconds of 1.0, which is above")


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"nonsense\n", ":1: not a sample: "),
        (b"{}\n", ":1: the document breaks the schema"),
        (line_of(samples()[0]).replace(b":", b": ", 1), ":1: its bytes are not those that soak wrote"),
        (b"x" * (17 << 20), ": "),
    ],
)
def test_what_is_no_sample_is_told(tmp_path: Path, content: bytes, what: str) -> None:
    (problem,) = told(tmp_path, content)
    assert problem.startswith(f"{SAMPLES}{what}"), problem


def test_a_killed_soak_leaves_samples_of_the_next_iteration_until_the_run_is_sealed(tmp_path: Path) -> None:
    unrecorded = [*samples(), sample(30.5, 4, 2), sample(31.5, 4, 2)]
    found = check(tmp_path, unrecorded, is_sealed=False)
    assert (found.problems, found.notes) == (
        [],
        (f"{SAMPLES}: what it holds of iteration 4, never recorded, does not count",),
    )
    assert told(tmp_path, unrecorded) == [f"{SAMPLES}:6: belongs to no iteration that was recorded"]
    later = [*samples(), sample(30.5, 5, 2)]
    assert told(tmp_path, later, is_sealed=False) == [f"{SAMPLES}:6: belongs to no iteration that was recorded"]
    torn = b"".join(map(line_of, samples())) + b'{"fi'
    assert told(tmp_path, torn, is_sealed=False) == []
    assert told(tmp_path, torn) == [f"{SAMPLES}: its last line is unfinished"]


@pytest.mark.parametrize("resources", [7, {}, {"samples": "3", "values": {}}, {"samples": 3, "values": 1}])
def test_a_record_that_is_none_ends_the_check_quietly(tmp_path: Path, resources: Any) -> None:
    broken = {"iteration": 1, "segment": 1, "offset_seconds": 0.0, "resources": resources}
    assert told(tmp_path, samples(), said=[broken]) == []
