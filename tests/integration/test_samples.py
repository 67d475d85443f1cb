"""The samples of whole runs: where they lie, what is held against them, and what kills and segments leave of them."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import clean_environment, full
from tests.integration.watching import die_at

from soak_action import canonical
from soak_action.evidence.run_dir import find
from soak_action.evidence.samples import read_buckets
from soak_action.verify import verify

pytestmark = pytest.mark.usefixtures("unmeasured")
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="kills with SIGKILL")
SAMPLED = ("--set", "resources.interval=100ms")
WORK = ("--", sys.executable, "-S", "-c", "import time; time.sleep(0.05)")
# Adds the samples of one more iteration to a file that has no room for them, and kills itself at a step of writing.
THINNING = """
import os, signal, sys
from pathlib import Path
from soak_action import files
from soak_action.evidence.buckets import Bucket, Spread
from soak_action.evidence.samples import SampleFile
fatal, seen = int(sys.argv[1]), []
def reach(step):
    seen.append(step)
    if len(seen) == fatal:
        os.kill(os.getpid(), signal.SIGKILL)
def samples(iteration):
    return [Bucket(iteration + at / 10, iteration + at / 10, {"fds": Spread(at, at, at)}, 1, 1, iteration, iteration)
            for at in range(4)]
file = SampleFile(Path("."), most_lines=16)
for iteration in range(1, 5):
    file.add(samples(iteration))
files.observe(reach)
file.add(samples(5))
print(" ".join(seen))
"""


def run_dir(done: Any) -> Path:
    return Path(done.json["run_dir"])


def lines(run: Path, name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / name).read_bytes().splitlines()]


def assert_every_sample_is_there(run: Path) -> None:
    counted = sum(record["resources"]["samples"] for record in lines(run, "iterations.jsonl"))
    assert sum(bucket.samples for bucket in read_buckets(run / "samples.jsonl")) == counted > 0
    assert verify(find(run)).problems == ()


def test_the_samples_lie_beside_the_records_and_the_receipt_holds_their_digest(soak) -> None:
    done = soak("run", "--json", "--iterations", "3", *SAMPLED, *WORK)
    assert done.code == 0, done.err
    run = run_dir(done)
    assert_every_sample_is_there(run)
    digest = canonical.digest_of_bytes((run / "samples.jsonl").read_bytes())
    assert json.loads((run / "receipt.json").read_bytes())["digests"]["samples.jsonl"] == digest
    first = lines(run, "samples.jsonl")[0]
    assert (first["segment"], first["first_iteration"], first["samples"]) == (1, 1, 1)
    assert first["values"]["rss_mib"]["max"] > 0
    assert soak("verify", run).code == 0


def test_without_sampling_there_is_no_such_file(soak) -> None:
    done = soak("run", "--json", "--iterations", "1", *WORK)
    assert not (run_dir(done) / "samples.jsonl").exists()
    assert "samples.jsonl" not in json.loads((run_dir(done) / "receipt.json").read_bytes())["digests"]
    assert soak("verify", run_dir(done)).code == 0


@pytest.mark.parametrize("edit", ["removed", "shortened", "lowered", "emptied", "torn"])
@pytest.mark.parametrize("command", ["verify", "gate"])
def test_edited_samples_are_invalid(soak, command: str, edit: str) -> None:
    run = run_dir(soak("run", "--json", "--iterations", "2", *SAMPLED, *WORK))
    path = run / "samples.jsonl"
    content = path.read_bytes()
    if edit == "removed":
        path.unlink()
    else:
        lowered = content.replace(b'"max":', b'"max":0', 1)
        path.write_bytes(
            {
                "shortened": content[: content.index(b"\n") + 1],
                "lowered": lowered,
                "emptied": b"",
                "torn": content[:-1],
            }[edit]
        )
    done = soak(command, run)
    assert done.code == 4
    assert "samples.jsonl" in done.out + done.err


def test_no_line_spans_two_segments(soak) -> None:
    paused = run_dir(soak("run", "--json", "--iterations", "3", "--segment", "1ms", *SAMPLED, *WORK))
    for _ in range(2):
        assert soak("run", "--resume", paused, "--segment", "1ms").code == 0
    found = list(read_buckets(paused / "samples.jsonl"))
    assert {(bucket.segment, bucket.last_iteration) for bucket in found} == {(1, 1), (2, 2), (3, 3)}
    assert_every_sample_is_there(paused)


@POSIX
def test_kill_at_every_step_of_a_sampled_segment_loses_and_doubles_no_sample(soak, tmp_path: Path) -> None:
    words = ("run", "--json", "--iterations", "40", "--segment", "1ms", *SAMPLED, *WORK)
    paused = run_dir(soak(*words))
    resume = ("run", "--json", "--segment", "1ms", "--resume", paused)
    code, steps = die_at(0, tmp_path, *resume)
    assert code == 0
    for fatal in range(1, len(steps) + 1, full(1, 4)):
        assert die_at(fatal, tmp_path, *resume)[0] == -signal.SIGKILL
        found = verify(find(paused))
        assert (found.problems, found.verdict) == ((), "inconclusive")
    assert soak("run", "--resume", paused).code == 0
    assert_every_sample_is_there(paused)


@POSIX
def test_kill_at_every_step_of_thinning_leaves_every_sample_of_before(tmp_path: Path) -> None:
    environ = {name: value for name, value in clean_environment().items() if not name.startswith("COVERAGE")}

    def thin(folder: Path, fatal: int) -> list[str]:
        folder.mkdir()
        command = [sys.executable, "-c", THINNING, str(fatal)]
        done = subprocess.run(command, cwd=folder, env=environ, stdout=subprocess.PIPE, check=False)
        assert done.returncode == (-signal.SIGKILL if fatal else 0)
        return done.stdout.decode().split()

    steps = thin(tmp_path / "whole", 0)
    assert {"atomic:renamed", "append:synced"} <= set(steps)
    remains = []
    for fatal in range(1, len(steps) + 1):
        thin(tmp_path / str(fatal), fatal)
        found = list(read_buckets(tmp_path / str(fatal) / "samples.jsonl"))
        assert sum(bucket.samples for bucket in found if bucket.last_iteration < 5) == 16
        remains.append((len(found), sum(bucket.samples for bucket in found)))
    # Before thinning, after it, and with the samples that came next.
    assert remains[0] == (16, 16)
    assert remains[-1] == (12, 20)
    assert (8, 16) in remains
