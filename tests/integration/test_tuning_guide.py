"""What the guide about tuning shows is so: its tuners speak the format, and the bad one is contained as told."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.conftest import clean_environment

from soak_action.config.model import Parameter, Parameters
from soak_action.evidence.run_dir import TunerDir
from soak_action.tuning.command import ask, input_document
from soak_action.workload.process import run as run_process
from soak_action.workload.stop import StopRequest

GUIDE = (Path(__file__).resolve().parents[2] / "docs" / "guide" / "tuning.md").read_text("utf-8")
BLOCKS = dict(re.findall(r"^```\w+\n# ([\w .]+)\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL))
ROWS = re.findall(r"^\| (\d+) \| ([-+]\d+) \| (\w+) \| (?:([\w, ]+) )?\|$", GUIDE, re.MULTILINE)
PARAMETERS = Parameters(
    "soak.params.json", (Parameter("min_interval_ms", 70, 40, 80, 5), Parameter("impact_cap_ratio", 0.09, 0.08, 0.12))
)
STATE = {"min_interval_ms": 70, "impact_cap_ratio": 0.09}


@pytest.mark.parametrize(
    ("name", "risk", "wanted"),
    [
        ("saw.py", 0.3, {"min_interval_ms": -5, "impact_cap_ratio": pytest.approx(-0.01)}),
        ("careful.py", 0.4, {"min_interval_ms": 5}),
        ("careful.py", 0.3, {}),
        ("careful.py", None, {}),
    ],
)
def test_the_tuners_of_the_guide_speak_the_format(tmp_path: Path, name: str, risk: float | None, wanted) -> None:
    (tmp_path / name).write_text(BLOCKS[name], "utf-8")
    record = {
        "iteration": 1,
        "outcome": "ok",
        "kpis": {} if risk is None else {"risk_ratio": risk},
        "missing": {"risk_ratio": "stale"} if risk is None else {},
        "parameters": STATE,
        "decisions": [],
    }

    def run(folder):
        return run_process(
            [sys.executable, "-S", str(tmp_path / name)],
            cwd=tmp_path,
            env=clean_environment(),
            stdin=folder.input,
            stdout=folder.stdout,
            stderr=folder.stderr,
            log_limit=10**6,
            timeout=60.0,
            stop=StopRequest(),
            mark="guide",
        )

    answer, _ = ask(TunerDir(tmp_path / "tuner"), input_document(2, STATE, PARAMETERS, [record]), PARAMETERS, run)
    assert answer.problem is None
    assert {proposal.parameter: proposal.requested for proposal in answer.proposals} == wanted


def test_the_proof_of_the_guide_is_the_digest_of_what_was_read(tmp_path: Path) -> None:
    (tmp_path / "p.json").write_bytes(b'{"min_interval_ms": 75}\r\n')
    env = clean_environment(SOAK_PARAMS=str(tmp_path / "p.json"), SOAK_OUT=str(tmp_path))
    subprocess.run([sys.executable, "-S", "-c", BLOCKS["in the workload"]], env=env, check=True)
    digest = hashlib.sha256((tmp_path / "p.json").read_bytes()).hexdigest()
    assert (tmp_path / "params.sha256").read_text("utf-8") == digest


def test_the_bad_tuner_of_the_guide_is_contained_as_told(soak, tmp_path: Path) -> None:
    configuration = BLOCKS["soak.yaml"].replace("[soak, mock", '["${SOAK_PYTHON}", -m, soak_action, mock')
    configuration = configuration.replace("[python3, saw.py]", '["${SOAK_PYTHON}", saw.py]')
    (tmp_path / "soak.yaml").write_text(configuration, "utf-8")
    (tmp_path / "saw.py").write_text(BLOCKS["saw.py"], "utf-8")
    done = soak("run", "--json")
    assert done.code == 0, done.err
    run = Path(done.json["run_dir"])
    decisions = [json.loads(line) for line in (run / "decisions.jsonl").read_text("utf-8").splitlines()]
    happened = [
        (str(one["iteration"]), f"{one['requested']:+}", one["outcome"], ", ".join(one["reasons"]))
        for one in decisions
        if one.get("parameter") == "min_interval_ms"
    ]
    assert len(ROWS) == 13
    assert happened == ROWS
    others = [one for one in decisions if one.get("parameter") == "impact_cap_ratio"]
    assert len(others) == 13
    assert all(one["outcome"] == "suppressed" and "velocity" in one["reasons"] for one in others)
    last = json.loads((run / "iterations.jsonl").read_text("utf-8").splitlines()[-1])
    assert last["parameters"] == {"min_interval_ms": 80, "impact_cap_ratio": 0.09}
    assert soak("verify", run).code == 0
