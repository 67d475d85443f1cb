"""YAML with places: the types of YAML 1.2, every mistake with its place, and no input that ends in a traceback."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soak_action.config.yaml_source import MAX_BYTES, MAX_DEPTH, parse_mapping, reads_as_text
from soak_action.errors import ConfigurationError


def mistakes_in(text: bytes | str) -> tuple[str, ...]:
    with pytest.raises(ConfigurationError) as caught:
        parse_mapping(text if isinstance(text, bytes) else text.encode(), "f")
    assert caught.value.exit_code == 2
    return caught.value.mistakes


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("no", "no"),
        ("on", "on"),
        ("yes", "yes"),
        ("1:30", "1:30"),
        ("2026-11-23", "2026-11-23"),
        ("1_000", "1_000"),
        ("0b11", "0b11"),
        ("+", "+"),
        (".", "."),
        ("1e3", 1000.0),
        ("-.5", -0.5),
        ("3.", 3.0),
        ("010", 10),
        ("012", 12),
        ("+7", 7),
        ("-7", -7),
        ("0o10", 8),
        ("0x1F", 31),
        ("0o19", "0o19"),
        ("true", True),
        ("FALSE", False),
        ("tRUE", "tRUE"),
        ("", None),
        ("~", None),
        ("null", None),
        ("NULL", None),
        ("'1'", "1"),
        ('"true"', "true"),
        ("|-\n  1", "1"),
        ("[]", []),
        ("{}", {}),
        ("[1, [a, {b: c}]]", [1, ["a", {"b": "c"}]]),
        ("9007199254740991", 2**53 - 1),
        ("9007199254740993", 9007199254740992.0),
        ("0xFFFFFFFFFFFFFFFF", 2.0**64),
        ("9" * 40, 1e40),
        ("0x" + "F" * 40, "0x" + "F" * 40),
    ],
)
def test_values_have_the_core_types_of_yaml_1_2(written: str, value: object) -> None:
    found = parse_mapping(f"key: {written}\n".encode(), "f").data["key"]
    assert found == value
    assert type(found) is type(value)


def test_keys_are_text_as_they_are_written() -> None:
    assert list(parse_mapping(b"1: a\nno: b\nnull: c\n'<<': d\n", "f").data) == ["1", "no", "null", "<<"]


def test_every_key_and_every_item_has_its_place() -> None:
    document = parse_mapping(b"a: 1\nb:\n  c: [x,\n   {d: y}]\n", "dir/soak.yaml")
    assert document.where(("a",)) == "dir/soak.yaml:1:1"
    assert document.where(("b", "c")) == "dir/soak.yaml:3:3"
    assert document.where(("b", "c", "1")) == "dir/soak.yaml:4:4"
    assert document.where(("b", "c", "1", "d")) == "dir/soak.yaml:4:5"


def test_the_place_of_what_is_not_there_is_that_of_its_parent() -> None:
    document = parse_mapping(b"\nb:\n  c: 1\n", "f")
    assert document.where(("b", "x", "y")) == "f:2:1"
    assert document.where(("x",)) == "f:1:1"


@pytest.mark.parametrize("ends", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_trap_48_line_ends_and_byte_order_marks_make_no_difference(ends: bytes, mark: bytes) -> None:
    document = parse_mapping(mark + ends.join([b"a: 1", b"b: x", b""]), "f")
    assert document.data == {"a": 1, "b": "x"}
    assert document.where(("b",)) == "f:2:1"


def test_an_anchor_stands_for_its_value_wherever_it_is_used() -> None:
    document = parse_mapping(b"a: &limits {hard: 4}\nb: *limits\nc: &t x\nd: *t\n", "f")
    assert document.data == {"a": {"hard": 4}, "b": {"hard": 4}, "c": "x", "d": "x"}


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        (b"", "f:1:1", "nothing here"),
        (b"# only a comment\n", "f:1:1", "nothing here"),
        (b"- a\n", "f:1:1", "must be a mapping"),
        (b"\n\nwords\n", "f:3:1", "must be a mapping"),
        (b"a: 1\na: 2\n", "f:2:1", "duplicate key 'a', already given at f:1:1"),
        (b"a: {b: 1, c: 2, b: 3}", "f:1:17", "duplicate key 'b', already given at f:1:5"),
        (b"a: 1\n---\nb: 1\n", "f:2:1", "a second document"),
        (b"a: !!str 1", "f:1:4", "a tag"),
        (b"a: !mine [1]", "f:1:4", "a tag"),
        (b"!!str a: 1", "f:1:1", "plain text"),
        (b"? [a]\n: 1", "f:1:3", "plain text"),
        (b"&x : 1", "f:1:1", "plain text"),
        (b"a: &x {}\n<<: *x", "f:2:1", "merge keys"),
        (b"a: .inf", "f:1:4", ".inf is not a finite number"),
        (b"a: .NaN", "f:1:4", ".NaN is not a finite number"),
        (b"a: -1e999", "f:1:4", "-1e999 is not a finite number"),
        (b"a: " + b"9" * 400, "f:1:4", "is not a finite number"),
        (b"a: *x", "f:1:4", "undefined alias"),
        (b"a:\n\tb: 1", "f:2:1", "indent with blanks"),
        ("ä: ü\nb: @x".encode(), "f:2:4", "put the value in quotes, because it begins with '@'"),
        (b"a: %x", "f:1:4", "put the value in quotes, because it begins with '%'"),
        (b"a: `x", "f:1:4", "put the value in quotes, because it begins with '`'"),
        (b"a: b: c", "f:1:5", "a second ': ' in one value"),
        (b"a: [1,\n", "f:2:1", "not valid YAML"),
        (b"a: 'x", "f:1:6", "not valid YAML"),
        (b'a: "\\ud800"', "f:1:7", "not valid YAML"),
        (b'a: "x\\0"', "f:1:4", "the character \\0"),
        (b'"x\\0": 1', "f:1:1", "the character \\0"),
        ("ää\x01".encode(), "f:1:3", "a control character"),
        ("a: 1\nü: \x7f".encode(), "f:2:4", "a control character"),
        ("a: 1\nüb: \xff".encode("latin-1"), "f:2:1", "not UTF-8"),
        ("a: ü".encode() + b"\xff", "f:1:5", "not UTF-8"),
        (b"\xef\xbb\xbfa: \xff", "f:1:4", "not UTF-8"),
        ("a: 1".encode("utf-16"), "f:1:1", "not UTF-8"),
        (b"%YAML 3.0\n---\na: 1", "f:1:1", "not valid YAML"),
    ],
)
def test_a_mistake_is_told_with_its_place(text: bytes, place: str, words: str) -> None:
    (mistake,) = mistakes_in(text)
    assert mistake.startswith(f"{place}: "), mistake
    assert words in mistake


def test_all_mistakes_are_told_at_once() -> None:
    told = mistakes_in(b"a: !x 1\nb: .nan\na: 2\n? {}\n: 1\n")
    assert [mistake.split(" ")[0] for mistake in told] == ["f:1:4:", "f:2:4:", "f:3:1:", "f:4:3:"]


def test_a_mistake_behind_an_alias_is_told_once() -> None:
    assert len(mistakes_in(b"a: &x [.nan]\nb: *x\nc: *x\n")) == 1


def test_a_tag_is_not_shown_because_it_may_be_a_password() -> None:
    assert "hunter2" not in "".join(mistakes_in(b"password: !hunter2\n"))


@pytest.mark.parametrize("text", [b"a: &x [*x]", b"&x a: &y {b: *y}", b"a: &x\n  b: [1, *x, *x]\n"])
def test_an_alias_of_itself_is_refused(text: bytes) -> None:
    assert "an alias makes the configuration endless" in mistakes_in(text)[0]


def test_an_alias_bomb_is_refused() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    assert "endless or enormous" in mistakes_in("\n".join(lines))[0]


def test_depth_is_bounded() -> None:
    fits = "a: " + "[" * (MAX_DEPTH - 1) + "]" * (MAX_DEPTH - 1)
    assert parse_mapping(fits.encode(), "f").data["a"]
    assert f"more than {MAX_DEPTH} levels" in mistakes_in("a: " + "[" * MAX_DEPTH + "]" * MAX_DEPTH)[0]
    assert f"more than {MAX_DEPTH} levels" in mistakes_in(b"[" * 400_000)[0]


def test_size_is_bounded() -> None:
    fits = b"a: " + b"x" * (MAX_BYTES - 3)
    assert len(parse_mapping(fits, "f").data["a"]) == MAX_BYTES - 3
    assert "larger than 1 MB" in mistakes_in(fits + b"x")[0]
    assert "values" in mistakes_in(b"a: [" + b"1," * 100_001 + b"]")[0]


def parses_or_tells(text: bytes) -> None:
    try:
        document = parse_mapping(text, "f")
    except ConfigurationError as error:
        told = error.mistakes
    else:
        told = ("f:",)
        assert isinstance(document.data, dict)
    assert told
    assert all(mistake.startswith("f:") for mistake in told)


@given(st.binary(max_size=60))
def test_no_bytes_end_in_a_traceback(text: bytes) -> None:
    parses_or_tells(text)


@given(
    st.lists(
        st.sampled_from([*"ab:-?[]{},#&*!|>'\"%@`~<=\\\t\r 01.\x85\u2028ä", "\n", "\n  ", ": ", "<<", "---\n"]),
        max_size=40,
    )
)
def test_no_yaml_like_text_ends_in_a_traceback(pieces: list[str]) -> None:
    parses_or_tells(b"a: 1\n" + "".join(pieces).encode())


@pytest.mark.parametrize(
    ("written", "is_text"),
    [
        ("no", True),
        ("1:30", True),
        ("1h", True),
        ("", False),
        ("~", False),
        ("True", False),
        ("1e3", False),
        (".inf", False),
    ],
)
def test_a_plain_scalar_reads_as_text_or_not(written, is_text):
    assert reads_as_text(written) is is_text
