"""Workloads and editors that try to make soak lie, hang, crash or lose evidence."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.conftest import clean_environment
from tests.faults.attacking import GOOD, KPI, Soak, attack, only_run, records

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the attacks are POSIX shell scripts")

NO_FILES = {
    "pipe": ("mkfifo", "not a regular file"),
    "folder": ("mkdir", "is a directory"),
    "device": ("ln -s /dev/zero", "leads out of SOAK_OUT"),
    "secret": ("ln -s /etc/passwd", "leads out of SOAK_OUT"),
    "loop": ("ln -s loop.json", "cannot be reached"),
}


def test_what_is_no_result_file_is_invalid_and_named(soak: Soak, tmp_path: Path) -> None:
    kpis = tuple(word for name in NO_FILES for word in ("--set", f"kpis.{name}.from={name}.json#x"))
    script = 'cd "$SOAK_OUT"; ' + "; ".join(f"{command} {name}.json" for name, (command, _) in NO_FILES.items())
    done = attack(tmp_path, script, *kpis, iterations=1)
    (record,) = records(tmp_path)
    assert (done.code, done.json["verdict"], record["kpis"]) == (4, "invalid", {})
    assert {name: reason in record["details"][name] for name, (_, reason) in NO_FILES.items()} == dict.fromkeys(
        NO_FILES, True
    )


@pytest.mark.parametrize("then", ["true", 'echo 1 > "$SOAK_OUT"'], ids=["removed", "became a file"])
def test_a_results_folder_that_is_gone_is_invalid(soak: Soak, tmp_path: Path, then: str) -> None:
    assert attack(tmp_path, f'rmdir "$SOAK_OUT"; {then}', iterations=1).code == 4
    assert "was not written" in records(tmp_path)[0]["details"]["x"]


def test_a_link_to_an_older_result_is_no_result(soak: Soak, tmp_path: Path) -> None:
    older = 'ln -s "$SOAK_RUN_DIR/iterations/00001/out/m.json" "$SOAK_OUT/m.json"'
    done = attack(tmp_path, f"if [ $SOAK_ITERATION = 1 ]; then {GOOD} else {older}; fi")
    assert done.code == 4
    assert "leads out of SOAK_OUT" in records(tmp_path)[1]["details"]["x"]


ODD_DOCUMENTS = {
    "duplicate": (b'{"x":1,"x":2}', "duplicate key"),
    "nan": (b'{"x":NaN}', "NaN is not JSON"),
    "too_large": (b'{"x":1e400}', "too large for a double"),
    "digits": (b'{"x":' + b"9" * 5000 + b"}", "too large for a double"),
    "deep": (b"[" * 100_000 + b"]" * 100_000, "levels deep"),
    "utf16": ('{"x":1}'.encode("utf-16"), "is not UTF-8"),
    "trailing": (b'{"x":1} garbage', "extra data"),
    "text": (b'{"x":"1"}', "a number in quotes"),
    "boolean": (b'{"x":true}', "true is not a number"),
    "null": (b'{"x":null}', "null"),
    "surrogate": (b'{"x":1,"y":"\\ud800"}', "lone surrogate"),
    "zeros": (b"\0" * 1000, "expecting value"),
    "empty": (b"", "is empty"),
    "list": (b'{"x":[1,2]}', "a list of 2 entries"),
}


def test_odd_documents_are_reasons_and_never_numbers(soak: Soak, tmp_path: Path) -> None:
    for name, (content, _) in ODD_DOCUMENTS.items():
        (tmp_path / f"{name}.bin").write_bytes(content)
    kpis = [word for name in ODD_DOCUMENTS for word in ("--set", f"kpis.{name}.from={name}.bin#x")]
    command = ("/bin/sh", "-c", 'cat > /dev/null; for f in *.bin; do cat "$f" > "$SOAK_OUT/$f"; done')
    done = soak("run", "--json", "--iterations", "1", *kpis, "--", *command)
    (record,) = records(tmp_path)
    assert (done.code, record["kpis"]) == (4, {})
    assert {name: reason in record["details"][name] for name, (_, reason) in ODD_DOCUMENTS.items()} == dict.fromkeys(
        ODD_DOCUMENTS, True
    )


def test_a_record_that_the_workload_appends_is_found(soak: Soak, tmp_path: Path) -> None:
    done = attack(tmp_path, GOOD + 'echo "{}" >> "$SOAK_RUN_DIR/iterations.jsonl"')
    assert (done.code, done.json["verdict"]) == (4, "invalid")
    assert soak("verify", only_run(tmp_path)).code == 4


def test_a_ledger_that_the_workload_replaces_is_never_green(soak: Soak, tmp_path: Path) -> None:
    swap = 'cp "$SOAK_RUN_DIR/iterations.jsonl" copy; mv copy "$SOAK_RUN_DIR/iterations.jsonl"'
    done = attack(tmp_path, GOOD + swap)
    assert done.code == 4
    assert soak("verify", only_run(tmp_path)).code == 4


@pytest.mark.parametrize("what", ["run.json", "config.json", "iterations.jsonl"])
def test_evidence_that_the_workload_removes_is_never_green(soak: Soak, tmp_path: Path, what: str) -> None:
    done = attack(tmp_path, GOOD + f'rm "$SOAK_RUN_DIR/{what}"', iterations=1)
    assert done.code == 4
    assert soak("verify", only_run(tmp_path)).code == 4


def test_a_verdict_that_the_workload_writes_is_overwritten(soak: Soak, tmp_path: Path) -> None:
    bad = """echo '{"x": 101}' > "$SOAK_OUT/m.json"; """
    claim = bad + 'for f in verdict receipt; do echo "{}" > "$SOAK_RUN_DIR/$f.json"; done'
    done = attack(tmp_path, claim)
    assert (done.code, done.json["verdict"]) == (1, "fail")
    assert json.loads((only_run(tmp_path) / "verdict.json").read_bytes())["verdict"] == "fail"
    assert soak("verify", only_run(tmp_path)).code == 1


def test_odd_file_names_and_very_many_files_are_evidence(soak: Soak, tmp_path: Path) -> None:
    names = 'cd "$SOAK_OUT"; touch "a\nb" "$(printf "\\377x")" "c:d"; mkfifo pipe; '
    names += "mkdir many; cd many; seq 1000 | xargs touch"
    done = attack(tmp_path, GOOD + names)
    assert done.code == 0
    assert len(records(tmp_path)[0]["results"]) < 10
    assert soak("verify", only_run(tmp_path)).code == 0
    (only_run(tmp_path) / "iterations" / "00002" / "out" / "many" / "77").write_text("changed", encoding="utf-8")
    assert soak("verify", only_run(tmp_path)).code == 4


def test_output_cannot_give_orders_to_the_log(soak: Soak) -> None:
    printed = "printf '::set-output name=a::b\\n\\033]0;evil\\007\\n'; printf '::error::no\\n' >&2; "
    done = soak("run", "--iterations", "1", *KPI, "--", "/bin/sh", "-c", printed + GOOD)
    assert done.code == 0
    assert not [word for word in ("::", "\x1b", "\x07") if word in done.out + done.err]


def test_a_workload_that_stops_itself_is_ended_by_its_timeout(soak: Soak, tmp_path: Path) -> None:
    done = attack(tmp_path, "kill -STOP $$", "--set", "workload.timeout=1s", iterations=1)
    assert done.code == 1
    assert records(tmp_path)[0]["outcome"] == "timeout"


@pytest.mark.parametrize(("name", "code"), [("TERM", 143), ("HUP", 143), ("INT", 130)])
def test_a_workload_that_signals_soak_gets_no_verdict(soak: Soak, tmp_path: Path, name: str, code: int) -> None:
    done = attack(tmp_path, GOOD + f"kill -{name} $PPID; sleep 60")
    assert (done.code, done.json["state"]) == (code, "interrupted")
    assert soak("verify", only_run(tmp_path)).code in (3, 4)


def test_a_closed_reader_does_not_make_a_traceback(soak: Soak, tmp_path: Path) -> None:
    assert attack(tmp_path, GOOD).code == 0
    with subprocess.Popen(
        [sys.executable, "-m", "soak_action", "mock", "--iterations", "100000"],
        env=clean_environment(),
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert b"Traceback" not in process.stderr.read()
        assert process.wait(60) == 5


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two finished runs of the same configuration."""
    folder = tmp_path_factory.mktemp("runs")
    words = ["run", "--json", "--iterations", "3", *KPI, "--", "/bin/sh", "-c", GOOD]
    found = []
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-m", "soak_action", *words],
            cwd=folder,
            env=clean_environment(),
            capture_output=True,
            check=True,
        )
        found.append(Path(json.loads(done.stdout)["run_dir"]))
    return found[0], found[1]


def copy_of(run: Path, folder: Path) -> Path:
    return Path(shutil.copytree(run, folder / run.name, symlinks=True))


@pytest.mark.parametrize("name", ["run.json", "iterations.jsonl", "segments.jsonl", "verdict.json", "receipt.json"])
def test_a_file_of_another_run_is_found(soak: Soak, tmp_path: Path, runs: tuple[Path, Path], name: str) -> None:
    run = copy_of(runs[0], tmp_path)
    shutil.copy(runs[1] / name, run / name)
    assert soak("verify", run).code == 4


@pytest.mark.parametrize("kept", [0, 1, 3])
def test_a_run_cut_back_to_an_earlier_state_is_never_green(
    soak: Soak, tmp_path: Path, runs: tuple[Path, Path], kept: int
) -> None:
    run = copy_of(runs[0], tmp_path)
    lines = (run / "iterations.jsonl").read_bytes().splitlines(keepends=True)
    (run / "iterations.jsonl").write_bytes(b"".join(lines[:kept]))
    for name in ("segments.jsonl", "receipt.json", "verdict.json"):
        (run / name).unlink()
    for number in range(kept + 1, 4):
        shutil.rmtree(run / "iterations" / f"{number:05d}")
    assert soak("verify", run).code == (3 if kept else 4)
    assert soak("gate", run).code == (3 if kept else 4)


def test_a_run_is_verified_through_a_link_and_read_only(soak: Soak, tmp_path: Path, runs: tuple[Path, Path]) -> None:
    run = copy_of(runs[0], tmp_path)
    before = {path: path.stat().st_mtime_ns for path in run.rglob("*")}
    link = tmp_path / "latest"
    link.symlink_to(run)
    assert soak("verify", link).code == 0
    assert {path: path.stat().st_mtime_ns for path in run.rglob("*")} == before
