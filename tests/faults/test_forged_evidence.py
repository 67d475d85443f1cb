"""Evidence that was harmed or forged after the fact: what an intact chain alone would not find."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.faults.attacking import GOOD, Soak, attack, claim, only_run, rechain

from soak_action import canonical

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the attacks are POSIX shell scripts")


@pytest.mark.parametrize(
    "harm",
    ["echo 0 > $first/out/m.json", "rm -rf $first", "echo 0 > $first/out/new.json", ": > $first/stdout.log"],
    ids=["change", "remove", "add", "log"],
)
def test_harm_done_to_an_earlier_iteration_is_never_green(soak: Soak, tmp_path: Path, harm: str) -> None:
    script = f"echo hi; {GOOD} first=$SOAK_RUN_DIR/iterations/00001; [ $SOAK_ITERATION = 1 ] || {{ {harm}; }}"
    assert attack(tmp_path, script).code == 4
    assert soak("gate", only_run(tmp_path)).code == 4
    assert soak("verify", only_run(tmp_path)).code == 4


def test_a_results_folder_that_is_a_link_to_elsewhere_is_invalid(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    done = attack(tmp_path, 'rmdir "$SOAK_OUT"; ln -s "$PWD/elsewhere" "$SOAK_OUT"; ' + GOOD)
    assert done.code == 4


def test_an_iterations_folder_that_is_a_link_to_elsewhere_is_invalid(soak: Soak, tmp_path: Path) -> None:
    script = "d=$SOAK_RUN_DIR/iterations; [ -L $d ] || { mv $d elsewhere; ln -s $PWD/elsewhere $d; }; " + GOOD
    done = attack(tmp_path, script)
    assert done.code == 4
    assert soak("verify", only_run(tmp_path)).code == 4


def test_a_link_in_place_of_the_verdict_does_not_lead_soak_out_of_the_run(tmp_path: Path) -> None:
    victim = tmp_path / "victim.txt"
    victim.write_text("mine", encoding="utf-8")
    attack(tmp_path, GOOD + 'ln -sf "$PWD/victim.txt" "$SOAK_RUN_DIR/verdict.json"', iterations=1)
    assert victim.read_text(encoding="utf-8") == "mine"
    assert not (only_run(tmp_path) / "verdict.json").is_symlink()


@pytest.mark.parametrize("name", ["verdict.json edit", "records"])
def test_gate_on_a_run_is_as_strict_as_verify(soak: Soak, tmp_path: Path, name: str) -> None:
    assert attack(tmp_path, GOOD).code == 0
    run = only_run(tmp_path)
    if name == "records":
        rechain(run, record={"segment": 0})
    else:
        claim(run, "verdict.json", {"verdict": "fail"})
    assert soak("verify", run).code == 4
    assert soak("gate", run).code == 4


@pytest.mark.parametrize(
    "change",
    [{"mock": True}, {"overrides": []}, {"reasons": ["everything is excellent"]}, {"approved_by": "nobody"}],
    ids=lambda change: next(iter(change)),
)
def test_every_claim_of_the_verdict_is_recomputed(soak: Soak, tmp_path: Path, change: dict[str, Any]) -> None:
    assert attack(tmp_path, GOOD).code == 0
    claim(only_run(tmp_path), "verdict.json", change)
    assert soak("verify", only_run(tmp_path)).code == 4


BETWEEN = {"after": "2026-11-23T00:00:00.000Z", "before": "2026-11-23T01:00:00.000Z"}


@pytest.mark.parametrize(
    ("record", "segment"),
    [
        ({"exit_code": 1}, {}),
        ({"exit_code": None}, {}),
        ({"signal": "SIGKILL"}, {}),
        ({"missing": {"x": "stale"}}, {}),
        ({"kpis": {"x": 2}}, {}),
        ({"started_at": "1970-01-01T00:00:00.000Z"}, {}),
        ({"missed_slots": 1}, {}),
        ({"suspends": [{**BETWEEN, "seconds": 60.0}]}, {}),
        ({"suspends": [{**BETWEEN, "seconds": 0.1}]}, {"suspended_seconds": 0.1}),
        ({"suspends": None}, {}),
        ({}, {"missed_slots": 1}),
        ({}, {"suspended_seconds": 3600}),
        ({}, {"iterations": 99}),
        ({}, {"measured_seconds": 9999}),
        ({}, {"ended_at": "2001-01-01T00:00:00.000Z"}),
    ],
    ids=[
        "ok with 1",
        "ok without code",
        "ok by signal",
        "value and missing",
        "other value than the file",
        "wall clock",
        "missed slots without a pace",
        "a suspend that the end does not tell",
        "a suspend too short to notice",
        "no suspends at all",
        "missed slots at the end",
        "suspends at the end",
        "count",
        "trap_21 claimed hours",
        "ended before it began",
    ],
)
def test_a_contradiction_in_an_intact_chain_is_invalid(
    soak: Soak, tmp_path: Path, record: dict[str, Any], segment: dict[str, Any]
) -> None:
    assert attack(tmp_path, GOOD).code == 0
    rechain(only_run(tmp_path), record=record, segment=segment)
    assert soak("verify", only_run(tmp_path)).code == 4


@pytest.mark.parametrize("change", [{"kpis": []}, {"profile": "zz"}, {"started_at": "1970-01-01T00:00:00.000Z"}])
def test_what_run_json_promises_agrees_with_the_rest(soak: Soak, tmp_path: Path, change: dict[str, Any]) -> None:
    assert attack(tmp_path, GOOD).code == 0
    run = only_run(tmp_path)
    (run / "run.json").write_bytes(canonical.pretty({**json.loads((run / "run.json").read_bytes()), **change}))
    rechain(run)
    assert soak("verify", run).code == 4


def test_a_limit_that_differs_between_configuration_and_sources_is_invalid(soak: Soak, tmp_path: Path) -> None:
    assert attack(tmp_path, GOOD).code == 0
    run = only_run(tmp_path)
    config = json.loads((run / "config.json").read_bytes())
    config["kpis"]["x"]["hard"] = 1_000_000
    (run / "config.json").write_bytes(canonical.pretty(config))
    promise = {**json.loads((run / "run.json").read_bytes()), "config_digest": canonical.digest(config)}
    (run / "run.json").write_bytes(canonical.pretty(promise))
    rechain(run)
    assert soak("verify", run).code == 4


def test_a_folder_of_an_iteration_without_record_is_found_in_a_finished_run(soak: Soak, tmp_path: Path) -> None:
    assert attack(tmp_path, GOOD).code == 0
    run = only_run(tmp_path)
    shutil.copytree(run / "iterations" / "00001", run / "iterations" / "00003")
    assert soak("verify", run).code == 4


SAMPLED = ("--set", "resources.interval=1s", "--set", "kpis.rss_mib.hard=1000")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"kpis": {"x": 1, "rss_mib": 1}}, "the value of rss_mib is not the one in the resources of the iteration"),
        ({"resources": None}, "has no resources, although the configuration has them sampled"),
        (
            {"kpis": {"x": 1, "rss_mib": 1}, "resources": {"values": 3}},
            "the value of rss_mib is not the one in the res",
        ),
        ({}, None),
    ],
)
def test_samples_and_what_a_record_says_of_them_must_agree(
    soak: Soak, tmp_path: Path, change: dict[str, Any], told: str | None
) -> None:
    assert attack(tmp_path, GOOD + "sleep 0.1", *SAMPLED).code == 0
    run = only_run(tmp_path)
    rechain(run, record=change)
    done = soak("verify", run)
    assert done.code == (0 if told is None else 4), done.out + done.err
    assert told is None or told in done.out + done.err
