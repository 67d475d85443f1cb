"""The unit tests, and tests that only Windows can answer, run by pytest inside the Windows Python."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.wine.environment import ROOT, Windows, windows_path

_ALIKE = "takes long, and nothing in it differs between systems"
# Why a test does not run there; each reason is one of Wine or of the test, none of the package.
NOT_UNDER_WINE = {
    "tests/unit/test_loop.py": "its workload is /bin/sh; whole runs under Wine are in test_wine_run.py",
    "tests/unit/evidence/test_fingerprint.py": "needs git, which is not in Wine",
    "tests/unit/test_files.py::test_a_device_without_space_is_explained": "/dev/full is Linux's",
    "tests/unit/evidence/test_samples.py::test_days_once_a_second_stay_within_the_bound": _ALIKE,
    "tests/unit/evidence/test_samples.py::test_each_segment_keeps_a_line_however_many_there_are": _ALIKE,
    "tests/unit/evidence/test_buckets.py::test_the_samples_of_one_long_iteration_take_bounded_memory": _ALIKE,
    "tests/unit/tuning/test_machine.py": _ALIKE,
    "tests/unit/kpi/test_result_file.py::test_a_link_may_stay_inside_but_not_lead_out": "Wine makes no links",
    "tests/unit/kpi/test_result_file.py::test_links_that_lead_nowhere": "Wine makes no links",
    "tests/unit/kpi/test_result_file.py::test_a_link_above_the_results_is_seen_and_another_spelling_is_no_link": (
        "Wine makes no links"
    ),
    "tests/unit/test_cli.py::test_an_argument_that_is_not_text_is_refused": "arguments are always text on Windows",
    "tests/unit/workload/test_child.py::test_what_cannot_be_started": "expects the words of POSIX",
}
# What is alike in length, so that two processes share it well.
SUITES = {
    "settings": ("tests/unit/config", "tests/unit/gate", "tests/unit/doctor", "tests/unit/retention"),
    "ground": ("tests/unit/test_*.py", "tests/unit/kpi", "tests/unit/evidence"),
    "processes": (
        "tests/unit/workload",
        "tests/unit/tuning",
        "tests/windows/test_*.py",
        "tests/integration/test_launcher_parts.py",
    ),
}


def files_of(suite: str) -> list[str]:
    found = [path for pattern in SUITES[suite] for path in ROOT.glob(pattern)]
    assert found, f"{suite}: {SUITES[suite]} names nothing"
    return [path.relative_to(ROOT).as_posix() for path in sorted(found)]


def left_out(suite: str) -> list[str]:
    return [f"--deselect={test}" for test in NOT_UNDER_WINE if test.startswith(tuple(files_of(suite)))]


@pytest.mark.parametrize("suite", SUITES)
def test_suite_passes_on_windows(windows: Windows, suite: str, tmp_path: Path) -> None:
    options = [
        "-q",
        "--tb=short",
        "--color=no",
        "-p",
        "tests.wine.few_examples",
        "-o",
        f"cache_dir={windows_path(windows.folder / 'pytest')}",
        "-o",
        "timeout=0",  # a timer thread for each test doubles its time there; the whole has a limit below
    ]
    options += [f"--basetemp={windows_path(tmp_path / 'wine')}"]
    done = windows.run("-m", "pytest", *options, *left_out(suite), *files_of(suite), timeout=600)
    output = (done.stdout + done.stderr).decode(errors="replace").replace("\r\n", "\n")
    assert done.returncode == 0, output[-20_000:]
    passed = re.search(r"^(\d+) passed", output, re.MULTILINE)
    assert passed, output[-2000:]
    assert int(passed[1]) > 5, output[-2000:]


def test_what_is_left_out_exists() -> None:
    for test in NOT_UNDER_WINE:
        file, _, name = test.partition("::")
        assert f"def {name}" in (ROOT / file).read_text("utf-8")
