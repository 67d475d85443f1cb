"""What act tells in its log, which is a JSON document a line: the jobs, and what each of their steps gave back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Step:
    """What one step came to; `log` is what it printed, and `commands` what the runner took for commands."""

    outcome: str = ""
    outputs: dict[str, str] = field(default_factory=dict)
    log: str = ""
    commands: list[tuple[str, dict[str, str], str]] = field(default_factory=list)
    summary: str = ""

    def annotations(self, level: str) -> list[tuple[dict[str, str], str]]:
        """Return place and message of each annotation of a level."""
        return [(places, message) for command, places, message in self.commands if command == level]


@dataclass
class Job:
    """The steps of one job by their ids; a step of a composite action is `<id of the outer>/<id of the inner>`."""

    result: str = ""
    steps: dict[str, Step] = field(default_factory=dict)


def read_log(text: str) -> dict[str, Job]:
    """Return the jobs of a log by `job_key`; lines that are no documents are act's own and tell nothing of a job."""
    jobs: dict[str, Job] = {}
    for line in text.splitlines():
        if not line.startswith("{"):
            continue
        entry = json.loads(line)
        if "jobID" not in entry:
            continue
        job = jobs.setdefault(job_key(entry), Job())
        job.result = entry.get("jobResult", job.result)
        if "stepID" in entry and entry.get("stage") == "Main":
            read_entry(job.steps.setdefault("/".join(entry["stepID"]), Step()), entry)
    return jobs


def job_key(entry: Mapping[str, Any]) -> str:
    """Return a job's id: ``caller/id`` in a called workflow, and with its values behind it in a matrix."""
    *callers, _, _ = entry["job"].split("/")
    return " ".join(["/".join([*callers, entry["jobID"]]), *map(str, entry["matrix"].values())])


def read_entry(step: Step, entry: Mapping[str, Any]) -> None:
    """Add what one entry of the log says to its step."""
    command = entry.get("command")
    if command == "set-output":
        step.outputs[entry["name"]] = entry["arg"]
    elif command == "summary":
        step.summary += entry["content"]
    elif command and command != "ignored":
        step.commands.append((command, entry.get("kvPairs") or {}, entry.get("arg", "")))
    elif entry.get("raw_output") or command == "ignored":
        step.log += entry.get("raw") or entry["msg"]
    step.outcome = entry.get("stepResult", step.outcome)
