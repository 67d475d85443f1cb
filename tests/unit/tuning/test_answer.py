"""What is taken from a tuner's answer, and every way in which nothing is."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from soak_action import resources
from soak_action.config.model import Parameter, Parameters
from soak_action.tuning.answer import LARGEST_ANSWER, MOST_PROPOSALS, NO_REASON, Answer, answer_of, one_line
from soak_action.tuning.proposal import Proposal

STATE_HASH = "0123456789abcdef" * 4
PARAMETERS = Parameters(
    "soak.params.json", (Parameter("min_interval_ms", 70, 40, 80, 5, True), Parameter("impact.cap_ratio", 0.09, 0, 1))
)
REFUSED = "the answer of tuning.command is not used: "
ELSEWHERE = "; print one JSON document on standard output, and all else on standard error"


@dataclass(frozen=True)
class Printed:
    bytes_total: int
    cut: bool = False


@dataclass(frozen=True)
class Ended:
    stdout: Printed
    outcome: str = "ok"
    detail: str = "exited with 0"
    exit_code: int | None = 0
    signal: str | None = None
    seconds: float = 0.1
    leftovers: tuple[str, ...] = ()


def judged(output: bytes) -> Answer:
    return answer_of(Ended(Printed(len(output))), output, PARAMETERS, STATE_HASH)


def answered(*proposals: Any, **more: Any) -> Answer:
    return judged(json.dumps({"proposals": list(proposals), **more}).encode())


def proposing(**fields: Any) -> dict[str, Any]:
    return {"parameter": "min_interval_ms", **fields}


def problem_of(output: bytes) -> str:
    answer = judged(output)
    assert answer.proposals == ()
    assert answer.problem is not None
    assert "\n" not in answer.problem
    return answer.problem


# What is taken


def test_changes_and_targets_are_taken_in_their_order() -> None:
    answer = answered(
        proposing(change=5, because="risk above 0.60"),
        {"parameter": "impact.cap_ratio", "target": 0.085},
        proposing(change=-2.5, because=""),
        state_hash=STATE_HASH,
    )
    assert answer.problem is None
    assert answer.proposals == (
        Proposal("min_interval_ms", "change", 5, "command", "risk above 0.60"),
        Proposal("impact.cap_ratio", "target", 0.085, "command", NO_REASON),
        Proposal("min_interval_ms", "change", -2.5, "command", NO_REASON),
    )


@pytest.mark.parametrize(
    "output", [b"", b" \r\n", b"\xef\xbb\xbf", b"\xef\xbb\xbf\n", b'{"proposals": []}', b'\xef\xbb\xbf{"proposals":[]}']
)
def test_no_proposals_are_no_problem(output: bytes) -> None:
    assert judged(output) == Answer()


def test_as_many_as_are_allowed_are_taken() -> None:
    assert len(answered(*[proposing(change=1)] * MOST_PROPOSALS).proposals) == MOST_PROPOSALS


def test_a_whole_number_that_json_cannot_hold_becomes_the_nearest_that_it_can() -> None:
    (proposal,) = judged(
        b'{"proposals": [{"parameter": "min_interval_ms", "target": 1' + b"0" * 300 + b"1}]}"
    ).proposals
    assert isinstance(proposal.requested, float)
    assert proposal.requested == 1e301


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("risk\n\tabove  0.60\r\n", "risk above 0.60"),
        ("a\x1b[31mred\x07", "a [31mred"),
        ("left\u202eright\u2028next", "left right next"),
        ("Überlast bei 5\u00a0%", "Überlast bei 5 %"),
        ("\n\t", NO_REASON),
        ("x" * 200, "x" * 200),
        ("x" * 201, "x" * 197 + "..."),
    ],
)
def test_a_reason_is_one_line_that_can_be_printed(text: str, line: str) -> None:
    assert one_line(text) == line
    assert answered(proposing(change=1, because=text)).proposals[0].because == line


# What is not


@pytest.mark.parametrize(
    ("ended", "problem"),
    [
        (
            Ended(Printed(0), "failed", "exited with 3", 3),
            "tuning.command exited with 3; see tuner/stderr.log of this iteration",
        ),
        (
            Ended(Printed(0), "crashed", "killed by SIGSEGV (invalid memory access)", None, "SIGSEGV"),
            "tuning.command killed by SIGSEGV (invalid memory access); see tuner/stderr.log of this iteration",
        ),
        (
            Ended(Printed(0), "timeout", "stopped after 10s (timeout)", None),
            "tuning.command stopped after 10s (timeout); see tuner/stderr.log of this iteration",
        ),
        (
            Ended(Printed(5000, True)),
            "tuning.command printed 5000 bytes, of which evidence.log_limit keeps only a part",
        ),
        (
            Ended(Printed(LARGEST_ANSWER + 1)),
            "tuning.command printed 1048577 bytes; an answer has at most 1048576",
        ),
    ],
)
def test_how_a_tuner_must_not_end(ended: Ended, problem: str) -> None:
    good = json.dumps({"proposals": [proposing(change=5)]}).encode()
    assert answer_of(ended, good, PARAMETERS, STATE_HASH) == Answer((), problem)


@pytest.mark.parametrize(
    ("output", "problem"),
    [
        (b"+5\n", "stdout.log:1:1: expecting value" + ELSEWHERE),
        (b'debug\n{"proposals": []}', "stdout.log:1:1: expecting value" + ELSEWHERE),
        (b'{"proposals": []}\n{"proposals": []}', "stdout.log:2:1: extra data" + ELSEWHERE),
        (b'{"proposals": [}', "stdout.log:1:16: expecting value" + ELSEWHERE),
        (b'{"proposals": [], "proposals": []}', "stdout.log:1:19: duplicate key 'proposals'" + ELSEWHERE),
        (b"\xff\xfe{\x00}\x00", "stdout.log:1:1: byte 0xff is not UTF-8" + ELSEWHERE),
        (b"[" * 500, "stdout.log:1:1: more than 100 levels deep" + ELSEWHERE),
        (b'"\\ud800"', "stdout.log:1:1: '\\ud800' holds a lone surrogate" + ELSEWHERE),
        (b"NaN", "stdout.log:1:1: NaN is not JSON" + ELSEWHERE),
        (b"null", 'it is null, not a mapping; print {"proposals": []} to propose nothing'),
        (b"[]", 'it is a list, not a mapping; print {"proposals": []} to propose nothing'),
        (b"5", 'it is 5, not a mapping; print {"proposals": []} to propose nothing'),
        (b"{}", 'it has no proposals; print {"proposals": []} to propose nothing'),
        (b'{"proposal": []}', "it has the unknown key 'proposal' - did you mean 'proposals'?"),
        (b'{"proposals": {}}', "proposals is a mapping, not a list"),
        (b'{"proposals": null}', "proposals is null, not a list"),
        (b'{"proposals": [], "state_hash": null}', "state_hash is null; repeat the text of the input, or leave it out"),
    ],
)
def test_documents_that_are_not_used(output: bytes, problem: str) -> None:
    assert problem_of(output) == REFUSED + problem


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_numbers_that_are_none(number: str) -> None:
    output = f'{{"proposals": [{{"parameter": "min_interval_ms", "change": {number}}}]}}'.encode()
    told = "a number too large for a double" if number == "1e999" else f"{number} is not JSON"
    assert problem_of(output) == f"{REFUSED}stdout.log:1:59: {told}{ELSEWHERE}"


def test_trap_40_an_answer_to_an_earlier_input_is_stale() -> None:
    answer = answered(proposing(change=5), state_hash="f" * 64)
    assert answer == Answer(
        (),
        REFUSED + "it is stale: its state_hash is 'ffffffffffff...f', and that of the input begins with '0123456789ab'",
    )


def test_too_many_proposals() -> None:
    assert answered(*[proposing(change=1)] * (MOST_PROPOSALS + 1)) == Answer(
        (), REFUSED + "it holds 101 proposals; write 100 or fewer"
    )


@pytest.mark.parametrize(
    ("proposal", "problem"),
    [
        (5, ' is 5, not a mapping; write {"parameter": NAME, "change": NUMBER}'),
        ({"change": 5}, ' has no parameter; write {"parameter": NAME, "change": NUMBER}'),
        (proposing(), " has neither change nor target; write one of them"),
        (proposing(change=5, target=75), " has both change and target; write one of them"),
        (proposing(chagne=5), " has the unknown key 'chagne' - did you mean 'change'?"),
        (
            {"parameter": ["impact", "cap_ratio"], "change": 1},
            ".parameter is a list; write the dotted name as text",
        ),
        (proposing(change=5, because=["a"]), ".because is a list; write text"),
        (proposing(change=None), ".change is null, not a number"),
        (proposing(change=True), ".change is true, not a number"),
        (proposing(target=[75]), ".target is a list, not a number"),
        (proposing(change={"by": 5}), ".change is a mapping, not a number"),
        (proposing(change="more"), ".change is the text 'more', not a number"),
        (proposing(change="5%"), ".change is the text '5%', not a number"),
    ],
)
def test_proposals_that_are_not_used(proposal: Any, problem: str) -> None:
    assert answered(proposing(change=1), proposal) == Answer((), f"{REFUSED}proposals[1]{problem}")


@pytest.mark.parametrize(
    ("kind", "text", "instead"),
    [
        ("change", "+5", '{"change": 5}'),
        ("change", "-0.01", '{"change": -0.01}'),
        ("change", " 5 ", '{"change": 5}'),
        ("change", "=75", '{"target": 75}'),
        ("target", "75", '{"target": 75}'),
        ("target", "= 75.5", '{"target": 75.5}'),
        ("target", "+5", '{"change": 5}'),
    ],
)
def test_trap_29_a_number_as_text_is_not_guessed(kind: str, text: str, instead: str) -> None:
    answer = answered(proposing(**{kind: text}))
    assert answer.proposals == ()
    told = f"{REFUSED}proposals[0].{kind} is the text '{text}', not a number; write {instead}"
    assert answer.problem == told
    json.loads(instead)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("min_interval_mss", " - did you mean 'min_interval_ms'?"),
        ("impact_cap_ratio", " - did you mean 'impact.cap_ratio'?"),
        ("x", "; known here: min_interval_ms, impact.cap_ratio"),
    ],
)
def test_trap_38_a_parameter_that_does_not_exist_is_not_invented(name: str, hint: str) -> None:
    answer = answered({"parameter": name, "change": 5})
    assert answer == Answer((), f"{REFUSED}proposals[0].parameter: there is no parameter '{name}'{hint}")


def test_endless_names_and_texts_are_told_in_short() -> None:
    for proposal in ({"parameter": "x" * 10_000, "change": 1}, proposing(change="y" * 10_000), {"z" * 10_000: 1}):
        problem = answered(proposal).problem
        assert problem is not None
        assert len(problem) < 300


VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 3), st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=3)
)
PROPOSALS = st.one_of(
    VALUES,
    st.dictionaries(st.sampled_from(["change", "target", "because", "other"]), VALUES, max_size=3).map(
        lambda fields: proposing(**fields)
    ),
    st.fixed_dictionaries({"parameter": st.just("min_interval_ms"), "change": VALUES}),
)
DOCUMENTS = st.one_of(
    VALUES,
    st.fixed_dictionaries({"proposals": st.lists(PROPOSALS, max_size=3)}, optional={"state_hash": st.just(STATE_HASH)}),
    st.dictionaries(st.sampled_from(["proposals", "state_hash", "other"]), st.lists(PROPOSALS, max_size=1), max_size=2),
)


@given(DOCUMENTS)
def test_what_is_used_is_what_the_schema_allows(document: Any) -> None:
    answer = judged(json.dumps(document).encode())
    is_valid = Draft202012Validator(resources.schema("tuner-output")).is_valid(document)
    assert (answer.problem is None) == is_valid


@given(st.binary(max_size=60))
def test_no_bytes_bring_it_down(output: bytes) -> None:
    answer = judged(output)
    assert answer.problem is None or answer.proposals == ()
