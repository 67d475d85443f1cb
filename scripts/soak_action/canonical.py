"""JSON in one form: RFC 8785 bytes for digests, the same text laid out for people, and a strict reader."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping
from itertools import accumulate
from typing import Any

MAXIMUM_DEPTH = 100
LARGEST_INTEGER = 2**53 - 1

_STRING = r'"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z)'
_STRINGS = re.compile(_STRING.encode(), re.DOTALL)
_TOKEN = re.compile(rf"{_STRING}|[{{}}\[\],:]|[^\s{{}}\[\],:\"]+", re.DOTALL)
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_STEP_OF_BRACKET = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}
_TOO_DEEP = f"more than {MAXIMUM_DEPTH} levels deep"
_OPENING, _CLOSING = frozenset("[{"), frozenset("]}")
_WORD = re.compile(r"(-?Infinity|NaN)|(-?[0-9]+)((?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?)")
_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


class CanonicalError(ValueError):
    """A value that has no JSON form, or a text that is not strict JSON; the message starts with its place."""


class _RefusedError(Exception):
    """A decoder hook met something refused; the place is found afterwards."""


def canonical_bytes(value: Any) -> bytes:
    """Return the RFC 8785 bytes of `value` (dict, list, tuple, str, int, float, bool, None).

    30 and 30.0 are the same number. Raises CanonicalError, naming the path, for NaN and infinity, integers beyond
    2**53 - 1, lone surrogates, other types, keys that are not strings and nesting deeper than MAXIMUM_DEPTH.
    """
    import rfc8785

    try:
        data = rfc8785.dumps(value)
    except (ValueError, RecursionError) as error:
        raise CanonicalError(_complaint(value, "", 0) or str(error)) from None
    if _depth(data) > MAXIMUM_DEPTH:
        raise CanonicalError(_complaint(value, "", 0) or _TOO_DEEP)
    return data


def digest(value: Any) -> str:
    """Return the SHA-256 of the canonical bytes, in hexadecimal. Raises CanonicalError."""
    return digest_of_bytes(canonical_bytes(value))


def digest_of_bytes(data: bytes) -> str:
    """Return the SHA-256 of `data`, in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def pretty(value: Any) -> bytes:
    """Return the canonical text laid out with two spaces, LF and a final newline, as UTF-8. Raises CanonicalError."""
    pieces: list[str] = []
    depth = 0
    previous = ""
    for token in _TOKEN.findall(canonical_bytes(value).decode()):
        closes, after_opening = token in _CLOSING, previous in _OPENING
        depth -= closes
        if closes != after_opening or previous == ",":
            pieces.append("\n" + "  " * depth)
        pieces.append(": " if token == ":" else token)
        depth += token in _OPENING
        previous = token
    return ("".join(pieces) + "\n").encode()


def pretty_numbers(tree: Mapping[str, Any]) -> bytes:
    """Return a nested mapping of numbers laid out like `pretty`, in its own order and with its kinds of numbers.

    An int is written as an integer and a float with a decimal point, as whoever edits the file by hand would do.
    Raises CanonicalError.
    """
    canonical_bytes(tree)
    return (_numbers(tree, "") + "\n").encode()


def compact(value: Any) -> str:
    """Return the canonical text as one line that every console can print: other than ASCII is escaped.

    Raises CanonicalError.
    """
    text = canonical_bytes(value).decode()
    return text if text.isascii() else re.sub(r"[^\x00-\x7f]", lambda match: json.dumps(match[0])[1:-1], text)


def storable_text(text: str) -> str:
    """Return `text` as JSON can hold it: what stands for bytes that are not UTF-8 is escaped."""
    return text.encode("utf-8", "backslashreplace").decode()


def parse(data: bytes, where: str, line: int = 1) -> Any:
    """Return the value of strict JSON; `where` names the text and `line` is the number of its first line.

    A byte order mark is tolerated. An integer beyond 2**53 - 1 that is the canonical spelling of a double becomes that
    double, so that everything canonical_bytes wrote can be read and written again. Raises CanonicalError
    (``where:line:column: what``) for a text that is not UTF-8 or not JSON, duplicate keys, NaN, infinity, numbers too
    large for a double, lone surrogates and nesting deeper than MAXIMUM_DEPTH.
    """
    try:
        text = data.removeprefix(b"\xef\xbb\xbf").decode()
    except UnicodeDecodeError as error:
        before = error.object[: error.start].decode()
        raise _error(where, line, before, len(before), f"byte 0x{error.object[error.start]:02x} is not UTF-8") from None
    if _depth(data) > MAXIMUM_DEPTH:
        raise _error(where, line, text, 0, _TOO_DEEP)
    try:
        value = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        what = "nothing here, expected JSON" if not text.strip() else error.msg[0].lower() + error.msg[1:]
        raise _error(where, line, text, error.pos, what) from None
    except (_RefusedError, RecursionError):
        raise _error(where, line, text, *_refused(text)) from None
    if ("\\ud" in text or "\\uD" in text) and not _is_storable_text(text):
        raise _error(where, line, text, *_refused(text))
    return value


def _numbers(value: Any, margin: str) -> str:
    if isinstance(value, float):
        text = repr(value)
        return text if "." in text else text.replace("e", ".0e")
    if not isinstance(value, Mapping) or not value:
        return canonical_bytes(value).decode()
    inner = f"{margin}  "
    members = (f"{inner}{canonical_bytes(key).decode()}: {_numbers(value[key], inner)}" for key in value)
    return "{\n" + ",\n".join(members) + f"\n{margin}}}"


def _error(where: str, line: int, text: str, position: int, what: str) -> CanonicalError:
    column = position - text.rfind("\n", 0, position)
    return CanonicalError(f"{where}:{line + text.count(chr(10), 0, position)}:{column}: {what}")


def _depth(data: bytes) -> int:
    """How deep the brackets go; 0 when there are too few of them to matter."""
    if data.count(b"[") + data.count(b"{") <= MAXIMUM_DEPTH:
        return 0
    brackets = _STRINGS.sub(b"", data).translate(None, _NO_BRACKETS)
    return max(accumulate(map(_STEP_OF_BRACKET.__getitem__, brackets)), default=0)


def _complaint(value: Any, path: str, depth: int) -> str | None:
    """What in `value` cannot be stored, after its path; None when nothing can be found."""
    place = path or "value"
    if depth >= MAXIMUM_DEPTH and isinstance(value, (dict, list, tuple)):
        return f"{place}: {_TOO_DEEP}"
    if isinstance(value, dict):
        for key, member in value.items():
            if not isinstance(key, str):
                return f"{place}: the key {key!r} is not a string"
            if not _is_text(key):
                return f"{place}: the key {key!a} holds a lone surrogate and cannot be stored"
            name = key if _PLAIN_KEY.fullmatch(key) else f'"{key}"'
            complaint = _complaint(member, f"{path}.{name}" if path else name, depth + 1)
            if complaint:
                return complaint
        return None
    if isinstance(value, (list, tuple)):
        complaints = (_complaint(member, f"{path}[{index}]", depth + 1) for index, member in enumerate(value))
        return next(filter(None, complaints), None)
    complaint = _scalar_complaint(value)
    return f"{place}: {complaint}" if complaint else None


def _scalar_complaint(value: Any) -> str | None:
    if value is None or isinstance(value, bool):
        return None
    if isinstance(value, str):
        return None if _is_text(value) else f"{ascii(value)[:60]} holds a lone surrogate and cannot be stored"
    if isinstance(value, int):
        exact = abs(value) <= LARGEST_INTEGER
        return None if exact else "an integer beyond 2**53 - 1 cannot be stored exactly; store it as a string"
    if isinstance(value, float):
        return None if math.isfinite(value) else f"{float(value)} cannot be stored"
    return f"a {type(value).__name__} cannot be stored"


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise _RefusedError
    return members


def _refuse(_: str) -> Any:
    raise _RefusedError


def _float(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise _RefusedError
    return number


def _integer(text: str) -> int | float:
    if len(text) < 16:
        return int(text)
    double = _float(text)
    number = int(text)
    if abs(number) <= LARGEST_INTEGER:
        return number
    return double if canonical_bytes(double).decode() == text else number


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_refuse, parse_float=_float, parse_int=_integer)


def _is_storable_text(text: str) -> bool:
    """Whether no string of a JSON text decodes to a lone surrogate."""
    return all(_is_text(json.loads(token)) for token in _TOKEN.findall(text) if token[0] == '"')


def _refused(text: str) -> tuple[int, str]:
    """Return position and reason of the first thing in a JSON text that a hook refuses."""
    keys: list[set[str] | None] = []
    is_key = False
    for match in _TOKEN.finditer(text):
        token = match[0]
        if token in _OPENING:
            keys.append(set() if token == "{" else None)
        elif token in _CLOSING:
            keys.pop()
        elif token[0] == '"':
            complaint = _refused_string(json.loads(token), keys[-1] if is_key else None)
            if complaint:
                return match.start(), complaint
        elif complaint := _refused_word(token):
            return match.start(), complaint
        is_key = bool(keys) and keys[-1] is not None and token in ("{", ",")
    return 0, _TOO_DEEP


def _refused_string(string: str, earlier: set[str] | None) -> str | None:
    if not _is_text(string):
        return f"{ascii(string)[:60]} holds a lone surrogate"
    if earlier is None:
        return None
    if string in earlier:
        return f"duplicate key {string!r}"
    earlier.add(string)
    return None


def _refused_word(token: str) -> str | None:
    match = _WORD.match(token)
    if not match:
        return None
    if match[1]:
        return f"{match[1]} is not JSON"
    return "a number too large for a double" if math.isinf(float(match[0])) else None
