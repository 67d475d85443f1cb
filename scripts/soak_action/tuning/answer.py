"""What the user's own tuner answered: proposals, or one sentence about what is wrong with all of them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from soak_action import canonical
from soak_action.config.model import Parameters
from soak_action.config.wording import did_you_mean, quote, shortened
from soak_action.tuning.proposal import Kind, Proposal

SOURCE = "command"
MOST_PROPOSALS = 100
LARGEST_ANSWER = 1024**2
LONGEST_BECAUSE = 200
NO_REASON = "no reason given"

_ANSWER_KEYS = ("state_hash", "proposals")
_PROPOSAL_KEYS = ("parameter", "change", "target", "because")
_NUMBER_AS_TEXT = re.compile(r"\s*([-+=]?)\s*((?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?)\s*")


class Printed(Protocol):
    """What a process wrote to a stream."""

    @property
    def bytes_total(self) -> int:
        """How many bytes it wrote."""

    @property
    def cut(self) -> bool:
        """Whether only a part of them was kept."""


class Ended(Protocol):
    """How the tuner's process ended."""

    @property
    def outcome(self) -> str:
        """``ok`` when it exited with 0."""

    @property
    def detail(self) -> str:
        """The end in words, such as ``exited with 3``."""

    @property
    def exit_code(self) -> int | None:
        """None when a signal ended it, or it never started."""

    @property
    def signal(self) -> str | None:
        """The name of the signal that ended it."""

    @property
    def seconds(self) -> float:
        """How long it ran."""

    @property
    def leftovers(self) -> tuple[str, ...]:
        """The processes that outlived it and were stopped."""

    @property
    def stdout(self) -> Printed:
        """What it printed on standard output."""


@dataclass(frozen=True)
class Answer:
    """The proposals of one answer in the tuner's order; none when a `problem` is told, in one sentence."""

    proposals: tuple[Proposal, ...] = ()
    problem: str | None = None


class _RefusedError(Exception):
    """What is wrong with the content of an answer."""


def answer_of(ended: Ended, output: bytes, parameters: Parameters, state_hash: str) -> Answer:
    """Return what the tuner proposed, all of it or nothing.

    `output` is what it printed on standard output and `state_hash` that of the input which it was given. An empty
    output with exit code 0 proposes nothing.
    """
    if ended.outcome != "ok":
        return Answer(problem=f"tuning.command {ended.detail}; see tuner/stderr.log of this iteration")
    if problem := _excess(ended.stdout):
        return Answer(problem=problem)
    return read_answer(output, parameters, state_hash)


def read_answer(output: bytes, parameters: Parameters, state_hash: str) -> Answer:
    """Return what the whole `output` of a tuner proposes that was given an input with this `state_hash`."""
    try:
        return Answer(_proposals(output, [parameter.name for parameter in parameters.values], state_hash))
    except _RefusedError as refused:
        return Answer(problem=f"the answer of tuning.command is not used: {refused}")


def _excess(printed: Printed) -> str | None:
    if printed.cut:
        return f"tuning.command printed {printed.bytes_total} bytes, of which evidence.log_limit keeps only a part"
    if printed.bytes_total > LARGEST_ANSWER:
        return f"tuning.command printed {printed.bytes_total} bytes; an answer has at most {LARGEST_ANSWER}"
    return None


def _proposals(output: bytes, names: Sequence[str], state_hash: str) -> tuple[Proposal, ...]:
    if not output.removeprefix(b"\xef\xbb\xbf").strip():
        return ()
    try:
        answer = canonical.parse(output, "stdout.log")
    except canonical.CanonicalError as error:
        raise _RefusedError(
            f"{shortened(str(error), 200)}; print one JSON document on standard output, and all else on standard error"
        ) from None
    _require_keys("", answer, _ANSWER_KEYS, "proposals", 'print {"proposals": []} to propose nothing')
    _require_fresh(answer.get("state_hash", state_hash), state_hash)
    proposals = answer["proposals"]
    if not isinstance(proposals, list):
        raise _RefusedError(f"proposals is {_told(proposals)}, not a list")
    if len(proposals) > MOST_PROPOSALS:
        raise _RefusedError(f"it holds {len(proposals)} proposals; write {MOST_PROPOSALS} or fewer")
    return tuple(_proposal(proposal, f"proposals[{index}]", names) for index, proposal in enumerate(proposals))


def _require_fresh(given: Any, state_hash: str) -> None:
    if not isinstance(given, str):
        raise _RefusedError(f"state_hash is {_told(given)}; repeat the text of the input, or leave it out")
    if given != state_hash:
        raise _RefusedError(
            f"it is stale: its state_hash is {shortened(given, 16)!r}, and that of the input begins with "
            f"'{state_hash[:12]}'"
        )


def _proposal(proposal: Any, place: str, names: Sequence[str]) -> Proposal:
    _require_keys(place, proposal, _PROPOSAL_KEYS, "parameter", 'write {"parameter": NAME, "change": NUMBER}')
    name = proposal["parameter"]
    if not isinstance(name, str):
        raise _RefusedError(f"{place}.parameter is {_told(name)}; write the dotted name as text")
    if name not in names:
        raise _RefusedError(f"{place}.parameter: there is no parameter {quote(name)}{did_you_mean(name, names)}")
    kind = _kind(proposal, place)
    because = proposal.get("because", NO_REASON)
    if not isinstance(because, str):
        raise _RefusedError(f"{place}.because is {_told(because)}; write text")
    return Proposal(name, kind, _number(proposal[kind], kind, f"{place}.{kind}"), SOURCE, one_line(because))


def _kind(proposal: Mapping[str, Any], place: str) -> Kind:
    if "change" in proposal and "target" in proposal:
        raise _RefusedError(f"{place} has both change and target; write one of them")
    if "change" in proposal:
        return "change"
    if "target" in proposal:
        return "target"
    raise _RefusedError(f"{place} has neither change nor target; write one of them")


def _number(value: Any, kind: Kind, place: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _RefusedError(f"{place} is {_told(value)}, not a number{_instead(value, kind)}")
    # A whole number that JSON cannot hold exactly could not be recorded.
    return value if abs(value) <= canonical.LARGEST_INTEGER else float(value)


def _instead(value: Any, kind: Kind) -> str:
    """What to write instead of a text that holds a number: its sign tells a change from a target."""
    match = _NUMBER_AS_TEXT.fullmatch(value) if isinstance(value, str) else None
    if match is None or len(match[2]) > 20:
        return ""
    meant = {"+": "change", "=": "target"}.get(match[1], kind)
    return f'; write {{"{meant}": {"-" if match[1] == "-" else ""}{match[2]}}}'


def _require_keys(place: str, value: Any, known: Sequence[str], needed: str, instead: str) -> None:
    """Require a mapping that holds the key `needed` and no other than the `known` ones."""
    subject = place or "it"
    if not isinstance(value, Mapping):
        raise _RefusedError(f"{subject} is {_told(value)}, not a mapping; {instead}")
    for key in value:
        if key not in known:
            raise _RefusedError(f"{subject} has the unknown key {quote(key)}{did_you_mean(key, known)}")
    if needed not in value:
        raise _RefusedError(f"{subject} has no {needed}; {instead}")


def _told(value: Any) -> str:
    """A value in a few words, as long as it is."""
    if isinstance(value, list):
        return "a list"
    return f"the text {quote(value)}" if isinstance(value, str) else quote(value)


def one_line(text: str) -> str:
    """Return a text for people in one line of at most LONGEST_BECAUSE characters, without what cannot be printed."""
    line = " ".join("".join(character if character.isprintable() else " " for character in text).split())
    if not line:
        return NO_REASON
    return line if len(line) <= LONGEST_BECAUSE else line[: LONGEST_BECAUSE - 3] + "..."
