"""Whole runs on Windows, from its command line to evidence that this system reads, digest by digest."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import clean_environment
from tests.integration.watching import wait_for
from tests.wine.environment import ROOT, Windows, windows_path

WORK = """\
import json, os, pathlib, sys
out = os.environ["SOAK_OUT"]
assert out == sys.argv[1], (out, sys.argv)
assert out[1:3] == ":\\\\" and "/" not in out, out
assert "C:" + os.sep in os.environ["SystemRoot"], "not Windows"
number = int(os.environ["SOAK_ITERATION"])
with open(out + "\\\\metrics.json", "w") as file:
    json.dump({"latency": {"p95": 100 + number}}, file, indent=1)
print("iteration", number)
"""
# What an editor on Windows may save: a byte order mark, CRLF, a path with backslashes that YAML leaves alone.
CONFIGURATION = (
    "\ufeff"
    + """\
version: 1
suite: api
workload:
  run: ["${SOAK_PYTHON}", '.\\work.py', "${SOAK_OUT}"]
schedule: {iterations: 24}
kpis:
  p95_ms: {from: metrics.json#latency.p95, unit: "\u00b5s \u2603", better: lower, range: [0, 60000], hard: 400}
""".replace("\n", "\r\n")
)


# Its second iteration lives for ever, and so does a process that it starts, until "go-on" is there.
BEATING = """\
import os, pathlib, subprocess, sys, time
if len(sys.argv) > 1 or os.environ["SOAK_ITERATION"] == "2" and not os.path.exists("go-on"):
    if len(sys.argv) == 1:
        words = [sys.executable, "-S", "work.py", "child"]
        subprocess.Popen(words, creationflags=0x208, stdin=-3, stdout=-3, stderr=-3)
    while True:
        time.sleep(0.05)
        with open("beat", "a") as file:
            file.write(".")
"""


@dataclass
class Call:
    """What one call of soak on Windows came to."""

    code: int
    out: bytes
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def soak(windows: Windows, *words: str | Path, cwd: Path, **variables: str) -> Call:
    done = windows.run("-m", "soak_action", *words, cwd=cwd, env=variables)
    assert b"Traceback" not in done.stderr, done.stderr.decode(errors="replace")
    return Call(done.returncode, done.stdout, done.stderr.decode(errors="backslashreplace"))


def soak_here(*words: str | Path, cwd: Path, **variables: str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "soak_action", *map(str, words)]
    return subprocess.run(command, cwd=cwd, env=clean_environment(**variables), capture_output=True, check=False)


@dataclass
class Soaked:
    """A finished run on Windows."""

    folder: Path
    call: Call

    @property
    def run(self) -> Path:
        return self.folder / ".soak" / self.call.json["run_id"]


@pytest.fixture(scope="module")
def soaked(windows: Windows, tmp_path_factory: pytest.TempPathFactory) -> Soaked:
    """Soak once, in a directory whose name is unlike those that programmers choose."""
    folder = tmp_path_factory.mktemp("wine") / "my soak & \u00fc\u65e5 (1)"
    folder.mkdir()
    (folder / "work.py").write_text(WORK, "utf-8")
    (folder / "soak.yaml").write_bytes(CONFIGURATION.encode())
    return Soaked(folder, soak(windows, "run", "--json", cwd=folder, soak_Schedule__iterations="3"))


def test_a_run_passes_and_says_so_in_windows_terms(soaked: Soaked) -> None:
    assert (soaked.call.code, soaked.call.json["verdict"], soaked.call.json["iterations"]) == (0, "pass", 3)
    assert soaked.call.json["run_dir"] == windows_path(soaked.run)
    assert b"\r" not in soaked.call.out


def test_the_records_are_those_that_any_system_writes(soaked: Soaked) -> None:
    records = [json.loads(line) for line in (soaked.run / "iterations.jsonl").read_text("utf-8").splitlines()]
    assert [record["kpis"]["p95_ms"] for record in records] == [101, 102, 103]
    assert [record["leftovers"] for record in records] == [[], [], []]
    assert set(records[0]["results"]) == {"out/metrics.json", "stdout.log", "stderr.log"}
    assert (soaked.run / "iterations/00002/stdout.log").read_bytes() == b"iteration 2\r\n"
    promised = json.loads((soaked.run / "run.json").read_text("utf-8"))
    assert promised["config_file"]["path"] == "soak.yaml"
    assert promised["fingerprint"]["system"] == "Windows"
    sources = json.loads((soaked.run / "config-sources.json").read_text("utf-8"))
    origin = next(leaf for leaf in sources["leaves"] if leaf["key"] == "schedule.iterations")
    assert (origin["value"], origin["layer"]) == (3, "env")


def test_trap_50_windows_was_kept_awake_from_inside_until_the_end(soaked: Soaked) -> None:
    (segment,) = map(json.loads, (soaked.run / "segments.jsonl").read_text("utf-8").splitlines())
    assert segment["awake"] == {"state": "held", "reason": None}


def test_no_line_of_evidence_ends_in_crlf(soaked: Soaked) -> None:
    written = [path for path in soaked.run.iterdir() if path.suffix in {".json", ".jsonl"}]
    assert len(written) >= 7
    assert [path.name for path in written if b"\r" in path.read_bytes()] == []


def test_windows_evidence_verifies_on_both_systems_alike(windows: Windows, soaked: Soaked, tmp_path: Path) -> None:
    copy = shutil.copytree(soaked.run, tmp_path / soaked.run.name)
    there = soak(windows, "verify", "--json", f".soak\\{soaked.run.name}", cwd=soaked.folder)
    here = soak_here("verify", "--json", copy, cwd=tmp_path)
    assert (there.code, here.returncode) == (0, 0)
    assert there.json["problems"] == []
    assert there.out == here.stdout
    # One byte changed, and both find it.
    kept = copy / "iterations/00001/out/metrics.json"
    kept.write_bytes(kept.read_bytes().replace(b"101", b"201"))
    edited = soak(windows, "verify", "--json", copy, cwd=tmp_path)
    assert edited.code == 4
    assert edited.out == soak_here("verify", "--json", copy, cwd=tmp_path).stdout


def test_linux_evidence_verifies_on_windows(windows: Windows, tmp_path: Path) -> None:
    here = soak_here("run", "--json", "--iterations", "2", "--", sys.executable, "-c", "pass", cwd=tmp_path)
    assert here.returncode == 0
    run = Path(json.loads(here.stdout)["run_dir"])
    there = soak(windows, "verify", "--json", run, cwd=tmp_path)
    assert (there.code, there.json["verdict"], there.json["problems"]) == (0, "pass", [])
    assert there.out == soak_here("verify", "--json", run, cwd=tmp_path).stdout


def test_slots_on_windows_go_on_with_each_others_checkpoints(windows: Windows, tmp_path: Path) -> None:
    """Once from an artifact, once from the disk; another system goes on to judge the same evidence."""
    (tmp_path / "work.py").write_text(WORK)
    (tmp_path / "soak.yaml").write_bytes(CONFIGURATION.replace("iterations: 24", "iterations: 3").encode())
    words = ("run", "--json", "--segment", "1ms", "--checkpoints", "kept", "--output", "kept")
    first = soak(windows, *words, cwd=tmp_path)
    assert (first.code, first.json["state"]) == (0, "paused"), first.err
    name = first.json["run_id"]
    (tmp_path / "kept" / "found").mkdir()
    (tmp_path / "kept" / name).rename(tmp_path / "kept" / "found" / "soak-attempt-1-slot-1")
    second, third = (soak(windows, *words, cwd=tmp_path) for _ in range(2))
    assert [second.json["iterations"], third.json["iterations"]] == [2, 3], second.err + third.err
    assert (third.json["state"], third.json["verdict"], third.json["run_id"]) == ("finished", "pass", name)
    assert "not as far on" in third.err
    fourth = soak(windows, *words, cwd=tmp_path)
    assert (fourth.code, fourth.json["iterations"]) == (0, 3)
    assert "nothing is run" in fourth.err
    assert soak_here("verify", tmp_path / "kept" / name, cwd=tmp_path).returncode == 0


def test_a_bare_command_is_soaked_by_the_default_kpis(windows: Windows, tmp_path: Path) -> None:
    python = windows_path(windows.python)
    green = soak(windows, "run", "--json", "--output", "my runs\\here", "--", python, "-c", "pass", cwd=tmp_path)
    assert (green.code, green.json["verdict"], green.json["iterations"]) == (0, "pass", 3)
    lines = (tmp_path / "my runs/here" / green.json["run_id"] / "iterations.jsonl").read_text("utf-8").splitlines()
    for record in map(json.loads, lines):
        assert record["kpis"]["exit_code"] == 0
        assert record["kpis"]["peak_rss_mib"] > 1


def test_a_red_run_is_red(windows: Windows, tmp_path: Path) -> None:
    red = soak(windows, "run", "--json", "--iterations", "1", "--", "cmd", "/d", "/c", "exit 3", cwd=tmp_path)
    assert (red.code, red.json["verdict"]) == (1, "fail")
    assert "schedule.failures" in red.json["failed_rules"]


def test_a_text_is_a_line_of_cmd_and_a_hang_ends_at_its_timeout(windows: Windows, tmp_path: Path) -> None:
    line = (
        'echo {"v": 7} >"%SOAK_OUT%\\m.json" && if %SOAK_ITERATION%==2 "%SOAK_PYTHON%" -c "import time; time.sleep(99)"'
    )
    text = f"version: 1\nworkload:\n  timeout: 5s\n  run: >-\n    {line}\n"
    text += "kpis: {v: {from: m.json#v, hard: 7, better: lower}}\n"
    (tmp_path / "soak.yaml").write_text(text, "utf-8")
    done = soak(windows, "run", "--json", "--iterations", "2", cwd=tmp_path)
    run = tmp_path / ".soak" / done.json["run_id"]
    first, second = map(json.loads, (run / "iterations.jsonl").read_text("utf-8").splitlines())
    assert (first["outcome"], first["kpis"]) == ("ok", {"v": 7})
    assert (second["outcome"], second["kpis"]) == ("timeout", {})
    assert (done.code, done.json["verdict"]) == (1, "fail")


def test_trap_53_a_killed_soak_takes_its_workload_with_it_and_can_go_on(windows: Windows, tmp_path: Path) -> None:
    (tmp_path / "work.py").write_text(BEATING, "utf-8")
    words = ("run", "--json", "--iterations", "3", "--", windows_path(windows.python), "-S", "work.py")
    beat = tmp_path / "beat"
    with windows.start("-m", "soak_action", *words, cwd=tmp_path) as process:
        try:
            wait_for(lambda: beat.exists() and beat.stat().st_size > 3)
        finally:
            process.kill()
    wait_for(lambda: stands_still(beat))
    (run,) = (path for path in (tmp_path / ".soak").glob("2*") if path.is_dir())
    (tmp_path / "go-on").touch()
    resumed = soak(windows, "run", "--json", "--resume", f".soak\\{run.name}", cwd=tmp_path)
    assert (resumed.code, resumed.json["verdict"], resumed.json["iterations"]) == (0, "pass", 3)
    killed, finished = map(json.loads, (run / "segments.jsonl").read_text("utf-8").splitlines())
    assert (killed["reason"], killed.get("awake"), finished["awake"]["state"]) == ("killed", None, "held")
    assert soak_here("verify", "--json", run, cwd=tmp_path).returncode == 0


def stands_still(path: Path) -> bool:
    """Whether nobody writes to a file to which a living process writes all the time."""
    before = path.stat().st_size
    time.sleep(1)
    return path.stat().st_size == before


def test_a_mistake_is_told_by_line_and_column_on_a_narrow_console(windows: Windows, tmp_path: Path) -> None:
    text = "\ufeffversion: 1\r\nworkload: {run: x}\r\nkpis:\r\n  p95_ms: {form: '\U0001f600.json#v', hard: 4}\r\n"
    (tmp_path / "soak.yaml").write_bytes(text.encode())
    done = soak(windows, "run", cwd=tmp_path)
    assert done.code == 2
    assert "soak.yaml:4:12: " in done.err
    assert "did you mean 'from'" in done.err
    assert not (tmp_path / ".soak").exists()
    as_json = soak(windows, "gate", "\U0001f600.json", "--kpi", "v=v hard=1 better=lower", "--json", cwd=tmp_path).json
    assert "\U0001f600.json" in as_json["error"]


def test_text_beyond_the_code_page_is_shown_as_an_escape(windows: Windows, soaked: Soaked) -> None:
    done = windows.run("-m", "soak_action", "gate", soaked.run, cwd=soaked.folder, env={"PYTHONUTF8": None})
    assert done.returncode == 0, done.stderr
    assert "µs".encode("cp1252") + b" \\u2603" in done.stdout
    assert b"\r" not in done.stdout


def test_files_are_judged_by_their_windows_names_in_natural_order(windows: Windows, tmp_path: Path) -> None:
    (tmp_path / "my results").mkdir()
    for number in (10, 9, 1):
        (tmp_path / "my results" / f"R{number}.json").write_text(json.dumps({"v": number}), "utf-8")
    kpi = "v=v better=lower hard=10 stat=last"
    done = soak(windows, "gate", "my results\\r*.json", "--kpi", kpi, "--json", cwd=tmp_path)
    assert done.code == 0, done.err
    rule = next(rule for rule in done.json["rules"] if rule["id"] == "v.hard")
    assert (rule["value"], rule["n"]) == (10, 3)


def test_the_mock_writes_the_same_bytes(windows: Windows, tmp_path: Path) -> None:
    words = ("mock", "--mode", "volatile", "--seed", "7", "--fault", "sawtooth")
    there = soak(windows, *words, "--iterations", "40", cwd=tmp_path)
    here = soak_here(*words, "--iterations", "40", cwd=tmp_path)
    assert (there.code, here.returncode) == (0, 0)
    assert there.out == here.stdout
    for name in ("there", "here"):
        (tmp_path / name).mkdir()
    soak(windows, *words, cwd=tmp_path, SOAK_OUT=windows_path(tmp_path / "there"), SOAK_ITERATION="5")
    soak_here(*words, cwd=tmp_path, SOAK_OUT=str(tmp_path / "here"), SOAK_ITERATION="5")
    assert (tmp_path / "there/metrics.json").read_bytes() == (tmp_path / "here/metrics.json").read_bytes()


def test_the_launcher_finds_the_site_directory_and_needs_nothing_else(windows: Windows, tmp_path: Path) -> None:
    # -S: without the interpreter's own packages, so that the dependencies can only come from the site directory.
    launcher = ROOT / "scripts" / "soak.py"
    python = windows_path(windows.python)
    words = ("run", "--json", "--iterations", "1", "--", python, "-c", "pass")
    done = windows.run("-I", "-S", launcher, *words, cwd=tmp_path, env={"PYTHONPATH": None})
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    assert json.loads(done.stdout)["verdict"] == "pass"
    assert b"installing" not in done.stderr
