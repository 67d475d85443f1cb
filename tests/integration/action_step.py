"""A step of one of our actions, started as GitHub's runner starts it: the very shell line and script of action.yml."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml
from tests.conftest import SCRIPTS

from soak_action.github.runner import variable

ROOT = SCRIPTS.parent
TOOL_CACHE = ROOT / ".cache" / "e2e"  # soak's own dependencies, installed once for each lock
EXPRESSION = re.compile(r"\$\{\{ inputs\.python \|\| \(runner\.os == 'Windows' && '(\w+)' \|\| '(\w+)'\) \}\}")
# What the runner does to a step that is cancelled: signal and the seconds that it then waits.
CANCELLATION = ((signal.SIGINT, 7.5), (signal.SIGTERM, 2.5))


@dataclass(frozen=True)
class Done:
    """What a step came to."""

    code: int
    log: str
    outputs: dict[str, str]
    summary: str


@dataclass(frozen=True)
class Job:
    """A job with an empty workspace and the files that a runner gives to each step."""

    folder: Path

    @property
    def workspace(self) -> Path:
        """The directory that the repository is checked out to."""
        return self.folder / "work space"

    def file(self, name: str) -> Path:
        """Return a file of the runner, such as that of GITHUB_OUTPUT."""
        return self.folder / "runner files" / name

    def start(
        self, place: str = "", variables: Mapping[str, str] | None = None, **inputs: str
    ) -> subprocess.Popen[str]:
        """Start the step of the action in the folder `place` of this repository; inputs have `_` for `-`.

        There is no terminal, standard input is empty, and both streams are one. What the caller leaves out arrives as
        an empty text, or as the default of the action.
        """
        action = yaml.safe_load((ROOT / place / "action.yml").read_text("utf-8"))
        step = next(step for step in action["runs"]["steps"] if step.get("id") == "soak")
        given = {name: str(about.get("default", "")) for name, about in action["inputs"].items()}
        given |= {name.replace("_", "-"): value for name, value in inputs.items()}
        script = self.folder / "temp" / "a script"
        script.parent.mkdir(parents=True, exist_ok=True)
        script.write_text(step["run"], "utf-8")
        self.workspace.mkdir(exist_ok=True)
        self.file("GITHUB_OUTPUT").parent.mkdir(exist_ok=True)
        files = ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY", "GITHUB_ENV", "GITHUB_PATH", "GITHUB_STATE")
        for name in files:
            self.file(name).write_text("")
        environment = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT", "HOME") if name in os.environ}
        environment |= {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "UV_"))}
        environment |= {variable(name): given[name] for name in given if variable(name) in step["env"]}
        environment |= {name: str(self.file(name)) for name in files}
        environment |= {
            "GITHUB_ACTIONS": "true",
            "GITHUB_ACTION_PATH": str(ROOT / place),
            "GITHUB_WORKSPACE": str(self.workspace),
            "RUNNER_TEMP": str(self.folder / "temp"),
            "RUNNER_TOOL_CACHE": str(TOOL_CACHE),
            **(variables or {}),
        }
        return subprocess.Popen(
            command_line(step["shell"], script),
            cwd=self.workspace,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
        )

    def run(self, place: str = "", variables: Mapping[str, str] | None = None, **inputs: str) -> Done:
        """Run the step to its end."""
        with self.start(place, variables, **inputs) as process:
            return self.end(process)

    def end(self, process: subprocess.Popen[str], timeout: float = 100) -> Done:
        """Wait for the end of the step, and read what it gave back."""
        log, _ = process.communicate(timeout=timeout)
        summary = self.file("GITHUB_STEP_SUMMARY").read_text("utf-8")
        return Done(process.returncode, log, read_outputs(self.file("GITHUB_OUTPUT").read_text("utf-8")), summary)

    def cancel(self, process: subprocess.Popen[str]) -> tuple[list[signal.Signals], Done]:
        """Do what the runner does to a cancelled step, and return also the signals that it took."""
        sent = []
        for number, seconds in CANCELLATION:
            process.send_signal(number)
            sent.append(number)
            try:
                return sent, self.end(process, seconds)
            except subprocess.TimeoutExpired:
                continue
        process.kill()
        return [*sent, signal.SIGKILL], self.end(process)


def command_line(shell: str, script: Path) -> list[str]:
    """Return the words that the runner makes of a shell line, on this system and without the input `python`."""
    windows, posix = EXPRESSION.match(shell).groups()
    program, arguments = EXPRESSION.sub(windows if os.name == "nt" else posix, shell).split(" ", 1)
    assert program in {"python", "python3"}
    return [sys.executable, *shlex.split(arguments.replace("{0}", script.as_posix()))]


def read_outputs(text: str) -> dict[str, str]:
    """Return the outputs in a file of GITHUB_OUTPUT, read as the runner reads it; the last of a name holds."""
    outputs = {}
    lines = iter(text.split("\n"))
    for line in lines:
        head, heredoc, rest = line.partition("<<")
        name, plain, value = line.partition("=")
        if heredoc and (not plain or len(head) < len(name)):
            value_lines = []
            for inner in lines:
                if inner == rest:
                    break
                value_lines.append(inner)
            outputs[head] = "\n".join(value_lines)
        elif plain:
            outputs[name] = value
        else:
            assert not line, f"the runner would refuse this line: {line!r}"
    return outputs
