"""The user's own tuner: what it is told before an iteration, and how it is asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from soak_action import canonical
from soak_action.config.model import Parameter, Parameters
from soak_action.errors import SurroundingsError
from soak_action.evidence.run_dir import TunerDir
from soak_action.files import read_evidence, surroundings, write_atomic
from soak_action.tuning.answer import LARGEST_ANSWER, Answer, Ended, answer_of

# How many iterations the tuner is told of, the last ones.
HISTORY = 20

Record = Mapping[str, Any]
_DECISION_FIELDS = ("parameter", "kind", "requested", "from", "to", "outcome", "reason")


def input_document(
    iteration: int, state: Mapping[str, float], parameters: Parameters, records: Sequence[Record]
) -> dict[str, Any]:
    """Return what the tuner is told before `iteration`.

    `state` is what holds now, by dotted name, and `records` are those of the iterations so far, in order; the last
    HISTORY ones are enough. The KPIs are those of the last one.
    """
    last: Record = records[-1] if records else {"kpis": {}, "missing": {}}
    return {
        "schema_version": 1,
        "iteration": iteration,
        "state_hash": canonical.digest(dict(state)),
        "parameters": {parameter.name: _told(parameter, state[parameter.name]) for parameter in parameters.values},
        "kpis": dict(last["kpis"]),
        "missing": dict(last["missing"]),
        "history": [_entry(record) for record in records[-HISTORY:]],
    }


def _told(parameter: Parameter, value: float) -> dict[str, Any]:
    return {
        "value": value,
        "min": parameter.minimum,
        "max": parameter.maximum,
        "step": 1 if parameter.step is None and parameter.is_integer else parameter.step,
        "unit": parameter.unit,
        "max_change_per_hour": parameter.max_change_per_hour,
    }


def _entry(record: Record) -> dict[str, Any]:
    return {
        "iteration": record["iteration"],
        "outcome": record["outcome"],
        "kpis": dict(record["kpis"]),
        "missing": dict(record["missing"]),
        "parameters": dict(record["parameters"]),
        "decisions": [{name: decision[name] for name in _DECISION_FIELDS} for decision in record["decisions"]],
    }


def ask(
    folder: TunerDir, document: Mapping[str, Any], parameters: Parameters, run: Callable[[TunerDir], Ended]
) -> tuple[Answer, dict[str, Any]]:
    """Ask the tuner; return its answer, and what is recorded of it in the iteration.

    `run` runs the command with the input of `folder` and keeps its output there. Raises SurroundingsError when the
    disk refuses or somebody else made the folder, and EvidenceError when the output was replaced meanwhile.
    """
    try:
        folder.path.mkdir()
    except FileExistsError as error:
        raise SurroundingsError(f"cannot create {folder.path}: somebody else created it") from error
    except OSError as error:
        raise surroundings(error, f"create {folder.path}") from error
    write_atomic(folder.input, canonical.pretty(document))
    ended = run(folder)
    is_readable = ended.outcome == "ok" and ended.stdout.bytes_total <= LARGEST_ANSWER
    output = read_evidence(folder.stdout) if is_readable else b""
    answer = answer_of(ended, output, parameters, document["state_hash"])
    return answer, {
        "outcome": ended.outcome,
        "exit_code": ended.exit_code,
        "signal": ended.signal,
        "seconds": round(ended.seconds, 6),
        "leftovers": list(ended.leftovers),
        "proposals": len(answer.proposals),
        "problem": answer.problem,
    }
