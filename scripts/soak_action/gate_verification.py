"""Verifying a judgement: everything that it claims, recomputed from its files and the run that it may be about."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from soak_action import __version__
from soak_action.claims import check_digests, check_receipt, check_verdict
from soak_action.errors import EvidenceError
from soak_action.evidence.compressed import home_of, opened
from soak_action.evidence.documents import schema_check
from soak_action.evidence.gate_dir import GATE, GateDir, check_files, digests_of
from soak_action.evidence.measurements import Problem
from soak_action.evidence.reading import read_document, read_promise
from soak_action.evidence.run_dir import CONFIG, OUTPUT_DIRECTORY, RECEIPT, SOURCES, VERDICT, RunDir, is_run
from soak_action.files import digest_of_file
from soak_action.gate.result import badness
from soak_action.statement import (
    FACTS_OF_THE_RULES,
    FACTS_OF_THE_RUN,
    Findings,
    Statement,
    judge_statement,
    read_statement,
    receipt_of,
)
from soak_action.verify import Verification
from soak_action.verify import verify as verify_run


def verify(gate: GateDir, directory: Path) -> Verification:
    """Recompute everything that a judgement claims: digests, schemas, verdict, receipt, and the run that it is about.

    That run is looked for beside the judgement, where it was when it was judged, and in .soak; the latter two are
    relative to `directory`. Raises EvidenceError when the judgement or its run cannot be read at all.
    """
    statement = read_statement(gate)
    run = _find_run(statement, directory)
    checked = None if run is None else _verify_run(run)
    problems = [
        *statement.problems,
        *check_files(gate, statement.copies),
        *_check_run(statement, run, () if checked is None else checked.problems),
    ]
    notes = []
    verdict, state = "invalid", None
    sealed = (gate.path / RECEIPT).exists()
    if sealed:
        problems += _check_seal(statement)
    if not problems:
        found = judge_statement(statement, run)
        verdict, notes = found.verdict.verdict, list(found.notes)
        state = None if found.conduct is None else found.conduct.state
        if sealed:
            problems += _check_claims(statement, found)
        else:
            verdict = max(verdict, "inconclusive", key=badness)
            notes.append(f"{RECEIPT} is missing: the judgement did not end, so it is inconclusive at best")
    return Verification(
        run_id=statement.document["gate_id"],
        verdict=verdict,
        state=state,
        checked_files=len(statement.copies) if checked is None else checked.checked_files,
        problems=tuple(dict.fromkeys(problems)),
        notes=tuple(notes),
    )


def _find_run(statement: Statement, directory: Path) -> RunDir | None:
    subject = statement.document["subject"]
    if subject["kind"] != "run":
        return None
    places = (
        home_of(statement.gate.path).parent / subject["run_id"],
        directory / subject["path"],
        directory / OUTPUT_DIRECTORY / subject["run_id"],
    )
    return next((run for run in map(_run_at, places) if run is not None), None)


def _verify_run(run: RunDir) -> Verification:
    """Verify the judged run; what cannot be read is told apart from the judgement's own files of the same names."""
    try:
        return verify_run(run)
    except EvidenceError as error:
        raise EvidenceError("\n".join(f"{run.run_id}: {line}" for line in str(error).splitlines())) from error


def _run_at(place: Path) -> RunDir | None:
    try:
        path = opened(place)
        return RunDir(path.resolve()) if is_run(path) else None
    except OSError:
        # Whatever the judgement recorded as a path, it may be none on this system.
        return None


def _check_run(statement: Statement, run: RunDir | None, found: Sequence[Problem]) -> Iterator[Problem]:
    """Yield what is wrong with the run that was judged, `found` in it included, and that it is not there."""
    subject, stated = statement.document["subject"], statement.document
    if subject["kind"] != "run":
        return
    name = subject["run_id"]
    if run is None:
        beside = home_of(statement.gate.path).parent / name
        yield Problem(GATE, f"the run {name} that it judged is not here: put the directory of that run at {beside}")
        return
    if run.run_id != name:
        yield Problem(GATE, f"{run.path} is not the run {name} that it judged")
        return
    for problem in found:
        yield Problem(f"{name}/{problem.where}", problem.what)
    receipt = run.path / RECEIPT
    if subject["receipt"] != (digest_of_file(receipt) if receipt.exists() else None):
        yield Problem(
            f"{name}/{RECEIPT}", "is not the one of the run that was judged: the run was continued or changed"
        )
    promise = read_promise(run)
    own = FACTS_OF_THE_RULES if statement.by_own_rules else ()
    for key in (*FACTS_OF_THE_RUN, *own):
        if stated[key] != promise.run.get(key):
            yield Problem(GATE, f"its {key} is not that of the run {name}")
    if statement.by_own_rules and statement.tree != promise.config:
        yield Problem(CONFIG, f"is not the configuration of the run {name}, by whose own rules it was judged")
    if statement.by_own_rules and statement.leaves != promise.sources:
        yield Problem(SOURCES, f"gives other origins than the run {name}, by whose own rules it was judged")


def _check_seal(statement: Statement) -> Iterator[Problem]:
    """Yield where the receipt is not one, or does not hold the digests of the files as they are."""
    problems: list[Problem] = []
    claimed = read_document(statement.gate, RECEIPT, problems)
    verdict = read_document(statement.gate, VERDICT, problems)
    problems += [*schema_check("receipt")(claimed, RECEIPT), *schema_check("verdict")(verdict, VERDICT)]
    if not problems:
        problems += check_digests(claimed, {"digests": digests_of(statement.gate, statement.copies)})
    yield from problems


def _check_claims(statement: Statement, found: Findings) -> Iterator[Problem]:
    """Yield where the verdict and the receipt of whole evidence are not what it says."""
    yield from check_receipt(read_document(statement.gate, RECEIPT, []), receipt_of(statement, found))
    claimed = read_document(statement.gate, VERDICT, [])
    same_version = statement.document["tool_version"] == __version__
    yield from check_verdict(claimed, found.verdict.to_dict(), whole=same_version)
