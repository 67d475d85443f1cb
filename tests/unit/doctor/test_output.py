from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from soak_action.doctor.output import examine_output, existing_directory
from soak_action.errors import SurroundingsError

AS_ROOT = hasattr(os, "geteuid") and os.geteuid() == 0


@pytest.mark.parametrize("exists", [True, False])
def test_a_directory_that_can_be_written_is_ok_and_left_as_it_was(tmp_path: Path, exists):
    output = tmp_path / ".soak"
    if exists:
        output.mkdir()
    finding = examine_output(output)
    assert (finding.id, finding.status, finding.advice) == ("output", "ok", "")
    assert finding.sentence.startswith(str(output if exists else tmp_path))
    assert os.listdir(tmp_path) == ([".soak"] if exists else [])
    assert not exists or os.listdir(output) == []


def test_the_nearest_directory_above_is_looked_at(tmp_path: Path):
    assert existing_directory(tmp_path / "a" / "b" / ".soak") == tmp_path


def test_a_file_in_the_place_of_the_directory_is_a_problem(tmp_path: Path):
    (tmp_path / ".soak").write_bytes(b"")
    finding = examine_output(tmp_path / ".soak")
    assert (finding.status, finding.advice) == ("problem", "move the file away")
    assert "is not a directory" in finding.sentence


@pytest.mark.skipif(AS_ROOT or sys.platform == "win32", reason="root may write everywhere")
def test_a_directory_without_permission_is_a_problem(tmp_path: Path):
    tmp_path.chmod(0o500)
    try:
        finding = examine_output(tmp_path / ".soak")
    finally:
        tmp_path.chmod(0o700)
    assert finding.status == "problem"
    assert f"cannot write in {tmp_path}: permission is missing" in finding.sentence


@pytest.mark.skipif(sys.platform == "win32", reason="no such directory")
def test_a_directory_that_refuses_is_a_problem():
    finding = examine_output(Path("/proc/self" if sys.platform == "linux" else "/dev/fd"))
    assert finding.status == "problem"
    assert finding.sentence.startswith("cannot write in /")


def test_a_refused_replacement_is_a_problem_and_leaves_nothing(tmp_path: Path):
    def refuse(path: Path, data: bytes) -> None:
        path.write_bytes(data)
        raise SurroundingsError("cannot write it: the disk is full")

    finding = examine_output(tmp_path, refuse)
    assert (finding.status, finding.sentence) == ("problem", "cannot write it: the disk is full")
    assert finding.advice
    assert os.listdir(tmp_path) == []


def test_a_file_that_keeps_its_old_content_is_a_problem(tmp_path: Path):
    def forget(path: Path, data: bytes) -> None:
        if not path.exists():
            path.write_bytes(data)

    finding = examine_output(tmp_path, forget)
    assert finding.status == "problem"
    assert finding.sentence == f"a file in {tmp_path} does not hold what was just written to it"
