from __future__ import annotations

import sys
from itertools import pairwise
from pathlib import Path
from statistics import fmean

import pytest
from tests.conftest import full

from soak_action import canonical
from soak_action.errors import EvidenceError
from soak_action.evidence.buckets import Bucket, Series
from soak_action.evidence.samples import MOST_LINES, SAMPLES, SampleFile, forget_unrecorded, read_buckets


def samples_of(iteration: int, count: int, segment: int = 1, every: float = 1.0) -> list[Bucket]:
    series = Series()
    for number in range(count):
        series.add(number * every, {"rss_mib": float(iteration), "cpu_seconds": number * 0.5})
    return [bucket.placed(segment, iteration, iteration * count * every) for bucket in series.buckets]


def held(directory: Path) -> list[Bucket]:
    return list(read_buckets(directory / SAMPLES))


def test_samples_are_there_as_soon_as_they_are_added(tmp_path: Path) -> None:
    file = SampleFile(tmp_path)
    file.add(samples_of(1, 3))
    file.add(samples_of(2, 2))
    assert held(tmp_path) == [*samples_of(1, 3), *samples_of(2, 2)]
    file.close()
    file.close()
    file.add(samples_of(3, 1))
    file.close()
    assert len(held(tmp_path)) == 6


def test_without_samples_nothing_is_written(tmp_path: Path) -> None:
    file = SampleFile(tmp_path)
    file.add([])
    file.close()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.timeout(900)
@pytest.mark.parametrize(("hours", "seconds"), [(12, 600), *full([(72, 3600), (72, 60)], [])])
def test_days_once_a_second_stay_within_the_bound(tmp_path: Path, hours: int, seconds: int) -> None:
    file, most, largest = SampleFile(tmp_path), 0, 0
    iterations = hours * 3600 // seconds
    for iteration in range(1, iterations + 1):
        file.add(samples_of(iteration, seconds, segment=1 + iteration * 15 // (iterations + 1)))
        size = (tmp_path / SAMPLES).stat().st_size
        if size < largest or iteration == iterations:
            most = max(most, len(held(tmp_path)))
        largest = max(largest, size)
    file.close()
    found = held(tmp_path)
    assert len(found) <= most <= MOST_LINES
    assert largest < 1 << 20
    assert sum(bucket.samples for bucket in found) == hours * 3600
    assert {bucket.segment for bucket in found} == set(range(1, 16))
    # Old ones are coarse, but none is so coarse that an hour of them would be one line.
    assert max(bucket.samples for bucket in found) <= 2048
    assert max(bucket.values["rss_mib"].highest for bucket in found) == iterations
    assert min(bucket.values["rss_mib"].lowest for bucket in found) == 1
    weighted = sum(bucket.values["rss_mib"].mean * bucket.samples for bucket in found) / (hours * 3600)
    assert weighted == pytest.approx(fmean(range(1, iterations + 1)))
    assert all(one.ends < other.begins for one, other in pairwise(found))


def test_a_file_of_an_earlier_segment_is_gone_on_with(tmp_path: Path) -> None:
    for segment in (1, 2):
        file = SampleFile(tmp_path)
        for iteration in range(1, 6):
            file.add(samples_of(iteration + 5 * (segment - 1), 200, segment))
        file.close()
        assert len(held(tmp_path)) <= MOST_LINES
    found = held(tmp_path)
    assert [sum(one.samples for one in found if one.segment == segment) for segment in (1, 2)] == [1000, 1000]
    assert [one.last_iteration for one in found if one.segment == 1][-1] == 5


def test_each_segment_keeps_a_line_however_many_there_are(tmp_path: Path) -> None:
    file = SampleFile(tmp_path)
    for segment in range(1, MOST_LINES + 10):
        file.add(samples_of(segment, 2, segment))
    file.close()
    found = held(tmp_path)
    assert {one.segment for one in found} == set(range(1, MOST_LINES + 10))
    assert sum(one.samples for one in found) == 2 * (MOST_LINES + 9)


def test_what_was_never_recorded_is_forgotten_and_an_unfinished_line_too(tmp_path: Path) -> None:
    file = SampleFile(tmp_path)
    file.add(samples_of(1, 3))
    whole = (tmp_path / SAMPLES).read_bytes()
    file.add(samples_of(2, 3))
    file.close()
    with (tmp_path / SAMPLES).open("ab") as torn:
        torn.write(b'{"first')
    forget_unrecorded(tmp_path, 2)
    assert held(tmp_path) == [*samples_of(1, 3), *samples_of(2, 3)]
    forget_unrecorded(tmp_path, 1)
    assert (tmp_path / SAMPLES).read_bytes() == whole
    inode = (tmp_path / SAMPLES).stat().st_ino
    forget_unrecorded(tmp_path, 1)
    assert (tmp_path / SAMPLES).stat().st_ino == inode
    forget_unrecorded(tmp_path, 0)
    assert (tmp_path / SAMPLES).read_bytes() == b""


def test_nothing_is_to_be_forgotten_without_a_file(tmp_path: Path) -> None:
    forget_unrecorded(tmp_path, 0)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("line", [b"{}", b"[1]", b"nonsense", b'{"values":{"a":{}}}', b'{"samples":1e400}'])
def test_a_file_that_somebody_else_wrote_is_refused_by_line(tmp_path: Path, line: bytes) -> None:
    good = canonical.canonical_bytes(samples_of(1, 1)[0].to_record())
    (tmp_path / SAMPLES).write_bytes(good + b"\n" + line + b"\n")
    for use in (lambda: held(tmp_path), lambda: forget_unrecorded(tmp_path, 1)):
        with pytest.raises(EvidenceError, match=r"samples\.jsonl:2: not a sample that soak wrote"):
            use()
    with pytest.raises(EvidenceError, match="not a sample"):
        SampleFile(tmp_path).add(samples_of(2, 1))


@pytest.mark.skipif(sys.platform == "win32", reason="Wine makes no links")
@pytest.mark.parametrize("there", [True, False])
def test_a_link_does_not_lead_out_of_the_run(tmp_path: Path, there: bool) -> None:
    outside = tmp_path / "outside"
    if there:
        outside.touch()
    (tmp_path / SAMPLES).symlink_to(outside)
    with pytest.raises(EvidenceError, match=r"samples\.jsonl is (not a regular file|missing)"):
        SampleFile(tmp_path).add(samples_of(1, 1))
    assert [path.read_bytes() for path in (outside,) if path.exists()] == [b""] * there


def test_a_file_that_is_removed_while_it_is_written_is_missed(tmp_path: Path) -> None:
    file = SampleFile(tmp_path)
    file.add(samples_of(1, 1))
    try:
        (tmp_path / SAMPLES).unlink()
    except PermissionError:
        pytest.skip("Windows lets nobody remove an open file")
    with pytest.raises(EvidenceError, match="was removed"):
        file.add(samples_of(2, 1))
    file.close()
