"""Judging a run from its files, sealing it with a receipt, and verifying all of that again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from soak_action import __version__
from soak_action.claims import check_digests, check_receipt, check_verdict, kpi_statistics
from soak_action.config.load import read_back
from soak_action.config.model import Config
from soak_action.errors import EXIT_CODE_OF_VERDICT, EvidenceError, ExitCode
from soak_action.evidence import receipt
from soak_action.evidence.documents import schema_check
from soak_action.evidence.ledger import Chain
from soak_action.evidence.measurements import Problem
from soak_action.evidence.outputs import remove_all
from soak_action.evidence.reading import Outcome, Promise, read_document, read_outcome, read_promise
from soak_action.evidence.run_dir import RECEIPT, RUN, VERDICT, RunDir
from soak_action.gate.case import Case
from soak_action.gate.rules import Rules
from soak_action.gate.verdict import Verdict, judge
from soak_action.scrutiny import check_records, contradictions


@dataclass(frozen=True)
class Judged:
    """A run with its verdict."""

    run: RunDir
    promise: Promise
    config: Config
    outcome: Outcome
    verdict: Verdict
    problems: tuple[Problem, ...]


@dataclass(frozen=True)
class Verification:
    """What verifying found: `problems` say where evidence and claims disagree, `notes` what else is worth knowing."""

    run_id: str
    verdict: str
    state: str | None
    checked_files: int
    problems: tuple[Problem, ...]
    notes: tuple[str, ...]

    @property
    def exit_code(self) -> ExitCode:
        """4 when anything disagrees, otherwise the verdict's own code."""
        return ExitCode.INVALID if self.problems else EXIT_CODE_OF_VERDICT[self.verdict]


def judge_run(run: RunDir, other: Rules | None = None) -> Judged:
    """Judge a run by its own rules, or the measured values by other ones.

    The iterations' own files are left to `verify`. Raises EvidenceError when the run cannot be read at all.
    """
    judged, problems = _examine(run)
    return judged if other is None else _judge(run, judged.promise, judged.config, problems, other)


def seal(run: RunDir) -> Judged:
    """Judge a run whose loop has ended, from its files, and write verdict.json and receipt.json.

    The outputs that are not to stay are removed before, as far as a killed soak left any.
    """
    promise, config = read_run(run)
    remove_all((record for _, record in Chain(run.path, promise.genesis).records()), run, config)
    judged = _judge(run, promise, config, check_records(run, promise, config, sealing=True).problems, sealing=True)
    run.write(VERDICT, judged.verdict.to_dict())
    run.write(RECEIPT, _receipt(judged))
    return judged


def verify(run: RunDir) -> Verification:
    """Recompute everything that a run claims: digests, chain, schemas, values, verdict, receipt.

    Raises EvidenceError when the run cannot be read at all.
    """
    promise, config = read_run(run)
    checked = check_records(run, promise, config)
    judged, _ = _examine(run, checked.problems)
    notes = [*judged.outcome.notes, *checked.notes]
    if not (run.path / RECEIPT).exists():
        notes.append(f"{RECEIPT} is missing: the run did not end, so it is inconclusive at best")
    return Verification(
        run_id=str(promise.run.get("run_id")),
        verdict=judged.verdict.verdict,
        state=judged.outcome.conduct.state,
        checked_files=checked.files,
        problems=tuple(dict.fromkeys(judged.problems)),
        notes=tuple(notes),
    )


def read_run(run: RunDir) -> tuple[Promise, Config]:
    """Return what a run promised and the configuration that it began with. Raises EvidenceError."""
    promise = read_promise(run)
    return promise, read_back(promise.config, _names(promise.run.get("kpis")), str(promise.run.get("suite")))


def _examine(run: RunDir, found: Sequence[Problem] = ()) -> tuple[Judged, tuple[Problem, ...]]:
    """Judge a run by its own rules, and again when its verdict or receipt claims something else."""
    promise, config = read_run(run)
    judged = _judge(run, promise, config, found)
    claims = tuple(_check_claims(judged)) if (run.path / RECEIPT).exists() else ()
    problems = (*found, *claims)
    return (_judge(run, promise, config, problems) if claims else judged), problems


def _judge(
    run: RunDir,
    promise: Promise,
    config: Config,
    found: Sequence[Problem],
    other: Rules | None = None,
    *,
    sealing: bool = False,
) -> Judged:
    rules = Rules.of(config, promise.sources, f"soak verify {promise.run.get('run_id')}")
    if other is not None:
        # What steered the run and what steered the judgement are both worth knowing, each once.
        more = tuple(override for override in other.overrides if override not in rules.overrides)
        rules = replace(other, overrides=(*rules.overrides, *more))
    outcome = read_outcome(run, promise, rules.kpis, sealing=sealing)
    problems = (*outcome.problems, *contradictions(promise, config), *found)
    case = Case(
        kpis=rules.kpis,
        promise=config.schedule,
        service=None if config.workload is None else config.workload.service,
        measurements=outcome.measurements,
        conduct=outcome.conduct,
        problems=tuple(dict.fromkeys(problems)),
        origins=rules.origins,
        overrides=rules.overrides,
        reproduce=rules.reproduce,
        changes=outcome.changes,
        tuning=config.tuning,
    )
    return Judged(run, promise, config, outcome, judge(case), case.problems)


def _check_claims(judged: Judged) -> Iterator[Problem]:
    """Yield where verdict.json and receipt.json disagree with the evidence.

    What they say is only held against evidence that is whole: otherwise each edit would show up once for every claim.
    """
    problems: list[Problem] = []
    claimed = read_document(judged.run, RECEIPT, problems)
    verdict = read_document(judged.run, VERDICT, problems)
    problems += [*schema_check("receipt")(claimed, RECEIPT), *schema_check("verdict")(verdict, VERDICT)]
    if not problems:
        recomputed = _receipt(judged)
        problems += check_digests(claimed, recomputed)
        if not problems and not judged.problems:
            same_version = judged.promise.run["tool_version"] == __version__
            problems += check_receipt(claimed, recomputed)
            problems += check_verdict(verdict, judged.verdict.to_dict(), whole=same_version)
    yield from problems


def _receipt(judged: Judged) -> dict[str, Any]:
    outcome = judged.outcome
    return receipt.build(
        judged.promise.run,
        judged.verdict.to_dict(),
        state=outcome.conduct.state,
        finished_at=outcome.finished_at,
        coverage=receipt.coverage(judged.config.schedule, outcome.measurements, outcome.conduct),
        kpis=kpi_statistics(judged.config.kpis, outcome.measurements, judged.config.schedule.warmup),
        digests=receipt.digests_of(judged.run.path),
        tuning=outcome.conduct.tuning,
    )


def _names(value: object) -> list[str]:
    if not isinstance(value, list):
        raise EvidenceError(f"{RUN}: it does not list the KPIs that were to be measured")
    return [str(name) for name in value]
