"""`soak gate --output`: what is kept of a judgement, and that `soak verify` comes to the same from that alone."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from tests.conftest import Done, clean_environment, full
from tests.integration.watching import die_at

from soak_action import canonical, resources
from soak_action.config.load import Loaded, Request, Setting, load
from soak_action.errors import EvidenceError
from soak_action.evidence import gate_dir
from soak_action.evidence.gate_dir import GateDir
from soak_action.files import STEPS
from soak_action.gate_verification import verify
from soak_action.judgement import Occasion, SealedJudgement, judge_for_the_record
from soak_action.subject import find_subject

pytestmark = pytest.mark.usefixtures("unmeasured")

Soak = Callable[..., Done]
KPI = "p95=latency.p95 better=lower hard=400 soft=350 unit=ms"
DOCUMENTS = {"gate.json": "gate", "config-sources.json": "config-sources", "verdict.json": "verdict"}
DOCUMENTS["receipt.json"] = "receipt"
posix = pytest.mark.skipif(sys.platform == "win32", reason="signals, limits and file names of POSIX")


def write_values(folder: Path, values: list[Any], *, form: str = "json") -> list[str]:
    """Write one result per value and return the names of the files."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = [{"latency": {"p95": value}} for value in values]
    if form == "json":
        for number, row in enumerate(rows, 1):
            (folder / f"r{number}.json").write_text(json.dumps(row), encoding="utf-8")
        return [f"r{number}.json" for number in range(1, len(rows) + 1)]
    lines = [json.dumps(row) for row in rows] if form == "jsonl" else ["latency", *map(str, values)]
    (folder / f"r.{form}").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return [f"r.{form}"]


def gates_in(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("2*-gate-*") if path.is_dir())


def only_gate(folder: Path) -> Path:
    (gate,) = gates_in(folder)
    return gate


def read(gate: Path, name: str) -> Any:
    return json.loads((gate / name).read_bytes())


# -- result files


@pytest.mark.parametrize("form", ["json", "jsonl", "csv"])
@pytest.mark.parametrize(
    ("values", "gated", "verified", "verdict"),
    [
        ([100, 120, 110], 0, 0, "pass"),
        ([360, 370, 365], 0, 0, "warn"),
        ([500, 501, 502], 1, 1, "fail"),
        ([100, "slow", 110], 4, 4, "invalid"),
    ],
    ids=["pass", "warn", "fail", "invalid"],
)
def test_a_judgement_of_result_files_is_kept_and_verifies_with_its_own_code(
    soak: Soak, tmp_path: Path, form: str, values: list[Any], gated: int, verified: int, verdict: str
) -> None:
    names = write_values(tmp_path, values, form=form)
    kpi = KPI if form != "csv" else KPI.replace("latency.p95", "latency")
    done = soak("gate", *names, "--kpi", kpi, "--output", "kept", "--json")
    gate = only_gate(tmp_path / "kept")
    assert (done.code, done.json["verdict"]) == (gated, verdict)
    assert done.json == read(gate, "verdict.json")
    assert str(gate / "receipt.json") in done.err
    found = soak("verify", gate, "--json", cwd=tmp_path / "kept")
    assert (found.code, found.json["verdict"], found.json["problems"]) == (verified, verdict, [])
    assert (found.json["kind"], found.json["checked_files"]) == ("gate", len(names))


def test_what_is_kept_is_laid_out_as_documented_and_keeps_the_published_schemas(soak: Soak, tmp_path: Path) -> None:
    write_values(tmp_path, [100, 120])
    (tmp_path / "more.CSV").write_text("latency\n1\n", encoding="utf-8")
    assert soak("gate", "r*.json", "more.CSV", "--kpi", KPI, "--output", "kept").code == 4
    gate = only_gate(tmp_path / "kept")
    assert sorted(path.relative_to(gate).as_posix() for path in gate.rglob("*")) == [
        "config-sources.json",
        "config.json",
        "gate.json",
        "receipt.json",
        "results",
        "results/00001.csv",
        "results/00002.json",
        "results/00003.json",
        "verdict.json",
    ]
    for name, schema in DOCUMENTS.items():
        Draft202012Validator(resources.schema(schema)).validate(read(gate, name))
        assert (gate / name).read_bytes() == canonical.pretty(read(gate, name))
    receipt = read(gate, "receipt.json")
    assert (receipt["kind"], receipt["run_id"], receipt["state"]) == ("gate", gate.name, None)
    assert set(receipt["digests"]) == {
        *(name for name in ("gate.json", "config.json", "config-sources.json", "verdict.json")),
        *(f"results/{name}" for name in ("00001.csv", "00002.json", "00003.json")),
    }
    assert [entry["path"] for entry in read(gate, "gate.json")["subject"]["files"]] == [
        "more.CSV",
        "r1.json",
        "r2.json",
    ]
    assert (gate / "results/00002.json").read_bytes() == (tmp_path / "r1.json").read_bytes()


def test_the_coverage_of_files_tells_what_files_can_tell(soak: Soak, tmp_path: Path) -> None:
    write_values(tmp_path, [1, 2, None, 4])
    soak("gate", "r*.json", "--kpi", KPI, "--set", "kpis.p95.missing.allow=50%", "--output", "kept")
    receipt = read(only_gate(tmp_path / "kept"), "receipt.json")
    coverage = receipt["coverage"]
    assert (coverage["iterations_done"], coverage["iterations_judged"], coverage["kpis"]) == (4, 4, {"p95": 0.75})
    assert {key for key, value in coverage.items() if value is None} == {
        "iterations_planned",
        "seconds_promised",
        "seconds_measured",
        "seconds_active",
        "longest_segment_seconds",
        "missed_slots",
        "suspends",
        "suspended_seconds",
        "clock_steps",
        "largest_clock_step_seconds",
        "segments",
        "gap_seconds",
    }
    assert (receipt["kpis"]["p95"]["count"], receipt["kpis"]["p95"]["missing"], receipt["kpis"]["p95"]["max"]) == (
        3,
        1,
        4,
    )


def test_the_verdict_with_output_is_the_one_without(soak: Soak, tmp_path: Path) -> None:
    write_values(tmp_path, [100, 360, 500], form="jsonl")
    plain = soak("gate", "r.jsonl", "--kpi", KPI, "--json").json
    kept = soak("gate", "r.jsonl", "--kpi", KPI, "--json", "--output", "kept").json
    for verdict in (plain, kept):
        for rule in verdict["rules"]:
            del rule["reproduce"]
    assert plain == kept


def test_nothing_is_written_without_output(soak: Soak, tmp_path: Path) -> None:
    write_values(tmp_path, [1], form="jsonl")
    assert soak("gate", "r.jsonl", "--kpi", KPI).code == 0
    assert [path.name for path in tmp_path.iterdir()] == ["r.jsonl"]


def test_a_verdict_that_fail_on_tolerates_is_still_told_by_verify(soak: Soak, tmp_path: Path) -> None:
    write_values(tmp_path, [900], form="jsonl")
    words = ("gate", "r.jsonl", "--kpi", KPI, "--set", "gate.fail_on=invalid", "--output", "kept")
    assert soak(*words).code == 0
    assert soak("verify", only_gate(tmp_path / "kept")).code == 1


def test_without_a_hard_limit_a_judgement_is_inconclusive_in_both(soak: Soak, tmp_path: Path) -> None:
    write_values(tmp_path, [1, 2], form="jsonl")
    assert soak("gate", "r.jsonl", "--kpi", "v=latency.p95 better=lower soft=9", "--output", "kept").code == 3
    assert soak("verify", only_gate(tmp_path / "kept")).code == 3


@pytest.mark.parametrize("content", [b"", b"{}", b"[" * 100_000 + b"]" * 100_000, b'{"a":' * 100_000, b"\0" * 1000])
@pytest.mark.parametrize("form", ["json", "jsonl", "csv"])
def test_files_without_a_measurement_are_invalid_and_kept(
    soak: Soak, tmp_path: Path, form: str, content: bytes
) -> None:
    (tmp_path / f"r.{form}").write_bytes(content)
    done = soak("gate", f"r.{form}", "--kpi", KPI, "--output", "kept")
    gate = only_gate(tmp_path / "kept")
    assert (done.code, read(gate, "receipt.json")["verdict"]) == (4, "invalid")
    assert (gate / f"results/00001.{form}").read_bytes() == content
    found = soak("verify", gate, "--json")
    assert (found.code, found.json["problems"]) == (4, [])


def test_an_empty_file_is_never_made_up_for_by_good_ones_beside_it(soak: Soak, tmp_path: Path) -> None:
    write_values(tmp_path, [1, 2, 3])
    (tmp_path / "r2.json").write_bytes(b"")
    assert soak("gate", "r*.json", "--kpi", KPI, "--output", "kept").code == 4
    assert soak("verify", only_gate(tmp_path / "kept")).code == 4


def test_three_hundred_files_are_digested_as_one_and_each_is_checked(soak: Soak, tmp_path: Path) -> None:
    write_values(tmp_path, [100] * 150 + [101] * 150)
    assert soak("gate", "r*.json", "--kpi", KPI, "--output", "kept").code == 0
    gate = only_gate(tmp_path / "kept")
    receipt = read(gate, "receipt.json")
    assert set(receipt["digests"]) == {"gate.json", "config.json", "config-sources.json", "verdict.json", "results/"}
    assert soak("verify", gate, "--json").json["checked_files"] == 300
    (gate / "results/00277.json").write_text('{"latency": {"p95": 99}}', encoding="utf-8")
    done = soak("verify", gate)
    assert (done.code, "results/00277.json: was changed" in done.out) == (4, True)


def test_mock_results_stay_marked_as_mock(soak: Soak, tmp_path: Path) -> None:
    (tmp_path / "m.jsonl").write_text(soak("mock", "--iterations", "12").out, encoding="utf-8")
    done = soak("gate", "m.jsonl", "--kpi", "p95=latency.p95 better=lower hard=400", "--output", "kept")
    gate = only_gate(tmp_path / "kept")
    assert "MOCK" in done.out
    assert (read(gate, "receipt.json")["mock"], read(gate, "verdict.json")["mock"]) == (True, True)
    assert soak("verify", gate).code == 0
    write_values(tmp_path, [1, 2])
    soak("gate", "r*.json", "--kpi", KPI, "--output", "real")
    assert read(only_gate(tmp_path / "real"), "receipt.json")["mock"] is False


def test_secrets_are_masked_in_everything_that_is_kept(soak: Soak, tmp_path: Path) -> None:
    write_values(tmp_path, [1], form="jsonl")
    settings = ("--set", "workload.env.API_TOKEN=hunter2-hunter2", "--set", "workload.env.COLOUR=green-green")
    assert soak("gate", "r.jsonl", "--kpi", KPI, *settings, "--output", "kept").code == 0
    gate = only_gate(tmp_path / "kept")
    assert "workload.env.API_TOKEN=***" in read(gate, "gate.json")["argv"]
    kept = {path.name: path.read_text(encoding="utf-8") for path in gate.rglob("*") if path.is_file()}
    assert [name for name, text in kept.items() if "hunter2" in text] == []
    assert "green-green" in kept["gate.json"]
    assert soak("verify", gate).code == 0


def test_overrides_and_origins_are_kept(soak: Soak, tmp_path: Path) -> None:
    write_values(tmp_path, [1, 2], form="jsonl")
    (tmp_path / "soak.yaml").write_text(
        "version: 1\nkpis: {p95: {from: m.json#latency.p95, better: lower, hard: 1.2}}\n", encoding="utf-8"
    )
    assert soak("gate", "r.jsonl", "--output", "as-is").code == 1
    assert soak("gate", "r.jsonl", "--set", "kpis.p95.hard=5", "--output", "loose").code == 0
    receipt = read(only_gate(tmp_path / "loose"), "receipt.json")
    assert [(entry["key"], entry["value"], entry["layer"]) for entry in receipt["overrides"]] == [
        ("kpis.p95.hard", 5, "cli")
    ]
    assert receipt["overrides"][0]["shadowed"][0]["value"] == 1.2
    assert read(only_gate(tmp_path / "as-is"), "receipt.json")["overrides"] == []
    assert read(only_gate(tmp_path / "as-is"), "gate.json")["config_file"]["path"] == "soak.yaml"


@posix
@pytest.mark.parametrize(
    "name", ["ä ö ü 测试 .json", "with 'quotes' \"and\" $x.json", "a\tb\x1b[31m\x07.json", "x\n::error::forged.json"]
)
def test_odd_file_names_are_kept_and_order_nothing_of_the_log(soak: Soak, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text('{"latency": {"p95": "slow"}}', encoding="utf-8")
    done = soak("gate", name, "--kpi", KPI, "--output", "kept")
    gate = only_gate(tmp_path / "kept")
    assert (done.code, read(gate, "gate.json")["subject"]["files"][0]["path"]) == (4, name)
    verified = soak("verify", gate)
    assert verified.code == 4
    for text in (done.out + done.err, verified.out + verified.err):
        assert not [line for line in text.splitlines() if line.startswith("::")]
        assert not {"\x1b", "\x07"} & set(text)


@posix
def test_a_name_that_is_no_text_is_kept_as_what_can_be_stored(soak: Soak, tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"r\xff.json")).write_text('{"latency": {"p95": 5}}', encoding="utf-8")
    assert soak("gate", "*.json", "--kpi", KPI, "--output", "kept").code == 0
    gate = only_gate(tmp_path / "kept")
    assert read(gate, "gate.json")["subject"]["files"][0]["path"] == "r\\udcff.json"
    assert soak("verify", gate).code == 0


@posix
def test_a_link_that_is_named_is_followed_and_its_content_kept(soak: Soak, tmp_path: Path) -> None:
    write_values(tmp_path / "far", [7])
    (tmp_path / "latest.json").symlink_to("far/r1.json")
    assert soak("gate", "latest.json", "--kpi", KPI, "--output", "kept").code == 0
    copy = only_gate(tmp_path / "kept") / "results/00001.json"
    assert (copy.is_symlink(), copy.read_bytes()) == (False, (tmp_path / "far/r1.json").read_bytes())


def test_a_judgement_is_found_by_its_directory_its_files_and_its_id(soak: Soak, tmp_path: Path) -> None:
    write_values(tmp_path, [1], form="jsonl")
    assert soak("gate", "r.jsonl", "--kpi", KPI, "--output", ".soak").code == 0
    gate = only_gate(tmp_path / ".soak")
    for name in (gate, gate.name, f".soak/{gate.name}/", gate / "gate.json", gate / "receipt.json"):
        assert soak("verify", name).code == 0
    assert soak("verify", ".", cwd=gate).code == 0
    assert soak("verify", "verdict.json", cwd=gate).code == 0
    assert soak("verify", gate / "results").code == 4


# -- what cannot be done


def test_a_judgement_is_not_judged_again(soak: Soak, tmp_path: Path) -> None:
    write_values(tmp_path, [1], form="jsonl")
    soak("gate", "r.jsonl", "--kpi", KPI, "--output", "kept")
    gate = only_gate(tmp_path / "kept")
    done = soak("gate", gate, "--output", "again")
    assert (done.code, len(done.err.splitlines())) == (4, 1)
    assert "this is a judgement, not a run" in done.err
    assert not (tmp_path / "again").exists()


@pytest.mark.parametrize(("output", "code"), [("", 2), ("  ", 2), ("r.jsonl", 5), ("r.jsonl/below", 5), ("x" * 300, 5)])
def test_an_output_that_can_be_no_directory_is_one_clear_line(
    soak: Soak, tmp_path: Path, output: str, code: int
) -> None:
    write_values(tmp_path, [1], form="jsonl")
    done = soak("gate", "r.jsonl", "--kpi", KPI, "--output", output)
    assert (done.code, done.out, len(done.err.splitlines())) == (code, "", 1), done.err
    assert "defect" not in done.err


@pytest.mark.skipif(not Path("/sys/kernel").is_dir(), reason="a directory that not even root may write to")
def test_an_output_without_permission_is_one_clear_line(soak: Soak, tmp_path: Path) -> None:
    write_values(tmp_path, [1], form="jsonl")
    done = soak("gate", "r.jsonl", "--kpi", KPI, "--output", "/sys/kernel/soak-kept")
    assert (done.code, done.out, len(done.err.splitlines())) == (5, "", 1)
    assert "/sys/kernel/soak-kept" in done.err
    assert "defect" not in done.err


@pytest.mark.parametrize("words", [("verify",), ("gate",), ("gate", "--kpi", KPI, "--output", "kept")])
def test_a_name_that_is_too_long_for_the_system_is_no_defect(soak: Soak, words: tuple[str, ...]) -> None:
    done = soak(words[0], "x" * 5000, *words[1:])
    assert done.code in (4, 5)
    assert "defect" not in done.err
    assert len(done.err.splitlines()) == 1


@pytest.mark.parametrize("inside", ["", "iterations", "new/below"])
def test_a_judgement_is_not_kept_inside_of_the_run_that_it_judges(soak: Soak, project: Path, inside: str) -> None:
    run = run_in(project)
    before = sorted(run.rglob("*"))
    done = soak("gate", ".", "--output", inside or ".", cwd=run)
    assert (done.code, done.out, len(done.err.splitlines())) == (2, "", 1), done.err
    assert "lies inside of the run that is judged" in done.err
    assert sorted(run.rglob("*")) == before
    assert soak("verify", run).code == 0


# -- the disk, the machine, others


LIMITED = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.{action})
resource.setrlimit(resource.RLIMIT_{limit}, ({amount}, {amount}))
from soak_action.cli import main
sys.exit(main(sys.argv[1:]))
"""


def limited(
    place: Path, limit: str, amount: int, *words: str, action: str = "SIG_IGN"
) -> subprocess.CompletedProcess[bytes]:
    driver = LIMITED.format(limit=limit, amount=amount, action=action)
    environment = {name: value for name, value in clean_environment().items() if not name.startswith("COVERAGE")}
    command = [sys.executable, "-c", driver, *words]
    return subprocess.run(command, cwd=place, env=environment, capture_output=True, check=False)


def state_of(output: Path) -> str:
    """Return what is left of the only judgement, having checked that it is not green without a receipt."""
    gates = gates_in(output)
    if not gates:
        return "nothing"
    (path,) = gates
    gate = gate_dir.find(path)
    if gate is None:
        return "unstated"
    try:
        found = verify(gate, output)
    except EvidenceError:
        return "unreadable"
    if (path / "receipt.json").exists():
        assert (found.exit_code, found.problems) == (0, ())
        return "sealed"
    assert (found.exit_code, found.problems) == (3, ())
    assert any("receipt.json is missing" in note for note in found.notes)
    return "unsealed"


@posix
@pytest.mark.parametrize("amount", [1, 100, 1000, 4000, 20_000])
def test_a_full_disk_exits_5_and_is_never_green_afterwards(soak: Soak, tmp_path: Path, amount: int) -> None:
    """RLIMIT_FSIZE is a full disk that needs no root: every write beyond the limit fails."""
    write_values(tmp_path, [100] * 2000, form="jsonl")
    done = limited(tmp_path, "FSIZE", amount, "gate", "r.jsonl", "--kpi", KPI, "--output", "kept")
    assert (done.returncode, done.stdout) == (5, b"")
    assert b"Traceback" not in done.stderr
    assert b"defect" not in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert state_of(tmp_path / "kept") in ("nothing", "unstated")
    for gate in gates_in(tmp_path / "kept"):
        assert soak("verify", gate).code == 4
        # Half a copy is evidence of nothing, and the disk is full.
        assert list(gate.glob("results/*")) == []


@posix
def test_being_killed_in_the_middle_of_a_copy_leaves_nothing_green(soak: Soak, tmp_path: Path) -> None:
    write_values(tmp_path, [100] * 2000, form="jsonl")
    words = ("gate", "r.jsonl", "--kpi", KPI, "--output", "kept")
    assert limited(tmp_path, "FSIZE", 20_000, *words, action="SIG_DFL").returncode == -signal.SIGXFSZ
    gate = only_gate(tmp_path / "kept")
    assert (gate / "results/00001.jsonl").stat().st_size < (tmp_path / "r.jsonl").stat().st_size
    assert soak("verify", gate).code == 4
    # The next judgement has a directory of its own and does not mind.
    assert soak(*words).code == 0


@posix
@pytest.mark.timeout(1200)
def test_kill_9_at_every_step_of_every_write_leaves_nothing_green(tmp_path: Path) -> None:
    def drive(place: Path, fatal: int) -> tuple[int, list[str]]:
        write_values(place, [100, 101])
        return die_at(fatal, place, "gate", "r1.json", "r2.json", "--kpi", KPI, "--output", "kept")

    code, steps = drive(tmp_path / "whole", 0)
    assert code == 0
    assert set(steps) == {name for name in STEPS if name.startswith("atomic:")}
    states = []
    for fatal in range(1, len(steps) + 1, full(1, 3)):
        place = tmp_path / str(fatal)
        assert drive(place, fatal)[0] == -signal.SIGKILL
        states.append(state_of(place / "kept"))
    # The receipt is the last file: once it is in place the judgement is whole.
    order = ("nothing", "unstated", "unsealed", "sealed")
    assert sorted(states, key=order.index) == states
    assert set(states) == set(order)


def test_judgements_at_once_into_one_output_do_not_disturb_each_other(tmp_path: Path) -> None:
    write_values(tmp_path, [100, 101])
    command = [sys.executable, "-m", "soak_action", "gate", "r1.json", "r2.json", "--kpi", KPI, "--output", "kept/a"]
    several = [
        subprocess.Popen(command, cwd=tmp_path, env=clean_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(4)
    ]
    outcomes = [process.communicate(timeout=100) for process in several]
    assert [process.returncode for process in several] == [0] * 4, outcomes
    gates = gates_in(tmp_path / "kept/a")
    assert len(gates) == 4
    for gate in gates:
        found = verify(GateDir(gate.resolve()), tmp_path)
        assert (found.exit_code, found.problems) == (0, ())


@posix
@pytest.mark.parametrize("form", ["json", "jsonl", "csv"])
def test_a_huge_file_is_invalid_in_little_memory(tmp_path: Path, form: str) -> None:
    """What would be read into memory does not fit into what this process gets."""
    with (tmp_path / f"r.{form}").open("wb") as stream:
        stream.truncate(400 * 1024**2)
    memory = 200 * 1024**2
    done = limited(tmp_path, "DATA", memory, "gate", f"r.{form}", "--kpi", KPI, "--output", "kept")
    assert done.returncode == 4, done.stderr
    assert b"defect" not in done.stderr
    gate = only_gate(tmp_path / "kept")
    assert limited(tmp_path, "DATA", memory, "verify", str(gate)).returncode == 4
    shutil.rmtree(gate)


@posix
@pytest.mark.timeout(1200)
def test_three_hundred_thousand_rows_are_judged_in_little_memory(tmp_path: Path) -> None:
    padding = "x" * 1000
    with (tmp_path / "r.jsonl").open("w", encoding="utf-8") as stream:
        for number in range(300_000):
            stream.write(f'{{"latency":{{"p95":{number % 100}}},"note":"{padding}"}}\n')
    assert (tmp_path / "r.jsonl").stat().st_size > 300_000_000
    memory = 200 * 1024**2
    done = limited(tmp_path, "DATA", memory, "gate", "r.jsonl", "--kpi", KPI, "--output", "kept")
    assert done.returncode == 0, done.stderr
    gate = only_gate(tmp_path / "kept")
    assert read(gate, "receipt.json")["kpis"]["p95"]["count"] == 300_000
    verified = limited(tmp_path, "DATA", memory, "verify", str(gate))
    assert verified.returncode == 0, verified.stderr
    shutil.rmtree(gate)


# -- between naming and copying


def rules(place: Path) -> Loaded:
    settings = {"from": "#latency.p95", "better": "lower", "hard": "400"}
    words = tuple(Setting(f"kpis.p95.{key}", value, "--kpi p95") for key, value in settings.items())
    return load(Request(directory=place, settings=words, lookup=False, result_files=True), lambda _: None)


def judge_while(place: Path, began: Callable[[GateDir], None]) -> SealedJudgement:
    """Judge r1.json and r2.json of `place`; `began` is called when they are named and not yet copied."""
    occasion = Occasion(
        argv=["gate", "r1.json"],
        environ={},
        directory=place,
        now=datetime(2026, 11, 23, 0, 52, tzinfo=UTC),
        random_suffixes=iter(["ab12cd"]),
        began=began,
    )
    subject = find_subject(["r1.json", "r2.json"], place)
    return judge_for_the_record(subject, rules(place), place / "kept", occasion)


def test_a_result_that_changes_before_it_is_copied_is_judged_as_it_was_copied(tmp_path: Path) -> None:
    write_values(tmp_path, [100, 100])

    def change(_: GateDir) -> None:
        write_values(tmp_path, [900, 900])

    judged = judge_while(tmp_path, change)
    assert judged.verdict.verdict == "fail"
    write_values(tmp_path, [100, 100])
    found = verify(judged.directory, tmp_path)
    assert (found.verdict, found.problems) == ("fail", ())


@pytest.mark.parametrize("what", ["removed", "directory", pytest.param("pipe", marks=posix)])
def test_a_result_that_is_no_file_any_more_ends_the_judgement(tmp_path: Path, soak: Soak, what: str) -> None:
    write_values(tmp_path, [100, 100])

    def harm(_: GateDir) -> None:
        (tmp_path / "r2.json").unlink()
        if what == "directory":
            (tmp_path / "r2.json").mkdir()
        if what == "pipe":
            os.mkfifo(tmp_path / "r2.json")

    with pytest.raises(EvidenceError, match=r"r2\.json: (was removed|is not a regular file)"):
        judge_while(tmp_path, harm)
    assert state_of(tmp_path / "kept") == "unstated"
    assert soak("verify", only_gate(tmp_path / "kept")).code == 4


# -- runs


WORK = """
import json, os, pathlib
pathlib.Path(os.environ["SOAK_OUT"], "m.json").write_text(json.dumps({"v": int(os.environ["SOAK_ITERATION"])}))
"""
CONFIG = 'version: 1\nworkload: {run: ["${SOAK_PYTHON}", work.py]}\nschedule: {iterations: 3}\n'
CONFIG += "kpis: {v: {from: m.json#v, better: lower, hard: 10}}\n"
STRICT = "version: 1\nkpis: {v: {from: other.json#v, better: lower, hard: 1.5}}\n"


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with one finished, passing run in .soak; tests work on copies."""
    place = tmp_path_factory.mktemp("finished")
    for name, text in (("work.py", WORK), ("soak.yaml", CONFIG), ("strict.yaml", STRICT)):
        (place / name).write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "soak_action", "run", "--json"]
    subprocess.run(command, cwd=place, env=clean_environment(), capture_output=True, check=True)
    return place


@pytest.fixture
def project(finished: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "project"))


def run_in(project: Path) -> Path:
    (run,) = (path for path in (project / ".soak").glob("2*") if "-gate-" not in path.name)
    return run


@pytest.mark.parametrize(("words", "code"), [((), 0), (("--config", "strict.yaml"), 1)], ids=["own", "strict"])
def test_a_judgement_of_a_run_verifies_beside_it(
    soak: Soak, tmp_path: Path, project: Path, words: tuple[str, ...], code: int
) -> None:
    run = run_in(project)
    done = soak("gate", run, *words, "--output", ".soak", "--json", cwd=project)
    gate = only_gate(project / ".soak")
    assert (done.code, done.json) == (code, read(gate, "verdict.json"))
    for name, schema in DOCUMENTS.items():
        Draft202012Validator(resources.schema(schema)).validate(read(gate, name))
    stated, receipt = read(gate, "gate.json"), read(gate, "receipt.json")
    assert stated["subject"] == {
        "kind": "run",
        "run_id": run.name,
        "path": f".soak/{run.name}",
        "receipt": canonical.digest_of_bytes((run / "receipt.json").read_bytes()),
        "rules": "given" if words else "own",
    }
    assert (receipt["kind"], receipt["state"], receipt["coverage"]["iterations_planned"]) == ("gate", "finished", 3)
    assert stated["fingerprint"] == read(run, "run.json")["fingerprint"]
    assert not (gate / "results").exists()
    found = soak("verify", gate, "--json", cwd=tmp_path)
    assert (found.code, found.json["problems"], found.json["state"]) == (code, [], "finished")


def test_the_run_is_found_beside_where_it_was_and_below_the_current_directory(
    soak: Soak, tmp_path: Path, project: Path
) -> None:
    run = run_in(project)
    assert soak("gate", run, "--output", tmp_path / "far", cwd=project).code == 0
    gate = only_gate(tmp_path / "far")
    # The path that was recorded is relative to where the judgement was asked for.
    assert soak("verify", gate, cwd=project).code == 0
    lost = soak("verify", gate, cwd=tmp_path / "far")
    assert (lost.code, len(lost.out.splitlines())) == (4, 1)
    assert f"the run {run.name} that it judged is not here" in lost.out
    assert str(gate.parent / run.name) in lost.out
    shutil.move(run, gate.parent / run.name)
    assert soak("verify", gate, cwd=tmp_path / "far").code == 0
    # Both go together wherever they want.
    (tmp_path / "far").rename(tmp_path / "farther away")
    assert soak("verify", tmp_path / "farther away" / gate.name, cwd=project).code == 0


def test_a_run_that_was_removed_is_named_with_the_place_to_put_it(soak: Soak, project: Path) -> None:
    assert soak("gate", run_in(project), "--output", ".soak", cwd=project).code == 0
    gate, run = only_gate(project / ".soak"), run_in(project)
    shutil.rmtree(run)
    done = soak("verify", gate, "--json", cwd=project)
    assert (done.code, done.json["verdict"], len(done.json["problems"])) == (4, "invalid", 1)
    assert f"put the directory of that run at {run}" in done.json["problems"][0]["what"]


def test_a_run_that_was_edited_before_is_judged_invalid_and_stays_so(soak: Soak, project: Path) -> None:
    run = run_in(project)
    lines = (run / "iterations.jsonl").read_bytes()
    (run / "iterations.jsonl").write_bytes(lines.replace(b'"v":3', b'"v":1'))
    assert soak("gate", run, "--output", ".soak", cwd=project).code == 4
    assert soak("verify", only_gate(project / ".soak"), cwd=project).code == 4


def test_results_of_a_run_that_were_edited_before_are_found_by_verifying(soak: Soak, project: Path) -> None:
    """Judging leaves the files of the iterations to verify, as it does without --output."""
    run = run_in(project)
    (run / "iterations/00003/out/m.json").write_text('{"v": 1}', encoding="utf-8")
    soak("gate", run, "--output", ".soak", cwd=project)
    done = soak("verify", only_gate(project / ".soak"), cwd=project)
    assert done.code == 4
    assert f"{run.name}/iterations/00003/out/m.json: was changed" in done.out


def test_a_run_that_ended_after_its_judgement_is_not_the_one_that_was_judged(soak: Soak, project: Path) -> None:
    run = run_in(project)
    later = {name: (run / name).read_bytes() for name in ("segments.jsonl", "verdict.json", "receipt.json")}
    for name in later:
        (run / name).unlink()
    assert soak("gate", run, "--output", ".soak", cwd=project).code == 3
    gate = only_gate(project / ".soak")
    assert read(gate, "gate.json")["subject"]["receipt"] is None
    assert soak("verify", gate, cwd=project).code == 3
    for name, content in later.items():
        (run / name).write_bytes(content)
    done = soak("verify", gate, cwd=project)
    assert done.code == 4
    assert "is not the one of the run that was judged: the run was continued or changed" in done.out


def test_an_unfinished_run_that_went_on_without_ending_is_found(soak: Soak, project: Path) -> None:
    run = run_in(project)
    lines = (run / "iterations.jsonl").read_bytes().splitlines(keepends=True)
    for name in ("segments.jsonl", "verdict.json", "receipt.json"):
        (run / name).unlink()
    (run / "iterations.jsonl").write_bytes(b"".join(lines[:2]))
    assert soak("gate", run, "--output", ".soak", cwd=project).code == 3
    (run / "iterations.jsonl").write_bytes(b"".join(lines))
    done = soak("verify", only_gate(project / ".soak"), cwd=project)
    assert (done.code, "receipt.json: its coverage is not what the evidence says" in done.out) == (4, True)


@pytest.mark.parametrize("name", ["run.json", "config.json", "iterations.jsonl"])
def test_a_run_that_cannot_be_read_is_one_clear_line_and_never_green(soak: Soak, project: Path, name: str) -> None:
    run = run_in(project)
    (run / name).write_bytes(b"{")
    done = soak("gate", run, "--output", "kept", cwd=project)
    assert (done.code, "defect" in done.err) == (4, False)
    for gate in gates_in(project / "kept"):
        assert soak("verify", gate, cwd=project).code == 4


def test_what_cannot_be_read_in_the_judged_run_is_told_as_the_run_s(soak: Soak, project: Path) -> None:
    run = run_in(project)
    assert soak("gate", run, "--output", ".soak", cwd=project).code == 0
    (run / "config.json").write_bytes(b"{")
    done = soak("verify", only_gate(project / ".soak"), cwd=project)
    assert (done.code, done.err.startswith(f"soak: {run.name}: config.json: ")) == (4, True), done.err


def test_judging_a_run_twice_changes_neither_the_run_nor_the_first_judgement(soak: Soak, project: Path) -> None:
    run = run_in(project)
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    for _ in range(2):
        assert soak("gate", run, "--output", ".soak", cwd=project).code == 0
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before
    gates = gates_in(project / ".soak")
    assert len(gates) == 2
    for gate in gates:
        assert soak("verify", gate, cwd=project).code == 0
    assert soak("verify", run, cwd=project).code == 0
