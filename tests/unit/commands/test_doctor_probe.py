from __future__ import annotations

import os
import signal
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from soak_action.commands.doctor_probe import _occupied, dry_iteration
from soak_action.config.load import Request, Setting, load
from soak_action.errors import EvidenceError
from soak_action.loop import Clock
from soak_action.workload.launching import Surroundings
from soak_action.workload.stop import StopRequest

CLOCK = Clock(time.monotonic, lambda: datetime.now(UTC))


def probe(folder: Path, program: str, stop: StopRequest):
    settings = (Setting("workload.run", [sys.executable, "-c", program], "x"),)
    config = load(Request(folder, settings=settings), lambda _: None).config
    return dry_iteration(config, Surroundings(folder, os.environ, sys.executable, None), CLOCK, stop)


@pytest.mark.parametrize(
    ("program", "results", "logs"),
    [
        ("pass", 0, 0),
        ("print('x')", 0, 4096),
        ("import os; open(os.environ['SOAK_OUT'] + '/a', 'wb').write(bytes(4097))", 8192, 0),
        (
            "import os; os.mkdir(os.environ['SOAK_OUT'] + '/b'); open(os.environ['SOAK_OUT'] + '/b/a', 'w').write('x')",
            4096,
            0,
        ),
    ],
)
def test_what_an_iteration_occupies_is_counted_in_blocks(tmp_path: Path, program, results, logs):
    dry = probe(tmp_path, program, StopRequest())
    assert dry is not None
    assert dry.ok
    directories = 4096 * program.count("mkdir") if sys.platform != "win32" else 0
    assert results <= dry.result_bytes <= results + directories
    assert dry.log_bytes == logs
    assert 200 < dry.record_bytes < 4096


@pytest.mark.skipif(sys.platform == "win32", reason="removes an open file")
def test_a_log_that_the_workload_removed_is_told_as_it_would_be_of_a_run(tmp_path: Path):
    program = "import os; os.remove(os.environ['SOAK_OUT'] + '/../stdout.log'); print('x')"
    with pytest.raises(EvidenceError, match="was replaced or changed while the workload ran"):
        probe(tmp_path, program, StopRequest())


def test_a_file_that_is_gone_takes_nothing(tmp_path: Path):
    assert _occupied(tmp_path / "gone") == 0


def test_a_stop_that_came_before_starts_nothing_and_leaves_nothing(tmp_path: Path):
    stop = StopRequest()
    stop.request(signal.SIGINT)
    before = set(Path(tempfile.gettempdir()).glob("soak-doctor-*"))
    assert probe(tmp_path, "open('ran', 'w').close()", stop) is None
    assert list(tmp_path.iterdir()) == []
    assert set(Path(tempfile.gettempdir()).glob("soak-doctor-*")) <= before
