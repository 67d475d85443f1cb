"""A workload with parameters that a tuner moves: its configuration, and what its runs leave."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from soak_action.evidence.run_dir import find
from soak_action.verify import verify

PARAMETERS = "soak.params.json"
# Its KPI `v` is the next number of the file `values`; it tells which parameters it read, and proves it.
WORK = """\
import hashlib, json, os, pathlib
number = int(os.environ["SOAK_ITERATION"])
out = pathlib.Path(os.environ["SOAK_OUT"])
content = pathlib.Path(os.environ["SOAK_PARAMS"]).read_bytes()
values = json.loads(pathlib.Path("values").read_text())
out.joinpath("m.json").write_text(json.dumps({"v": values[number - 1], "read": json.loads(content)}))
out.joinpath("params.sha256").write_text(hashlib.sha256(content).hexdigest())
"""
INTERVAL = {"initial": 70, "min": 40, "max": 80, "step": 5}
Json = dict[str, Any]


def rule(when: str, **amounts: Any) -> Json:
    """Return a rule of tuning: `change` or `target`, each a mapping."""
    return {"when": when, **amounts}


def configure(
    folder: Path,
    values: Sequence[float],
    *rules: Json,
    parameters: Mapping[str, Any] | None = None,
    guards: Mapping[str, Any] | None = None,
    work: str = WORK,
    **more: Any,
) -> None:
    """Write a project whose workload measures `values`, one an iteration; `more` are sections of the configuration.

    Without `parameters` there is one, `interval_ms`.
    """
    (folder / "work.py").write_text(work, "utf-8")
    (folder / "values").write_text(json.dumps(list(values)), "utf-8")
    document = {
        "version": 1,
        "workload": {"run": ["${SOAK_PYTHON}", "-S", "work.py"], "timeout": "60s"},
        "schedule": {"iterations": len(values)},
        "kpis": {"v": {"from": "m.json#v", "better": "lower", "hard": 100}},
        "parameters": {"values": parameters or {"interval_ms": INTERVAL}},
        **({"tuning": {"enabled": True, "rules": list(rules)}} if rules else {}),
        **({} if guards is None else {"guards": guards}),
        **more,
    }
    # JSON is YAML.
    (folder / "soak.yaml").write_text(json.dumps(document), "utf-8")


def lines(run: Path, name: str = "iterations.jsonl") -> list[Json]:
    """Return the records of a file of a run; none when it is not there."""
    path = run / name
    return [json.loads(line) for line in path.read_bytes().splitlines()] if path.exists() else []


def document(run: Path, name: str) -> Json:
    """Return a document of a run."""
    found: Json = json.loads((run / name).read_bytes())
    return found


def outcomes(run: Path) -> list[tuple[Any, ...]]:
    """Return (iteration, from, to, outcome, reason) of each decision, once it is the same wherever it stands.

    Everything verifies, too.
    """
    problems = verify(find(run)).problems
    assert not problems, "\n".join(map(str, problems))
    links = ("schema_version", "segment", "previous", "digest")
    decided = [{key: one[key] for key in one if key not in links} for one in lines(run, "decisions.jsonl")]
    assert decided == [decision for record in lines(run) for decision in record["decisions"]]
    for one in decided:
        assert one["reason"] == next(iter(one["reasons"]), None)
        assert list(one["details"]) == sorted(one["reasons"])
        assert (one["outcome"] == "applied") == (one["reasons"] == [])
        assert all(one["details"].values())
    return [(one["iteration"], one["from"], one["to"], one["outcome"], one["reason"]) for one in decided]


def rule_of(run: Path, name: str) -> Json:
    """Return what the verdict says of the rule `name`."""
    found: Json
    (found,) = (one for one in document(run, "verdict.json")["rules"] if one["id"] == name)
    return found
