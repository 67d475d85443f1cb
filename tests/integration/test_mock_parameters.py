"""The mock as a process that reads its parameters, and as a workload that is judged like any other."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

EXAMPLE = """\
version: 1
workload: {{run: {run}}}
schedule: {{iterations: 12}}
kpis:
  net_bps: {{from: metrics.json#net_bps, better: higher, hard: 1.0}}
  adverse_bps: {{from: metrics.json#adverse_bps, better: lower, stat: max, hard: 7.0}}
  risk_ratio: {{from: metrics.json#risk_ratio, better: lower, range: [0, 1], hard: 0.50, soft: 0.35}}
"""
# Repeats what the mock printed, and is no mock.
REAL = """
import json, os, pathlib
number = int(os.environ["SOAK_ITERATION"])
document = json.loads(pathlib.Path("lines.jsonl").read_text("utf-8").splitlines()[number - 1])
del document["mock"]
pathlib.Path(os.environ["SOAK_OUT"], "metrics.json").write_text(json.dumps(document), "utf-8")
"""


def printed(soak, *words: str, **env: str) -> list[dict[str, Any]]:
    done = soak("mock", "--mode", "volatile", "--seed", "3", "--iterations", "40", *words, env=env)
    assert (done.code, done.err) == (0, "")
    return [json.loads(line) for line in done.out.splitlines()]


def test_trap_18_a_process_reacts_to_its_parameters(soak, tmp_path: Path) -> None:
    def mean(name: str, document: object) -> float:
        path = tmp_path / "soak params.json"
        path.write_text(json.dumps(document), "utf-8")
        return sum(line[name] for line in printed(soak, SOAK_PARAMS=str(path))) / 40

    bold, careful = {"min_interval_ms": 40, "impact_cap_ratio": 0.12}, {"min_interval_ms": 80, "impact_cap_ratio": 0.08}
    for name in ("risk_ratio", "adverse_bps", "net_bps"):
        assert mean(name, bold) > mean(name, {}) > mean(name, careful)
    assert printed(soak, SOAK_PARAMS="") == printed(soak)


def test_an_iteration_of_a_process_proves_what_it_read(soak, tmp_path: Path) -> None:
    content = b'{ "min_interval_ms": 75 }\r\n'
    (tmp_path / "soak.params.json").write_bytes(content)
    (tmp_path / "out").mkdir()
    env = {"SOAK_OUT": str(tmp_path / "out"), "SOAK_ITERATION": "4"}
    assert soak("mock", env=env | {"SOAK_PARAMS": "soak.params.json"}).code == 0
    assert (tmp_path / "out" / "params.sha256").read_text("ascii") == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize(("content", "words"), [(b"{", "expecting"), (None, "which does not exist")])
def test_broken_parameters_are_one_line_and_exit_code_2(soak, tmp_path: Path, content, words: str) -> None:
    if content is not None:
        (tmp_path / "soak.params.json").write_bytes(content)
    (tmp_path / "out").mkdir()
    done = soak("mock", env={"SOAK_OUT": str(tmp_path / "out"), "SOAK_PARAMS": "soak.params.json"})
    assert (done.code, done.out) == (2, "")
    assert len(done.err.splitlines()) == 1
    assert words in done.err
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize(("mode", "verdict"), [("calm", "pass"), ("volatile", "warn"), ("spike", "fail")])
def test_trap_19_a_mock_is_held_to_the_same_thresholds_as_the_real_thing(
    soak, tmp_path: Path, mode: str, verdict: str
) -> None:
    seed = "4"
    lines = soak("mock", "--mode", mode, "--seed", seed, "--iterations", "12").out
    (tmp_path / "lines.jsonl").write_text(lines, "utf-8")
    (tmp_path / "real.py").write_text(REAL, "utf-8")
    judged = {}
    for name, run in (
        ("mock", f'["${{SOAK_PYTHON}}", -m, soak_action, mock, --mode, {mode}, --seed, "{seed}"]'),
        ("real", '["${SOAK_PYTHON}", real.py]'),
    ):
        (tmp_path / "soak.yaml").write_text(EXAMPLE.format(run=run), "utf-8")
        done = soak("run", "--json")
        judged[name] = json.loads((Path(done.json["run_dir"]) / "verdict.json").read_bytes())
    assert [judged[name]["mock"] for name in ("mock", "real")] == [True, False]
    assert [judged[name]["verdict"] for name in ("mock", "real")] == [verdict, verdict]
    rules = {
        name: [{**rule, "reproduce": ""} for rule in document["rules"] if rule["kind"] == "limit"]
        for name, document in judged.items()
    }
    assert rules["mock"] == rules["real"]
    assert len(rules["mock"]) == 4
