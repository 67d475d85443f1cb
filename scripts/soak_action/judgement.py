"""Judging results that exist already, and keeping the evidence of the judgement in a directory of its own."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from soak_action import __version__, canonical
from soak_action.begin import SCHEMA_VERSION, config_file
from soak_action.config.load import Loaded
from soak_action.config.masking import mask_words
from soak_action.config.model import Config
from soak_action.errors import EvidenceError, UsageError
from soak_action.evidence import fingerprint, gate_dir
from soak_action.evidence.compressed import home_of
from soak_action.evidence.documents import schema_check
from soak_action.evidence.gate_dir import GATE, GateDir
from soak_action.evidence.measurements import Measurements
from soak_action.evidence.reading import read_promise
from soak_action.evidence.run_dir import CONFIG, OUTPUT_DIRECTORY, RECEIPT, RUN, SOURCES, VERDICT, RunDir, stamp
from soak_action.files import digest_of_file
from soak_action.gate.rules import Rules
from soak_action.gate.verdict import Verdict
from soak_action.kpi.formats import reader_for
from soak_action.results import ResultFile, judge_files
from soak_action.statement import FACTS_OF_THE_RULES, FACTS_OF_THE_RUN, judge_statement, read_statement, receipt_of
from soak_action.subject import ResultFiles, Subject
from soak_action.verify import judge_run


@dataclass(frozen=True)
class Occasion:
    """Who asks for a judgement, when and from where.

    `argv` is what was asked for; recorded paths are relative to `directory`. `random_suffixes` yields six hexadecimal
    digits each time. `began` is told the judgement's directory as soon as there is one.
    """

    argv: Sequence[str]
    environ: Mapping[str, str]
    directory: Path
    now: datetime
    random_suffixes: Iterator[str]
    began: Callable[[GateDir], None] = lambda _: None


@dataclass(frozen=True)
class Judgement:
    """A verdict, the configuration that it was reached by, and what was judged.

    `notes` are the first reasons why values are missing, and what else is worth knowing.
    """

    verdict: Verdict
    config: Config
    measurements: Measurements
    notes: tuple[str, ...]


@dataclass(frozen=True)
class SealedJudgement(Judgement):
    """A judgement whose evidence is kept in a directory, and its receipt."""

    directory: GateDir
    receipt: Mapping[str, Any]


def judge(subject: Subject, loaded: Loaded | None, occasion: Occasion) -> Judgement:
    """Judge a subject by the rules of `loaded`, or a run by its own when that is None.

    Raises EvidenceError when the subject cannot be read at all, UsageError for result files without rules or of an
    unknown format.
    """
    if isinstance(subject, RunDir):
        judged = judge_run(subject, None if loaded is None else _rules(loaded, occasion))
        config = judged.config if loaded is None else loaded.config
        return Judgement(judged.verdict, config, judged.outcome.measurements, judged.outcome.notes)
    loaded = _required(loaded)
    files = [
        ResultFile(Path(os.path.realpath(path)), _shown(path, occasion.directory), reader_for(path))
        for path in subject.files
    ]
    found = judge_files(files, _rules(loaded, occasion))
    return Judgement(found.verdict, loaded.config, found.measurements, found.notes)


def judge_for_the_record(subject: Subject, loaded: Loaded | None, output: Path, occasion: Occasion) -> SealedJudgement:
    """Judge as `judge` does, and keep the evidence in a new directory below `output`.

    The directory states first what is judged and by which rules, result files are copied into it, and exactly that is
    judged then. Raises also SurroundingsError when evidence cannot be written, and UsageError for an output inside of
    the run.
    """
    if isinstance(subject, RunDir) and Path(os.path.realpath(output)).is_relative_to(subject.path):
        raise UsageError(
            f"{output} lies inside of the run that is judged, which has to stay as it is; name another output directory"
        )
    gate = _state(subject, loaded, output, occasion)
    statement = read_statement(gate)
    found = judge_statement(statement, subject if isinstance(subject, RunDir) else None)
    gate.write(VERDICT, found.verdict.to_dict())
    receipt = receipt_of(statement, found)
    gate.write(RECEIPT, receipt)
    return SealedJudgement(found.verdict, statement.config, found.measurements, found.notes, gate, receipt)


def default_output(subject: Subject, loaded: Loaded | None) -> Path:
    """Return where the evidence of a judgement belongs: beside the run, or in .soak beside the configuration.

    Raises UsageError for result files without a configuration.
    """
    return home_of(subject.path).parent if isinstance(subject, RunDir) else _required(loaded).base / OUTPUT_DIRECTORY


def _state(subject: Subject, loaded: Loaded | None, output: Path, occasion: Occasion) -> GateDir:
    """Create the directory, and write into it what is known before anything is judged."""
    basis = (
        _basis_of_run(subject, loaded) if isinstance(subject, RunDir) else _basis_of_files(subject, loaded, occasion)
    )
    sources = {"schema_version": SCHEMA_VERSION, "leaves": basis.leaves}
    gate = gate_dir.create(output, occasion.now, occasion.random_suffixes)
    occasion.began(gate)
    gate.write(CONFIG, basis.tree)
    gate.write(SOURCES, sources)
    stated = {
        "schema_version": SCHEMA_VERSION,
        "gate_id": gate.gate_id,
        "started_at": stamp(occasion.now),
        "tool_version": __version__,
        "argv": _masked(occasion.argv, loaded),
        "workflow": fingerprint.workflow(occasion.environ),
        "config_digest": canonical.digest(basis.tree),
        "config_sources_digest": canonical.digest(sources),
        "subject": _described(subject, gate, occasion.directory, own=loaded is None),
    }
    gate.write(GATE, {**stated, **basis.facts})
    return gate


@dataclass(frozen=True)
class _Basis:
    """The rules of a judgement as config.json and config-sources.json hold them, and the facts that gate.json tells."""

    tree: Mapping[str, Any]
    leaves: Sequence[Mapping[str, Any]]
    facts: Mapping[str, Any]


def _basis_of_files(subject: ResultFiles, loaded: Loaded | None, occasion: Occasion) -> _Basis:
    loaded = _required(loaded)
    for path in subject.files:
        reader_for(path)
    tree = fingerprint.source_tree(loaded.base)
    measured = {
        "commit": tree.commit,
        "head_commit": fingerprint.head_commit(occasion.environ) or tree.commit,
        "tree_dirty": tree.dirty,
        "fingerprint": fingerprint.host(occasion.environ),
    }
    return _Basis(loaded.public_tree, _leaves(loaded), {**_facts(loaded), **measured})


def _basis_of_run(run: RunDir, loaded: Loaded | None) -> _Basis:
    promise = read_promise(run)
    for problem in schema_check("run")(promise.run, RUN):
        raise EvidenceError(str(problem))
    measured = {key: promise.run[key] for key in FACTS_OF_THE_RUN}
    if loaded is not None:
        return _Basis(loaded.public_tree, _leaves(loaded), {**_facts(loaded), **measured})
    own = {key: promise.run[key] for key in FACTS_OF_THE_RULES}
    return _Basis(promise.config, promise.sources, {**own, **measured})


def _facts(loaded: Loaded) -> dict[str, Any]:
    return {
        "suite": loaded.config.suite,
        "profile": loaded.profile,
        "config_file": config_file(loaded),
        "kpis": [kpi.name for kpi in loaded.config.kpis],
    }


def _described(subject: Subject, gate: GateDir, directory: Path, *, own: bool) -> dict[str, Any]:
    """Return what is judged as gate.json tells it; result files are copied first."""
    if isinstance(subject, ResultFiles):
        copies = [gate.keep(number, path, _shown(path, directory)) for number, path in enumerate(subject.files, 1)]
        return {"kind": "files", "files": [copy.to_dict() for copy in copies]}
    receipt = subject.path / RECEIPT
    return {
        "kind": "run",
        "run_id": read_promise(subject).run["run_id"],
        "path": _shown(home_of(subject.path), directory),
        "receipt": digest_of_file(receipt) if receipt.exists() else None,
        "rules": "own" if own else "given",
    }


def _rules(loaded: Loaded, occasion: Occasion) -> Rules:
    """Return the rules of a judgement that leaves no evidence: only the same command makes it again."""
    return Rules.of(loaded.config, _leaves(loaded), shlex.join(["soak", *_masked(occasion.argv, loaded)]))


def _leaves(loaded: Loaded) -> list[dict[str, Any]]:
    return [leaf.to_dict() for leaf in loaded.public_leaves]


def _masked(argv: Sequence[str], loaded: Loaded | None) -> list[str]:
    return mask_words(argv, () if loaded is None else loaded.secrets)


def _shown(path: Path, directory: Path) -> str:
    """Return a path as it is told: relative to `directory` where that is possible."""
    relative = path.relative_to(directory) if path.is_relative_to(directory) else path
    return canonical.storable_text(relative.as_posix())


def _required(loaded: Loaded | None) -> Loaded:
    if loaded is None:
        raise UsageError("result files bring no rules: name KPIs, or a configuration that has some")
    return loaded
