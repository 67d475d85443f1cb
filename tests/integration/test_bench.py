"""Every benchmark works and prints its ratio and its target; what it measures depends on the machine."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

RUN = Path(__file__).parents[1] / "bench" / "run.py"
NAMES = sorted(path.stem for path in RUN.parent.glob("*.py") if "\ndef run(bench: Bench)" in path.read_text("utf-8"))


def bench(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, RUN, *words], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("name", NAMES)
def test_it_runs_and_prints_its_ratios(name):
    done = bench("--quick", "--json", name)
    assert done.returncode == 0, done.stderr
    (found,) = json.loads(done.stdout)
    if found["skipped"]:
        pytest.skip(found["skipped"])
    assert found["benchmark"] == name
    assert any(comparison["met"] is not None for comparison in found["comparisons"])
    for comparison in found["comparisons"]:
        assert comparison["ratio"]["median"] > 0
        assert comparison["ratio"]["low"] <= comparison["ratio"]["median"] <= comparison["ratio"]["high"]
        assert comparison["target"]


def test_a_person_reads_the_ratio_beside_the_target():
    done = bench("--quick", "configuration")
    assert done.returncode == 0, done.stderr
    lines = [line.split(maxsplit=1) for line in done.stdout.splitlines() if line.startswith("  ")]
    assert all("times (" in told for word, told in lines if word == "ratio")
    targets = [told for word, told in lines if word == "target"]
    assert ["20 ms" in targets[0], "0.25 s" in targets[1]] == [True, True]


def test_the_help_names_every_benchmark():
    done = bench("--help")
    assert all(name in done.stdout for name in NAMES)


def test_an_unknown_name_is_refused_and_the_known_ones_are_told():
    done = bench("start_upp")
    assert done.returncode == 2
    assert "start_upp" in done.stderr
    assert all(name in done.stderr for name in NAMES)
