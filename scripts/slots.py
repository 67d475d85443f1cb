"""Writes the slot jobs of the workflow soak.yml, which are alike, so that nobody has to keep 16 of them in step.

Without arguments it writes them; with --check it only tells whether they are stale, and exits with 1 if they are.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import yaml

from soak_action.plan import MOST_SLOTS

ROOT = Path(__file__).resolve().parent.parent
WORKFLOW = ROOT / ".github" / "workflows" / "soak.yml"
SEGMENT = ROOT / ".github" / "workflows" / "soak-segment.yml"
BEFORE = ("plan", "precedence")
# What the plan says and not the caller; and what only the judge needs.
PLANNED = {
    "slot": "{number}",
    "runs-on": "${{{{ needs.plan.outputs.runs-on }}}}",
    "timeout-minutes": "${{{{ fromJSON(needs.plan.outputs.timeout-minutes) }}}}",
}
SLOT = """\
  slot-{number}:
    name: Slot {number}
    needs: [{needs}]
    if: >-
      !cancelled() && needs.precedence.result == 'success' && needs.plan.outputs.planned >= {number}{unless}
    permissions:
      contents: read # to check the repository out
    uses: $/.github/workflows/soak-segment.yml
    with:
{inputs}
"""


def names(most: int) -> list[str]:
    """Return the jobs before the slot with the number `most` + 1."""
    return [*BEFORE, *(f"slot-{number}" for number in range(1, most + 1))]


def slot(number: int, inputs: Sequence[str]) -> str:
    """Return the job of one slot, which hands over `inputs` to its segment."""
    given = {name: PLANNED.get(name, f"${{{{{{{{ inputs.{name} }}}}}}}}").format(number=number) for name in inputs}
    lines = "\n".join(f"      {name}: {value}" for name, value in given.items())
    unless = "".join(f"\n      && needs.slot-{earlier}.outputs.ended != 'true'" for earlier in range(1, number))
    return SLOT.format(number=number, needs=", ".join(names(number - 1)), unless=unless, inputs=lines)


def written(text: str, inputs: Sequence[str]) -> str:
    """Return the workflow `text` with its slots and with what the judge waits for as they have to be."""
    parts = {
        "the slots": "\n".join(slot(number, inputs) for number in range(1, MOST_SLOTS + 1)),
        "what the judge waits for": f"    needs: [{', '.join(names(MOST_SLOTS))}]\n",
    }
    for what, content in parts.items():
        head, begin, rest = text.partition(f"# ---- begin of {what}, written by scripts/slots.py\n")
        _, end, tail = rest.partition(f"# ---- end of {what}\n")
        if not begin or not end:
            raise LookupError(f"the workflow has no place for {what}")
        indent = head[head.rindex("\n") + 1 :]
        text = f"{head}{begin}{content}{indent}{end}{tail}"
    return text


def main(arguments: Sequence[str], workflow: Path = WORKFLOW) -> int:
    """Write or check the slots of `workflow`, and return the exit code."""
    parser = argparse.ArgumentParser(description="Write the slot jobs of the workflow soak.yml anew.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 if they are stale")
    is_check = parser.parse_args(arguments).check
    before = workflow.read_text("utf-8")
    # YAML 1.1 takes the key `on` for a truth value.
    inputs = yaml.safe_load(SEGMENT.read_text("utf-8"))[True]["workflow_call"]["inputs"]
    after = written(before, list(inputs))
    if not is_check:
        workflow.write_bytes(after.encode())
    elif before != after:
        print(f"{workflow.name} is stale; to write its slots anew: {sys.executable} scripts/slots.py")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
