from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from tests.conftest import full

from soak_action import resources
from soak_action.evidence.buckets import MOST_OF_AN_ITERATION, Bucket, Series, Spread, capacity_for, sizes_of, thinned


def bucket(moment: float, value: float, segment: int = 1, iteration: int = 1) -> Bucket:
    return Bucket(moment, moment, {"rss_mib": Spread(value, value, value)}).placed(segment, iteration, 0.0)


def test_a_thinned_bucket_tells_lowest_mean_and_highest_value_and_its_iterations() -> None:
    buckets = [bucket(1.0, 10.0), bucket(2.0, 40.0), bucket(5.0, 10.0, iteration=2), bucket(6.0, 0.0, iteration=3)]
    (one,) = thinned(buckets, 4)
    assert one.values == {"rss_mib": Spread(0.0, 15.0, 40.0, 4)}
    assert (one.begins, one.ends, one.first_iteration, one.last_iteration, one.samples) == (1.0, 6.0, 1, 3, 4)


def test_a_value_that_few_samples_have_is_the_mean_of_those() -> None:
    rare = Bucket(2.0, 2.0, {"uss_mib": Spread(9.0, 9.0, 9.0)}, segment=1)
    (one,) = thinned([bucket(1.0, 10.0), rare, bucket(3.0, 20.0)], 4)
    assert one.values == {"rss_mib": Spread(10.0, 15.0, 20.0, 2), "uss_mib": Spread(9.0, 9.0, 9.0, 1)}
    assert one.samples == 3


def test_no_bucket_spans_two_segments() -> None:
    buckets = [bucket(float(number), 1.0, segment=1 + number // 5) for number in range(10)]
    found = list(thinned(buckets, 1024))
    assert [(one.segment, one.samples) for one in found] == [(1, 5), (2, 5)]


def test_nothing_is_thinned_that_has_room() -> None:
    buckets = [bucket(float(number), 1.0) for number in range(10)]
    assert capacity_for(sizes_of(buckets), 10) == 1
    assert list(thinned(buckets, 1)) == buckets


@given(st.lists(st.tuples(st.integers(1, 4), st.integers(1, 9)), max_size=60), st.integers(1, 30))
def test_thinning_keeps_every_sample_and_reaches_its_goal(sizes: list[tuple[int, int]], most: int) -> None:
    sizes.sort(key=lambda size: size[0])
    buckets = [
        Bucket(float(number), float(number), {"fds": Spread(number, number, number, samples)}, samples, segment, 1, 1)
        for number, (segment, samples) in enumerate(sizes)
    ]
    capacity = capacity_for(sizes, most)
    found = list(thinned(buckets, capacity))
    assert len(found) <= max(most, len({segment for segment, _ in sizes}))
    assert sum(one.samples for one in found) == sum(samples for _, samples in sizes)
    assert capacity & (capacity - 1) == 0
    highest = [max(one.values["fds"].highest for one in part) for part in (found, buckets) if part]
    assert len(set(highest)) <= 1
    for one in found:
        spread = one.values["fds"]
        assert spread.lowest <= spread.mean <= spread.highest


def test_the_samples_of_one_long_iteration_take_bounded_memory() -> None:
    series, longest, seconds = Series(), 0, full(72, 12) * 3600
    for number in range(seconds):
        series.add(float(number), {"rss_mib": float(number % 1000), "fds": 3.0})
        longest = max(longest, len(series.buckets))
    assert longest == MOST_OF_AN_ITERATION
    assert sum(one.samples for one in series.buckets) == seconds
    assert max(one.samples for one in series.buckets) <= 4096
    assert max(one.values["rss_mib"].highest for one in series.buckets) == 999
    assert [series.buckets[0].begins, series.buckets[-1].ends] == [0.0, seconds - 1.0]
    # What is new is told exactly.
    assert series.buckets[-1].samples == 1


def test_a_record_satisfies_its_schema_and_is_read_back() -> None:
    one = bucket(1.25, 3.5).with_next(bucket(2.0, 4.5, iteration=2))
    Draft202012Validator(resources.schema("sample")).validate(one.to_record())
    assert Bucket.from_record(one.to_record()) == one


@pytest.mark.parametrize("record", [{}, {"values": []}, {**bucket(1.0, 1.0).to_record(), "values": {"a": 1}}])
def test_what_is_no_bucket_is_refused(record: dict[str, object]) -> None:
    with pytest.raises((KeyError, TypeError, AttributeError)):
        Bucket.from_record(record)
