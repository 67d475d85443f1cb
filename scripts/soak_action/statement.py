"""What a judgement stated before it judged, and judging exactly that, from nothing but its files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from soak_action import canonical
from soak_action.claims import kpi_statistics
from soak_action.config.load import read_back
from soak_action.config.model import Config, Schedule
from soak_action.errors import EvidenceError
from soak_action.evidence import gate_dir, receipt
from soak_action.evidence.documents import schema_check
from soak_action.evidence.gate_dir import GATE, GateDir, ResultCopy
from soak_action.evidence.measurements import Conduct, Measurements, Problem
from soak_action.evidence.reading import read_document
from soak_action.evidence.run_dir import CONFIG, SOURCES, RunDir, is_named_otherwise
from soak_action.gate.rules import Rules
from soak_action.gate.verdict import Verdict
from soak_action.kpi.formats import reader_for
from soak_action.kpi.path import PathError
from soak_action.results import ResultFile, judge_files
from soak_action.scrutiny import other_sources
from soak_action.verify import judge_run

# What a judgement of a run says of the tested tree and its host, and what it says of rules that are the run's own.
FACTS_OF_THE_RUN = ("commit", "head_commit", "tree_dirty", "fingerprint")
FACTS_OF_THE_RULES = ("suite", "profile", "config_file", "kpis")
_LONGEST_PROBLEM = 1000


@dataclass(frozen=True)
class Statement:
    """gate.json, the configuration and where each value came from; `problems` say where they disagree."""

    gate: GateDir
    document: Mapping[str, Any]
    tree: Mapping[str, Any]
    leaves: Sequence[Mapping[str, Any]]
    config: Config
    problems: tuple[Problem, ...]

    @property
    def copies(self) -> list[ResultCopy]:
        """The copies of result files in their order; none for a judgement of a run."""
        return [ResultCopy.read(entry) for entry in self.document["subject"].get("files", ())]

    @property
    def by_own_rules(self) -> bool:
        """Whether a run was judged by the rules that it was made with."""
        return bool(self.document["subject"].get("rules") == "own")


@dataclass(frozen=True)
class Findings:
    """The verdict and what it rests on; `promise` and `conduct` are those of a run, None for result files."""

    verdict: Verdict
    measurements: Measurements
    promise: Schedule | None
    conduct: Conduct | None
    notes: tuple[str, ...]


def read_statement(gate: GateDir) -> Statement:
    """Return what a judgement stated. Raises EvidenceError when that cannot be read or breaks its schema."""
    problems: list[Problem] = []
    document, tree, sources = (read_document(gate, name, problems) for name in (GATE, CONFIG, SOURCES))
    for problem in (*schema_check("gate")(document, GATE), *schema_check("config-sources")(sources, SOURCES)):
        raise EvidenceError(str(problem)[:_LONGEST_PROBLEM])
    if not isinstance(tree, dict):
        raise EvidenceError(f"{CONFIG}: it must be a mapping")
    config = read_back(tree, document["kpis"], document["suite"])
    problems += _contradictions(gate, document, tree, sources)
    return Statement(gate, document, tree, sources["leaves"], config, tuple(problems))


def judge_statement(statement: Statement, run: RunDir | None) -> Findings:
    """Judge the copies of result files or, at the place where it is now, the run that the statement names.

    Raises EvidenceError when the run cannot be read at all.
    """
    rules = Rules.of(statement.config, statement.leaves, f"soak verify {statement.document['gate_id']}")
    if run is not None:
        judged = judge_run(run, None if statement.by_own_rules else rules)
        outcome = judged.outcome
        return Findings(judged.verdict, outcome.measurements, judged.config.schedule, outcome.conduct, outcome.notes)
    copies = [(statement.gate.results / copy.copy, copy.path) for copy in statement.copies]
    try:
        found = judge_files([ResultFile(path, shown, reader_for(path)) for path, shown in copies], rules)
    except PathError as error:
        raise EvidenceError(f"{CONFIG}: {error}") from None
    return Findings(found.verdict, found.measurements, None, None, found.notes)


def receipt_of(statement: Statement, found: Findings) -> dict[str, Any]:
    """Return the receipt of a judgement, whose verdict.json must have been written before."""
    kpis = [kpi for kpi in statement.config.kpis if kpi.name in found.measurements.kpis]
    return receipt.build(
        statement.document,
        found.verdict.to_dict(),
        state=None if found.conduct is None else found.conduct.state,
        finished_at=None,
        coverage=receipt.coverage(found.promise, found.measurements, found.conduct),
        kpis=kpi_statistics(kpis, found.measurements, 0 if found.promise is None else found.promise.warmup),
        digests=gate_dir.digests_of(statement.gate, statement.copies),
        tuning=None if found.conduct is None else found.conduct.tuning,
    )


def _contradictions(
    gate: GateDir, document: Mapping[str, Any], tree: Mapping[str, Any], sources: Mapping[str, Any]
) -> Iterator[Problem]:
    for name, key, found in ((CONFIG, "config_digest", tree), (SOURCES, "config_sources_digest", sources)):
        if document[key] != canonical.digest(found):
            yield Problem(name, f"does not match the {key} that {GATE} stated")
    if is_named_otherwise(gate.path, document["gate_id"]):
        yield Problem(GATE, f"belongs to judgement {document['gate_id']}, not to {gate.path.name}")
    started = document["started_at"].replace("-", "").replace(":", "").partition(".")[0]
    if not document["gate_id"].startswith(f"{started}Z-gate-"):
        yield Problem(GATE, "its started_at is not the one that the judgement is named after")
    if sorted(document["kpis"]) != sorted(tree.get("kpis", ())):
        yield Problem(GATE, f"lists other KPIs than {CONFIG}")
    names = [Path(entry["copy"]).stem for entry in document["subject"].get("files", ())]
    if names != [f"{number:05d}" for number in range(1, len(names) + 1)]:
        yield Problem(GATE, "the copies of its result files are not numbered in their order")
    yield from other_sources(sources["leaves"], tree)
