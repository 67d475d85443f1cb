from __future__ import annotations

import json
import os

import pytest

from soak_action import canonical
from soak_action.errors import SurroundingsError
from soak_action.evidence.ledger import CHANGES, DECISIONS, ITERATIONS, SEGMENTS, Chain, Ledger, is_sealed, seal

GENESIS = "0" * 64


def write(directory, iterations, segments=()):
    with Ledger(directory, GENESIS) as ledger:
        pending = list(segments)
        for number, segment in iterations:
            while pending and pending[0] < segment:
                ledger.end_segment({"segment": pending.pop(0)})
            ledger.add_iteration({"iteration": number, "segment": segment})
        for segment in pending:
            ledger.end_segment({"segment": segment})


def read(directory):
    chain = Chain(directory, GENESIS)
    records = list(chain.records())
    return records, chain


def problems(directory) -> list[str]:
    return [str(problem) for problem in read(directory)[1].problems]


def test_a_sealed_record_is_its_rfc_8785_bytes_with_the_digest_of_the_rest():
    line, digest = seal({"b": 1.0, "a": "ü"}, GENESIS)
    record = json.loads(line)
    assert line == canonical.canonical_bytes(record)
    assert record.pop("digest") == digest == canonical.digest(record)
    assert is_sealed(line, digest)


@pytest.mark.parametrize("digest", [None, 5, "", "f" * 64, '","x":"'])
def test_a_line_is_not_sealed_with_anything_else(digest):
    line, _ = seal({"a": 1, "z": 2}, GENESIS)
    assert not is_sealed(line, digest)


def test_a_digest_inside_a_text_does_not_confuse_the_seal():
    line, digest = seal({"a": '"digest":"' + "0" * 64 + '",', "z": 1}, GENESIS)
    assert is_sealed(line, digest)


def test_one_chain_runs_through_iterations_and_segment_ends(tmp_path):
    write(tmp_path, [(1, 1), (2, 1), (3, 2)], segments=[1, 2])
    records, chain = read(tmp_path)
    assert [record["iteration"] for _, record in records] == [1, 2, 3]
    assert chain.problems == []
    assert [segment["segment"] for segment in chain.segments] == [1, 2]
    first_end = json.loads((tmp_path / SEGMENTS).read_text().splitlines()[0])
    assert records[2][1]["previous"] == first_end["digest"]


def test_a_segment_that_died_without_an_end_is_no_break(tmp_path):
    write(tmp_path, [(1, 1), (2, 2)], segments=[])
    assert problems(tmp_path) == []


@pytest.mark.parametrize("lost", [0, 1, 2])
def test_a_lost_record_is_found_unless_it_was_the_last(tmp_path, lost):
    write(tmp_path, [(1, 1), (2, 1), (3, 1)])
    lines = (tmp_path / ITERATIONS).read_bytes().splitlines(keepends=True)
    del lines[lost]
    (tmp_path / ITERATIONS).write_bytes(b"".join(lines))
    assert bool(problems(tmp_path)) == (lost != 2)


def test_a_lost_last_record_is_found_when_the_segment_ended(tmp_path):
    write(tmp_path, [(1, 1), (2, 1)], segments=[1])
    lines = (tmp_path / ITERATIONS).read_bytes().splitlines(keepends=True)
    (tmp_path / ITERATIONS).write_bytes(lines[0])
    (found,) = problems(tmp_path)
    assert found.startswith(f"{SEGMENTS}:1: the record does not follow the one before it")


def test_exchanged_records_and_wrong_numbers_are_found(tmp_path):
    write(tmp_path, [(1, 1), (3, 1)])
    assert problems(tmp_path) == ["iterations.jsonl:2: iteration 3 follows iteration 1"]
    write_again = tmp_path / "again"
    write_again.mkdir()
    write(write_again, [(1, 1), (2, 1)])
    lines = (write_again / ITERATIONS).read_bytes().splitlines(keepends=True)
    (write_again / ITERATIONS).write_bytes(lines[1] + lines[0])
    assert len(problems(write_again)) >= 2


def test_a_segment_that_stands_at_the_wrong_place_is_found(tmp_path):
    write(tmp_path, [(1, 1)], segments=[2])
    assert any("segment 2 stands at place 1" in problem for problem in problems(tmp_path))


@pytest.mark.parametrize("rubbish", [b"nonsense", b"[1]", b'"text"', b"\xff"])
def test_rubbish_between_records_is_a_problem_and_the_rest_is_read(tmp_path, rubbish):
    write(tmp_path, [(1, 1)])
    with (tmp_path / ITERATIONS).open("ab") as stream:
        stream.write(rubbish + b"\n")
    records, chain = read(tmp_path)
    assert len(records) == 1
    assert [problem.where for problem in chain.problems] == ["iterations.jsonl:2"]


def test_only_an_unterminated_last_line_is_dropped_and_that_is_said(tmp_path):
    write(tmp_path, [(1, 1)])
    with (tmp_path / ITERATIONS).open("ab") as stream:
        stream.write(b'{"iteration":2')
    records, chain = read(tmp_path)
    assert len(records) == 1
    assert chain.problems == []
    assert chain.torn == ["iterations.jsonl: an unfinished last line of 14 bytes was left out"]


def test_a_record_that_the_disk_refused_is_no_link_of_the_chain(tmp_path, monkeypatch):
    with Ledger(tmp_path, GENESIS) as ledger:
        ledger.add_iteration({"iteration": 1, "segment": 1})
        monkeypatch.setattr(ledger._iterations, "_write", lambda descriptor, data: 1)
        with pytest.raises(SurroundingsError):
            ledger.add_iteration({"iteration": 2, "segment": 1})
        ledger.end_segment({"segment": 1})
    assert problems(tmp_path) == []


def test_no_files_are_no_records(tmp_path):
    records, chain = read(tmp_path)
    assert (records, chain.problems) == ([], [])


def written_with_changes(directory):
    with Ledger(directory, GENESIS) as ledger:
        ledger.add_iteration({"iteration": 1, "segment": 1})
        ledger.end_segment({"segment": 1})
        ledger.add_change({"segment": 2, "n": 1})
        ledger.add_change({"segment": 2, "n": 2})
        ledger.end_segment({"segment": 2})
        ledger.add_change({"segment": 3, "n": 3})
        ledger.add_iteration({"iteration": 2, "segment": 3})
        ledger.end_segment({"segment": 3})
        ledger.add_change({"segment": 4, "n": 4})


def test_changes_are_links_before_the_first_iteration_or_the_end_of_their_segment(tmp_path):
    written_with_changes(tmp_path)
    _, chain = read(tmp_path)
    assert chain.problems == []
    assert [change["n"] for change in chain.changes] == [1, 2, 3, 4]
    assert chain.head == json.loads((tmp_path / CHANGES).read_text().splitlines()[-1])["digest"]


def test_a_run_without_changes_has_no_file_of_them(tmp_path):
    write(tmp_path, [(1, 1)], segments=[1])
    assert not (tmp_path / CHANGES).exists()


def removed(text: str) -> str:
    return ""


def edited(text: str) -> str:
    return text.replace('"n":', '"m":')


def repeated(text: str) -> str:
    return text + text


# The last link can vanish without a trace in the chain; the receipt has the digest of the file.
@pytest.mark.parametrize(
    ("harm", "line"), [(harm, line) for harm in (removed, edited, repeated) for line in range(4 - (harm is removed))]
)
def test_a_change_that_was_removed_edited_or_repeated_breaks_the_chain(tmp_path, harm, line):
    written_with_changes(tmp_path)
    lines = (tmp_path / CHANGES).read_text().splitlines(keepends=True)
    (tmp_path / CHANGES).write_text("".join([*lines[:line], harm(lines[line]), *lines[line + 1 :]]))
    assert problems(tmp_path)


@pytest.mark.parametrize("segment", [None, "2", 99])
def test_a_change_of_no_segment_breaks_the_chain(tmp_path, segment):
    write(tmp_path, [(1, 1), (2, 2)], segments=[1, 2])
    line, _ = seal({"segment": segment}, GENESIS)
    (tmp_path / CHANGES).write_bytes(line + b"\n")
    assert problems(tmp_path)


def decision(iteration, n):
    return {"iteration": iteration, "n": n, "requested": 1.0}


def written_with_decisions(directory):
    """Two decisions for iteration 2; of iteration 3 one in a segment that was killed, one in the next; one pending."""
    with Ledger(directory, GENESIS) as ledger:
        ledger.add_iteration({"iteration": 1, "segment": 1})
        ledger.add_decisions([{"segment": 1, **decision(2, 1)}])
        ledger.add_decisions([{"segment": 1, **decision(2, 2)}])
        ledger.add_iteration({"iteration": 2, "segment": 1, "decisions": [decision(2, 1), decision(2, 2)]})
        ledger.add_decisions([{"segment": 1, **decision(3, 3)}])
        ledger.end_segment({"segment": 1})
        ledger.add_change({"segment": 2})
        ledger.add_decisions([{"segment": 2, **decision(3, 4)}])
        ledger.add_iteration({"iteration": 3, "segment": 2, "decisions": [decision(3, 3), decision(3, 4)]})
        ledger.add_iteration({"iteration": 4, "segment": 2, "decisions": []})
        ledger.end_segment({"segment": 2})
        ledger.add_change({"segment": 3})
        ledger.add_decisions([{"segment": 3, **decision(5, 5)}])


def test_decisions_are_links_before_the_record_of_their_iteration_and_the_end_of_their_segment(tmp_path):
    written_with_decisions(tmp_path)
    chain = Chain(tmp_path, GENESIS)
    seen = [(record["iteration"], [made["n"] for _, made in chain.decisions]) for _, record in chain.records()]
    assert chain.problems == []
    assert seen == [(1, []), (2, [1, 2]), (3, [3, 4]), (4, [])]
    assert [(made["n"], made["segment"]) for made in chain.pending_decisions] == [(5, 3)]
    assert [line for line, _ in chain.decisions] == [5]
    assert chain.head == json.loads((tmp_path / DECISIONS).read_text().splitlines()[-1])["digest"]


def test_a_run_without_decisions_has_no_file_of_them_and_none_are_pending(tmp_path):
    write(tmp_path, [(1, 1)], segments=[1])
    assert not (tmp_path / DECISIONS).exists()
    assert read(tmp_path)[1].pending_decisions == []


def test_decisions_go_on_where_a_ledger_ended(tmp_path):
    written_with_decisions(tmp_path)
    _, chain = read(tmp_path)
    with Ledger(tmp_path, chain.head) as ledger:
        ledger.add_decisions([{"segment": 3, **decision(5, 6)}])
        ledger.add_iteration({"iteration": 5, "segment": 3, "decisions": [decision(5, 5), decision(5, 6)]})
    _, chain = read(tmp_path)
    assert (chain.problems, chain.pending_decisions) == ([], [])


def test_a_torn_decision_is_told_and_moved_aside_by_the_next_ledger(tmp_path):
    written_with_decisions(tmp_path)
    with (tmp_path / DECISIONS).open("ab") as stream:
        stream.write(b'{"iteration":5')
    _, chain = read(tmp_path)
    assert chain.problems == []
    assert chain.torn == ["decisions.jsonl: an unfinished last line of 14 bytes was left out"]
    with Ledger(tmp_path, chain.head):
        pass
    assert read(tmp_path)[1].torn == []
    assert (tmp_path / f"{DECISIONS}.torn-1").read_bytes() == b'{"iteration":5'


# The last link can vanish without a trace in the chain; the receipt has the digest of the file.
@pytest.mark.parametrize(
    ("harm", "line"), [(harm, line) for harm in (removed, edited, repeated) for line in range(5 - (harm is removed))]
)
def test_a_decision_that_was_removed_edited_or_repeated_breaks_the_chain(tmp_path, harm, line):
    written_with_decisions(tmp_path)
    lines = (tmp_path / DECISIONS).read_text().splitlines(keepends=True)
    (tmp_path / DECISIONS).write_text("".join([*lines[:line], harm(lines[line]), *lines[line + 1 :]]))
    assert problems(tmp_path)


@pytest.mark.parametrize("line", range(4))
def test_decisions_that_were_exchanged_break_the_chain(tmp_path, line):
    written_with_decisions(tmp_path)
    lines = (tmp_path / DECISIONS).read_bytes().splitlines(keepends=True)
    lines[line], lines[line + 1] = lines[line + 1], lines[line]
    (tmp_path / DECISIONS).write_bytes(b"".join(lines))
    assert problems(tmp_path)


@pytest.mark.parametrize(
    "told",
    [
        [],
        None,
        "text",
        [decision(2, 1)],
        [decision(2, 2), decision(2, 1)],
        [decision(2, 1), decision(2, 2), decision(2, 2)],
        [decision(2, 1), decision(2, 3)],
        [decision(2, True), decision(2, 2)],
    ],
)
def test_a_record_that_tells_of_other_decisions_than_were_made_is_found_trap_36(tmp_path, told):
    with Ledger(tmp_path, GENESIS) as ledger:
        ledger.add_iteration({"iteration": 1, "segment": 1})
        ledger.add_decisions([{"segment": 1, **decision(2, 1)}])
        ledger.add_decisions([{"segment": 1, **decision(2, 2)}])
        ledger.add_iteration({"iteration": 2, "segment": 1, "decisions": told})
    assert problems(tmp_path) == ["iterations.jsonl:2: its decisions are not those that decisions.jsonl has for it"]


def test_a_record_that_tells_of_decisions_that_nobody_made_is_found(tmp_path):
    with Ledger(tmp_path, GENESIS) as ledger:
        ledger.add_iteration({"iteration": 1, "segment": 1, "decisions": [decision(1, 1)]})
    assert problems(tmp_path) == ["iterations.jsonl:1: its decisions are not those that decisions.jsonl has for it"]


def test_a_decision_whose_number_no_record_can_hold_is_none_that_it_told_of(tmp_path):
    write(tmp_path, [])
    line, digest = seal({"segment": 1, **decision(1, 7)}, GENESIS)
    (tmp_path / DECISIONS).write_bytes(line.replace(b'"n":7', b'"n":9007199254740993') + b"\n")
    line, _ = seal({"iteration": 1, "segment": 1, "decisions": [decision(1, 7)]}, digest)
    (tmp_path / ITERATIONS).write_bytes(line + b"\n")
    assert "iterations.jsonl:1: its decisions are not those that decisions.jsonl has for it" in problems(tmp_path)


@pytest.mark.parametrize(("segment", "iteration"), [(1, 1), (1, 3), (None, 2), ("1", 2), (1, None), (99, 2), (1, 99)])
def test_a_decision_of_another_iteration_or_segment_is_found(tmp_path, segment, iteration):
    with Ledger(tmp_path, GENESIS) as ledger:
        ledger.add_iteration({"iteration": 1, "segment": 1})
        ledger.add_decisions([{"segment": segment, **decision(iteration, 1)}])
        ledger.add_iteration({"iteration": 2, "segment": 1, "decisions": [decision(iteration, 1)]})
        ledger.end_segment({"segment": 1})
    assert problems(tmp_path)


def test_decisions_are_recorded_all_or_none(tmp_path):
    with Ledger(tmp_path, GENESIS) as ledger:
        ledger.add_decisions([])
        assert not (tmp_path / DECISIONS).exists()
        made = [decision(1, number) for number in range(3)]
        ledger.add_decisions([{"segment": 1, **one} for one in made[:2]])
        ledger._decisions._write = lambda descriptor, data: len(data) - 1
        with pytest.raises(SurroundingsError):
            ledger.add_decisions([{"segment": 1, **decision(1, 7)}, {"segment": 1, **decision(1, 8)}])
        ledger._decisions._write = os.write
        ledger.add_decisions([{"segment": 1, **made[2]}])
        ledger.add_iteration({"iteration": 1, "segment": 1, "decisions": made})
    assert problems(tmp_path) == []
