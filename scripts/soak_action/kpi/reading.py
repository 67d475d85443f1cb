"""One reading of a KPI: a number, or the reason why there is none."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Final

from soak_action.config.model import Kpi
from soak_action.kpi.path import MISSING, KpiPath, PathError, kind_of

REASONS: Final = frozenset(
    {
        "file_missing",
        "stale",
        "no_answer",
        "path_missing",
        "not_a_number",
        "out_of_range",
        "import_error",
        "workload_failed",
        "not_available",
    }
)

_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_DECIMAL_COMMA = re.compile(r"[+-]?[0-9]+,[0-9]+")
_THOUSANDS = re.compile(r"[+-]?[0-9]{1,3}(?:[,_ '\u00a0\u202f][0-9]{3})+(?:\.[0-9]+)?")
_TEXT_SHOWN = 60


@dataclass(frozen=True, slots=True)
class Reading:
    """Exactly one of `value` and `reason` (of REASONS) is given.

    `detail` explains the reason, or qualifies the value; it may be empty then.
    """

    value: float | None
    reason: str | None
    detail: str

    @classmethod
    def missing(cls, reason: str, detail: str) -> Reading:
        """Return a reading without a value."""
        return cls(None, reason, detail)


def parse_number(text: str) -> float | None:
    """Return the number that `text` spells in ASCII digits with a decimal point, else None; 1e999 is infinite."""
    return float(text) if _NUMBER.fullmatch(text) else None


def number_of(found: object, kpi: Kpi) -> Reading:
    """Judge whether what was found is a legal value of the KPI; nothing but a finite JSON number is."""
    if type(found) is float:
        value = found
    elif type(found) is int:
        try:
            value = float(found)
        except OverflowError:
            return Reading.missing("not_a_number", "an integer too large for a double")
    else:
        return Reading.missing("not_a_number", _not_a_number(found))
    if not math.isfinite(value):
        return Reading.missing("not_a_number", f"{value} is not a finite number")
    if kpi.range is not None:
        lowest, highest = kpi.range
        if not lowest <= value <= highest:
            limits = f"{_exact(lowest)} to {_exact(highest)}"
            return Reading.missing("out_of_range", f"{_exact(value)} is impossible, the range is {limits}")
    return Reading(value, None, "")


def measure(document: object, kpi: Kpi, path: KpiPath) -> float | Reading:
    """Return the KPI's value that `path` finds in `document`, or a Reading that says why there is none.

    The bare value spares the gate one object for each of a million rows.
    """
    try:
        found = path.search(document)
    except PathError as error:
        return Reading.missing("import_error", str(error))
    if type(found) is float and math.isfinite(found) and (kpi.range is None or kpi.range[0] <= found <= kpi.range[1]):
        return found
    if found is MISSING:
        return Reading.missing("path_missing", path.why_missing(document))
    reading = number_of(found, kpi)
    return reading if reading.value is None else reading.value


def _not_a_number(found: object) -> str:
    if isinstance(found, str):
        return _not_a_number_text(found)
    if isinstance(found, list):
        return f"{kind_of(found)} is not a number; choose one, for example with [0] or max()"
    if isinstance(found, dict):
        return f"{kind_of(found)} is not a number; name one of its keys"
    return f"{kind_of(found)} is not a number"


def _not_a_number_text(text: str) -> str:
    shown = repr(text if len(text) <= _TEXT_SHOWN else f"{text[:_TEXT_SHOWN]}...")
    bare = text.strip()
    if not bare:
        return "an empty text is not a number"
    if _NUMBER.fullmatch(bare):
        return f"{shown} is a number in quotes; write it without them"
    if _THOUSANDS.fullmatch(bare):
        return f"{shown} is not a number; write it with a decimal point and without separators"
    if _DECIMAL_COMMA.fullmatch(bare):
        return f"{shown} is not a number; write {bare.replace(',', '.')} with a decimal point"
    return f"the text {shown} is not a number"


def _exact(value: float) -> str:
    short = f"{value:g}"
    return short if float(short) == value else repr(value)
