from __future__ import annotations

import errno
import hashlib
import os
import sys
from datetime import UTC, datetime
from itertools import repeat
from pathlib import Path

import pytest

from soak_action import canonical
from soak_action.errors import EvidenceError, SurroundingsError
from soak_action.evidence.gate_dir import DIGESTED, GateDir, ResultCopy, check_files, create, digests_of, find
from soak_action.evidence.run_dir import RUN_ID

NOW = datetime(2026, 11, 23, 0, 52, tzinfo=UTC)
posix = pytest.mark.skipif(sys.platform == "win32", reason="links and pipes of POSIX")


@pytest.fixture
def gate(tmp_path: Path) -> GateDir:
    return create(tmp_path / "kept", NOW, iter(["ab12cd"]))


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "Result.JSON"
    path.write_bytes(b'{"x": 1}\r\n')
    return path


def sealed(gate: GateDir, source: Path, copies: int = 2) -> list[ResultCopy]:
    """Fill a judgement with documents that only look like ones."""
    for name in (*DIGESTED, "receipt.json"):
        (gate.path / name).write_bytes(name.encode())
    return [gate.keep(number, source, "shown") for number in range(1, copies + 1)]


def problems(gate: GateDir, copies: list[ResultCopy]) -> list[str]:
    return [str(problem) for problem in check_files(gate, copies)]


def test_a_judgement_is_named_after_its_start(gate):
    assert gate.gate_id == "20261123T005200Z-gate-ab12cd"
    assert RUN_ID.fullmatch(gate.gate_id)
    assert (gate.path.parent / ".gitignore").read_bytes() == b"*\n"
    assert list(gate.path.iterdir()) == []


def test_trap_26_a_name_is_never_used_twice(tmp_path):
    first = create(tmp_path, NOW, iter(["aaaaaa"]))
    assert create(tmp_path, NOW, iter(["aaaaaa", "bbbbbb"])).path != first.path
    with pytest.raises(SurroundingsError, match="unused name"):
        create(tmp_path, NOW, repeat("aaaaaa"))


def test_a_copy_has_the_bytes_of_its_source_and_says_so(gate, source):
    content = source.read_bytes()
    copy = gate.keep(7, source, "../a b.JSON")
    assert copy == ResultCopy("../a b.JSON", "00007.json", len(content), hashlib.sha256(content).hexdigest())
    assert (gate.results / copy.copy).read_bytes() == content
    assert ResultCopy.read({**copy.to_dict(), "more": 1}) == copy


@pytest.mark.parametrize("size", [0, 1, 1024**2 - 1, 1024**2, 3 * 1024**2 + 1])
def test_a_copy_is_whole_whatever_its_size(gate, source, size):
    source.write_bytes(os.urandom(size))
    copy = gate.keep(1, source, "x")
    assert (copy.bytes, (gate.results / copy.copy).read_bytes()) == (size, source.read_bytes())


def test_numbers_beyond_five_digits_are_names_too(gate, source):
    assert gate.keep(123456, source, "x").copy == "123456.json"


def test_a_copy_never_replaces_another_one(gate, source):
    first = gate.keep(1, source, "x")
    source.write_bytes(b"other")
    with pytest.raises(SurroundingsError, match="copy x to"):
        gate.keep(1, source, "x")
    assert problems(gate, [first]) == []


def test_half_a_copy_does_not_stay_behind(gate, source, monkeypatch):
    def full(_):
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(SurroundingsError, match="copy x to .*: the disk is full"):
        gate.keep(1, source, "x")
    assert list(gate.results.iterdir()) == []


def test_a_source_that_is_gone_is_named_as_people_know_it(gate, source):
    source.unlink()
    with pytest.raises(EvidenceError, match=r"^\./r\.json: was removed before it could be judged$"):
        gate.keep(1, source, "./r.json")
    assert list(gate.results.iterdir()) == []


def test_a_source_that_is_no_file_is_not_waited_for(gate, source, tmp_path):
    with pytest.raises(EvidenceError, match="is not a regular file"):
        gate.keep(1, tmp_path, "x")
    if hasattr(os, "mkfifo"):
        source.unlink()
        os.mkfifo(source)
        with pytest.raises(EvidenceError, match="is not a regular file"):
            gate.keep(1, source, "x")


@posix
def test_a_link_is_copied_as_what_it_leads_to(gate, source, tmp_path):
    (tmp_path / "link.json").symlink_to(source)
    copy = gate.keep(1, tmp_path / "link.json", "link.json")
    assert not (gate.results / copy.copy).is_symlink()
    assert copy.bytes == source.stat().st_size


def test_a_judgement_is_found_by_its_directory_or_a_file_of_it(gate):
    assert find(gate.path) is None
    for name in ("gate.json", "receipt.json", "verdict.json"):
        (gate.path / name).write_bytes(b"{}")
        assert find(gate.path / name) == find(gate.path) == gate
    assert find(gate.path / "config.json") is None
    assert find(gate.path.parent) is None
    assert find(gate.path.parent / "nothing") is None


def test_a_judgement_below_the_current_directory_is_found_by_its_id(tmp_path, monkeypatch):
    gate = create(tmp_path / ".soak", NOW, iter(["ab12cd"]))
    (gate.path / "gate.json").write_bytes(b"{}")
    monkeypatch.chdir(tmp_path)
    assert find(Path(gate.gate_id)) == gate


def test_what_was_kept_is_whole(gate, source):
    copies = sealed(gate, source)
    assert problems(gate, copies) == []
    assert set(digests_of(gate, copies)) == {*DIGESTED, "results/00001.json", "results/00002.json"}


def test_a_judgement_of_a_run_has_no_results(gate, source):
    sealed(gate, source, copies=0)
    assert problems(gate, []) == []
    gate.results.mkdir()
    assert problems(gate, []) == ["results: does not belong to the judgement: it was added"]


def test_a_copy_that_was_changed_removed_or_replaced_is_located(gate, source):
    copies = sealed(gate, source)
    path = gate.results / "00002.json"
    content = path.read_bytes()
    for other in (content + b" ", content.replace(b"1", b"2"), b""):
        path.write_bytes(other)
        assert problems(gate, copies) == ["results/00002.json: was changed after it was judged"]
    path.unlink()
    assert problems(gate, copies) == ["results/00002.json: is missing"]
    path.mkdir()
    assert problems(gate, copies) == ["results/00002.json: is not a file of its own"]


@posix
def test_links_in_place_of_copies_are_refused_though_the_bytes_are_the_same(gate, source, tmp_path):
    copies = sealed(gate, source)
    (gate.results / "00001.json").rename(tmp_path / "moved")
    (gate.results / "00001.json").symlink_to(tmp_path / "moved")
    (gate.results / "00002.json").unlink()
    (gate.results / "00002.json").symlink_to(tmp_path / "nowhere")
    assert problems(gate, copies) == [f"results/0000{number}.json: is not a file of its own" for number in (1, 2)]


@posix
def test_a_results_folder_that_is_a_link_is_refused(gate, source, tmp_path):
    copies = sealed(gate, source)
    gate.results.rename(tmp_path / "moved")
    gate.results.symlink_to(tmp_path / "moved")
    assert problems(gate, copies) == ["results: is a link that leads out of the judgement"]


def test_all_copies_are_missing_with_their_folder(gate, source):
    copies = sealed(gate, source, copies=1)
    (gate.results / "00001.json").unlink()
    gate.results.rmdir()
    assert problems(gate, copies) == ["results/00001.json: is missing"]
    gate.results.write_bytes(b"")
    assert problems(gate, copies) == ["results/00001.json: is missing"]


@pytest.mark.parametrize("name", ["00003.json", ".tmp-1-ab12", "sub"])
def test_what_was_added_to_the_results_is_a_stranger(gate, source, name):
    copies = sealed(gate, source)
    (gate.results / name).mkdir()
    assert problems(gate, copies) == [f"results/{name}: does not belong to the judgement: it was added"]


def test_what_was_added_at_the_top_is_a_stranger_unless_it_is_no_evidence(gate, source):
    copies = sealed(gate, source)
    for name in ("summary.md", "report.html", "junit.xml", ".tmp-1-ab12"):
        (gate.path / name).write_bytes(b"")
    assert problems(gate, copies) == []
    (gate.path / "run.json").write_bytes(b"")
    assert problems(gate, copies) == ["run.json: does not belong to the judgement: it was added"]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux takes any bytes as a name")
def test_a_stranger_whose_name_is_no_text_is_told_as_what_can_be_stored(gate, source):
    copies = sealed(gate, source)
    (gate.path / os.fsdecode(b"\xff")).write_bytes(b"")
    (problem,) = problems(gate, copies)
    assert problem.encode().startswith(b"\\udcff: ")


@pytest.mark.parametrize(("count", "alone"), [(256, True), (257, False)])
def test_very_many_copies_are_digested_as_one(gate, source, count, alone):
    sealed(gate, source, copies=0)
    copies = [ResultCopy("x", f"{number:05d}.json", 1, f"{number:064x}") for number in range(1, count + 1)]
    digests = digests_of(gate, copies)
    assert len(digests) == len(DIGESTED) + (count if alone else 1)
    if not alone:
        assert digests["results/"] == canonical.digest({f"results/{copy.copy}": copy.sha256 for copy in copies})
        changed = [*copies[:-1], ResultCopy("x", copies[-1].copy, 1, "f" * 64)]
        assert digests_of(gate, changed)["results/"] != digests["results/"]


def test_documents_that_are_not_there_have_no_digest(gate, source):
    copies = sealed(gate, source, copies=1)
    (gate.path / "verdict.json").unlink()
    assert "verdict.json" not in digests_of(gate, copies)
