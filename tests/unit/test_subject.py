from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from soak_action.errors import EvidenceError, SoakError, SurroundingsError, UsageError
from soak_action.evidence.run_dir import RunDir
from soak_action.subject import ResultFiles, find_subject

RUN_ID = "20261123T005200Z-smoke-ab12cd"
GATE_ID = "20261123T005200Z-gate-ab12cd"
Make = Callable[..., Path]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Create files below `tmp_path` and return the first one."""

    def create(*names: str) -> Path:
        for name in names:
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("{}", encoding="utf-8")
        return tmp_path / names[0]

    return create


def kept(number: int, suffix: str = "ab12cd") -> str:
    return f"kept/20261123T005200Z-gate-{suffix}/results/{number:05d}.json"


def test_files_are_result_files_in_the_order_of_their_iterations(tmp_path, make):
    make("r10.json", "r2.json", "r1.json")
    assert find_subject(["r*.json"], tmp_path) == ResultFiles(tuple(tmp_path / f"r{n}.json" for n in (1, 2, 10)))


def test_a_directory_that_holds_a_run_is_that_run(tmp_path, make):
    make(f"{RUN_ID}/run.json")
    subject = find_subject([RUN_ID], tmp_path)
    assert subject == RunDir((tmp_path / RUN_ID).resolve())
    # However it is named, it is one run.
    assert find_subject([RUN_ID, f"./{RUN_ID}/", "*-smoke-*"], tmp_path) == subject


def test_a_directory_that_holds_no_run_is_named(tmp_path, make):
    make("plain/other.json")
    with pytest.raises(EvidenceError, match=r"plain: not a run, for it holds no run\.json"):
        find_subject(["plain"], tmp_path)


@pytest.mark.parametrize(
    ("named", "message"),
    [
        (["a", "b"], "directories: .*a, .*b"),
        (["a", "r.json"], "besides 1 result files"),
        (["a", "b", "c", "d", "e"], "and 2 more"),
    ],
)
def test_one_run_or_result_files_and_never_both(tmp_path, make, named, message):
    make("r.json", *(f"{name}/run.json" for name in "abcde"))
    with pytest.raises(UsageError, match=message):
        find_subject(named, tmp_path)


def test_a_judgement_is_no_subject_even_with_a_run_in_it(tmp_path, make):
    make(f"{GATE_ID}/gate.json", f"{GATE_ID}/run.json")
    with pytest.raises(EvidenceError, match="this is a judgement, not a run"):
        find_subject([GATE_ID], tmp_path)


@pytest.mark.parametrize("named", [["none.json"], ["*.json"], ["r.json", "none-*"]])
def test_what_is_not_there_is_evidence_that_is_missing(tmp_path, make, named):
    if named[0] == "r.json":
        make("r.json")
    with pytest.raises(EvidenceError, match="none|matches no file"):
        find_subject(named, tmp_path)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other limits")
@pytest.mark.parametrize("name", ["x" * 5000, "x" * 300, "d/" * 5000])
def test_a_name_that_the_system_refuses_to_look_for_is_no_defect(tmp_path, name):
    with pytest.raises((EvidenceError, SurroundingsError)):
        find_subject([name], tmp_path)


@pytest.mark.skipif(sys.platform == "win32", reason="links and pipes of POSIX")
@pytest.mark.parametrize("kind", ["pipe", "broken link", "circle"])
def test_what_is_no_file_is_refused_without_waiting_for_it(tmp_path, kind):
    if kind == "pipe":
        os.mkfifo(tmp_path / "r.json")
    else:
        (tmp_path / "r.json").symlink_to("r.json" if kind == "circle" else "nowhere")
    for named in ("r.json", "*.json"):
        with pytest.raises(SoakError):
            find_subject([named], tmp_path)


def test_trap_58_copies_that_an_earlier_judgement_kept_do_not_count_again(tmp_path, make):
    make("kept/r1.json", kept(1), kept(2))
    with pytest.raises(EvidenceError, match=rf"{GATE_ID} keeps results that were judged before"):
        find_subject(["**/*.json"], tmp_path)
    assert find_subject(["kept/*.json"], tmp_path) == ResultFiles((tmp_path / "kept/r1.json",))


def test_trap_58_copies_of_two_judgements_are_not_judged_as_one(tmp_path, make):
    make(kept(1), kept(1, "ffffff"))
    with pytest.raises(EvidenceError, match="judged before"):
        find_subject(["kept/*/results/*.json"], tmp_path)


def test_the_copies_of_one_judgement_may_be_judged_by_other_rules(tmp_path, make):
    make(kept(1), kept(2), f"kept/{GATE_ID}/gate.json")
    assert find_subject([f"kept/{GATE_ID}/results/*.json"], tmp_path) == ResultFiles(
        (tmp_path / kept(1), tmp_path / kept(2))
    )


def test_files_that_only_look_like_those_of_a_judgement_are_results(tmp_path, make):
    make("a/gate.json", "a/results/1.json", "b/results/1.json")
    found = find_subject(["*/results/*.json", "a/gate.json"], tmp_path)
    assert isinstance(found, ResultFiles)
    assert len(found.files) == 3
