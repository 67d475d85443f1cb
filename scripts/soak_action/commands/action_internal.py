"""The step `internal` of an action: one command of soak for the workflows of this repository."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout

from soak_action import canonical
from soak_action.commands.action_slots import tell_slots
from soak_action.errors import UsageError
from soak_action.github.runner import Runner

_INTERPRETER = "interpreter"
_SLOTS = "slots"


def internal_step(runner: Runner, call: Callable[[Sequence[str]], int]) -> int:
    """Run the command that the inputs name by `call`, give its JSON document as an output, and return its exit code."""
    command = runner.inputs.text("command") or ""
    if command == _INTERPRETER:
        return _prove_interpreter(runner)
    if command == _SLOTS:
        return tell_slots(runner)
    if command in {"", "action"}:
        raise UsageError("input command: write the name of a command of soak, such as verify")
    document = io.StringIO()
    try:
        with redirect_stdout(document):
            code = call([command, "--json", *runner.inputs.lines("arguments")])
    except SystemExit:
        raise UsageError("input arguments: leave out what asks for help or for the version; it runs nothing") from None
    print(document.getvalue())
    runner.set_outputs({"exit-code": code, "json": document.getvalue().strip()})
    return code


def _prove_interpreter(runner: Runner) -> int:
    """Say which Python runs; the launcher has refused one that is too old before this could be read."""
    version = ".".join(map(str, sys.version_info[:3]))
    encoding = sys.getfilesystemencoding()
    print(f"Python {version} at {sys.executable} on {sys.platform}, with {encoding}")
    found = {"executable": sys.executable, "version": version, "system": sys.platform, "encoding": encoding}
    runner.set_outputs({"exit-code": 0, "json": canonical.compact(found)})
    return 0
