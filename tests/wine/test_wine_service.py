"""A service on Windows: ready, loaded, asked for its numbers, started again, and gone at the end of its segment."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import pytest
from tests.integration.test_service import LOAD, SERVER
from tests.wine.environment import Windows
from tests.wine.test_wine_run import soak, soak_here

CONFIGURATION = """\
version: 1
workload:
  service:
    start: ["${SOAK_PYTHON}", -S, server.py, "PORT"]
    ready: {log: "^listening", within: 2m}
    grace: 1s
    window: 500ms
  run: ["${SOAK_PYTHON}", -S, load.py, "PORT"]
schedule: {iterations: 3}
kpis:
  requests:
    from: {http: "http://127.0.0.1:PORT/metrics", format: prometheus, path: 'requests_total{code="200"}'}
    better: higher
    hard: 3
  rss_mib: {hard: 4096}
  service_exits: {hard: 0}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    place = tmp_path / "my service & \u00fc"
    place.mkdir()
    (place / "server.py").write_text(SERVER, "utf-8")
    (place / "load.py").write_text(LOAD, "utf-8")
    (place / "soak.yaml").write_text(CONFIGURATION.replace("PORT", port), "utf-8")
    return place


def records(folder: Path, run_id: str, name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / ".soak" / run_id / name).read_text("utf-8").splitlines()]


def test_a_service_is_loaded_and_gone_in_each_segment(windows: Windows, folder: Path) -> None:
    first = soak(windows, "run", "--json", "--segment", "1ms", cwd=folder)
    assert (first.code, first.json["state"]) == (0, "paused"), first.err
    done = soak(windows, "run", "--json", "--resume", f".soak\\{first.json['run_id']}", cwd=folder)
    assert (done.code, done.json["verdict"], done.json["iterations"]) == (0, "pass", 3), done.err
    found = records(folder, done.json["run_id"], "iterations.jsonl")
    assert [record["kpis"]["requests"] for record in found] == [3, 3, 3]
    assert [record["service"]["start"] for record in found] == [1, 2, 2]
    assert all(record["kpis"]["rss_mib"] > 1 for record in found)
    for segment in records(folder, done.json["run_id"], "segments.jsonl"):
        assert segment["service"]["stop"]["detail"].startswith("stopped by soak")
    # A second start on the same port proves that the first one is gone; another system reads the same evidence.
    assert soak_here("verify", folder / ".soak" / done.json["run_id"], cwd=folder).returncode == 0


def test_a_service_that_dies_fails_the_run(windows: Windows, folder: Path) -> None:
    text = (folder / "soak.yaml").read_text("utf-8")
    (folder / "soak.yaml").write_text(text.replace('"]\n    ready', '", "dies_at=4"]\n    ready'), "utf-8")
    done = soak(windows, "run", "--json", cwd=folder)
    assert (done.code, done.json["verdict"], done.json["state"]) == (1, "fail", "aborted"), done.err
    assert "service.restarts" in done.json["failed_rules"]
    last = records(folder, done.json["run_id"], "iterations.jsonl")[-1]
    assert (last["iteration"], last["kpis"]["service_exits"]) == (2, 1)
    assert "exited with 3" in last["detail"]


def test_a_window_is_measured(windows: Windows, folder: Path) -> None:
    text = (folder / "soak.yaml").read_text("utf-8").partition("  run: ")
    (folder / "soak.yaml").write_text(text[0] + "schedule: {iterations: 2}\n", "utf-8")
    done = soak(windows, "run", "--json", cwd=folder)
    assert (done.code, done.json["verdict"], done.json["iterations"]) == (0, "pass", 2), done.err
    assert all(record["seconds"] >= 0.4 for record in records(folder, done.json["run_id"], "iterations.jsonl"))
