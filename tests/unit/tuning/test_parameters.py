"""The parameters file: every mistake told, every form kept, nothing touched when nothing changes."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soak_action import canonical, files
from soak_action.config.model import Parameter, Parameters
from soak_action.errors import EvidenceError, ExitCode, SurroundingsError, UsageError
from soak_action.file_locks import FileLock
from soak_action.tuning import parameters
from soak_action.tuning.parameters import (
    Held,
    ParametersFile,
    flat,
    keep_snapshot,
    nested,
    own_files,
    problem_of_snapshot,
    state_hash,
)

posix = pytest.mark.skipif(os.name != "posix", reason="POSIX modes, links and pipes")
DECLARED = Parameters(
    "soak.params.json",
    (
        Parameter("pool.size", 70, 40, 80, is_integer=True),
        Parameter("pool.ratio", 0.5, 0.0, 1.0),
        Parameter("rate", 1.0, -2.0, 2.0),
    ),
)
VALUES = {"pool.size": 70, "pool.ratio": 0.5, "rate": 1.0}
NESTED = {"pool": {"size": 70, "ratio": 0.5}, "rate": 1.0}


def given_file(folder: Path, content: Any) -> ParametersFile:
    """The parameters file of a folder, holding these bytes or the JSON of that."""
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    (folder / "soak.params.json").write_bytes(data)
    return ParametersFile(folder / "soak.params.json", DECLARED)


def refused(file: ParametersFile) -> str:
    with pytest.raises(UsageError) as caught:
        file.read()
    assert caught.value.exit_code == ExitCode.USAGE
    return str(caught.value)


def state_of(path: Path) -> tuple[bytes, int, int]:
    status = path.stat()
    return path.read_bytes(), status.st_mtime_ns, status.st_ino


@posix
def test_the_file_owns_what_stands_beside_it_when_its_owner_is_killed(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "p.json").symlink_to("real/ä p.json")
    file = ParametersFile(tmp_path / "p.json", DECLARED)
    seen = set()
    end = files.observe(lambda _: seen.update(path for path in tmp_path.rglob("*") if not path.is_dir()))
    with FileLock(tmp_path / "p.json", "me"):
        file.write({**VALUES, "rate": 2}, file.create(VALUES))
    end()
    names = ("ä p.json", "ä p.json.lock", "ä p.json.new")
    assert seen == {tmp_path / "p.json", *(tmp_path / "real" / name for name in names)} == set(own_files(file.path))


# Names


@pytest.mark.parametrize(
    "tree",
    [
        NESTED,
        {"pool.size": 70, "pool.ratio": 0.5, "rate": 1},
        {"rate": 1.0, "pool.ratio": 0.5, "pool": {"size": 70.0}},
    ],
)
def test_nested_and_dotted_names_are_the_same_trap_28(tmp_path, tree):
    held = given_file(tmp_path, tree).read()
    assert list(held.values.items()) == list(VALUES.items())
    assert [type(value) for value in held.values.values()] == [int, float, float]
    assert state_hash(held.values) == state_hash(VALUES)


def test_a_name_in_both_forms_is_an_error_that_names_both_trap_28(tmp_path):
    message = refused(given_file(tmp_path, {**NESTED, "pool.size": 65}))
    assert message == 'soak.params.json: "pool.size" and "size" in "pool" are the same name; keep one of them'


def test_a_name_in_both_forms_with_one_value_is_an_error_too_trap_28(tmp_path):
    assert "are the same name" in refused(given_file(tmp_path, {**NESTED, "pool.size": 70}))


def test_a_tree_is_flattened_and_nested_again():
    assert flat(NESTED) == VALUES
    assert nested(VALUES) == NESTED
    with pytest.raises(ValueError, match=r"pool\.size is there twice"):
        flat({**NESTED, "pool.size": 1})


def test_names_that_begin_other_names_stay_dotted():
    values = {"a": 1, "a.b": 2, "a.b.c": 3, "ab": 4, "d.e": 5}
    assert nested(values) == {"a": 1, "a.b": 2, "a.b.c": 3, "ab": 4, "d": {"e": 5}}


NAMES = st.lists(st.text("ab", min_size=1, max_size=2), min_size=1, max_size=4).map(".".join)


@given(st.dictionaries(NAMES, st.integers(0, 9), max_size=8))
def test_whatever_is_nested_is_the_same_flat(values):
    assert flat(nested(values)) == values


@pytest.mark.parametrize(
    ("one", "other"), [({"a": 70}, {"a": 70.0}), ({"a": 1, "b": 2}, {"b": 2, "a": 1}), ({"a": 0.0}, {"a": -0.0})]
)
def test_equal_values_have_one_hash_trap_33(one, other):
    assert state_hash(one) == state_hash(other)


def test_the_hash_is_that_of_the_values_and_not_of_the_file_trap_33(tmp_path):
    compact = given_file(tmp_path, json.dumps(NESTED, separators=(",", ":")).encode()).read()
    airy = given_file(tmp_path, json.dumps(NESTED, indent=8).replace("\n", "\r\n").encode()).read()
    assert compact.digest != airy.digest
    assert state_hash(compact.values) == state_hash(airy.values) != state_hash({**VALUES, "rate": 1.5})


# Mistakes


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{\n  "pool.size": 7O\n}', "soak.params.json:2:17: expecting ',' delimiter"),
        (b"", "soak.params.json:1:1: nothing here, expected JSON"),
        (b'{"rate": 1, "rate": 2}', "soak.params.json:1:13: duplicate key 'rate'"),
        (b'{"rate": NaN}', "soak.params.json:1:10: NaN is not JSON"),
        (b'{"rate": 1e999}', "soak.params.json:1:10: a number too large for a double"),
        (b'{\n"rate": "\xff"}', "soak.params.json:2:10: byte 0xff is not UTF-8"),
        (b"[" * 200, "soak.params.json:1:1: more than 100 levels deep"),
        (b"[1]", "soak.params.json: expected a mapping of names to numbers, got [1]"),
        (b"null", "soak.params.json: expected a mapping of names to numbers, got null"),
    ],
)
def test_what_is_no_mapping_in_json_is_refused_at_its_place(tmp_path, content, message):
    assert refused(given_file(tmp_path, content)) == message


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rte": 1}, "unknown parameter 'rte' - did you mean 'rate'?"),
        ({"zzzzzzzz": 1}, "unknown parameter 'zzzzzzzz'; known here: pool.size, pool.ratio, rate"),
        ({"Rate": 1}, "unknown parameter 'Rate' - did you mean 'rate'?"),
        ({"": 1}, "unknown parameter ''; known here: pool.size, pool.ratio, rate"),
        ({"x" * 900: 1}, f"unknown parameter '{'x' * 55}...'; known here: pool.size, pool.ratio, rate"),
        ({"pool": {"ratio": 1}}, 'pool.size is missing; write "pool.size": 70'),
        ({"rate": "1"}, "rate: expected a number, got '1'"),
        ({"rate": True}, "rate: expected a number, got true"),
        ({"rate": None}, "rate: expected a number, got null"),
        ({"rate": [1]}, "rate: expected a number, got [1]"),
        ({"rate": {}}, "rate: expected a number, got a mapping"),
        ({"pool": {"size": 75.5, "ratio": 1}}, "pool.size: expected a whole number, got 75.5"),
        (
            {"pool": {"size": 81, "ratio": 1}},
            "pool.size: 81 is outside of what soak.yaml allows; write a number from 40 to 80",
        ),
        ({"rate": -2.01}, "rate: -2.01 is outside of what soak.yaml allows; write a number from -2.0 to 2.0"),
    ],
)
def test_each_mistake_is_told_in_one_line(tmp_path, change, message):
    assert refused(given_file(tmp_path, {**NESTED, **change})) == f"soak.params.json: {message}"


@pytest.mark.parametrize(("size", "rate"), [(40, -2), (80, 2), (75.0, 0.25), (7e1, -0.0)])
def test_what_is_within_the_bounds_is_read(tmp_path, size, rate):
    held = given_file(tmp_path, {"pool": {"size": size, "ratio": 1}, "rate": rate}).read()
    assert held.values == {"pool.size": size, "pool.ratio": 1, "rate": rate}


def test_all_mistakes_are_told_at_once(tmp_path):
    message = refused(given_file(tmp_path, {"pool": {"size": "x", "ratoi": 1}, "rate": 9}))
    assert [line.removeprefix("soak.params.json: ").split()[0] for line in message.splitlines()] == [
        *("pool.size:", "unknown", "rate:", "pool.ratio")
    ]


def test_an_integer_that_json_cannot_hold_exactly_is_refused(tmp_path):
    declared = Parameters("p.json", (Parameter("n", 1, 0, 2.0**60, is_integer=True),))
    (tmp_path / "p.json").write_bytes(b'{"n": 9007199254740993}')
    message = refused(ParametersFile(tmp_path / "p.json", declared))
    assert message.startswith("p.json: n: 9007199254740993 is more than JSON holds exactly; write a number within ")


def test_a_file_that_is_too_large_is_not_read(tmp_path):
    content = json.dumps(NESTED).encode()
    padding = parameters.LARGEST_FILE - len(content)
    assert given_file(tmp_path, content + b" " * padding).read().values == VALUES
    assert refused(given_file(tmp_path, content + b" " * (padding + 1))).endswith("is larger than 1048576 bytes")


def test_a_missing_file_a_directory_and_a_pipe_are_refused(tmp_path):
    path = tmp_path / "soak.params.json"
    file = ParametersFile(path, DECLARED)
    assert not file.exists()
    assert refused(file) == f"{path} is missing"
    path.mkdir()
    assert file.exists()
    assert refused(file) == f"{path} is not a regular file"
    if hasattr(os, "mkfifo"):
        path.rmdir()
        os.mkfifo(path)
        assert refused(file) == f"{path} is not a regular file"


# Writing


def test_a_new_file_has_nested_names_integers_and_decimal_points(tmp_path):
    file = ParametersFile(tmp_path / "soak.params.json", DECLARED)
    held = file.create({"rate": 1, "pool.size": 75.0, "pool.ratio": 1e-7})
    content = (tmp_path / "soak.params.json").read_bytes()
    assert content == b'{\n  "pool": {\n    "size": 75,\n    "ratio": 1.0e-07\n  },\n  "rate": 1.0\n}\n'
    assert held == file.read() == Held({"pool.size": 75, "pool.ratio": 1e-7, "rate": 1.0}, held.digest)
    assert held.digest == canonical.digest_of_bytes(content)


def test_a_file_that_is_there_is_not_created_over(tmp_path):
    file = given_file(tmp_path, b"mine")
    with pytest.raises(UsageError, match=r"^soak\.params\.json is there already"):
        file.create(VALUES)
    assert (tmp_path / "soak.params.json").read_bytes() == b"mine"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            '{"rate": 1, "pool": {"ratio": 0.5, "size": 70}}',
            '{\n  "rate": 1.0,\n  "pool": {\n    "ratio": 0.5,\n    "size": 75\n  }\n}\n',
        ),
        (
            '\ufeff{"pool.size": 7e1,\r\n"pool": {"ratio": 0.50}, "rate": 1.0}',
            '{\n  "pool.size": 75,\n  "pool": {\n    "ratio": 0.5\n  },\n  "rate": 1.0\n}\n',
        ),
    ],
)
def test_names_stay_where_and_how_they_are_written_trap_28(tmp_path, before, after):
    file = given_file(tmp_path, before.encode())
    held = file.write({**VALUES, "pool.size": 75}, file.read())
    assert (tmp_path / "soak.params.json").read_text("utf-8") == after
    assert held == file.read()


@pytest.mark.parametrize("values", [VALUES, {"rate": 1, "pool.ratio": 0.5, "pool.size": 70.0}])
def test_nothing_is_touched_when_nothing_changes(tmp_path, values):
    file = given_file(tmp_path, b'{"pool": {"size": 70.0, "ratio": 5e-1}, "rate": 1}')
    before = state_of(file.path)
    os.utime(file.path, ns=(10**9, 10**9))
    held = file.read()
    assert file.write(values, held) is held
    assert state_of(file.path) == (before[0], 10**9, before[2])


def test_each_step_of_writing_is_told(tmp_path):
    file = given_file(tmp_path, NESTED)
    seen: list[str] = []
    end = files.observe(seen.append)
    held = file.write({**VALUES, "rate": 2}, file.read())
    keep_snapshot(tmp_path / "params.json", held.values)
    keep_snapshot(tmp_path / "params.json", held.values)
    end()
    atomic = [step for step in files.STEPS if step.startswith("atomic:")]
    assert seen == [*atomic, "params:read-back", *atomic, "params:snapshot"]
    assert set(seen) - set(files.STEPS) == set(parameters.STEPS) - {"params:decided"}


@pytest.mark.parametrize(
    "values",
    [
        {**VALUES, "rate": 3},
        {**VALUES, "pool.size": 70.5},
        {**VALUES, "rate": "1"},
        {**VALUES, "more": 1},
        {"rate": 1},
        {},
    ],
)
def test_values_that_may_not_be_there_are_never_written(tmp_path, values):
    file = given_file(tmp_path, NESTED)
    before, held = state_of(file.path), file.read()
    with pytest.raises(ValueError, match=r"outside|whole|number|unknown|missing"):
        file.write(values, held)
    assert state_of(file.path) == before


def test_an_edit_from_outside_is_seen_and_never_written_over(tmp_path):
    file = given_file(tmp_path, NESTED)
    held = file.read()
    assert file.is_unchanged(held.digest)
    given_file(tmp_path, {**NESTED, "rate": 2})
    assert not file.is_unchanged(held.digest)
    before = state_of(file.path)
    for values in (VALUES, {**VALUES, "rate": 0}):
        with pytest.raises(EvidenceError, match=r"^soak\.params\.json was changed by somebody else"):
            file.write(values, held)
    assert state_of(file.path) == before
    file.path.unlink()
    assert not file.is_unchanged(held.digest)


def test_what_is_not_read_back_as_it_was_written_is_an_error(tmp_path):
    file = given_file(tmp_path, NESTED)

    def meddle(step: str) -> None:
        if step == "atomic:directory-synced":
            given_file(tmp_path, {**NESTED, "rate": -1})

    end = files.observe(meddle)
    with pytest.raises(SurroundingsError, match="does not hold what was written to it"):
        file.write({**VALUES, "rate": 2}, file.read())
    end()


@pytest.mark.parametrize("folder", ["with space", "ünïcödé 日本", "new\nline", "a'b\"c"])
def test_paths_may_hold_anything(tmp_path, folder):
    if os.name == "nt" and set(folder) & set('"\n'):
        pytest.skip("no name on Windows")
    (tmp_path / folder).mkdir()
    file = ParametersFile(tmp_path / folder / "my params.json", DECLARED)
    held = file.create(VALUES)
    assert file.write({**VALUES, "rate": 0}, held).values["rate"] == 0


@posix
def test_a_link_is_followed_once_and_stays_a_link(tmp_path):
    (tmp_path / "real").mkdir()
    real = tmp_path / "real" / "p.json"
    link = tmp_path / "link.json"
    link.symlink_to(real)
    file = ParametersFile(link, DECLARED)
    held = file.create(VALUES)
    file.write({**VALUES, "rate": 2}, held)
    assert link.is_symlink()
    assert flat(json.loads(real.read_bytes())) == {**VALUES, "rate": 2}
    elsewhere = tmp_path / "elsewhere.json"
    real.rename(elsewhere)
    real.symlink_to(elsewhere)
    before = state_of(elsewhere)
    assert refused(file) == f"{real} is not a regular file"
    with pytest.raises(EvidenceError):
        file.write(VALUES, held)
    assert state_of(elsewhere) == before


@posix
def test_the_mode_of_the_file_stays(tmp_path):
    file = given_file(tmp_path, NESTED)
    file.path.chmod(0o640)
    file.write({**VALUES, "rate": 2}, file.read())
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o640


# The snapshot


def test_a_snapshot_replaces_whatever_is_there_and_leads_nowhere(tmp_path):
    path = tmp_path / "params.json"
    keep_snapshot(path, VALUES)
    assert flat(json.loads(path.read_bytes())) == VALUES
    before = state_of(path)
    keep_snapshot(path, dict(VALUES))
    assert state_of(path) == before
    path.write_bytes(b"rubbish")
    keep_snapshot(path, VALUES)
    assert path.read_bytes() == before[0]
    if os.name == "posix":
        (tmp_path / "outside").write_bytes(b"precious")
        path.unlink()
        path.symlink_to(tmp_path / "outside")
        keep_snapshot(path, VALUES)
        assert (path.is_symlink(), path.read_bytes()) == (False, before[0])
        assert (tmp_path / "outside").read_bytes() == b"precious"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (NESTED, None),
        ({**VALUES}, None),
        ({**VALUES, "rate": 2}, "does not hold the parameters that the records tell of"),
        ({**VALUES, "rate": "1"}, "does not hold the parameters that the records tell of"),
        ([1], "does not hold the parameters that the records tell of"),
        ({**NESTED, "pool.size": 1}, "not a document that soak wrote: pool.size is there twice"),
        (b"{", "not a document that soak wrote: params.json:1:2: expecting property name"),
        (b'{"a": 9007199254740993}', "not a document that soak wrote: a: an integer beyond"),
        (None, "is missing"),
    ],
)
def test_a_snapshot_of_other_parameters_is_a_problem(tmp_path, content, problem):
    path = tmp_path / "params.json"
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    found = problem_of_snapshot(path, ["0" * 64, state_hash(VALUES)])
    assert (found or "").startswith(problem or "")
    assert (found is None) == (problem is None)


def test_a_snapshot_where_a_directory_is_says_so(tmp_path):
    with pytest.raises(SurroundingsError, match=r"^cannot write "):
        keep_snapshot(tmp_path, VALUES)
