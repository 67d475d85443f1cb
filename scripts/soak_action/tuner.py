"""The parameters of one run: who proposes what, what the guards make of it, and what the workload ran with."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

from soak_action.config.model import Config, Tuning
from soak_action.evidence.run_dir import IterationDir, TunerDir
from soak_action.tuning.apply import Applier
from soak_action.tuning.command import HISTORY, ask, input_document
from soak_action.tuning.deciding import decide
from soak_action.tuning.decision import Decision, decision_of
from soak_action.tuning.memory import Memory
from soak_action.tuning.parameters import ParametersFile
from soak_action.tuning.proof import digest_read
from soak_action.tuning.proposal import Proposal
from soak_action.tuning.rules import proposals_of
from soak_action.workload.launching import Launcher
from soak_action.workload.process import Finished
from soak_action.workload.stop import StopRequest

Record = Mapping[str, Any]


class Tuner:
    """Moves the parameters of a run between its iterations, and says in each record with which ones it was made.

    `edited` says in words that somebody else changed the file, after which nothing more is applied; else it is None.
    """

    def __init__(
        self,
        config: Config,
        file: ParametersFile,
        applier: Applier,
        start: Mapping[str, float],
        decided: Sequence[Record] = (),
    ) -> None:
        """`start` holds the values that the run began with, `decided` what was decided for the iteration to come."""
        assert config.parameters is not None  # noqa: S101 - else there is nothing to tune
        self._parameters = config.parameters
        self._tuning = config.tuning if config.tuning is not None and config.tuning.enabled else None
        self._file = file
        self._applier = applier
        self._memory = Memory(config.parameters, config.guards, config.kpis, start)
        self._decided = [decision_of(record) for record in decided]
        self._recent: deque[Record] = deque(maxlen=HISTORY)
        self._decisions: list[Decision] = []
        self._asked: dict[str, Any] | None = None
        self.edited: str | None = None

    def observe(self, record: Record) -> None:
        """Learn from the record of the next iteration."""
        self._memory.observe(record)
        self._recent.append(record)

    def prepare(
        self, number: int, folder: IterationDir, now: float, longest: float, launcher: Launcher, stop: StopRequest
    ) -> None:
        """Decide, at the soak time `now` in seconds, and apply what iteration `number` is to run with.

        What a killed soak had decided for it holds. `launcher` starts the user's own tuner, which is ended after
        `longest` seconds at the latest, and by a requested `stop`. Raises SurroundingsError when the disk refuses,
        EvidenceError when somebody changes the file meanwhile.
        """
        self._asked = None
        decided, self._decided = self._decided, []
        if decided:
            # All of them were decided at one time, from which each guard must see the same.
            proposals, now = self._proposals_again(decided), decided[0].offset_seconds
        else:
            proposals = self._proposals(number, folder.tuner, longest, launcher, stop)
        self._decisions = decide(proposals, self._memory, number, now)
        self._applier.apply(*self._decisions[len(decided) :])
        self._memory.take(self._decisions)

    def look(self) -> bool:
        """Return whether the file is as soak left it; if it is not, `edited` says so from then on."""
        if self.edited is None and not self._file.is_unchanged(self._applier.held.digest):
            self.edited = f"somebody else changed {self._parameters.file}; let nothing but soak write it during a run"
        return self.edited is None

    def record(self, number: int, folder: IterationDir) -> dict[str, Any]:
        """Return what the record of an iteration that has just ended says of its parameters."""
        return {
            "parameters": self._memory.state,
            "state_hash": self._memory.state_hash,
            "parameters_file": {
                "digest": self._applier.held.digest,
                "digest_read": digest_read(folder.out),
                "edited": not self.look(),
            },
            "decisions": [decision.to_dict() for decision in self._decisions],
            "frozen": self._memory.frozen(number),
            "tuner": self._asked,
        }

    def _proposals(
        self, number: int, folder: TunerDir, longest: float, launcher: Launcher, stop: StopRequest
    ) -> list[Proposal]:
        """Return what is proposed before an iteration; before the first one nothing is known that could tell."""
        proposals = self._proposals_of_rules()
        if self._tuning is not None and self._tuning.command is not None and self._recent:
            proposals += self._ask(self._tuning, self._tuning.command, number, folder, longest, launcher, stop)
        return proposals

    def _proposals_of_rules(self) -> list[Proposal]:
        if self._tuning is None or not self._recent:
            return []
        return proposals_of(self._tuning.rules, self._recent[-1]["kpis"])

    def _proposals_again(self, decided: Sequence[Decision]) -> list[Proposal]:
        """Return what was proposed before the iteration that a killed soak had `decided` about, perhaps not to the end.

        The rules propose the same again. Of the command's answer only what was decided is on record.
        """
        proposals = self._proposals_of_rules()
        return proposals + [decision.proposal for decision in decided[len(proposals) :]]

    def _ask(
        self,
        tuning: Tuning,
        command: str | tuple[str, ...],
        number: int,
        folder: TunerDir,
        longest: float,
        launcher: Launcher,
        stop: StopRequest,
    ) -> Sequence[Proposal]:
        def run(tuner: TunerDir) -> Finished:
            return launcher.tuner(command, tuner, number, timeout=min(tuning.timeout, longest), stop=stop)

        document = input_document(number, self._memory.state, self._parameters, list(self._recent))
        answer, self._asked = ask(folder, document, self._parameters, run)
        return answer.proposals
