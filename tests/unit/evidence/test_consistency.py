"""What a single record may not claim at the same time: windows of a service beside commands."""

from __future__ import annotations

from typing import Any

import pytest

from soak_action.evidence.consistency import contradiction_of

COMMAND: dict[str, Any] = {
    "schema_version": 1,
    "iteration": 1,
    "segment": 1,
    "offset_seconds": 0.0,
    "seconds": 1.0,
    "clock_drift_seconds": 0.0,
    "outcome": "ok",
    "exit_code": 0,
    "signal": None,
    "kpis": {},
    "missing": {},
    "results": {"stdout.log": "0" * 64},
    "service": {"start": 1, "exits": []},
}
WINDOW = {**COMMAND, "exit_code": None, "results": {}}


@pytest.mark.parametrize(
    "record",
    [COMMAND, WINDOW, {**WINDOW, "outcome": "crashed"}, {**WINDOW, "results": {"answers/1.end": "0" * 64}}],
)
def test_commands_and_windows_contradict_nothing(record: dict[str, Any]) -> None:
    assert contradiction_of(record) is None


@pytest.mark.parametrize(
    ("record", "words"),
    [
        ({**COMMAND, "results": {}}, "has no digest of anything that the iteration left"),
        ({**COMMAND, "exit_code": 3}, "is ok, but the workload did not exit with 0"),
        ({**WINDOW, "signal": "SIGKILL"}, "is ok, but the workload did not exit with 0"),
        ({**COMMAND, "outcome": "crashed"}, "is crashed, but the workload exited with 0"),
    ],
)
def test_what_neither_can_be_is_told(record: dict[str, Any], words: str) -> None:
    assert contradiction_of(record) == words


@pytest.mark.parametrize("record", [WINDOW, {**COMMAND, "results": {}}])
def test_without_a_service_there_are_no_windows(record: dict[str, Any]) -> None:
    assert contradiction_of({key: value for key, value in record.items() if key != "service"}) is not None
