"""Applying decisions to the parameters file: each once, whatever happens in between."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from soak_action import files
from soak_action.errors import EvidenceError
from soak_action.evidence.ledger import Ledger
from soak_action.evidence.run_dir import PARAMETERS
from soak_action.tuning.decision import Decision
from soak_action.tuning.parameters import Held, ParametersFile, Values, keep_snapshot, state_hash

ALREADY_APPLIED = "already_applied"

_Key = tuple[int, str, str, str, float]


class Applier:
    """Puts decisions on record and, the first time that it meets one that is to be applied, into the parameters file.

    The record comes first: what it calls applied is in the file in the end, and what it does not was never there. A
    decision is the same by iteration, state before, parameter, kind and number, within the iteration.
    """

    def __init__(
        self,
        file: ParametersFile,
        ledger: Ledger,
        directory: Path,
        segment: int,
        pending: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        """Take up the work in the run's `directory`; hold the locks of both.

        `pending` are the records of decisions whose iteration has none (Chain.pending_decisions). What soak was killed
        before it had put into the file is put there now. Raises UsageError when the file is not as it
        should be, EvidenceError when its values are not those of any of these records, SurroundingsError.
        """
        self._file = file
        self._ledger = ledger
        self._snapshot = directory / PARAMETERS
        self._segment = segment
        self._iteration = 0 if not pending else int(pending[-1]["iteration"])
        self._applied = {_key(record) for record in pending if record["outcome"] == "applied"}
        self._held = file.read()
        self._values = self._on_record(pending)
        self._settle()

    @property
    def held(self) -> Held:
        """What the parameters file holds now."""
        return self._held

    def apply(self, *decisions: Decision) -> list[Decision]:
        """Record decisions, all at once, and do what they say, all at once; return them as they were recorded.

        One that was applied before is recorded as no_op, for the reason ALREADY_APPLIED, and nothing else is touched.
        Raises EvidenceError when somebody else changed the file, SurroundingsError when the system refuses; what is on
        record is then made up for by the next call, or the next Applier. Raises ValueError for a decision that does
        not fit the values in force; then none is recorded.
        """
        self._settle()
        applied, values, told = set(self._applied), self._values, []
        iteration = self._iteration
        for decision in decisions:
            if decision.iteration < iteration:
                raise ValueError(f"a decision for iteration {decision.iteration} came after one for {iteration}")
            if decision.iteration > iteration:
                # The decisions of earlier iterations cannot come again.
                iteration, applied = decision.iteration, set()
            key = _key(decision.to_dict())
            if decision.outcome != "applied":
                told.append(decision)
            elif key in applied:
                told.append(_repeated(decision, values))
            else:
                values = self._after(decision, values)
                applied.add(key)
                told.append(decision)
        is_change = values is not self._values
        if is_change:
            self._file.check_unchanged(self._held)
        self._ledger.add_decisions([{"segment": self._segment, **decision.to_dict()} for decision in told])
        self._iteration, self._applied, self._values = iteration, applied, values
        if is_change:
            files.step("params:decided")
            self._settle()
        return told

    def _after(self, decision: Decision, values: Values) -> Values:
        """Return what a decision makes of these values."""
        if state_hash(values) != decision.state_hash_before:
            raise ValueError(
                f"the decision about {decision.proposal.parameter} was made for other values than hold now"
            )
        if decision.to is None:
            raise ValueError(f"the decision about {decision.proposal.parameter} has no value to apply")
        after = self._file.checked({**values, decision.proposal.parameter: decision.to})
        if state_hash(after) != decision.state_hash_after:
            raise ValueError(f"the decision about {decision.proposal.parameter} leads to other values than it says")
        return after

    def _on_record(self, pending: Sequence[Mapping[str, Any]]) -> Values:
        """Return the values that the records lead to from where the file stands among them."""
        if not pending:
            return self._held.values
        states = [pending[0]["state_hash_before"], *(record["state_hash_after"] for record in pending)]
        now = state_hash(self._held.values)
        if now not in states:
            raise EvidenceError(
                f"{self._file.path} was changed by somebody else: no decision on record led to its values"
            )
        # The last place: what led there from an equal state before was done, or needs not be done.
        missing = pending[len(states) - 1 - states[::-1].index(now) :]
        moved = {record["parameter"]: record["to"] for record in missing if record["outcome"] == "applied"}
        return self._file.checked({**self._held.values, **moved})

    def _settle(self) -> None:
        """Make file and snapshot what the record says, if they are not."""
        if self._values != self._held.values:
            # What an error interrupted may have reached the file all the same.
            now = self._file.read()
            is_there = now.values == self._values
            self._held = now if is_there else self._file.write(self._values, self._held)
        keep_snapshot(self._snapshot, self._held.values)


def _repeated(decision: Decision, values: Values) -> Decision:
    now, value = state_hash(values), values[decision.proposal.parameter]
    return replace(
        decision,
        before=value,
        to=value,
        outcome="no_op",
        reasons={ALREADY_APPLIED: f"it was applied before iteration {decision.iteration} already"},
        state_hash_before=now,
        state_hash_after=now,
    )


def _key(record: Mapping[str, Any]) -> _Key:
    return (
        record["iteration"],
        record["state_hash_before"],
        record["parameter"],
        record["kind"],
        record["requested"],
    )
