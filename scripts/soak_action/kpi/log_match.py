"""A number in the workload's output, found by a pattern with one named group."""

from __future__ import annotations

import re
from functools import lru_cache

from soak_action.config.model import Kpi
from soak_action.kpi.reading import Reading, number_of, parse_number

_CUT = re.compile(r"^\[soak: [0-9]+ bytes cut here\]$", re.MULTILINE)
_RAISE_LIMIT = "output was cut; raise evidence.log_limit"


class PatternError(ValueError):
    """A pattern that is no regular expression with exactly one named group."""


@lru_cache(maxsize=1024)
def compile_pattern(text: str) -> re.Pattern[str]:
    """Compile a KPI's pattern; ``^`` and ``$`` match at every line. Raises PatternError."""
    try:
        pattern = re.compile(text, re.MULTILINE)
    except (re.error, OverflowError, RecursionError) as error:
        raise PatternError(f"pattern '{text}': {error}; write for example 'p95=(?P<value>[0-9.]+)'") from error
    if len(pattern.groupindex) != 1:
        count = len(pattern.groupindex)
        raise PatternError(f"pattern '{text}' has {count} named groups; mark the number alone: (?P<value>[0-9.]+)")
    return pattern


def decode_log(data: bytes) -> str:
    """Return a log as text with LF line ends; bytes that are not UTF-8 become replacement characters."""
    return data.decode("utf-8-sig", errors="replace").replace("\r\n", "\n")


def read_match(log: str, pattern_text: str, kpi: Kpi, stream: str, *, was_cut: bool) -> Reading:
    """Return the number that the last match of the pattern captures in a decoded log.

    Of a log that was cut only what follows the cut is believed, and of that not the first line, which may be a part.
    """
    try:
        pattern = compile_pattern(pattern_text)
    except PatternError as error:
        return Reading.missing("import_error", str(error))
    last = None
    for match in pattern.finditer(log):
        last = match
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


def _whole_lines_after_cut(log: str) -> int:
    """Return where the first whole line after the last cut begins; the log's length plus one when there is none."""
    cut = None
    for match in _CUT.finditer(log):
        cut = match
    if cut is None:
        return len(log) + 1
    part = log.find("\n", cut.end() + 1)
    return len(log) + 1 if part < 0 else part + 1
