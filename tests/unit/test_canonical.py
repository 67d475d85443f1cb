"""Canonical JSON against the published vectors of RFC 8785, and the strict reader."""

from __future__ import annotations

import hashlib
import inspect
import json
import math
import struct
import sys
from collections.abc import Iterator
from itertools import islice
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soak_action import canonical
from soak_action.canonical import CanonicalError, canonical_bytes, compact, digest, parse, pretty

FINITE = st.floats(allow_nan=False, allow_infinity=False)
SCALARS = st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | FINITE | st.text()


def documents(scalars: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Lists and mappings of scalars."""

    def containers(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        return st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4)

    return st.recursive(scalars, containers, max_leaves=20)


def double(bits: int) -> float:
    """The double of these 64 bits."""
    return float(struct.unpack(">d", bits.to_bytes(8, "big"))[0])


def bits(number: float) -> int:
    """The 64 bits of a double."""
    return int.from_bytes(struct.pack(">d", number), "big")


def thirds() -> list[int]:
    """Values near 10**k / 3 from k = 22 down; some published ones are a few units off the nearest double."""
    off = dict.fromkeys((19, 18, 17, 15, 14, 12, 9, 8, 7, -28), 1) | {16: 2, 13: 3, 11: 2, 10: 2, 3: -1}
    return [bits(float(f"3.3333333333333333333e{k}")) + off.get(k, 0) for k in range(21, -29, -1)]


def published_bits() -> Iterator[int]:
    """The 64-bit patterns of the test file of cyberphone/json-canonicalization (testdata/README.md), in its order."""
    sign = 1 << 63
    yield from (0, sign, 1, sign | 1)
    yield from (sign | pattern for pattern in thirds())
    yield from thirds()
    yield from map(bits, (10.0, 5.0, 0.5, 0.05, 5e-3, 5e-4, 5e-5, 5e-6, 5e-7, 5e-8, 5e-9))
    yield from (bits(float(f"5.{'0' * zeros}6e-6")) for zeros in range(1, 15))
    yield from map(bits, (5e-6, 1.0, -1.0))
    one = bits(1.0)
    yield from (sign | one - 6, sign | one - 5, one - 6, one - 5, one - 4, one - 2)
    yield from (sign | one - 1, sign | one - 1, one - 1, one - 1)
    yield from (bits(0.3) - 1, bits(0.3), bits(0.3) + 1)
    least_normal, largest = 1 << 52, bits(1.7976931348623157e308)
    yield from (least_normal, least_normal - 3, least_normal - 1, largest, sign | largest)
    yield from map(bits, (2.0**53, -(2.0**53), 2.0**68))
    yield from (bits(1e23) - 1, bits(1e23), bits(1e23) + 1, bits(1e21) - 2, bits(1e21) - 1, bits(1e21))
    yield from (bits(1e-6) - 1, bits(1e-6))
    yield from (bits(1e9 / 3) + offset for offset in range(-2, 3))
    yield from map(bits, (-3.3333333333333333e-6, 1424953923781206.2))
    yield from range(least_normal, least_normal + 2000)
    block = bytes(32)
    while True:
        block = hashlib.sha256(block).digest()
        for pattern in struct.unpack("<4Q", block):
            if pattern not in (0, sign) and math.isfinite(double(pattern)):
                yield pattern


@pytest.mark.parametrize(
    ("count", "checksum"),
    [
        (1000, "be18b62b6f69cdab33a7e0dae0d9cfa869fda80ddc712221570f9f40a5878687"),
        (10_000, "b9f7a8e75ef22a835685a52ccba7f7d6bdc99e34b010992cbc5864cd12be6892"),
    ],
)
def test_numbers_have_the_published_spelling(count: int, checksum: str) -> None:
    lines = (
        f"{pattern:x},{canonical_bytes(double(pattern)).decode()}\n" for pattern in islice(published_bits(), count)
    )
    assert hashlib.sha256("".join(lines).encode()).hexdigest() == checksum


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (30, "30"),
        (30.0, "30"),
        (-0.0, "0"),
        (1e-7, "1e-7"),
        (1e16, "10000000000000000"),
        (1e21, "1e+21"),
        (2**53 - 1, "9007199254740991"),
        ((1, [2, ()]), "[1,[2,[]]]"),
        ({"b": None, "a": True}, '{"a":true,"b":null}'),
        ('\u20ac$\x0f\n"\\/\u2028', '"\u20ac$\\u000f\\n\\"\\\\/\u2028"'),
        ({"\ufb33": 1, "\U0001f600": 2, "\u20ac": 3, "\r": 4, "1": 5, "\x80": 6, "\xf6": 7},
         '{"\\r":4,"1":5,"\x80":6,"\xf6":7,"\u20ac":3,"\U0001f600":2,"\ufb33":1}'),
    ],
)  # fmt: skip
def test_canonical_text(value: Any, text: str) -> None:
    assert canonical_bytes(value) == text.encode()
    assert digest(value) == hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        ({"kpis": {"p95": math.nan}}, "kpis.p95: nan cannot be stored"),
        ({"kpis": {"p95": -math.inf}}, "kpis.p95: -inf cannot be stored"),
        ({"good": [True, None, "x", 1, {}], "bad": math.nan}, "bad: nan cannot be stored"),
        ([0, {"a b": [math.inf]}], '[1]."a b"[0]: inf cannot be stored'),
        (math.nan, "value: nan cannot be stored"),
        ({"n": 2**53}, "n: an integer beyond 2**53 - 1 cannot be stored exactly; store it as a string"),
        ({"n": -(10**5000)}, "n: an integer beyond 2**53 - 1 cannot be stored exactly; store it as a string"),
        ({"s": "\udead"}, "s: '\\udead' holds a lone surrogate and cannot be stored"),
        ({"\udead": 1}, "value: the key '\\udead' holds a lone surrogate and cannot be stored"),
        ({"m": {1: 2}}, "m: the key 1 is not a string"),
        ({"m": b"x"}, "m: a bytes cannot be stored"),
        ([{1, 2}], "[0]: a set cannot be stored"),
    ],
)
def test_what_cannot_be_stored_is_named(value: Any, complaint: str) -> None:
    for write in (canonical_bytes, pretty, compact, digest):
        with pytest.raises(CanonicalError) as caught:
            write(value)
        assert str(caught.value) == complaint


def nested(depth: int) -> Any:
    """Lists in lists, `depth` of them."""
    value: Any = []
    for _ in range(depth - 1):
        value = [value]
    return value


@pytest.mark.parametrize("depth", [canonical.MAXIMUM_DEPTH + 1, 500, 100_000])
def test_deep_nesting_is_refused_in_both_directions(depth: int) -> None:
    with pytest.raises(CanonicalError, match="more than 100 levels deep"):
        canonical_bytes(nested(depth))
    for data in (b"[" * depth + b"]" * depth, b'{"a":' * depth + b"1" + b"}" * depth, b"[" * depth):
        with pytest.raises(CanonicalError, match=r"^f:1:1: more than 100 levels deep$"):
            parse(data, "f")


def test_allowed_nesting_and_brackets_in_strings_are_no_depth() -> None:
    deepest = nested(canonical.MAXIMUM_DEPTH)
    assert parse(canonical_bytes(deepest), "f") == deepest
    wide = [{"text": '[[[{{"\\' * 50}] * 200
    assert parse(pretty(wide), "f") == wide


def test_a_caller_with_little_stack_left_gets_no_recursion_error() -> None:
    depth = canonical.MAXIMUM_DEPTH - 1

    def dive(frames: int) -> Any:
        if frames:
            return dive(frames - 1)
        try:
            return parse(b"[" * depth + b"]" * depth, "f")
        except CanonicalError as error:
            return str(error)

    frames_left = sys.getrecursionlimit() - len(inspect.stack(0))
    # Since Python 3.12 the limit does not count the decoder's own levels.
    assert dive(frames_left - 60) in (nested(depth), "f:1:1: more than 100 levels deep")


def test_a_circle_is_refused() -> None:
    circle: list[Any] = []
    circle.append(circle)
    with pytest.raises(CanonicalError, match="levels deep"):
        canonical_bytes(circle)


def test_pretty_layout() -> None:
    value = {"b": [1, {"c": []}], "a": {}, "n": 30.0, "text": "[]{},: \u00fc"}
    assert pretty(value).decode() == (
        '{\n  "a": {},\n  "b": [\n    1,\n    {\n      "c": []\n    }\n  ],\n  "n": 30,\n  "text": "[]{},: \u00fc"\n}\n'
    )
    assert pretty(3.0) == b"3\n"


@given(documents(st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text()))
def test_pretty_is_laid_out_like_the_standard_library(value: Any) -> None:
    expected = json.dumps(json.loads(canonical_bytes(value)), indent=2, ensure_ascii=False) + "\n"
    assert pretty(value).decode() == expected


@settings(max_examples=200)
@given(documents(SCALARS))
def test_all_forms_hold_the_same_data(value: Any) -> None:
    data = canonical_bytes(value)
    assert parse(pretty(value), "f") == parse(data, "f") == parse(compact(value).encode("ascii"), "f")
    assert canonical_bytes(parse(data, "f")) == data
    assert compact(value).count("\n") == 0


def test_compact_is_one_ascii_line_trap_48() -> None:
    assert compact({"\u00fc": "\U0001f600\n", "n": 30.0}) == '{"n":30,"\\u00fc":"\\ud83d\\ude00\\n"}'


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b"", "f:1:1: nothing here, expected JSON"),
        (b" \n ", "f:2:2: nothing here, expected JSON"),
        (b'{"a": 1,\n "a": 2}', "f:2:2: duplicate key 'a'"),
        (b'[{"a": 1}, {"b": {"c": 1, "d": 2, "\\u0063": 3}}]', "f:1:35: duplicate key 'c'"),
        (b'{"p95":\n  NaN}', "f:2:3: NaN is not JSON"),
        (b'["text", Infinity]', "f:1:10: Infinity is not JSON"),
        (b"[Infinity]", "f:1:2: Infinity is not JSON"),
        (b"[1, -Infinity]", "f:1:5: -Infinity is not JSON"),
        (b"[1e999]", "f:1:2: a number too large for a double"),
        (b"[1, " + b"9" * 400 + b"]", "f:1:5: a number too large for a double"),
        (b"[1, " + b"9" * 9000 + b"]", "f:1:5: a number too large for a double"),
        (b'["\\uDEAD"]', "f:1:2: '\\udead' holds a lone surrogate"),
        (b'{"\\udead": 1}', "f:1:2: '\\udead' holds a lone surrogate"),
        (b'{"a": "\xfc"}', "f:1:8: byte 0xfc is not UTF-8"),
        (b'{"a":\n"\xff\xfe"}', "f:2:2: byte 0xff is not UTF-8"),
        (b'{"a": 1,}', "f:1:9: "),
        (b'{"a": 1} x', "f:1:10: extra data"),
        (b'["open', "f:1:2: unterminated string starting at"),
        (b"[NaNx", "f:1:2: NaN is not JSON"),
        (b"[1e999x", "f:1:2: a number too large for a double"),
    ],
)
def test_what_is_not_strict_json_is_refused_with_its_place(data: bytes, complaint: str) -> None:
    with pytest.raises(CanonicalError) as caught:
        parse(data, "f")
    assert str(caught.value).startswith(complaint)


def test_a_line_of_a_file_has_its_number() -> None:
    with pytest.raises(CanonicalError, match=r"^iterations\.jsonl:7:8: duplicate key 'a'$"):
        parse(b'{"a":1,"a":2}', "iterations.jsonl", line=7)


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b'\xef\xbb\xbf{"a": 1}\r\n', {"a": 1}),
        (b'"\\ud83d\\ude00"', "\U0001f600"),
        (b'"\\ud55c"', "\ud55c"),
        (b'{"a": {"a": 1}, "b": [{"a": 1}]}', {"a": {"a": 1}, "b": [{"a": 1}]}),
        (b"[1e308, 1e-999]", [1e308, 0.0]),
    ],
)
def test_strict_json_is_read_trap_48(data: bytes, value: Any) -> None:
    assert parse(data, "f") == value


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("9007199254740991", int),
        ("-9007199254740991", int),
        ("9007199254740993", int),
        ("12345678901234567890", int),
        ("9007199254740992", float),
        ("10000000000000000", float),
        ("-295147905179352830000", float),
        ("0.12345678901234568", float),
    ],
)
def test_an_integer_that_canonical_text_would_print_for_a_double_is_that_double(text: str, kind: type) -> None:
    value = parse(text.encode(), "f")
    assert type(value) is kind
    assert value == (int if kind is int else float)(text)


@settings(max_examples=200)
@given(st.binary(max_size=40) | st.text('[]{}",:\\ud8009eE+-.1NaInfity \n', max_size=30).map(str.encode))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    refused = ""
    value = None
    try:
        value = parse(data, "f")
    except CanonicalError as error:
        refused = str(error)
    assert refused.startswith("f:") if refused else value == json.loads(data.removeprefix(b"\xef\xbb\xbf"))


# Numbers for people


def test_numbers_keep_their_order_and_their_kind():
    tree = {"b": 1, "a": {"x y": 1.0, "ü": {"deep": -0.5}}, "d.e": 1e22, "f": 5e-7, "g": {}}
    assert canonical.pretty_numbers(tree).decode() == (
        '{\n  "b": 1,\n  "a": {\n    "x y": 1.0,\n    "ü": {\n      "deep": -0.5\n    }\n  },\n'
        '  "d.e": 1.0e+22,\n  "f": 5.0e-07,\n  "g": {}\n}\n'
    )
    assert canonical.pretty_numbers({}) == b"{}\n"


@given(
    st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), st.floats(allow_nan=False, allow_infinity=False))
)
def test_numbers_are_read_back_as_they_were(values):
    read = canonical.parse(canonical.pretty_numbers(values), "x")
    assert list(read.items()) == list(values.items())
    assert all(isinstance(value, float) for value in read.values())


@pytest.mark.parametrize("value", [math.nan, math.inf, 2**53, "\ud800", b""])
def test_what_is_no_number_that_json_holds_is_not_laid_out(value):
    with pytest.raises(canonical.CanonicalError, match=r"^a\.b: "):
        canonical.pretty_numbers({"a": {"b": value}})
