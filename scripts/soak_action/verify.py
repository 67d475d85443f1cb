"""Judging a run from its files, sealing it with a receipt, and verifying all of that again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from soak_action import __version__, canonical
from soak_action.config.load import Loaded, read_back
from soak_action.config.model import Config, Kpi
from soak_action.errors import EXIT_CODE_OF_VERDICT, EvidenceError, ExitCode
from soak_action.evidence import receipt
from soak_action.evidence.documents import schema_check
from soak_action.evidence.measurements import Problem
from soak_action.evidence.reading import Outcome, Promise, read_document, read_outcome, read_promise
from soak_action.evidence.run_dir import RECEIPT, RUN, VERDICT, RunDir
from soak_action.gate.case import Case
from soak_action.gate.verdict import Verdict, judge
from soak_action.kpi.series import statistic
from soak_action.scrutiny import check_records, contradictions

SUMMARY_STATS = ("count", "mean", "min", "median", "p95", "max")
_OVERRIDE_LAYERS = frozenset({"env", "cli"})
_DECIDING = (
    "kpi",
    "kind",
    "severity",
    "result",
    "value",
    "limit",
    "window",
    "n",
    "statistic",
    "first_breach",
    "origin",
)


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
    state: str
    checked_files: int
    problems: tuple[Problem, ...]
    notes: tuple[str, ...]

    @property
    def exit_code(self) -> ExitCode:
        """4 when anything disagrees, otherwise the verdict's own code."""
        return ExitCode.INVALID if self.problems else EXIT_CODE_OF_VERDICT[self.verdict]


def judge_run(run: RunDir, other: Loaded | None = None) -> Judged:
    """Judge a run by its own configuration, or the measured values by the rules of another one.

    The iterations' own files are left to `verify`. Raises EvidenceError when the run cannot be read at all.
    """
    judged, problems = _examine(run)
    return judged if other is None else _judge(run, judged.promise, judged.config, problems, other)


def seal(run: RunDir) -> Judged:
    """Judge a run whose loop has ended, from its files, and write verdict.json and receipt.json."""
    promise, config = _read(run)
    judged = _judge(run, promise, config, check_records(run, promise, config).problems, sealing=True)
    run.write(VERDICT, judged.verdict.to_dict())
    run.write(RECEIPT, _receipt(judged))
    return judged


def verify(run: RunDir) -> Verification:
    """Recompute everything that a run claims: digests, chain, schemas, values, verdict, receipt.

    Raises EvidenceError when the run cannot be read at all.
    """
    promise, config = _read(run)
    checked = check_records(run, promise, config)
    judged, _ = _examine(run, checked.problems)
    notes = list(judged.outcome.notes)
    if not (run.path / RECEIPT).exists():
        notes.append(f"{RECEIPT} is missing: the run did not end, so it is inconclusive at best")
    return Verification(
        run_id=run.run_id,
        verdict=judged.verdict.verdict,
        state=judged.outcome.conduct.state,
        checked_files=checked.files,
        problems=tuple(dict.fromkeys(judged.problems)),
        notes=tuple(notes),
    )


def _read(run: RunDir) -> tuple[Promise, Config]:
    promise = read_promise(run)
    return promise, read_back(promise.config, _names(promise.run.get("kpis")), str(promise.run.get("suite")))


def _examine(run: RunDir, found: Sequence[Problem] = ()) -> tuple[Judged, tuple[Problem, ...]]:
    """Judge a run by its own rules, and again when its verdict or receipt claims something else."""
    promise, config = _read(run)
    judged = _judge(run, promise, config, found)
    claims = tuple(_check_claims(judged)) if (run.path / RECEIPT).exists() else ()
    problems = (*found, *claims)
    return (_judge(run, promise, config, problems) if claims else judged), problems


def _judge(
    run: RunDir,
    promise: Promise,
    config: Config,
    found: Sequence[Problem],
    other: Loaded | None = None,
    *,
    sealing: bool = False,
) -> Judged:
    rules = config if other is None else other.config
    outcome = read_outcome(run, promise, rules.kpis, sealing=sealing)
    problems = (*outcome.problems, *contradictions(promise, config), *found)
    case = Case(
        kpis=rules.kpis,
        promise=config.schedule,
        measurements=outcome.measurements,
        conduct=outcome.conduct,
        problems=tuple(dict.fromkeys(problems)),
        origins=promise.origins if other is None else {leaf.key: leaf.origin for leaf in other.public_leaves},
        overrides=tuple(_overrides(promise.sources)),
        reproduce=f"soak verify {run.run_id}",
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
        problems += _check_digests(claimed, recomputed)
        if not problems and not judged.problems:
            same_version = judged.promise.run["tool_version"] == __version__
            problems += _check_receipt(claimed, recomputed)
            problems += _check_verdict(verdict, judged.verdict.to_dict(), whole=same_version)
    yield from problems


def _check_digests(claimed: Mapping[str, Any], recomputed: Mapping[str, Any]) -> Iterator[Problem]:
    if claimed["digest"] != canonical.digest({key: value for key, value in claimed.items() if key != "digest"}):
        yield Problem(RECEIPT, "does not match its own digest: it was changed after it was written")
    for name in sorted({*claimed["digests"], *recomputed["digests"]}):
        if claimed["digests"].get(name) != recomputed["digests"].get(name):
            yield Problem(name, f"does not match the digest in {RECEIPT}")


def _check_receipt(claimed: Mapping[str, Any], recomputed: Mapping[str, Any]) -> Iterator[Problem]:
    for key in sorted({*claimed, *recomputed} - {"digest", "digests"}):
        if key not in claimed or key not in recomputed or not _same(claimed[key], recomputed[key]):
            yield Problem(RECEIPT, f"its {key} is not what the evidence says")


def _check_verdict(claimed: Mapping[str, Any], recomputed: Mapping[str, Any], *, whole: bool) -> Iterator[Problem]:
    """Yield the differences; the sentences of another version of soak may differ, so then only what decides counts."""
    if claimed["verdict"] != recomputed["verdict"]:
        yield Problem(VERDICT, f"says {claimed['verdict']}, but the evidence says {recomputed['verdict']}")
    for key in sorted({*claimed, *recomputed} - {"verdict", "rules", *(() if whole else ("reasons",))}):
        if key not in claimed or key not in recomputed or not _same(claimed[key], recomputed[key]):
            yield Problem(VERDICT, f"its {key} is not what the evidence says")
    before = {rule["id"]: rule for rule in claimed["rules"]}
    after = {rule["id"]: rule for rule in recomputed["rules"]}
    for name in sorted({*before, *after}):
        if name not in before or name not in after:
            yield Problem(VERDICT, f"the rule {name} stands only in the {'evidence' if name in after else 'file'}")
        elif not (_same(before[name], after[name]) if whole else _decides_alike(before[name], after[name])):
            yield Problem(VERDICT, f"the rule {name} is not what the evidence says")


def _decides_alike(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return all(one.get(key) == other.get(key) for key in _DECIDING)


def _same(one: Any, other: Any) -> bool:
    return canonical.digest([one]) == canonical.digest([other])


def _receipt(judged: Judged) -> dict[str, Any]:
    outcome = judged.outcome
    return receipt.build(
        judged.promise.run,
        judged.verdict.to_dict(),
        conduct=outcome.conduct,
        finished_at=outcome.finished_at,
        coverage=receipt.coverage(judged.config.schedule, outcome.measurements, outcome.conduct),
        kpis={kpi.name: _summary(kpi, judged) for kpi in judged.config.kpis},
        digests=receipt.digests_of(judged.run.path),
    )


def _summary(kpi: Kpi, judged: Judged) -> dict[str, Any]:
    found = judged.outcome.measurements
    column = found.kpis[kpi.name]
    values = [
        column.values[position]
        for position, outcome in enumerate(found.outcomes)
        if outcome != "cancelled"
        and found.numbers[position] > judged.config.schedule.warmup
        and position not in column.missing
    ]
    summary: dict[str, Any] = {"unit": kpi.unit, "missing": len(column.missing)}
    for stat in SUMMARY_STATS:
        summary[stat] = statistic(values, stat) if values or stat == "count" else None
    return summary


def _overrides(sources: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    for leaf in sources:
        if leaf.get("layer") in _OVERRIDE_LAYERS:
            yield {key: leaf.get(key) for key in ("key", "value", "layer", "origin", "shadowed")}


def _names(value: object) -> list[str]:
    if not isinstance(value, list):
        raise EvidenceError(f"{RUN}: it does not list the KPIs that were to be measured")
    return [str(name) for name in value]
