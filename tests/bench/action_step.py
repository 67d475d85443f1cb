"""A warm step of the action, with its real shell line and script, against the bare shell loop of the same command."""

from __future__ import annotations

import json
import shlex
import sys
from functools import partial
from pathlib import Path

from measuring import Comparison, Report, in_turns, run_quietly, seconds_of, shell_loop, trivial_command
from surroundings import SCRIPTS, Bench, make_package_importable

ITERATIONS = 3
LIMIT = 0.35
TARGET = f"difference at most {LIMIT} s"
FILES = ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")


def run(bench: Bench) -> Report:
    """Measure the whole step: start, run, verdict, evidence, outputs, annotations and summary."""
    bench.ready_launcher()
    make_package_importable()
    folder, command = bench.folder("job"), trivial_command()
    environ = bench.environ(
        INPUT_COMMAND=json.dumps(command),
        INPUT_ITERATIONS=str(ITERATIONS),
        INPUT_ARTIFACT_NAME="auto",
        GITHUB_ACTIONS="true",
        GITHUB_ACTION_PATH=str(SCRIPTS.parent),
        GITHUB_WORKSPACE=str(folder),
        **{name: str(folder / name) for name in FILES},
    )
    step = partial(run_quietly, step_command(folder), folder, environ)
    loop = partial(run_quietly, shell_loop(command, ITERATIONS), folder, environ)
    step()
    ours, beside = in_turns(bench.turns or bench.of(2, 15, 41), partial(seconds_of, step), partial(seconds_of, loop))
    return Report(
        [
            Comparison(
                "warm step of the action", ours, beside, "shell loop", kind="difference", limit=LIMIT, target=TARGET
            )
        ]
    )


def step_command(folder: Path) -> list[str | Path]:
    """Write the script of action.yml into `folder` as a runner does, and return the words that start it."""
    import yaml

    action = yaml.safe_load((SCRIPTS.parent / "action.yml").read_text(encoding="utf-8"))
    (step,) = (step for step in action["runs"]["steps"] if step.get("id") == "soak")
    script = folder / "script"
    script.write_text(step["run"], encoding="utf-8")
    _, _, arguments = step["shell"].partition("}} ")
    return [sys.executable, *shlex.split(arguments.replace("{0}", script.as_posix()))]
