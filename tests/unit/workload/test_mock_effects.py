"""The mock as a process: what it writes and prints, how it hangs and dies, what it refuses."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

import soak_action
from soak_action import canonical
from soak_action.commands import mock as command
from soak_action.errors import SurroundingsError, UsageError
from soak_action.workload import mock

PACKAGE_ROOT = Path(soak_action.__file__).parents[1]


class StoppedError(Exception):
    """Raised by a double instead of sleeping or dying."""


def stop(*_: object) -> None:
    raise StoppedError


def forbidden(*_: object) -> None:
    pytest.fail("a mock without this fault must not do that")


def lines(
    mode: str = "calm",
    seed: int = 1,
    first: int = 1,
    *,
    faults: Iterable[str] = (),
    fault_from: int = 2,
    iterations: int = 10,
) -> list[str]:
    stream = mock.run_mock(
        mode,
        seed,
        first,
        faults=faults,
        fault_from=fault_from,
        out_dir=None,
        iterations=iterations,
        sleep=forbidden,
        abort=forbidden,
    )
    return list(stream)


# One iteration as a workload


def act(out_dir: Path, iteration: int, *faults: str) -> None:
    mock.act(out_dir, "calm", 1, iteration, faults=faults, sleep=stop, abort=stop)


def test_an_iteration_writes_its_document(tmp_path: Path) -> None:
    before = time.time() - 60
    assert list(mock.run_mock("calm", 1, 3, faults=(), fault_from=2, out_dir=tmp_path, iterations=1)) == []
    assert [path.name for path in tmp_path.iterdir()] == ["metrics.json"]
    content = (tmp_path / "metrics.json").read_bytes()
    assert content == canonical.pretty(mock.document("calm", 1, 3))
    assert json.loads(content)["mock"] is True
    assert (tmp_path / "metrics.json").stat().st_mtime > before


@pytest.mark.parametrize("fault", sorted(mock.FAULTS))
def test_a_fault_that_does_not_hold_yet_does_nothing(fault: str, tmp_path: Path) -> None:
    before = time.time() - 60
    act(tmp_path, 1, fault)
    assert (tmp_path / "metrics.json").read_bytes() == canonical.pretty(mock.document("calm", 1, 1))
    assert (tmp_path / "metrics.json").stat().st_mtime > before


def test_trap_02_missing_writes_nothing(tmp_path: Path) -> None:
    act(tmp_path, 2, "missing")
    assert list(tmp_path.iterdir()) == []


def test_trap_58_stale_writes_a_file_of_yesterday(tmp_path: Path) -> None:
    act(tmp_path, 2, "stale")
    file = tmp_path / "metrics.json"
    assert file.read_bytes() == canonical.pretty(mock.document("calm", 1, 2))
    assert time.time() - file.stat().st_mtime > mock.STALE_SECONDS - 60


@pytest.mark.parametrize("fault", ["hang", "crash"])
def test_hang_and_crash_come_before_anything_is_written(fault: str, tmp_path: Path) -> None:
    with pytest.raises(StoppedError):
        act(tmp_path, 2, fault)
    assert list(tmp_path.iterdir()) == []


def test_hang_sleeps_again_and_again(tmp_path: Path) -> None:
    naps: list[float] = []

    def nap(seconds: float) -> None:
        naps.append(seconds)
        if len(naps) == 3:
            raise StoppedError

    with pytest.raises(StoppedError):
        mock.act(tmp_path, "calm", 1, 2, faults=["hang"], sleep=nap)
    assert naps == [3600.0] * 3


def test_a_directory_that_cannot_be_written_to_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(SurroundingsError, match=r"the mock cannot write .*metrics\.json: "):
        act(tmp_path / "absent", 1)


def process(out_dir: Path, iteration: int, fault: str) -> subprocess.Popen[str]:
    script = (
        "import sys; from pathlib import Path; from soak_action.workload import mock\n"
        "print('ready', flush=True)\n"
        "mock.act(Path(sys.argv[1]), 'calm', 1, int(sys.argv[2]), faults=[sys.argv[3]])\n"
    )
    return subprocess.Popen(
        [sys.executable, "-c", script, str(out_dir), str(iteration), fault],
        stdout=subprocess.PIPE,
        text=True,
        cwd=out_dir,
        env={**os.environ, "PYTHONPATH": str(PACKAGE_ROOT)},
    )


def test_a_real_process_hangs_until_it_is_killed(tmp_path: Path) -> None:
    with process(tmp_path, 2, "hang") as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        with pytest.raises(subprocess.TimeoutExpired):
            child.wait(0.5)
        child.kill()
    assert list(tmp_path.iterdir()) == []


def test_a_real_process_crashes_without_leaving_a_core_file(tmp_path: Path) -> None:
    with process(tmp_path, 2, "crash") as child:
        child.communicate()
    assert child.returncode not in (0, 1)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("fault", ["hang", "crash"])
def test_a_real_process_ends_well_before_the_fault_holds(fault: str, tmp_path: Path) -> None:
    with process(tmp_path, 1, fault) as child:
        child.communicate(timeout=60)
    assert child.returncode == 0
    assert (tmp_path / "metrics.json").exists()


# Lines


def test_lines_are_the_documents_of_the_iterations() -> None:
    assert lines(first=4, iterations=3) == [
        canonical.compact(mock.document("calm", 1, iteration)) for iteration in (4, 5, 6)
    ]


def test_missing_leaves_lines_out() -> None:
    content = lines(faults=["missing"], fault_from=3, iterations=5)
    assert [json.loads(line)["iteration"] for line in content] == [1, 2]


@pytest.mark.parametrize("fault", ["hang", "crash"])
@pytest.mark.parametrize("first", [1, 2, 3, 4])
def test_hang_and_crash_strike_at_their_line(fault: str, first: int) -> None:
    stream = mock.run_mock(
        "calm", 1, first, faults=[fault], fault_from=3, out_dir=None, iterations=5, sleep=stop, abort=stop
    )
    for iteration in range(first, 3):
        assert json.loads(next(stream))["iteration"] == iteration
    with pytest.raises(StoppedError):
        next(stream)


# Refusals


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"mode": "clam"}, "unknown mode 'clam' - did you mean 'calm'?"),
        ({"mode": "x"}, "unknown mode 'x' (there are calm, volatile, spike)"),
        ({"faults": ["leek"]}, "unknown fault 'leek' - did you mean 'leak'?"),
        ({"seed": -1}, "the seed is -1: write 0 or more"),
        ({"seed": 2**53}, "the seed is 9007199254740992: write 9007199254740991 or less"),
        ({"fault_from": 0}, "the first faulty iteration is 0: write 1 or more"),
        ({"first": 0}, "the iteration is 0: write 1 or more"),
        ({"first": 10_000_001}, "the iteration is 10000001: write 10000000 or less"),
        ({"faults": ["stale"]}, "fault 'stale' needs a file"),
    ],
)
def test_lines_refuse_what_makes_no_sense(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError) as refusal:
        lines(**wrong)
    assert message in str(refusal.value)


@pytest.mark.parametrize("number", ["0", "10000001", "9" * 26, "9" * 5000, "\u0663", "-1", "1.0", " 1", "1\n", "", "x"])
def test_the_command_refuses_what_is_no_iteration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: str) -> None:
    monkeypatch.setenv("SOAK_OUT", str(tmp_path))
    monkeypatch.setenv("SOAK_ITERATION", number)
    with pytest.raises(UsageError, match="write a whole number from 1 to 10000000") as refusal:
        command.execute(command_line())
    assert len(str(refusal.value)) < 200
    assert list(tmp_path.iterdir()) == []


def test_the_command_takes_a_number_in_ascii_digits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOAK_OUT", str(tmp_path))
    monkeypatch.setenv("SOAK_ITERATION", "0012")
    assert command.execute(command_line()) == 0
    assert json.loads((tmp_path / mock.RESULT_FILE).read_bytes())["iteration"] == 12


def command_line() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    return parser.parse_args([])


def test_trap_56_zero_iterations_are_refused() -> None:
    with pytest.raises(UsageError, match="the number of iterations is 0: write 1 or more"):
        lines(iterations=0)


def test_documents_refuse_at_once_and_not_at_the_first_value() -> None:
    with pytest.raises(UsageError, match="unknown mode"):
        mock.documents("clam", 1, 1)


def test_an_iteration_refuses_what_makes_no_sense(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="the iteration is 0"):
        act(tmp_path, 0)
    with pytest.raises(UsageError, match="unknown fault 'leek'"):
        act(tmp_path, 1, "leek")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("iterations", [0, 2])
def test_several_iterations_in_one_directory_are_refused(iterations: int, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="with SOAK_OUT one process performs one iteration"):
        mock.run_mock("calm", 1, 1, faults=(), fault_from=2, out_dir=tmp_path, iterations=iterations)
    assert list(tmp_path.iterdir()) == []
