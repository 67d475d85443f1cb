"""Judging a run from its files, sealing it with a receipt, and verifying all of that again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from soak_action import canonical
from soak_action.config.load import Loaded, read_back
from soak_action.config.model import Config, Kpi, Schedule
from soak_action.errors import EXIT_CODE_OF_VERDICT, EvidenceError, ExitCode
from soak_action.evidence import receipt
from soak_action.evidence.documents import schema_check
from soak_action.evidence.ledger import Chain
from soak_action.evidence.measurements import Problem
from soak_action.evidence.reading import Outcome, Promise, read_document, read_outcome, read_promise
from soak_action.evidence.run_dir import CONFIG, RECEIPT, RUN, SOURCES, VERDICT, RunDir, digests_below
from soak_action.gate.case import Case
from soak_action.gate.verdict import Verdict, judge
from soak_action.kpi.series import statistic

SUMMARY_STATS = ("count", "mean", "min", "median", "p95", "max")
_OVERRIDE_LAYERS = frozenset({"env", "cli"})
_COMPARED = ("id", "result", "value", "limit", "n", "first_breach", "origin", "reason")


@dataclass(frozen=True)
class Judged:
    """A run with its verdict."""

    run: RunDir
    promise: Promise
    config: Config
    outcome: Outcome
    verdict: Verdict


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


def judge_run(run: RunDir, *, other: Loaded | None = None, sealing: bool = False) -> Judged:
    """Judge a run by its own configuration, or the measured values by the rules of another one.

    Raises EvidenceError when the run cannot be read at all.
    """
    promise = read_promise(run)
    config = read_back(promise.config, _names(promise.run.get("kpis")), str(promise.run.get("suite")))
    rules = config if other is None else other.config
    outcome = read_outcome(run, promise, rules.kpis, sealing=sealing)
    problems = (*outcome.problems, *_contradictions(promise, config.schedule))
    case = Case(
        kpis=rules.kpis,
        promise=config.schedule,
        measurements=outcome.measurements,
        conduct=outcome.conduct,
        problems=problems,
        origins=promise.origins if other is None else {leaf.key: leaf.origin for leaf in other.public_leaves},
        overrides=tuple(_overrides(promise.sources)),
        reproduce=f"soak verify {run.run_id}",
    )
    return Judged(run, promise, config, outcome, judge(case))


def seal(run: RunDir) -> Judged:
    """Judge a run whose loop has ended, from its files, and write verdict.json and receipt.json."""
    judged = judge_run(run, sealing=True)
    document = judged.verdict.to_dict()
    run.write(VERDICT, document)
    run.write(RECEIPT, _receipt(judged, document))
    return judged


def verify(run: RunDir) -> Verification:
    """Recompute everything that a run claims: digests, chain, schemas, verdict, receipt.

    Raises EvidenceError when the run cannot be read at all.
    """
    judged = judge_run(run)
    problems = list(judged.outcome.problems)
    for name, schema in ((RUN, "run"), (SOURCES, "config-sources")):
        document = judged.promise.run if name == RUN else read_document(run, name, [])
        problems.extend(schema_check(schema)(document, name))
    checked, found = _check_records(run, judged.promise)
    problems.extend(found)
    problems.extend(_contradictions(judged.promise, judged.config.schedule))
    notes = list(judged.outcome.notes)
    if (run.path / RECEIPT).is_file():
        problems.extend(_check_claims(judged))
    else:
        notes.append(f"{RECEIPT} is missing: the run did not end, so it is inconclusive at best")
    return Verification(
        run_id=run.run_id,
        verdict=judged.verdict.verdict,
        state=judged.outcome.conduct.state,
        checked_files=checked,
        problems=tuple(dict.fromkeys(problems)),
        notes=tuple(notes),
    )


def _check_claims(judged: Judged) -> Iterator[Problem]:
    """Yield where verdict.json and receipt.json disagree with what the evidence says."""
    problems: list[Problem] = []
    claimed = read_document(judged.run, RECEIPT, problems)
    verdict = read_document(judged.run, VERDICT, problems)
    yield from problems
    broken = [*schema_check("receipt")(claimed, RECEIPT), *schema_check("verdict")(verdict, VERDICT)]
    yield from broken
    if broken:
        return
    yield from _check_receipt(claimed, _receipt(judged, verdict))
    yield from _check_verdict(verdict, judged.verdict.to_dict())


def _check_receipt(claimed: Mapping[str, Any], recomputed: Mapping[str, Any]) -> Iterator[Problem]:
    body = {key: value for key, value in claimed.items() if key != "digest"}
    if claimed.get("digest") != canonical.digest(body):
        yield Problem(RECEIPT, "does not match its own digest: it was changed after it was written")
    for name in sorted({*claimed["digests"], *recomputed["digests"]}):
        if claimed["digests"].get(name) != recomputed["digests"].get(name):
            yield Problem(name, f"does not match the digest in {RECEIPT}")
    for key in sorted({*body, *recomputed} - {"digest", "digests"}):
        if key not in body or canonical.digest({"": body[key]}) != canonical.digest({"": recomputed.get(key)}):
            yield Problem(RECEIPT, f"its {key} is not what the evidence says")


def _check_verdict(claimed: Mapping[str, Any], recomputed: Mapping[str, Any]) -> Iterator[Problem]:
    if claimed["verdict"] != recomputed["verdict"]:
        yield Problem(VERDICT, f"says {claimed['verdict']}, but the evidence says {recomputed['verdict']}")
    before = {rule["id"]: rule for rule in claimed["rules"]}
    after = {rule["id"]: rule for rule in recomputed["rules"]}
    for name in sorted({*before, *after}):
        if name not in before or name not in after:
            yield Problem(VERDICT, f"the rule {name} stands only in the {'evidence' if name in after else 'file'}")
        elif any(before[name].get(key) != after[name].get(key) for key in _COMPARED):
            yield Problem(
                VERDICT, f"the rule {name} says {before[name]['result']}, the evidence {after[name]['result']}"
            )


def _check_records(run: RunDir, promise: Promise) -> tuple[int, list[Problem]]:
    """Check each record against its schema, and each iteration's files, which are counted, against its record."""
    problems: list[Problem] = []
    check = schema_check("iteration")
    checked = 0
    chain = Chain(run.path, promise.genesis)
    for line, record in chain.records():
        problems.extend(check(record, f"iterations.jsonl:{line}"))
        recorded, number = record.get("results"), record.get("iteration")
        if isinstance(recorded, dict) and isinstance(number, int):
            found = digests_below(run.iteration(number))
            checked += len(found)
            problems.extend(_differences(f"iterations/{number:05d}", recorded, found))
    check_segment = schema_check("segment")
    for position, segment in enumerate(chain.segments, 1):
        problems.extend(check_segment(segment, f"segments.jsonl:{position}"))
    return checked, problems


def _differences(folder: str, recorded: Mapping[str, Any], found: Mapping[str, str]) -> Iterator[Problem]:
    for name in sorted({*recorded, *found}):
        if name not in found:
            yield Problem(f"{folder}/{name}", "is missing")
        elif name not in recorded:
            yield Problem(f"{folder}/{name}", "was added after the iteration was recorded")
        elif recorded[name] != found[name]:
            yield Problem(f"{folder}/{name}", "was changed after the iteration was recorded")


def _receipt(judged: Judged, verdict: Mapping[str, Any]) -> dict[str, Any]:
    outcome = judged.outcome
    return receipt.build(
        judged.promise.run,
        verdict,
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


def _contradictions(promise: Promise, schedule: Schedule) -> Iterator[Problem]:
    claimed = promise.run.get("schedule")
    promised = {
        "iterations": schedule.iterations,
        "duration_seconds": schedule.duration,
        "warmup": schedule.warmup,
        "failures": schedule.failures,
    }
    for key, value in promised.items():
        if not isinstance(claimed, Mapping) or claimed.get(key) != value:
            yield Problem(RUN, f"promises another {key} than {CONFIG}")


def _overrides(sources: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    for leaf in sources:
        if leaf.get("layer") in _OVERRIDE_LAYERS:
            yield {key: leaf.get(key) for key in ("key", "value", "layer", "origin", "shadowed")}


def _names(value: object) -> list[str]:
    if not isinstance(value, list):
        raise EvidenceError(f"{RUN}: it does not list the KPIs that were to be measured")
    return [str(name) for name in value]
