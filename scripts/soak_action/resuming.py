"""Going on with a run: whether it may, with which configuration, and how its directory is made ready."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from soak_action import changes
from soak_action.begin import not_of_the_tree
from soak_action.config.load import Loaded, Request, Setting, load
from soak_action.config.masking import MASK, is_secret
from soak_action.errors import EvidenceError, SurroundingsError, UsageError
from soak_action.evidence import fingerprint
from soak_action.evidence.changes import Difference
from soak_action.evidence.documents import schema_check
from soak_action.evidence.ledger import RESUMABLE
from soak_action.evidence.reading import Promise, read_document, read_promise
from soak_action.evidence.run_dir import OUTPUT_DIRECTORY, RECEIPT, RUN, SOURCES, RunDir, stamp
from soak_action.evidence.samples import forget_unrecorded
from soak_action.evidence.standing import Standing, standing_of
from soak_action.verify import read_run, verify
from soak_action.workload.orphans import stop_orphans

_MOST_NAMED = 10


def examine(run: RunDir) -> Standing:
    """Return where a run stands, all its evidence verified; to be called by whoever holds the lock.

    Raises EvidenceError when anything disagrees, UsageError when the run has come to its end.
    """
    problems = verify(run).problems
    if problems:
        named = [f"  {problem}" for problem in problems[:_MOST_NAMED]]
        raise EvidenceError("\n".join((f"{run.path}: not resumed, because its evidence does not verify:", *named)))
    promise, config = read_run(run)
    standing = standing_of(run, promise.genesis, config.schedule)
    if has_ended(standing) and (run.path / RECEIPT).exists():
        how = "has finished" if standing.state == "finished" else f"was {standing.state}"
        raise UsageError(f"{run.path}: the run {how}, so there is nothing to resume; begin a new one")
    return standing


def has_ended(standing: Standing) -> bool:
    """Whether no segment may follow."""
    return standing.state is not None and standing.state not in RESUMABLE


def recorded_configuration(run: RunDir, *, environ: Mapping[str, str], directory: Path) -> Loaded:
    """Load the configuration that a run began with once more, whether or not it is still the same.

    The command line's part is taken from the record, files and environment are read again, because secrets are masked
    in the record. The configuration file is looked for beside the `.soak` that holds the run, then in `directory`.
    Raises UsageError or ConfigurationError when it is not there or a secret was given on the command line,
    EvidenceError when the record cannot be read.
    """
    promise = read_promise(run)
    sources = read_document(run, SOURCES, [])
    for problem in (*schema_check("run")(promise.run, RUN), *schema_check("config-sources")(sources, SOURCES)):
        raise EvidenceError(str(problem))
    file = promise.run["config_file"]["path"]
    return load(
        Request(
            directory=_base(run, file, directory),
            environ=environ,
            config=file,
            profile=promise.run["profile"],
            settings=tuple(_settings(promise)),
        ),
        lambda _: None,
    )


def differences_from(run: RunDir, loaded: Loaded, *, allow_change: bool) -> list[Difference]:
    """Return in what `loaded`, the commit and the tree differ from what a run began with.

    Nothing may differ unless changes are allowed, and then only what the run soaks, not what it promised. Raises
    UsageError when something differs that may not.
    """
    # Downloaded or unpacked, a run may lack the file that hides it from git.
    tree = fingerprint.source_tree(loaded.base, [run.path.parent, *not_of_the_tree(loaded)])
    found = changes.differences(read_promise(run), loaded, tree)
    changes.check(found, str(run.path), allowed=allow_change)
    return found


def change_of(run: RunDir, standing: Standing, found: Sequence[Difference], now: datetime) -> dict[str, Any] | None:
    """Return what has to be recorded before the segment to come begins with these differences; None for nothing."""
    if not found and not standing.changed:
        return None
    first = standing.iterations + 1
    return changes.record(found, read_promise(run), standing.next_segment, first, stamp(now))


def make_ready(run: RunDir, standing: Standing) -> None:
    """Take the seal off a run, and stop and set aside what a killed soak left of an iteration that it never recorded.

    Raises SurroundingsError when the disk refuses or a process cannot be stopped.
    """
    run.unseal()
    forget_unrecorded(run.path, standing.iterations)
    if run.starts():
        # It would hold the port, the lock or the memory that the next start needs.
        _stop_orphans(run, run.service_marks)
        run.set_aside_starts(standing.service_start)
    unrecorded = standing.iterations + 1
    if not run.iteration(unrecorded).path.exists():
        return
    # It would write its results into the folder of the iteration that repeats it.
    _stop_orphans(run, run.mark(unrecorded))
    run.set_aside(unrecorded)


def _stop_orphans(run: RunDir, mark: str) -> None:
    left = stop_orphans(mark)
    if left:
        raise SurroundingsError(
            f"{run.path}: the workload of the killed run is still alive and cannot be stopped: {', '.join(left)}"
        )


def _base(run: RunDir, file: str | None, directory: Path) -> Path:
    """Return the directory that the workload runs in."""
    beside = run.path.parent.parent if run.path.parent.name == OUTPUT_DIRECTORY else directory
    if file is None:
        return beside
    for base in (beside, directory):
        if (base / file).exists():
            return base
    raise UsageError(
        f"{file}, which the run was configured by, is not in {directory}; resume the run in the directory that holds it"
    )


def _settings(promise: Promise) -> Iterator[Setting]:
    """Yield what the command line had set."""
    for leaf in promise.sources:
        if leaf["layer"] != "cli":
            continue
        *above, name = leaf["key"].split(".")
        if is_secret((*above, name)) and leaf["value"] == MASK:
            raise UsageError(
                f"{leaf['key']} was given by {leaf['origin']} and is a secret, which is not kept, so the run cannot be "
                "resumed; give secrets in soak.yaml or in SOAK_OVERRIDES"
            )
        # Inside of a mapping it is taken as it is; a text alone would be turned into what it looks like.
        yield Setting(".".join(above) or name, {name: leaf["value"]} if above else leaf["value"], leaf["origin"])
