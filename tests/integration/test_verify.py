"""`soak verify`: one changed byte anywhere is found and located; honest evidence verifies from its files alone."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest

from soak_action import canonical
from soak_action.evidence import ledger
from soak_action.evidence.archive import write

WORK = """
import json, os, pathlib
number = int(os.environ["SOAK_ITERATION"])
pathlib.Path(os.environ["SOAK_OUT"], "metrics.json").write_text(json.dumps({"p95": 100 + number}))
print("hello")
"""
CONFIG = """version: 1
workload: {run: ["${SOAK_PYTHON}", work.py]}
kpis: {p95: {from: metrics.json#p95, better: lower, hard: 400, soft: 350, range: [0, 1000]}}
"""
EVIDENCE = (
    "run.json",
    "config.json",
    "config-sources.json",
    "iterations.jsonl",
    "segments.jsonl",
    "verdict.json",
    "receipt.json",
    "iterations/00002/out/metrics.json",
    "iterations/00003/stdout.log",
)


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    """One finished, passing run; tests work on copies."""
    import subprocess

    from tests.conftest import clean_environment

    place = tmp_path_factory.mktemp("finished")
    (place / "work.py").write_text(WORK)
    (place / "soak.yaml").write_text(CONFIG)
    command = [sys.executable, "-m", "soak_action", "run", "--json"]
    done = subprocess.run(command, cwd=place, env=clean_environment(), capture_output=True, check=True)
    return Path(json.loads(done.stdout)["run_dir"])


@pytest.fixture
def run(finished, tmp_path) -> Path:
    copy = tmp_path / finished.name
    shutil.copytree(finished, copy)
    return copy


def changed_offsets(content: bytes) -> list[int]:
    return sorted({0, 1, len(content) // 3, len(content) // 2, len(content) - 2, len(content) - 1})


def test_an_untouched_copy_elsewhere_verifies(soak, run):
    done = soak("verify", run, "--json")
    assert done.code == 0
    assert done.json["problems"] == []
    assert done.json["checked_files"] == 9


@pytest.mark.parametrize("name", EVIDENCE)
def test_one_changed_byte_anywhere_exits_4_and_says_where(run, name):
    from soak_action.errors import EvidenceError
    from soak_action.evidence.run_dir import find
    from soak_action.verify import verify

    path = run / name
    content = path.read_bytes()
    for offset in changed_offsets(content):
        path.write_bytes(content[:offset] + bytes([content[offset] ^ 1]) + content[offset + 1 :])
        try:
            found = verify(find(run))
        except EvidenceError as error:
            places = str(error)
        else:
            assert found.exit_code == 4
            places = "\n".join(map(str, found.problems))
        assert name in places, (offset, places)
    path.write_bytes(content)
    assert verify(find(run)).exit_code == 0


@pytest.mark.parametrize("name", EVIDENCE)
def test_a_missing_or_empty_file_is_never_green(soak, run, name):
    content = (run / name).read_bytes()
    (run / name).write_bytes(b"")
    emptied = soak("verify", run)
    assert emptied.code == 4
    (run / name).unlink()
    removed = soak("verify", run)
    assert removed.code == (3 if name == "receipt.json" else 4)
    assert name in emptied.out + emptied.err
    assert name in removed.out + removed.err
    (run / name).write_bytes(content)


def test_a_run_below_the_current_directory_is_found_by_its_id(soak, tmp_path, run):
    (tmp_path / ".soak").mkdir()
    run.rename(tmp_path / ".soak" / run.name)
    rule = soak("verify", run.name, "--json")
    assert rule.code == 0
    reproduce = json.loads((tmp_path / ".soak" / run.name / "verdict.json").read_text())["rules"][0]["reproduce"]
    assert reproduce == f"soak verify {run.name}"
    assert soak("verify", run.name.replace("2", "1", 1)).code == 4


def test_a_file_added_to_an_iteration_is_found(soak, run):
    (run / "iterations/00001/out/extra.json").write_text("{}")
    done = soak("verify", run)
    assert done.code == 4
    assert "iterations/00001/out/extra.json" in done.out


def test_a_removed_iteration_is_found(soak, run):
    lines = (run / "iterations.jsonl").read_bytes().splitlines(keepends=True)
    (run / "iterations.jsonl").write_bytes(b"".join([lines[0], lines[2]]))
    done = soak("verify", run)
    assert done.code == 4
    assert "iterations.jsonl:2" in done.out


def test_a_doctored_verdict_is_recomputed(soak, run):
    """trap_10: the verdict is what the evidence says, whatever a rendering or a second file claims."""
    verdict = json.loads((run / "verdict.json").read_text())
    verdict["verdict"] = "warn"
    (run / "verdict.json").write_bytes(canonical.pretty(verdict))
    receipt = json.loads((run / "receipt.json").read_text())
    receipt["digests"]["verdict.json"] = canonical.digest_of_bytes((run / "verdict.json").read_bytes())
    receipt["verdict"] = "warn"
    del receipt["digest"]
    receipt["digest"] = canonical.digest(receipt)
    (run / "receipt.json").write_bytes(canonical.pretty(receipt))
    done = soak("verify", run)
    assert done.code == 4
    assert "says warn, but the evidence says pass" in done.out


def test_trap_10_one_verdict_is_rendered_everywhere(soak, run):
    verdict = json.loads((run / "verdict.json").read_text())
    receipt = json.loads((run / "receipt.json").read_text())
    gated = soak("gate", run, "--json")
    shown = soak("gate", run)
    assert verdict["verdict"] == receipt["verdict"] == gated.json["verdict"] == "pass"
    assert gated.json == verdict
    assert shown.out.startswith("PASS\n")


def test_trap_17_equal_time_stamps_are_invalid_even_in_an_intact_chain(soak, run):
    rewrite(run, lambda record: {**record, "offset_seconds": 0.5})
    done = soak("gate", run, "--json")
    assert done.code == 4
    assert "sanity.time" in {rule["id"] for rule in done.json["rules"] if rule["result"] == "invalid"}


def test_trap_21_a_run_that_claims_hours_but_took_seconds_is_invalid(soak, run):
    document = json.loads((run / "run.json").read_text())
    document["schedule"]["duration_seconds"] = 259200
    (run / "run.json").write_bytes(canonical.pretty(document))
    done = soak("verify", run)
    assert done.code == 4
    assert "run.json: promises another duration_seconds than config.json" in done.out


def test_a_kpi_outside_its_range_is_invalid_even_in_an_intact_chain(soak, run):
    rewrite(run, lambda record: {**record, "kpis": {"p95": -1}})
    assert soak("gate", run).code == 4


def test_an_unfinished_run_is_inconclusive_at_best(soak, run):
    for name in ("segments.jsonl", "verdict.json", "receipt.json"):
        (run / name).unlink()
    done = soak("verify", run)
    assert done.code == 3
    assert "receipt.json is missing" in done.out
    assert soak("gate", run).code == 3


def test_a_torn_last_line_is_dropped_and_reported(soak, run):
    for name in ("segments.jsonl", "verdict.json", "receipt.json"):
        (run / name).unlink()
    with (run / "iterations.jsonl").open("ab") as stream:
        stream.write(b'{"iteration":4,"torn')
    done = soak("verify", run)
    assert done.code == 3
    assert "unfinished last line of 20 bytes" in done.out


@pytest.mark.parametrize("kind", ["nothing", "file", "empty directory", "unicode"])
def test_what_is_not_a_run_exits_4_in_one_line(soak, tmp_path, kind):
    path = tmp_path / ("ü" if kind == "unicode" else "x")
    if kind == "file":
        path.write_text("{}")
    if kind == "empty directory":
        path.mkdir()
    done = soak("verify", path)
    assert done.code == 4
    assert len(done.err.splitlines()) == 1


def test_rubbish_in_every_file_never_makes_a_traceback_or_green(run):
    from soak_action.errors import EvidenceError
    from soak_action.evidence.run_dir import find
    from soak_action.verify import verify

    rubbish = [b"[]\n", b"{}\n", b"null\n", b'"x"\n', b"1e999\n", b"[" * 5000, b"\xff\xfe\n", b'{"a":1,"a":2}\n']
    for name in EVIDENCE[:7]:
        content = (run / name).read_bytes()
        for bad in rubbish:
            (run / name).write_bytes(bad)
            try:
                code = verify(find(run)).exit_code
            except EvidenceError as error:
                code = error.exit_code
            assert code == 4
        (run / name).write_bytes(content)


def rewrite(run: Path, change) -> None:
    """Write the iterations anew with a chain that fits, as somebody would who can edit every file."""
    head = canonical.digest_of_bytes((run / "run.json").read_bytes())
    lines = []
    for line in (run / "iterations.jsonl").read_bytes().splitlines():
        record = change(json.loads(line))
        for key in ("digest", "previous"):
            record.pop(key)
        sealed, head = ledger.seal(record, head)
        lines.append(sealed + b"\n")
    (run / "iterations.jsonl").write_bytes(b"".join(lines))
    segment = json.loads((run / "segments.jsonl").read_text())
    for key in ("digest", "previous"):
        segment.pop(key)
    (run / "segments.jsonl").write_bytes(ledger.seal(segment, head)[0] + b"\n")


def compressed(run: Path) -> Path:
    archive = run.with_name(f"{run.name}.tar.gz")
    with archive.open("wb") as file:
        write(run, file)
    shutil.rmtree(run)
    return archive


def test_a_compressed_run_is_verified_and_judged_like_any_other(soak, run):
    before = [soak("verify", run, "--json").json, soak("gate", run, "--json").json]
    archive = compressed(run)
    for named in (archive, run):
        assert [soak("verify", named, "--json").json, soak("gate", named, "--json").json] == before


def test_a_compressed_run_with_one_changed_byte_is_invalid(soak, run):
    log = run / "iterations/00002/stdout.log"
    log.write_bytes(b"jello\n")
    done = soak("verify", compressed(run))
    assert done.code == 4
    assert "iterations/00002" in done.out


def test_a_damaged_archive_is_invalid(soak, run):
    archive = compressed(run)
    archive.write_bytes(archive.read_bytes()[:-20])
    for command in ("verify", "gate"):
        done = soak(command, archive)
        assert done.code == 4
        assert "the archive is damaged" in done.err


def test_a_judgement_finds_its_run_when_either_is_compressed(soak, run, tmp_path):
    done = soak("gate", run, "--output", tmp_path)
    assert done.code == 0
    (gate,) = tmp_path.glob("*-gate-*")
    archive = compressed(run)
    assert soak("verify", gate).code == 0
    packed = compressed(gate)
    assert soak("verify", packed).code == 0
    archive.unlink()
    done = soak("verify", packed)
    assert done.code == 4
    assert f"put the directory of that run at {tmp_path / run.name}" in done.err + done.out


def test_a_judgement_of_a_compressed_run_tells_where_that_is_kept(soak, run, tmp_path):
    archive = compressed(run)
    assert soak("gate", archive, "--output", tmp_path).code == 0
    (gate,) = tmp_path.glob("*-gate-*")
    assert json.loads((gate / "gate.json").read_bytes())["subject"]["path"] == run.name
    assert soak("verify", gate).code == 0


def test_going_on_with_a_compressed_run_is_refused_with_what_to_do(soak, run):
    archive = compressed(run)
    for named in (archive, run):
        done = soak("run", "--resume", named)
        assert done.code == 2
        assert f"unpack it first: tar -xzf {archive} -C {run.parent}" in done.err
