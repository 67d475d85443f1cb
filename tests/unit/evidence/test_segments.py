"""When segments began and ended, and what lies between them."""

from __future__ import annotations

from pathlib import Path

import pytest

from soak_action.evidence.segments import gaps, read_segments, segments_of


def record(number: int, started: str, ended: str, **more: object) -> dict[str, object]:
    return {
        "segment": number,
        "started_at": f"2026-11-26T{started}.000Z",
        "ended_at": f"2026-11-26T{ended}.500Z",
        "state": "paused",
        "reason": "because",
        "iterations": 3,
        "measured_seconds": 10,
        **more,
    }


def test_a_gap_is_the_time_from_one_end_to_the_next_start() -> None:
    segments = segments_of([record(1, "10:00:00", "11:00:00"), record(2, "11:10:00", "12:00:00")])
    assert gaps(segments) == [599.5]
    assert gaps(segments[:1]) == gaps([]) == []
    assert (segments[0].iterations, segments[0].seconds, segments[1].number) == (3, 10.0, 2)


def test_clocks_that_disagree_make_no_negative_gap() -> None:
    assert gaps(segments_of([record(1, "10:00:00", "11:00:00"), record(2, "10:59:00", "12:00:00")])) == [0.0]


@pytest.mark.parametrize(
    "broken",
    [
        {},
        {"started_at": "yesterday"},
        {"ended_at": 5},
        {"started_at": "2026-11-26T10:00:00"},
        {"segment": "one"},
        {"measured_seconds": None},
    ],
)
def test_what_is_no_segment_is_left_out(broken: dict[str, object]) -> None:
    bad = {**record(1, "10:00:00", "11:00:00"), **broken} if broken else broken
    assert segments_of([bad, record(2, "11:00:00", "12:00:00")]) == segments_of([record(2, "11:00:00", "12:00:00")])


def test_a_file_is_read_as_far_as_it_is_one(tmp_path: Path) -> None:
    assert read_segments(tmp_path) == []
    (tmp_path / "segments.jsonl").write_bytes(b'not one\n[1]\n{"segment": 1}\n{"torn')
    assert read_segments(tmp_path) == []
