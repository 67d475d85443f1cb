from __future__ import annotations

import os
from collections.abc import Mapping

from jsonschema import Draft202012Validator

from soak_action import resources
from soak_action.config.model import SAMPLED, Resources
from soak_action.kpi.reading import Reading
from soak_action.workload.process_tree import Member
from soak_action.workload.resource_record import Watched, readings_of, record_of, samples_of
from soak_action.workload.sampler import Sampler
from soak_action.workload.usage import Usage

MAIN = (1, 1.0)
EVERYTHING = {"rss_mib": 2.5, "cpu_seconds": 1 / 3, "threads": 3.0, "fds": 4.0, "uss_mib": 1.0, "io_read_mib": 0.0}


class Reader:
    lacks: Mapping[str, str] = {
        "private_mib": "there is none",
        "handles": "none either",
        "io_write_mib": "no",
        "gdi_objects": "no",
        "user_objects": "no",
    }

    def member(self, pid: int) -> Member | None: ...
    def read(self, member: Member, *, uss: bool) -> Usage | None: ...
    def forget(self, member: Member) -> None: ...


def sampler_of(*usages: Usage) -> Sampler:
    sampler = Sampler(1.0, Reader())
    for usage in usages:
        sampler.totals.add({MAIN: usage}, MAIN)
    return sampler


def reasons(sampler: Sampler, accounted: float | None = None) -> dict[str, str]:
    found = readings_of(sampler, accounted)
    assert tuple(found) == SAMPLED
    missing = {name: reading for name, reading in found.items() if isinstance(reading, Reading)}
    assert {reading.reason for reading in missing.values()} <= {"not_available"}
    return {name: reading.detail for name, reading in missing.items()}


def test_what_was_read_is_a_value_and_what_the_system_lacks_has_its_reason() -> None:
    sampler = sampler_of(Usage(EVERYTHING))
    assert reasons(sampler) == {
        "private_mib": "private_mib is not available: there is none",
        "handles": "handles is not available: none either",
        "io_write_mib": "io_write_mib is not available: no",
        "gdi_objects": "gdi_objects is not available: no",
        "user_objects": "user_objects is not available: no",
    }
    found = readings_of(sampler, None)
    assert (found["rss_mib"], found["cpu_seconds"], found["children"]) == (2.5, 0.333333, 0)


def test_cpu_time_is_the_larger_of_what_was_seen_and_what_the_system_accounts() -> None:
    assert readings_of(sampler_of(Usage(EVERYTHING)), 0.5)["cpu_seconds"] == 0.5
    assert readings_of(sampler_of(Usage(EVERYTHING)), 0.25)["cpu_seconds"] == 0.333333
    assert readings_of(sampler_of(), 0.25)["cpu_seconds"] == 0.25


def test_a_workload_that_was_never_seen_has_no_values() -> None:
    told = reasons(sampler_of(), 0.25)
    assert told["rss_mib"] == "rss_mib is not available: the workload ended before it could be sampled"
    assert "cpu_seconds" not in told
    assert len(told) == len(SAMPLED) - 1


def test_an_incomplete_sum_is_no_value() -> None:
    told = reasons(sampler_of(Usage(EVERYTHING), Usage({"rss_mib": 1.0}, frozenset({"uss_mib"}))))
    assert told["uss_mib"].endswith("the system refused to tell it of a process of the workload, 1 times")
    assert "rss_mib" not in told


def test_samples_that_broke_off_have_no_values_at_all() -> None:
    sampler = sampler_of(Usage(EVERYTHING))
    sampler.failure = "too many open files"
    told = reasons(sampler, 0.25)
    assert told["rss_mib"] == "rss_mib is not available: sampling broke off: too many open files"
    assert told["cpu_seconds"] == "cpu_seconds is not available: sampling broke off: too many open files"
    assert len(told) == len(SAMPLED)


def test_the_record_satisfies_its_schema() -> None:
    sampler = sampler_of(Usage(EVERYTHING, frozenset({"fds"})))
    sampler.cost.seconds = 0.0000004
    record = record_of(sampler, readings_of(sampler, None))
    Draft202012Validator(resources.schema("iteration")["properties"]["resources"]).validate(record)
    assert record["sampling_seconds"] == 0
    assert record["refused"] == {"fds": 1}
    assert set(record["values"]) | set(record["missing"]) == set(SAMPLED)


def test_the_samples_lie_in_the_iteration_at_whose_start_the_sampler_began() -> None:
    sampler = sampler_of()
    sampler.series.add(sampler.began + 2.5, {"rss_mib": 7.0})
    record = {"segment": 2, "iteration": 5, "offset_seconds": 100.25, "seconds": 3.0}
    (bucket,) = samples_of(sampler, record)
    assert (bucket.segment, bucket.first_iteration, bucket.last_iteration) == (2, 5, 5)
    assert (bucket.begins, bucket.ends) == (102.75, 102.75)
    assert bucket.values["rss_mib"].highest == 7
    (bucket,) = samples_of(sampler, {**record, "seconds": 1.5})
    assert (bucket.begins, bucket.ends) == (101.75, 101.75)


def test_nobody_watches_unless_asked_to() -> None:
    watched = Watched(None)
    assert (watched.arguments(), watched.readings(1.0), watched.record({}), watched.samples({})) == ({}, {}, {}, [])
    watched = Watched(Resources(2.0))
    assert list(watched.arguments()) == ["watch"]
    readings = watched.readings(None)
    assert watched.record(readings)["resources"]["interval_seconds"] == 2.0


class Running:
    """This very process, as something that was running before."""

    main = os.getpid()

    def present(self) -> list[Member]:
        return []


def test_a_service_is_watched_while_it_goes_on() -> None:
    watched = Watched(Resources(0.1))
    with watched.over(Running()):
        pass
    assert watched.readings(None)["rss_mib"] > 1
    nobody = Watched(None)
    with nobody.over(Running()):
        pass
    assert nobody.readings(None) == {}
