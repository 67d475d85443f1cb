"""Holding what a run says of its parameters against what follows from its configuration and its records."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from soak_action import canonical
from soak_action.config.model import Config
from soak_action.errors import SoakError
from soak_action.evidence.ledger import ITERATIONS
from soak_action.evidence.measurements import Problem
from soak_action.evidence.run_dir import RUN, IterationDir
from soak_action.files import read_evidence
from soak_action.tuning.answer import LARGEST_ANSWER, SOURCE, read_answer
from soak_action.tuning.deciding import decide
from soak_action.tuning.decision import proposal_of
from soak_action.tuning.memory import Memory
from soak_action.tuning.parameters import state_hash
from soak_action.tuning.proof import digest_read
from soak_action.tuning.proposal import Proposal
from soak_action.tuning.rules import proposals_of

Record = Mapping[str, Any]
# What a record that was edited may make out of any look at it.
_MISSHAPEN = (ArithmeticError, AttributeError, KeyError, LookupError, TypeError, ValueError)


class TuningCheck:
    """Decides everything once more, from the records in their order, and tells where they say something else."""

    def __init__(self, config: Config, run: Record) -> None:
        """`run` is run.json."""
        self._config = config
        self._last: Record | None = None
        self._memory: Memory | None = None
        # The digest of the parameters file, and the segment in which it was that.
        self._file: tuple[object, object] = (None, None)
        self.problems: list[Problem] = []
        try:
            self._begin(run.get("parameters"))
        except _MISSHAPEN:
            self._note(RUN, "what it says of the parameters cannot be read")

    def add(self, record: Record, line: int, folder: IterationDir | None, made: Sequence[Record] = ()) -> None:
        """Look at the next record; `folder` holds what its iteration left, None when that was removed.

        `made` are the lines of decisions.jsonl for its iteration, which tell in which segment it was decided.
        """
        place = f"{ITERATIONS}:{line}"
        if (self._config.parameters is None) != ("parameters" not in record):
            is_told = "parameters" in record
            self._note(place, "tells of parameters, which nobody configured" if is_told else "tells of no parameters")
        elif self._memory is not None:
            try:
                for what in self._contradictions(self._memory, record, folder, made):
                    self._note(place, what)
                self._memory.observe(record)
                self._last = record
            except _MISSHAPEN:
                self._note(place, "what it says of the parameters cannot be read")
                # Nothing can be said about what follows from a record that nobody understands.
                self._memory = None

    def _begin(self, promised: Record | None) -> None:
        parameters = self._config.parameters
        if (parameters is None) != (promised is None):
            self._note(RUN, "its parameters are not those of the configuration")
        if parameters is None or promised is None:
            return
        values = promised["values"]
        if promised["file"] != parameters.file or sorted(values) != sorted(one.name for one in parameters.values):
            self._note(RUN, "its parameters are not those of the configuration")
            return
        if promised["state_hash"] != state_hash(values):
            self._note(RUN, "the state hash is not that of its parameters")
        for one in parameters.values:
            if not one.minimum <= values[one.name] <= one.maximum:
                self._note(RUN, f"the parameter {one.name} begins outside of its bounds")
                return
        self._file = (promised["digest"], 1)
        self._memory = Memory(parameters, self._config.guards, self._config.kpis, values)

    def _contradictions(
        self, memory: Memory, record: Record, folder: IterationDir | None, made: Sequence[Record]
    ) -> Iterator[str]:
        decisions = record["decisions"]
        # What a killed soak had decided holds in the next segment, in which nobody was asked again.
        is_of_now = all(one["segment"] == record["segment"] for one in made)
        yield from self._other_decisions(memory, record, decisions)
        yield from self._other_answer(memory, record, folder, is_of_now=is_of_now)
        if is_of_now and decisions and decisions[0]["offset_seconds"] > record["offset_seconds"]:
            yield "was decided about after it had begun"
        yield from self._other_file(record, is_of_now=is_of_now)
        expected = {**memory.state, **{one["parameter"]: one["to"] for one in decisions if one["outcome"] == "applied"}}
        if canonical.digest(expected) != canonical.digest(record["parameters"]):
            yield "its parameters are not those that the decisions so far come to"
        if record["state_hash"] != state_hash(record["parameters"]):
            yield "its state hash is not that of its parameters"
        if canonical.digest([record["frozen"]]) != canonical.digest([memory.frozen(record["iteration"])]):
            yield "its freeze is not the one that follows from the iterations before"
        if folder is not None and record["parameters_file"]["digest_read"] != digest_read(folder.out):
            yield "what it says of params.sha256 is not what stands there"

    def _other_decisions(self, memory: Memory, record: Record, decisions: Sequence[Record]) -> Iterator[str]:
        proposals = [proposal_of(decision) for decision in decisions]
        if [one for one in proposals if one.source != SOURCE] != self._proposals_of_rules():
            yield "its proposals are not those that the rules make of the iteration before"
        if any(one.source == SOURCE for one in proposals) and not self._may_ask():
            yield "has proposals of a command that was not there to make any"
        if not decisions:
            return
        number, now = record["iteration"], float(decisions[0]["offset_seconds"])
        if self._last is not None and now < self._last["offset_seconds"] + self._last["seconds"]:
            yield "was decided about before the iteration before it ended"
        made = [decision.to_dict() for decision in decide(proposals, memory, number, now)]
        if canonical.digest(made) != canonical.digest(decisions):
            yield "its decisions are not those that the guards come to"

    def _other_answer(
        self, memory: Memory, record: Record, folder: IterationDir | None, *, is_of_now: bool
    ) -> Iterator[str]:
        """Yield how what is told of the tuner's command is not what it answered."""
        tuner = record["tuner"]
        if tuner is None:
            if is_of_now and self._may_ask():
                yield "tells nothing of the command that was to be asked"
            return
        if not self._may_ask():
            yield "tells of a command that was not there to be asked"
            return
        proposals = [one for one in map(proposal_of, record["decisions"]) if one.source == SOURCE]
        if len(proposals) != tuner["proposals"] or (tuner["problem"] is not None and proposals):
            yield "its proposals are not as many as the command is said to have made"
        printed = None if folder is None or tuner["outcome"] != "ok" else _printed(folder)
        if printed is not None and self._config.parameters is not None:
            answer = read_answer(printed, self._config.parameters, memory.state_hash)
            if list(answer.proposals) != proposals or (answer.problem is None) != (tuner["problem"] is None):
                yield "its proposals are not those that the command printed"

    def _other_file(self, record: Record, *, is_of_now: bool) -> Iterator[str]:
        """Yield how the file changed otherwise than by the decisions; between segments it may be written anew."""
        digest, segment = record["parameters_file"]["digest"], record["segment"]
        before, self._file = self._file, (digest, segment)
        is_moved = any(one["outcome"] == "applied" for one in record["decisions"])
        if is_of_now and before[1] == segment and (digest != before[0]) != is_moved:
            yield f"its file {'is the same' if is_moved else 'is another one'} than before, unlike its parameters"

    def _proposals_of_rules(self) -> list[Proposal]:
        tuning = self._config.tuning
        if tuning is None or not tuning.enabled or self._last is None:
            return []
        return proposals_of(tuning.rules, self._last["kpis"])

    def _may_ask(self) -> bool:
        tuning = self._config.tuning
        is_there = tuning is not None and tuning.enabled and tuning.command is not None
        return is_there and self._last is not None

    def _note(self, where: str, what: str) -> None:
        self.problems.append(Problem(where, what))


def _printed(folder: IterationDir) -> bytes | None:
    """Return what the tuner's command printed; None when it is too much to be an answer, or not there any more."""
    try:
        return read_evidence(folder.tuner.stdout, limit=LARGEST_ANSWER)
    except SoakError:
        return None
