"""How the slots of a long soak ended, for the log of its judge."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from soak_action import canonical
from soak_action.errors import UsageError
from soak_action.github.runner import Runner
from soak_action.github.workflow_commands import Annotation

_SLOT = "slot-"
# A slot that ended by itself with the evidence so far as it was meant to be.
_GOOD = "0"


def tell_slots(runner: Runner) -> int:
    """Say of each slot that ran how it ended, and beside the code of each that did not end well.

    The input `arguments` is the context `needs` of a workflow as JSON. Raises UsageError when it is none.
    """
    try:
        needs = canonical.parse((runner.inputs.text("arguments") or "").encode(), "input arguments")
    except canonical.CanonicalError as error:
        raise UsageError(f"input arguments: not the context needs as JSON: {error}") from None
    slots = list(_slots(needs))
    for name, outputs in slots:
        state, verdict, code = (outputs.get(key, "unknown") for key in ("state", "verdict", "exit-code"))
        print(f"{name}: {state}, {verdict}, exit code {code}")
    died = [_told(name, outputs) for name, outputs in slots if outputs.get("exit-code") != _GOOD]
    runner.annotate(Annotation("warning", "slot", text) for text in died)
    runner.set_outputs({"exit-code": 0, "json": canonical.compact([name for name, _ in slots])})
    return 0


def _slots(needs: object) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield name and outputs of the slots that were not skipped."""
    if not isinstance(needs, dict) or not all(isinstance(job, dict) for job in needs.values()):
        raise UsageError("input arguments: the context needs is a mapping of jobs; write it as toJSON(needs)")
    for name, job in needs.items():
        outputs = job.get("outputs")
        if name.startswith(_SLOT) and job.get("result") != "skipped":
            yield name, outputs if isinstance(outputs, dict) else {}


def _told(name: str, outputs: Mapping[str, Any]) -> str:
    if outputs.get("state", "unfinished") == "unfinished":
        return f"{name} died: what it had not uploaded is lost, and the next slot goes on from the checkpoint before it"
    return f"{name} ended with exit code {outputs.get('exit-code', 'unknown')} and the state {outputs['state']}"
