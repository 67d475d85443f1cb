"""What a step gives back to GitHub: outputs, annotations, the summary, and the verdict in the log."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from soak_action import canonical, running
from soak_action.base_branch import Comparison
from soak_action.checkpoints import PassedOver
from soak_action.commands.settings import current_directory
from soak_action.errors import ExitCode, UsageError
from soak_action.evidence.ledger import ITERATIONS, records_of
from soak_action.evidence.measurements import Problem
from soak_action.evidence.reading import read_document
from soak_action.evidence.run_dir import RECEIPT
from soak_action.evidence.segments import Segment, read_segments
from soak_action.files import write_atomic
from soak_action.github.runner import Inputs, Runner
from soak_action.github.workflow_commands import Annotation
from soak_action.judgement import SealedJudgement
from soak_action.report.annotations import of_mistakes, of_verdict
from soak_action.report.console import run_text, verdict_text
from soak_action.report.summary import Report, summary_markdown
from soak_action.report.tuning import TuningReport, tuning_report
from soak_action.verify import Judged

SUMMARY_FILE = "summary.md"
_DAYS = re.compile(r"[1-9][0-9]?|[1-3][0-9]{2}|400")
_REFUSED_IN_NAMES = re.compile(r'["<>|*?:\\/\x00-\x1f\x7f]')


@dataclass(frozen=True)
class Uploads:
    """What is uploaded of a run: its `evidence`, and its `receipt` alone."""

    evidence: bool
    receipt: bool


EVERYTHING = Uploads(evidence=True, receipt=True)


def output_directory(inputs: Inputs) -> Path | None:
    """Return the directory that the input `output` names, or None."""
    named = inputs.text("output")
    return None if named is None else current_directory() / named


def artifact_name(inputs: Inputs) -> str | None:
    """Return the input `artifact-name`. Raises UsageError for a name that no upload would take after the whole soak."""
    name = inputs.text("artifact-name")
    found = _REFUSED_IN_NAMES.search(name or "")
    if found:
        raise UsageError(f"input artifact-name: {found[0]!r} is not allowed in the name of an artifact; leave it out")
    return name


def check_upload(inputs: Inputs) -> None:
    """Raise UsageError, before anything runs, for inputs that the upload would refuse after the whole soak."""
    artifact_name(inputs)
    days = inputs.text("retention-days")
    if days is not None and not _DAYS.fullmatch(days):
        raise UsageError(
            f"input retention-days: '{days[:40]}' is no number of days from 1 to 400; write '30', for example"
        )


def announce(runner: Runner, directory: Path, name: str) -> None:
    """Set the outputs that the upload needs, so that a job which dies later still uploads what was measured."""
    runner.set_outputs({"run-dir": str(directory), "run-id": name, "artifact": _artifact(runner, name)})


def tell_checkpoints(runner: Runner, what: str, passed_over: Sequence[PassedOver]) -> None:
    """Say in the log which checkpoint is used and which are not, and beside the code which of them are broken."""
    print(f"soak: {what}")
    for checkpoint in passed_over:
        print(f"soak: {checkpoint}")
    runner.annotate(
        Annotation("warning", "broken checkpoint", str(checkpoint))
        for checkpoint in passed_over
        if checkpoint.is_broken
    )


def report_run(
    runner: Runner,
    judged: Judged,
    code: ExitCode,
    problems: Sequence[Problem],
    comparison: Comparison | None,
    uploads: Uploads,
) -> ExitCode:
    """Report a run, and return its exit code: 4 when `problems` were found in its evidence afterwards."""
    verdict = judged.verdict.to_dict()
    late: list[Problem] = []
    receipt = read_document(judged.run, RECEIPT, late)
    problems = (*problems, *late)
    if problems:
        code, verdict = ExitCode.INVALID, {**verdict, "verdict": "invalid"}
    summary = {**running.summary(judged, code), "verdict": verdict["verdict"]}
    report = Report(
        verdict=verdict,
        receipt=receipt,
        kpis=judged.config.kpis,
        measurements=judged.outcome.measurements,
        fail_on=judged.config.gate.fail_on,
        problems=tuple(map(str, problems)),
        notes=judged.outcome.notes,
        artifact=(_artifact(runner, receipt["run_id"]) or None) if uploads.evidence else None,
        comparison=comparison,
        segments=read_segments(judged.run.path),
        tuning=tuning_report(judged.config, records_of(judged.run.path / ITERATIONS)),
    )
    _print_verdict(report)
    print(run_text(summary, "soak", report.tuning))
    runner.set_outputs({"state": summary["state"], "measured-seconds": summary["measured_seconds"]})
    runner.set_outputs({"state-hash": summary["state_hash"] or ""})
    _give_back(runner, report, judged.run.path, code, uploads)
    return code


def report_judgement(
    runner: Runner,
    found: SealedJudgement,
    code: ExitCode,
    comparison: Comparison | None,
    segments: Sequence[Segment],
    tuning: TuningReport | None,
) -> None:
    """Report a judgement of results; `segments` and `tuning` are those of the run that was judged."""
    directory = found.directory.path
    report = Report(
        verdict=found.verdict.to_dict(),
        receipt=found.receipt,
        kpis=[kpi for kpi in found.config.kpis if kpi.name in found.measurements.kpis],
        measurements=found.measurements,
        fail_on=found.config.gate.fail_on,
        notes=found.notes,
        artifact=_artifact(runner, directory.name) or None,
        comparison=comparison,
        segments=segments,
        tuning=tuning,
    )
    _print_verdict(report)
    print(f"evidence: {directory}")
    _give_back(runner, report, directory, code)


def _print_verdict(report: Report) -> None:
    print(verdict_text(report.verdict, {kpi.name: kpi.unit for kpi in report.kpis}, report.fail_on))


def _give_back(runner: Runner, report: Report, directory: Path, code: ExitCode, uploads: Uploads = EVERYTHING) -> None:
    """Give back the file, the annotations and the summary, and the verdict last: who dies before has set none."""
    verdict, receipt = report.verdict, report.receipt
    markdown = summary_markdown(report)
    path = directory / SUMMARY_FILE
    # A workload may have put a link there, which must not lead to the receipt or out of the directory.
    if path.is_symlink():
        path.unlink()
    write_atomic(path, markdown.encode())
    changed = of_mistakes(report.problems, Path(), Path(), "the evidence was changed")
    runner.annotate([*changed, *of_verdict(verdict, report.fail_on, runner.directory, runner.workspace)])
    if runner.inputs.flag("summary", default=True):
        runner.write_summary(markdown)
    _end_undisturbed()
    runner.set_outputs(
        {
            "verdict": verdict["verdict"],
            "exit-code": int(code),
            "receipt": str(directory / RECEIPT),
            "report": str(path),
            "iterations": receipt["coverage"]["iterations_done"],
            "failed-rules": canonical.compact(_failed(verdict["rules"])),
            "receipt-artifact": _receipt_artifact(runner, receipt) if uploads.receipt else "",
        }
    )


def _end_undisturbed() -> None:
    """Let no signal end this process any more: a step that has told a good verdict in its outputs ends well, too.

    Nothing is left that could take long. Ignored signals stay so even while the interpreter takes itself apart.
    """
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGBREAK"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)


def _failed(rules: Iterable[dict[str, Any]]) -> list[str]:
    return [rule["id"] for rule in rules if rule["result"] in {"fail", "invalid"}]


def _artifact(runner: Runner, name: str) -> str:
    """Return the name of the artifact with the evidence `name`; empty when nothing is to be uploaded."""
    asked = artifact_name(runner.inputs)
    return f"soak-{name}" if asked == "auto" else asked or ""


def _receipt_artifact(runner: Runner, receipt: Any) -> str:
    """Return the name of the artifact that holds the receipt alone; empty when nothing is to be uploaded."""
    if runner.inputs.text("artifact-name") is None:
        return ""
    return f"soak-receipt-{receipt['suite']}-{receipt['profile'] or 'default'}-{receipt['run_id']}"
