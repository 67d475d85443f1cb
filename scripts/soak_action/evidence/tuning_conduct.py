"""How the parameters of a run went, out of what the records say of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from soak_action.evidence.measurements import TuningConduct

# What stands in a record for the digest that the workload should have told.
UNREADABLE = "unreadable"

Record = Mapping[str, Any]


class TuningCount:
    """Counts over the records of a run, in their order and one in memory at a time."""

    def __init__(self) -> None:
        self._conduct: TuningConduct | None = None
        self._outcomes: Counter[str] = Counter()

    def add(self, record: Record) -> None:
        """Look at the next record. Raises AttributeError, KeyError or TypeError for a misshapen one."""
        if "parameters" not in record:
            return
        number, state_hash, file, tuner = (
            record[key] for key in ("iteration", "state_hash", "parameters_file", "tuner")
        )
        found = self._conduct or TuningConduct(state_hash, _began_with(record))
        self._outcomes.update(decision["outcome"] for decision in record["decisions"])
        problem = None if tuner is None else tuner["problem"]
        read = file["digest_read"]
        if found.misread is None and read not in (None, file["digest"]):
            found = replace(found, misread=number, is_garbled=read == UNREADABLE)
        self._conduct = replace(
            found,
            state_hash=state_hash,
            iterations=found.iterations + 1,
            confirmed=found.confirmed + (read == file["digest"]),
            edited=found.edited or (number if file["edited"] else None),
            tuner_failures=found.tuner_failures + (problem is not None),
            tuner_failed=found.tuner_failed or (number if problem is not None else None),
            failure=found.failure or ("" if problem is None else str(problem)),
        )

    def finish(self) -> TuningConduct | None:
        """Return what the records came to; None when none of them tells of parameters."""
        if self._conduct is None:
            return None
        return replace(
            self._conduct,
            proposals=self._outcomes.total(),
            applied=self._outcomes["applied"],
            suppressed=self._outcomes["suppressed"],
            no_op=self._outcomes["no_op"],
        )


def _began_with(first: Record) -> str:
    """Return the state hash that the run began with: that before anything was decided."""
    decisions = first["decisions"]
    return str(decisions[0]["state_hash_before"] if decisions else first["state_hash"])
