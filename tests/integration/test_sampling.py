"""What real workloads use is sampled, recorded, judged and verified."""

from __future__ import annotations

import json
import os
import secrets
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from soak_action.config.model import SAMPLED
from soak_action.workload.process import Finished, run
from soak_action.workload.resource_record import Watched, readings_of
from soak_action.workload.sampler import Sampler
from soak_action.workload.stop import StopRequest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="forks")

# The child takes 50 MiB, a grandchild of its own nothing but a descriptor; all wait for the file "go".
FAMILY = """
import os, sys, time
def wait():
    while not os.path.exists("go"):
        time.sleep(0.01)
if os.fork() == 0:
    if os.fork() == 0:
        files = [open(os.devnull) for _ in range(20)]
        open("forked", "w").close()
        wait()
        os._exit(0)
    memory = bytearray(b"x") * (50 << 20)
    open("ready", "w").close()
    wait()
    os.wait()
    os._exit(0)
wait()
os.wait()
"""
HUNGRY = "import time; memory = bytearray(b'x') * (60 << 20); time.sleep(0.4)"
MODEST = "import time; time.sleep(0.2)"


class Watching:
    """Starts a Python text as a workload with a sampler at it."""

    def __init__(self, folder: Path, interval: float) -> None:
        from soak_action.workload.linux_usage import LinuxReader

        self.folder = folder
        self.sampler = Sampler(interval, LinuxReader())
        self.stop = StopRequest()

    def python(self, text: str, timeout: float = 120.0) -> Finished:
        return run(
            [sys.executable, "-S", "-c", text],
            cwd=self.folder,
            env={"PATH": os.environ["PATH"]},
            stdout=self.folder / "stdout.log",
            stderr=self.folder / "stderr.log",
            log_limit=1000,
            timeout=timeout,
            stop=self.stop,
            grace=0.2,
            mark=f"mark-{secrets.token_hex(8)}",
            watch=self.sampler.watch,
        )

    def values(self, done: Finished) -> dict[str, Any]:
        return dict(readings_of(self.sampler, done.cpu_seconds))


def run_dir(done) -> Path:
    return Path(done.json["run_dir"])


def records(done) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run_dir(done) / "iterations.jsonl").read_text().splitlines()]


def python(text: str) -> list[str]:
    return ["--", sys.executable, "-S", "-c", text]


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_tree_that_allocates_and_forks_is_seen_as_a_whole(tmp_path: Path) -> None:
    watching = Watching(tmp_path, 0.1)
    # The workload goes on until the sampler has seen all of it, however slow this machine is.
    add = watching.sampler.totals.add

    def add_and_look(*sample) -> dict[str, float]:
        sums = add(*sample)
        highest = watching.sampler.totals.highest
        complete = highest.get("children") == 2 and highest.get("uss_mib", 0) > 50 and highest.get("fds", 0) > 20
        if (tmp_path / "ready").exists() and (tmp_path / "forked").exists() and complete:
            (tmp_path / "go").touch()
        return sums

    watching.sampler.totals.add = add_and_look  # type: ignore[method-assign]
    done = watching.python(FAMILY)
    assert done.outcome == "ok", (tmp_path / "stderr.log").read_text()
    found = watching.values(done)
    assert 50 < found["uss_mib"] < 120
    assert found["uss_mib"] < found["rss_mib"] < 200
    assert (found["children"], found["threads"]) == (2, 3)
    assert found["fds"] >= 20 + 3 * 3
    assert watching.sampler.cost.processes == 3
    assert watching.sampler.cost.samples > 2


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_cpu_time_of_short_lived_children_is_accounted(tmp_path: Path) -> None:
    watching = Watching(tmp_path, 3600.0)
    text = """
import os, time
for _ in range(20):
    if os.fork() == 0:
        while time.process_time() < 0.02:
            pass
        os._exit(0)
    os.wait()
"""
    done = watching.python(text)
    found = watching.values(done)
    assert found["cpu_seconds"] >= 0.4
    assert watching.sampler.cost.processes <= 2


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_processes_that_come_and_go_all_the_time_are_counted_and_harm_nobody(tmp_path: Path) -> None:
    watching = Watching(tmp_path, 0.1)
    text = """
import os, time
end = time.monotonic() + 1
while time.monotonic() < end:
    if os.fork() == 0:
        os._exit(0)
    os.wait()
"""
    done = watching.python(text)
    assert (done.outcome, watching.sampler.failure) == ("ok", None)
    found = watching.values(done)
    assert 1 < found["rss_mib"] < 100
    assert watching.sampler.totals.refused == {}
    assert len(watching.sampler._known) == 0


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_workload_that_is_stopped_is_sampled_before_it_is(tmp_path: Path) -> None:
    watching = Watching(tmp_path, 3600.0)
    done = watching.python(HUNGRY.replace("0.4", "600"), timeout=1.5)
    assert done.outcome == "timeout"
    assert watching.values(done)["uss_mib"] > 60
    assert watching.sampler.cost.samples == 2


def test_a_command_that_cannot_be_started_has_no_values(tmp_path: Path) -> None:
    watching = Watching(tmp_path, 1.0)
    watching.stop.request(15)
    done = watching.python("")
    assert done.outcome == "cancelled"
    assert all(not isinstance(value, float) for value in watching.values(done).values())


def test_without_a_wish_nothing_is_sampled(soak) -> None:
    done = soak("run", "--json", "--iterations", "1", *python(MODEST))
    assert done.code == 0
    assert "resources" not in records(done)[0]
    assert Watched(None).arguments() == {}


def test_resources_are_recorded_when_the_configuration_says_so(soak) -> None:
    began = time.monotonic()
    done = soak("run", "--json", "--iterations", "2", "--set", "resources.interval=100ms", *python(MODEST))
    elapsed = time.monotonic() - began
    assert done.code == 0, done.err
    for record in records(done):
        found = record["resources"]
        assert set(found["values"]) | set(found["missing"]) == set(SAMPLED)
        assert found["values"]["rss_mib"] > 1
        assert found["interval_seconds"] == 0.1
        assert found["samples"] >= 2
        assert 0 < found["sampling_seconds"] < elapsed
        assert set(record["kpis"]) == {"exit_code", "wall_seconds", "peak_rss_mib"}
    assert soak("verify", run_dir(done)).code == 0


# So that the memory is seen however late the program comes to it.
OFTEN = ("--set", "resources.interval=100ms")
LIMIT = (*OFTEN, "--set", "kpis.rss_mib.hard=50", "--set", "kpis.exit_code.hard=0")


def test_a_program_that_takes_more_memory_than_the_hard_limit_fails(soak) -> None:
    done = soak("run", *LIMIT, *python(HUNGRY))
    assert done.code == 1
    assert done.out.startswith("FAIL\n  rss_mib.hard: mean over 3 iterations is ")
    assert " MiB, limit 50 MiB (" in done.out.splitlines()[1]
    assert "first beyond it at iteration 1" in done.out.splitlines()[1]


def test_a_program_within_the_hard_limit_passes(soak) -> None:
    done = soak("run", *LIMIT, *python(MODEST))
    assert (done.code, done.out.splitlines()[0]) == (0, "PASS"), done.out


@pytest.mark.parametrize(
    ("rule", "value", "name", "result"),
    [
        ("soft", "50", "rss_mib.soft", "warn"),
        ("sustained", '{"within": "hard", "at_least": 3, "of": 3}', "rss_mib.sustained", "fail"),
        ("abort", '{"beyond": 50, "for": 2}', "rss_mib.abort", "fail"),
    ],
)
@pytest.mark.parametrize("text", [HUNGRY, MODEST])
def test_every_rule_on_sampled_memory_fires_and_does_not(soak, text, rule, value, name, result) -> None:
    hard = "50" if rule == "sustained" else "1000"
    words = (*OFTEN, "--set", f"kpis.rss_mib.hard={hard}", "--set", f"kpis.rss_mib.{rule}={value}")
    done = soak("run", "--json", *words, *python(text))
    verdict = json.loads((run_dir(done) / "verdict.json").read_text())
    (found,) = (one for one in verdict["rules"] if one["id"] == name)
    assert found["result"] == (result if text == HUNGRY else "pass"), found
    assert done.json["iterations"] == (2 if rule == "abort" and text == HUNGRY else 3)
    assert soak("verify", run_dir(done)).code == done.code


@pytest.mark.skipif(sys.platform != "linux", reason="each system lacks something else")
def test_what_the_system_lacks_is_missing_with_a_reason_and_never_green(soak) -> None:
    done = soak("run", "--json", "--set", "kpis.handles.hard=5", *python(MODEST))
    assert (done.code, done.json["verdict"]) == (4, "invalid")
    assert [record["missing"] for record in records(done)] == [{"handles": "not_available"}] * 3
    assert records(done)[0]["details"]["handles"] == "handles is not available: Linux has no handles; use fds"


@pytest.mark.parametrize(
    ("section", "told"),
    [
        ("{interval: 50ms}", "soak.yaml:2:13: an interval of 50ms disturbs what it measures; the shortest is 100ms"),
        ("{interval: soon}", "soak.yaml:2:13: 'resources.interval': 'soon' is not a duration; write for example"),
        ("{}", "soak.yaml:2:1: 'resources.interval' is missing"),
        ("{interval: 1s, drift: {}}", "soak.yaml:2:27: unknown key 'resources.drift'; known here: interval"),
    ],
)
def test_a_mistake_is_one_clear_line(soak, tmp_path: Path, section: str, told: str) -> None:
    (tmp_path / "soak.yaml").write_text(f"version: 1\nresources: {section}\n", "utf-8")
    done = soak("run", *python(MODEST))
    assert done.code == 2
    assert len(done.err.splitlines()) == 1
    assert done.err.startswith(f"soak: {told}")
