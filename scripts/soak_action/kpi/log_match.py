"""A number in the workload's output, found by a pattern with one named group."""

from __future__ import annotations

import re
import warnings
from collections import deque
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from soak_action.config.model import Kpi
from soak_action.kpi.reading import Reading, number_of, parse_number

if TYPE_CHECKING:
    import regex

LONGEST_SEARCH: Final = 4.0

_CUT = re.compile(r"^\[soak: [0-9]+ bytes cut here\]$", re.MULTILINE)
_RAISE_LIMIT = "output was cut; raise evidence.log_limit"
# What the engine reads otherwise than `re` does: a brace that repeats nothing, and a bracket inside a set.
_TOKENS = (
    r"(?P<kept>\\N\{[^}]*\}|\\.|\(\?#[^)]*\))|(?P<set>\[\^?\]?(?:\\.|[^\]\\])*\])"
    r"|(?P<brace>\{)(?!(?:[0-9]+(?:,[0-9]*)?|,[0-9]*)\})"
)
_SYNTAX = re.compile(_TOKENS, re.DOTALL)
_VERBOSE_SYNTAX = re.compile(rf"#[^\n]*|{_TOKENS}", re.DOTALL)
_VERBOSE = re.compile(r"\(\?[a-z]*x")
_IN_SET = re.compile(r"(\\.)|(\[)", re.DOTALL)


class PatternError(ValueError):
    """A pattern that is no regular expression with exactly one named group."""


@lru_cache(maxsize=1024)
def compile_pattern(text: str) -> regex.Pattern[str]:
    """Compile a KPI's pattern, a regular expression of Python; ``^`` and ``$`` match at every line.

    `re` decides what is a pattern and words the complaint. The search is left to an engine that can be told to give up,
    because `re` may search for ever. Raises PatternError.
    """
    import regex

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # `re` may one day read a bracket inside a set otherwise
            groups = re.compile(text, re.MULTILINE).groupindex
        same = (_VERBOSE_SYNTAX if _VERBOSE.search(text) else _SYNTAX).sub(_literally, text)
        pattern = regex.compile(same, regex.MULTILINE | regex.VERSION0)
    except (re.error, regex.error, OverflowError, RecursionError) as error:
        raise PatternError(f"pattern '{text}': {error}; write for example 'p95=(?P<value>[0-9.]+)'") from error
    if len(groups) != 1:
        count = len(groups)
        raise PatternError(f"pattern '{text}' has {count} named groups; mark the number alone: (?P<value>[0-9.]+)")
    return pattern


def _literally(found: re.Match[str]) -> str:
    """Escape what `re` takes literally and the engine would not."""
    if found["brace"]:
        return r"\{"
    if found["set"]:
        return "[" + _IN_SET.sub(lambda part: part[1] or r"\[", found["set"][1:])
    return found[0]


def decode_log(data: bytes) -> str:
    """Return a log as text with LF line ends; bytes that are not UTF-8 become replacement characters."""
    return data.decode("utf-8-sig", errors="replace").replace("\r\n", "\n")


def read_match(
    log: str, pattern_text: str, kpi: Kpi, stream: str, *, was_cut: bool, longest: float = LONGEST_SEARCH
) -> Reading:
    """Return the number that the last match of the pattern captures in a decoded log.

    Of a log that was cut only what follows the cut is believed, and of that not the first line, which may be a part.
    The search for all matches together may take `longest` seconds of processor time (on Windows of time).
    """
    try:
        pattern = compile_pattern(pattern_text)
        last = _last_match(pattern, log, longest)
    except PatternError as error:
        return Reading.missing("import_error", str(error))
    except TimeoutError:
        what = f"the pattern took longer than {longest:g} s on this output; make it simpler"
        return Reading.missing("import_error", f"{stream}: {what}")
    except MemoryError:
        what = "the pattern needs too much memory on this output; make it simpler"
        return Reading.missing("import_error", f"{stream}: {what}")
    if was_cut and (last is None or last.start() < _whole_lines_after_cut(log)):
        return Reading.missing("import_error", f"{stream}: {_RAISE_LIMIT}")
    if last is None:
        what = f"no match of '{pattern_text}'" if log.strip() else "nothing was printed"
        return Reading.missing("path_missing", f"{stream}: {what}")
    (group,) = pattern.groupindex
    captured = last[group]
    if captured is None:
        return Reading.missing("not_a_number", f"{stream}: the group '{group}' took no part in the last match")
    number = parse_number(captured.strip())
    reading = number_of(captured if number is None else number, kpi)
    return reading if reading.reason is None else Reading.missing(reading.reason, f"{stream}: {reading.detail}")


def _last_match(pattern: regex.Pattern[str], log: str, longest: float) -> regex.Match[str] | None:
    """Return the last match; raises TimeoutError, and MemoryError when the search had to remember too much."""
    kept = deque(pattern.finditer(log, timeout=longest), maxlen=1)
    return kept[0] if kept else None


def _whole_lines_after_cut(log: str) -> int:
    """Return where the first whole line after the last cut begins; the log's length plus one when there is none."""
    cut = None
    for match in _CUT.finditer(log):
        cut = match
    if cut is None:
        return len(log) + 1
    part = log.find("\n", cut.end() + 1)
    return len(log) + 1 if part < 0 else part + 1
