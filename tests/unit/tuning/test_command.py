"""What the tuner is told before an iteration, and where it is kept."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from soak_action import canonical, resources
from soak_action.config.model import Parameter, Parameters
from soak_action.errors import EvidenceError, SurroundingsError
from soak_action.evidence.run_dir import TunerDir
from soak_action.tuning.answer import LARGEST_ANSWER
from soak_action.tuning.command import HISTORY, ask, input_document
from soak_action.tuning.decision import Decision
from soak_action.tuning.proposal import Proposal

INTERVAL = Parameter("min_interval_ms", 70, 40, 80, 5, True, "ms", 20.0)
CAP = Parameter("impact.cap_ratio", 0.09, 0.08, 0.12)
WORKERS = Parameter("workers", 2, 1, 8, is_integer=True)
PARAMETERS = Parameters("soak.params.json", (INTERVAL, CAP, WORKERS))
STATE = {"min_interval_ms": 75, "impact.cap_ratio": 0.09, "workers": 2}
DECISION = Decision(
    *(2, 3600.0, Proposal("min_interval_ms", "change", 5, "rule 1", "risk_ratio >= 0.60"), 70, 75, "applied"),
    *({}, "a" * 64, "b" * 64),
)
DOCUMENT = input_document(2, STATE, PARAMETERS, [])


def record(iteration: int) -> dict[str, Any]:
    """A record as far as the tuner is told of it, and a little more."""
    decisions = [DECISION.to_dict()] if iteration == 2 else []
    kpis = {"risk_ratio": iteration / 100}
    told = {"kpis": kpis, "missing": {"net_bps": "stale"}, "parameters": STATE, "decisions": decisions}
    return {"iteration": iteration, "outcome": "ok", "state_hash": "c" * 64, **told}


def test_the_input_tells_what_holds_what_was_measured_and_what_was_decided() -> None:
    assert input_document(3, STATE, PARAMETERS, [record(1), record(2)]) == {
        "schema_version": 1,
        "iteration": 3,
        "state_hash": canonical.digest(STATE),
        "parameters": {
            "min_interval_ms": {
                "value": 75,
                "min": 40,
                "max": 80,
                "step": 5,
                "unit": "ms",
                "max_change_per_hour": 20.0,
            },
            "impact.cap_ratio": {
                "value": 0.09,
                "min": 0.08,
                "max": 0.12,
                "step": None,
                "unit": None,
                "max_change_per_hour": None,
            },
            "workers": {
                "value": 2,
                "min": 1,
                "max": 8,
                "step": 1,
                "unit": None,
                "max_change_per_hour": None,
            },
        },
        "kpis": {"risk_ratio": 0.02},
        "missing": {"net_bps": "stale"},
        "history": [
            {
                "iteration": 1,
                "outcome": "ok",
                "kpis": {"risk_ratio": 0.01},
                "missing": {"net_bps": "stale"},
                "parameters": STATE,
                "decisions": [],
            },
            {
                "iteration": 2,
                "outcome": "ok",
                "kpis": {"risk_ratio": 0.02},
                "missing": {"net_bps": "stale"},
                "parameters": STATE,
                "decisions": [
                    {
                        "parameter": "min_interval_ms",
                        "kind": "change",
                        "requested": 5,
                        "from": 70,
                        "to": 75,
                        "outcome": "applied",
                        "reason": None,
                    }
                ],
            },
        ],
    }


def test_the_input_keeps_to_its_schema_and_holds_the_last_iterations_only() -> None:
    document = input_document(31, STATE, PARAMETERS, [record(number) for number in range(1, 31)])
    Draft202012Validator(resources.schema("tuner-input")).validate(document)
    assert [entry["iteration"] for entry in document["history"]] == list(range(31 - HISTORY, 31))
    assert document["kpis"] == {"risk_ratio": 0.30}
    assert len(document["history"]) == resources.schema("tuner-input")["properties"]["history"]["maxItems"]


def test_before_anything_was_measured_there_is_no_history() -> None:
    Draft202012Validator(resources.schema("tuner-input")).validate(DOCUMENT)
    assert (DOCUMENT["kpis"], DOCUMENT["missing"], DOCUMENT["history"]) == ({}, {}, [])


def test_trap_33_whole_numbers_and_floats_give_one_state_hash() -> None:
    other = {"workers": 2.0, "impact.cap_ratio": 0.09, "min_interval_ms": 75.0}
    assert input_document(2, other, PARAMETERS, [])["state_hash"] == DOCUMENT["state_hash"]


@dataclass(frozen=True)
class Printed:
    bytes_total: int
    cut: bool = False


@dataclass(frozen=True)
class Ended:
    stdout: Printed
    outcome: str = "ok"
    detail: str = "exited with 0"
    exit_code: int | None = 0
    signal: str | None = None
    seconds: float = 0.12345678
    leftovers: tuple[str, ...] = ("sleep (pid 12)",)


def test_asking_keeps_the_question_and_returns_the_answer(tmp_path: Path) -> None:
    seen = []

    def run(folder: TunerDir) -> Ended:
        seen.append(folder.input.read_bytes())
        folder.stdout.write_text('{"proposals": [{"parameter": "workers", "target": 3, "because": "load"}]}', "utf-8")
        return Ended(Printed(80))

    answer, told = ask(TunerDir(tmp_path / "tuner"), DOCUMENT, PARAMETERS, run)
    assert seen == [canonical.pretty(DOCUMENT)]
    assert json.loads(seen[0]) == DOCUMENT
    assert answer.proposals == (Proposal("workers", "target", 3, "command", "load"),)
    assert told == {
        "outcome": "ok",
        "exit_code": 0,
        "signal": None,
        "seconds": 0.123457,
        "leftovers": ["sleep (pid 12)"],
        "proposals": 1,
        "problem": None,
    }
    assert canonical.canonical_bytes(told)


@pytest.mark.parametrize(
    "ended",
    [
        Ended(Printed(3), "timeout", "stopped after 1s (timeout)", None),
        Ended(Printed(LARGEST_ANSWER + 1)),
        Ended(Printed(3, True)),
    ],
)
def test_of_a_tuner_that_ended_badly_or_printed_too_much_nothing_is_used(tmp_path: Path, ended: Ended) -> None:
    def run(folder: TunerDir) -> Ended:
        folder.stdout.write_text('{"proposals": [{"parameter": "workers", "target": 3}]}', "utf-8")
        return ended

    answer, told = ask(TunerDir(tmp_path / "tuner"), DOCUMENT, PARAMETERS, run)
    assert answer.proposals == ()
    assert answer.problem
    assert (told["proposals"], told["problem"]) == (0, answer.problem)


def test_the_folder_is_soaks_own(tmp_path: Path) -> None:
    (tmp_path / "tuner").mkdir()
    with pytest.raises(SurroundingsError, match="somebody else created it"):
        ask(TunerDir(tmp_path / "tuner"), DOCUMENT, PARAMETERS, lambda _: Ended(Printed(0)))
    with pytest.raises(SurroundingsError, match="cannot create .*absent"):
        ask(TunerDir(tmp_path / "absent" / "tuner"), DOCUMENT, PARAMETERS, lambda _: Ended(Printed(0)))


def test_an_output_that_is_gone_is_told(tmp_path: Path) -> None:
    with pytest.raises(EvidenceError, match="stdout.log is missing"):
        ask(TunerDir(tmp_path / "tuner"), DOCUMENT, PARAMETERS, lambda _: Ended(Printed(0)))
