"""A run on a machine that cannot be kept awake goes on, and its evidence says so to whoever looks."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest
from tests.conftest import Done

from soak_action import running
from soak_action.commands.run import means
from soak_action.commands.settings import problem_of_source
from soak_action.config.load import Request, Setting, load
from soak_action.evidence.run_dir import RunDir
from soak_action.verify import Judged, verify
from soak_action.workload.awake import Awake, Caffeinate, Keeper, kept_awake
from soak_action.workload.stop import StopRequest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="starts the program of macOS, or what stands in for it")


class Silent:
    """Nobody watches."""

    def begin_iteration(self, number: int) -> None: ...
    def end_iteration(self, record: object, soak_seconds: float) -> None: ...


class Dying(Caffeinate):
    """A program that has ended by the time the workload runs."""

    def hold(self) -> None:
        super().hold()
        assert self._process is not None
        self._process.wait()


def soak_with(folder: Path, keeper: Keeper | None) -> Judged:
    settings = (Setting("workload.run", ["true"], "a test"), Setting("schedule.iterations", 2, "a test"))
    loaded = load(Request(folder, settings=settings), problem_of_source)
    real = replace(means(StopRequest(), lambda *_: nullcontext(Silent())), keeper=keeper)
    return running.run(loaded, None, real, argv=["run"], environ={"PATH": "/bin:/usr/bin"}, python=sys.executable)


def recorded(run: RunDir) -> object:
    (segment,) = map(json.loads, (run.path / "segments.jsonl").read_bytes().splitlines())
    return segment["awake"]


def test_trap_50_a_keeper_that_died_before_the_run_ended_is_a_warning(
    tmp_path: Path, soak: Callable[..., Done]
) -> None:
    judged = soak_with(tmp_path, Dying(("/bin/sh", "-c", "exit 7")))
    assert recorded(judged.run) == {"state": "failed", "reason": "/bin/sh ended early, with 7"}
    assert (judged.outcome.conduct.state, judged.verdict.verdict) == ("finished", "warn")
    told = "sanity.awake: the machine was not kept awake and may have slept: segment 1: /bin/sh ended early, with 7"
    assert judged.verdict.reasons == (told,)
    found = verify(judged.run)
    assert (found.problems, found.verdict) == ((), "warn")
    said = soak("gate", judged.run.path)
    assert (said.code, told in said.out) == (0, True)


def test_a_keeper_that_cannot_begin_is_a_warning(tmp_path: Path) -> None:
    judged = soak_with(tmp_path, Caffeinate(("/no/such/program",)))
    assert recorded(judged.run) == {"state": "failed", "reason": "No such file or directory: '/no/such/program'"}
    assert judged.verdict.verdict == "warn"


def test_a_machine_that_was_kept_awake_is_good(tmp_path: Path) -> None:
    judged = soak_with(tmp_path, Caffeinate(("/bin/sh", "-c", "exec sleep 600")))
    assert recorded(judged.run) == {"state": "held", "reason": None}
    assert (judged.verdict.verdict, judged.verdict.reasons) == ("pass", ())


def test_where_nobody_asks_for_it_the_record_says_so(tmp_path: Path) -> None:
    judged = soak_with(tmp_path, None)
    assert recorded(judged.run) == {"state": "not_needed", "reason": None}
    assert judged.verdict.verdict == "pass"
    with kept_awake(None) as awake:
        assert awake() == Awake("not_needed")
