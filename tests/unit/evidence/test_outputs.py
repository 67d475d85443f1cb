from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from soak_action.config.model import BuiltInSource, Config, EvidenceSettings, Gate, KeepOutputs, Kpi, Schedule, Window
from soak_action.evidence.outputs import REMOVED, keeps_output, last_recorded, remove_after, remove_all
from soak_action.evidence.run_dir import RunDir
from soak_action.files import observe

KPI = Kpi(
    "v", BuiltInSource("v"), "v", None, "lower", None, "mean", Window(), 10.0, 5.0, None, None, 0.0, must_vary=False
)
CONFIG = Config(
    suite="s",
    workload=None,
    schedule=Schedule(None, None, None, None, 0, 0, None, None),
    kpis=(KPI, replace(KPI, name="higher", better="higher", hard=1.0), replace(KPI, name="free", hard=None)),
    gate=Gate(("fail",)),
    evidence=EvidenceSettings(1000),
)
ALL, FAILED, LAST_2 = KeepOutputs(), KeepOutputs("failed"), KeepOutputs("last", 2)


def config(keep: KeepOutputs) -> Config:
    return replace(CONFIG, evidence=EvidenceSettings(1000, keep))


def record(iteration: int = 1, outcome: str = "ok", missing: tuple[str, ...] = (), **kpis: float) -> dict[str, Any]:
    return {"iteration": iteration, "outcome": outcome, "missing": dict.fromkeys(missing, "stale"), "kpis": kpis}


@pytest.fixture
def run(tmp_path: Path) -> Iterator[RunDir]:
    run = RunDir(tmp_path / "run")
    (run.path / "iterations").mkdir(parents=True)
    yield run
    for path in (run.path, *run.path.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o700)


def add(run: RunDir, number: int) -> dict[str, Any]:
    folder = run.begin_iteration(number)
    (folder.out / "a").write_text("x")
    with (run.path / "iterations.jsonl").open("a", newline="") as file:
        file.write(json.dumps(record(number)) + "\n")
    return record(number)


def there(run: RunDir) -> list[str]:
    return sorted(path.name for path in (run.path / "iterations").iterdir())


@pytest.mark.parametrize(
    ("keep", "said", "last", "stays"),
    [
        (ALL, record(1, v=1.0), 100, True),
        (LAST_2, record(98, "failed"), 100, False),
        (LAST_2, record(99), 100, True),
        (LAST_2, record(1), 1, True),
        (FAILED, record(1, v=1.0), 1, False),
        (FAILED, record(1, "failed"), 1, True),
        (FAILED, record(1, "timeout"), 1, True),
        (FAILED, record(1, "crashed"), 1, True),
        (FAILED, record(1, "cancelled"), 1, True),
        (FAILED, record(1, missing=("v",)), 1, True),
        (FAILED, record(1, v=10.0), 1, False),
        (FAILED, record(1, v=10.1), 1, True),
        (FAILED, record(1, higher=1.0), 1, False),
        (FAILED, record(1, higher=0.9), 1, True),
        (FAILED, record(1, free=1e9, unknown=1e9), 1, False),
    ],
)
def test_what_stays_follows_from_promise_and_record(
    keep: KeepOutputs, said: dict[str, Any], last: int, stays: bool
) -> None:
    assert keeps_output(said, config(keep), last) is stays


def test_of_the_last_ones_each_new_one_drives_out_an_old_one(run: RunDir) -> None:
    for number in range(1, 6):
        remove_after(add(run, number), run, config(LAST_2))
        assert there(run) == [f"{one:05d}" for one in range(max(1, number - 1), number + 1)]
    assert list((run.path / REMOVED).iterdir()) == []
    assert last_recorded(run) == 5


def test_of_the_failed_ones_a_good_one_goes_at_once(run: RunDir) -> None:
    remove_after(add(run, 1), run, config(FAILED))
    remove_after({**add(run, 2), "outcome": "failed"}, run, config(FAILED))
    remove_after({**add(run, 3), "kpis": {"v": 11.0}}, run, config(FAILED))
    assert there(run) == ["00002", "00003"]


def test_all_stay_unless_something_else_was_promised(run: RunDir) -> None:
    for number in range(1, 4):
        remove_after(add(run, number), run, config(ALL))
    remove_all(map(record, range(1, 4)), run, config(ALL))
    assert there(run) == ["00001", "00002", "00003"]
    assert not (run.path / REMOVED).exists()


class KilledError(Exception):
    pass


@pytest.mark.parametrize("fatal", ["output:moved", "output:deleted"])
def test_what_a_kill_left_is_removed_later(run: RunDir, fatal: str) -> None:
    def die(step: str) -> None:
        if step == fatal:
            raise KilledError

    for number in range(1, 5):
        add(run, number)
    end = observe(die)
    with pytest.raises(KilledError):
        remove_after(record(3), run, config(LAST_2))
    end()
    assert there(run) == ["00002", "00003", "00004"]
    assert (run.path / REMOVED / "00001" / "out" / "a").exists() == (fatal == "output:moved")
    remove_all(map(record, range(1, 5)), run, config(LAST_2))
    assert there(run) == ["00003", "00004"]
    assert not (run.path / REMOVED).exists()


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX permissions")
def test_folders_that_nobody_may_write_to_go_too(run: RunDir, tmp_path: Path) -> None:
    said = add(run, 1)
    outside = tmp_path / "outside"
    outside.write_text("mine")
    outside.chmod(0o400)
    deep = run.iteration(1).out / "modules" / "deep"
    deep.mkdir(parents=True)
    (deep / "file").write_text("x")
    (deep / "link").symlink_to(outside)
    deep.chmod(0o500)
    deep.parent.chmod(0o000)
    remove_after(said, run, config(FAILED))
    assert there(run) == list((run.path / REMOVED).iterdir()) == []
    assert (outside.read_text(), outside.stat().st_mode & 0o777) == ("mine", 0o400)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may remove everything")
def test_what_the_system_does_not_let_go_stays_whole_and_harms_nobody(run: RunDir) -> None:
    said = add(run, 1)
    (run.path / "iterations").chmod(0o500)
    remove_after(said, run, config(FAILED))
    remove_all([said], run, config(FAILED))
    assert (run.iteration(1).out / "a").read_text() == "x"


def test_without_a_place_for_removed_ones_everything_stays(run: RunDir) -> None:
    said = add(run, 1)
    (run.path / REMOVED).write_text("x")
    remove_after(said, run, config(FAILED))
    remove_all([said], run, config(FAILED))
    assert (run.iteration(1).out / "a").read_text() == (run.path / REMOVED).read_text() == "x"


def test_a_stray_file_where_removed_ones_go_is_cleared_away(run: RunDir) -> None:
    (run.path / REMOVED).mkdir()
    (run.path / REMOVED / "file").write_text("x")
    remove_all([add(run, 1)], run, config(FAILED))
    assert there(run) == []
    assert not (run.path / REMOVED).exists()


@pytest.mark.skipif(sys.platform == "win32", reason="Wine makes no links")
@pytest.mark.parametrize("name", ["iterations", REMOVED])
def test_a_link_does_not_lead_out_of_the_run(run: RunDir, tmp_path: Path, name: str) -> None:
    said = add(run, 1)
    outside = tmp_path / "outside"
    if name == "iterations":
        (run.path / name).rename(outside)
    else:
        outside.mkdir()
    (run.path / name).symlink_to(outside)
    before = sorted(outside.rglob("*"))
    remove_after(said, run, config(FAILED))
    remove_all([said], run, config(FAILED))
    assert sorted(outside.rglob("*")) == before
    assert run.iteration(1).out.exists()


def test_without_records_nothing_was_recorded(tmp_path: Path) -> None:
    assert last_recorded(RunDir(tmp_path)) == 0
