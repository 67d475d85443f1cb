"""The proof that a decision is applied once, however often it is applied: on a copy, never on the user's file."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from soak_action import files
from soak_action.config.model import Parameter, Parameters
from soak_action.errors import EvidenceError, UsageError, surroundings
from soak_action.evidence.ledger import Chain, Ledger
from soak_action.file_locks import FileLock
from soak_action.tuning.apply import Applier
from soak_action.tuning.decision import Decision
from soak_action.tuning.parameters import ParametersFile, Values, state_hash
from soak_action.tuning.proposal import Proposal

MOST_APPLICATIONS = 10_000
# What is tuned where soak.yaml has no parameters.
EXAMPLE = Parameters(
    "soak.params.json",
    (
        Parameter("pool.size", 70, 40, 80, step=5, is_integer=True),
        Parameter("pool.idle_ratio", 0.1, 0.0, 0.5, step=0.05),
    ),
)

_GENESIS = "0" * 64
_ITERATION = 1


@dataclass(frozen=True)
class Stress:
    """What so many `applications` of one decision came to, as the records and the file tell.

    `state_hashes` are those of the values after each application, `file_unchanged` whether bytes, time and inode of the
    file stayed what they were after the first.
    """

    applications: int
    applied: int
    no_op: int
    state_hashes: tuple[str, ...]
    file_unchanged: bool

    @property
    def is_idempotent(self) -> bool:
        """Whether there was one change, one state, and nothing else."""
        counted = (self.applied, self.no_op, len(self.state_hashes))
        return counted == (1, self.applications - 1, 1) and self.file_unchanged

    def to_dict(self) -> dict[str, Any]:
        """What `soak stress --json` prints."""
        return {
            "applied": self.applied,
            "no_op": self.no_op,
            "state_hashes": list(self.state_hashes),
            "file_unchanged": self.file_unchanged,
        }


Apply = Callable[[Applier, Decision], object]


def stress(declared: Parameters, original: Path | None, applications: int, apply: Apply = Applier.apply) -> Stress:
    """Apply one decision so many times to a temporary copy of `original`, or to the initial values without one.

    `apply` serves the test that a failure is seen. Raises UsageError for a file with mistakes and for parameters that
    cannot move, SurroundingsError when the system refuses.
    """
    try:
        with tempfile.TemporaryDirectory(prefix="soak-stress-") as folder:
            return _stress(declared, original, Path(folder).resolve(), applications, apply)
    except OSError as error:
        raise surroundings(error, "work in a temporary directory") from error


def decide(declared: Parameters, values: Values) -> Decision:
    """Return a decision that moves the first parameter that can take another value. Raises UsageError without one."""
    for parameter in declared.values:
        before = values[parameter.name]
        after = _other_value(parameter, before)
        if after is not None:
            return Decision(
                iteration=_ITERATION,
                offset_seconds=0.0,
                proposal=Proposal(parameter.name, "change", after - before, "soak stress", "to see it applied once"),
                before=before,
                to=after,
                outcome="applied",
                reasons={},
                state_hash_before=state_hash(values),
                state_hash_after=state_hash({**values, parameter.name: after}),
            )
    raise UsageError("no parameter of soak.yaml can take another value: minimum and maximum are the same everywhere")


def _other_value(parameter: Parameter, value: float) -> float | None:
    """Return a value within the bounds, a step away if there is one."""
    low, high = parameter.minimum, parameter.maximum
    step = parameter.step or (1 if parameter.is_integer else (high - low) / 10)
    near = (candidate for candidate in (value + step, value - step, high, low) if low <= candidate <= high)
    return next((candidate for candidate in near if candidate != value), None)


def _stress(declared: Parameters, original: Path | None, folder: Path, applications: int, apply: Apply) -> Stress:
    run = folder / "run"
    run.mkdir()
    path = folder / "soak.params.json"
    file = ParametersFile(path, declared)
    _copy(declared, original, file)
    hashes: set[str] = set()
    states: set[tuple[bytes, int, int]] = set()
    with FileLock(path, "soak stress"), Ledger(run, _GENESIS) as ledger:
        applier = Applier(file, ledger, run, 1)
        decision = decide(declared, applier.held.values)
        for _ in range(applications):
            apply(applier, decision)
            hashes.add(state_hash(file.read().values))
            states.add(_state(path))
    counted = _recorded(run)
    return Stress(applications, counted["applied"], counted["no_op"], tuple(sorted(hashes)), len(states) == 1)


def _copy(declared: Parameters, original: Path | None, copy: ParametersFile) -> None:
    source = None if original is None else ParametersFile(original, declared)
    if source is None or not source.exists():
        copy.create({parameter.name: parameter.initial for parameter in declared.values})
        return
    # Its mistakes are told by its own name.
    source.read()
    files.write_atomic(copy.path, source.path.read_bytes())


def _state(path: Path) -> tuple[bytes, int, int]:
    status = path.stat()
    return path.read_bytes(), status.st_mtime_ns, status.st_ino


def _recorded(run: Path) -> Counter[str]:
    """Count the outcomes of the decisions on the disk. Raises EvidenceError when their chain is broken."""
    chain = Chain(run, _GENESIS)
    iterations = list(chain.records())
    if chain.problems or iterations:
        raise EvidenceError(f"the records do not fit together: {', '.join(map(str, chain.problems))}")
    return Counter(record["outcome"] for record in chain.pending_decisions)
