"""Records that claim of a service what the files or the promise do not show."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from tests.unit.gate.building import promised

from soak_action.config.model import (
    BuiltInSource,
    Config,
    EvidenceSettings,
    Gate,
    JsonSource,
    Kpi,
    Service,
    Window,
    Workload,
)
from soak_action.evidence.ledger import KILLED
from soak_action.evidence.run_dir import RunDir, digests_below
from soak_action.evidence.service_check import ServiceCheck

NEEDS_LINKS = pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege")


def kpi(name: str, source: BuiltInSource | JsonSource) -> Kpi:
    return Kpi(name, source, name, None, "lower", None, "sum", Window(), None, None, None, None, 0.0, must_vary=False)


def config(*, service: bool = True, run: bool = True, kpis: tuple[Kpi, ...] = ()) -> Config:
    promise = Service(("server",), None, 0, 10.0, 60.0) if service else None
    workload = Workload(("load",) if run else None, 60.0, {}, None, promise)
    return Config("s", workload, promised(3), kpis, Gate(("fail",)), EvidenceSettings(1000))


def started(run: RunDir, start: int) -> dict[str, Any]:
    """Leave the folder of a start of the service and return the record of its end."""
    folder = run.begin_service(start)
    folder.stdout.write_text(f"start {start}\n")
    folder.stderr.touch()
    return {"start": start, "results": digests_below(folder)}


def iteration(*exits: Any, **more: Any) -> dict[str, Any]:
    return {"outcome": "ok", "exit_code": 0, "kpis": {}, "service": {"start": 1, "exits": list(exits)}, **more}


def segment(*exits: Any, stop: Any = None, reason: str = "schedule met") -> dict[str, Any]:
    return {"reason": reason, "service": {"exits": list(exits), "not_ready": None, "stop": stop}}


def problems(
    path: Path,
    iterations: list[dict[str, Any]],
    segments: list[dict[str, Any]],
    promise: Config | None = None,
    *,
    is_sealed: bool = True,
) -> list[str]:
    check = ServiceCheck(RunDir(path), config() if promise is None else promise, is_sealed=is_sealed)
    for number, record in enumerate(iterations, 1):
        check.add_iteration(record, f"i:{number}")
    for number, record in enumerate(segments, 1):
        check.add_segment(record, f"s:{number}")
    return list(map(str, check.problems()))


@pytest.fixture
def run(tmp_path: Path) -> RunDir:
    return RunDir(tmp_path)


def test_what_agrees_with_files_and_promise_has_no_problems(run):
    first, second, third = started(run, 1), started(run, 2), started(run, 3)
    assert problems(run.path, [iteration(), iteration(first)], [segment(second, stop=third)]) == []


def test_a_run_without_a_service_says_nothing_of_one(run):
    record = {"outcome": "ok", "exit_code": 0}
    assert problems(run.path, [record], [{"reason": "schedule met"}], config(service=False)) == []


def test_silence_about_a_promised_service_is_told(run):
    assert problems(run.path, [{"outcome": "ok", "exit_code": 0}], [{"reason": "schedule met"}]) == [
        "i:1: says nothing about the service, although the configuration has one",
        "s:1: says nothing about the service, although the configuration has one",
    ]


def test_a_service_that_nobody_promised_is_told(run):
    assert problems(run.path, [iteration()], [segment()], config(service=False)) == [
        "i:1: tells of a service, although the configuration has none",
        "s:1: tells of a service, although the configuration has none",
    ]


def test_a_killed_segment_could_say_nothing(run):
    started(run, 1)
    assert problems(run.path, [iteration()], [{"reason": KILLED}]) == []


def test_a_command_that_did_not_exit_with_0_cannot_pass_for_a_window(run):
    record = iteration(exit_code=None)
    assert problems(run.path, [record], [segment()]) == ["i:1: is ok, but the workload did not exit with 0"]
    assert problems(run.path, [record], [segment()], config(run=False)) == []


@pytest.mark.parametrize(("value", "is_told"), [(1, False), (0, True), (2.0, True), ("1", True)])
def test_the_counted_exits_are_those_that_are_recorded(run, value, is_told):
    promise = config(kpis=(kpi("losses", BuiltInSource("service_exits")), kpi("v", JsonSource("m.json", "v"))))
    record = iteration(started(run, 1), kpis={"losses": value, "v": 7})
    words = "i:1: the value of losses is not the number of exits of the iteration"
    assert problems(run.path, [record], [segment()], promise) == [words] * is_told


def test_a_count_that_is_missing_is_no_contradiction(run):
    promise = config(kpis=(kpi("losses", BuiltInSource("service_exits")),))
    end = started(run, 1)
    for kpis in ({}, None, 3):
        assert problems(run.path, [iteration(end, kpis=kpis)], [segment()], promise) == []


@pytest.mark.parametrize("change", ["changed", "more", "less", "away"])
def test_what_a_start_left_may_not_be_changed_afterwards(run, change):
    end, folder = started(run, 1), run.service(1)
    if change == "changed":
        folder.stdout.write_text("nothing to see\n")
    elif change == "more":
        (folder.path / "more").touch()
    else:
        folder.stdout.unlink()
    if change == "away":
        folder.stderr.unlink()
        folder.path.rmdir()
    words = "what service/00001 holds was changed after it was recorded"
    assert problems(run.path, [iteration(end)], [segment()]) == [f"i:1: {words}"]
    assert problems(run.path, [iteration()], [segment(stop=end)]) == [f"s:1: {words}"]


def test_a_folder_that_no_record_tells_of_is_told_in_a_sealed_run(run):
    end = started(run, 1)
    started(run, 2)
    assert problems(run.path, [], [segment(stop=end)], is_sealed=False) == []
    words = "service/00002: belongs to no start of the service that was recorded"
    assert problems(run.path, [], [segment(stop=end)]) == [words]


@NEEDS_LINKS
def test_links_that_lead_out_of_the_run_are_told(run, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside")
    end = started(run, 1)
    run.service(1).path.rename(outside / "00001")
    run.service(1).path.symlink_to(outside / "00001")
    assert problems(run.path, [], [segment(stop=end)]) == [
        "s:1: what service/00001 holds was changed after it was recorded",
        "service/00001: is a link that leads out of the run",
    ]
    run.service(1).path.unlink()
    run.service(1).path.parent.rmdir()
    run.service(1).path.parent.symlink_to(outside)
    assert "service: is a link that leads out of the run" in problems(run.path, [], [segment(stop=end)])


@pytest.mark.parametrize(
    "end",
    [3, None, {}, {"start": None}, {"start": "1"}, {"start": True}, {"start": 0}, {"start": -1}, {"start": 2**53 - 1}],
)
def test_a_forged_end_is_no_reason_to_fall_over(run, end):
    (run.path / "service").mkdir()
    for promise in (config(), config(service=False)):
        problems(run.path, [iteration(end)], [segment(end, stop=end)], promise)


@pytest.mark.parametrize("service", [3, "x", [], {}, {"exits": 3}, {"exits": None, "stop": 3}])
def test_a_forged_service_is_no_reason_to_fall_over(run, service):
    record = {"outcome": "ok", "exit_code": 0, "kpis": {}, "service": service}
    problems(run.path, [record], [{"reason": [], "service": service}])
