"""The text that a server shows to Prometheus, and the series that a KPI names in it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from soak_action.units import format_size

if TYPE_CHECKING:
    from prometheus_client import Metric

_SELECTOR = re.compile(
    r"\s*(?:(?P<function>sum|min|max)\s*\(\s*)?(?P<name>[a-zA-Z_:][a-zA-Z0-9_:]*)\s*"
    r"(?:\{(?P<labels>.*)\}\s*)?(?P<close>\))?\s*",
    re.DOTALL,
)
_LABEL = re.compile(r'\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*=\s*"((?:[^"\\]|\\.)*)"\s*(?:,|\Z)', re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_FUNCTIONS: Mapping[str, Callable[[Sequence[float]], float]] = {"sum": sum, "min": min, "max": max}
_END_OF_OPENMETRICS = b"# EOF"
# What a family that is no counter itself counts up all the same.
_COUNTING = {"histogram": ("_count", "_sum", "_bucket"), "summary": ("_count", "_sum")}
_TOTAL = "_total"
# Labels are split in a time that grows with the square of their number, so nobody can keep us with a long line.
_LONGEST_LINE = 64 * 1024
_STARTED = "process_start_time_seconds"
_SHOWN = 3

Series = tuple[tuple[str, str], ...]


class ExpositionError(ValueError):
    """A text that is none, or a series that is not in it; the message is a clause that says what is wrong."""


@dataclass(frozen=True)
class Selector:
    """The metric that a KPI names: `labels` that its series must have, and the function that makes one of several."""

    name: str
    labels: Mapping[str, str]
    function: str | None


@dataclass(frozen=True)
class Exposition:
    """What a server showed: the value of each series of each metric, and which metrics count up."""

    samples: Mapping[str, Mapping[Series, float]]
    counters: frozenset[str]

    @property
    def started(self) -> float | None:
        """When the server's process started, in Unix time, if it says so."""
        return next(iter(self.samples.get(_STARTED, {}).values()), None)


@lru_cache(maxsize=1024)
def compile_selector(text: str) -> Selector:
    """Return the selector that `text` spells, such as ``sum(requests_total{code="500"})``. Raises ExpositionError."""
    match = _SELECTOR.fullmatch(text)
    if match is None or (match["function"] is None) != (match["close"] is None):
        raise ExpositionError(f"'{text}' is no metric; write NAME, NAME{{label=\"value\"}} or sum(NAME)")
    labels: dict[str, str] = {}
    rest = (match["labels"] or "").strip()
    while rest:
        label = _LABEL.match(rest)
        if label is None:
            raise ExpositionError(f'\'{text}\': labels are written as {{label="value", other="value"}}')
        labels[label[1]] = _ESCAPED.sub(lambda escaped: "\n" if escaped[1] == "n" else escaped[1], label[2])
        rest = rest[label.end() :].strip()
    return Selector(match["name"], labels, match["function"])


def parse_for(body: bytes, name: str) -> Exposition:
    """Return what `body` shows of the metric `name`, or all that it shows when that is not there. Raises as `parse`.

    A large answer holds thousands of series of which a KPI needs one, and it is read again when the run is verified.
    """
    with suppress(ExpositionError):
        found = parse(_excerpt(body, name))
        if name in found.samples:
            return found
    return parse(body)


def _excerpt(body: bytes, name: str) -> bytes:
    for suffix in (_TOTAL, *_COUNTING["histogram"]):
        name = name.removesuffix(suffix)
    wanted = (name.encode(), _STARTED.encode(), _END_OF_OPENMETRICS)
    return b"\n".join(line for line in body.split(b"\n") if any(word in line for word in wanted)) + b"\n"


def parse(body: bytes) -> Exposition:
    """Return what `body` shows, in the text format of Prometheus or, if it ends so, of OpenMetrics.

    Raises ExpositionError when it is neither.
    """
    if any(len(line) > _LONGEST_LINE for line in body.split(b"\n")):
        raise ExpositionError(f"a line is longer than {format_size(_LONGEST_LINE)}")
    samples: dict[str, dict[Series, float]] = {}
    counters: set[str] = set()
    try:
        for family in _families(body):
            for sample in family.samples:
                series = tuple(sorted(sample.labels.items()))
                samples.setdefault(sample.name, {})[series] = float(sample.value)
                if _counts_up(family.type, sample.name):
                    counters.add(sample.name)
    except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise ExpositionError(f"not the text format of Prometheus: {error}") from None
    if not samples:
        raise ExpositionError("no metric is in it")
    _name_as_written(samples, counters)
    return Exposition(samples, frozenset(counters))


def _name_as_written(samples: dict[str, dict[Series, float]], counters: set[str]) -> None:
    """Let a counter be found without its _total, too: the parser gives one to those that are shown without."""
    for name in tuple(counters):
        short = name.removesuffix(_TOTAL)
        if short not in samples:
            samples[short] = samples[name]
            counters.add(short)


def _families(body: bytes) -> Iterator[Metric]:
    from prometheus_client.openmetrics import parser as openmetrics
    from prometheus_client.parser import text_string_to_metric_families as plain

    text = body.decode("utf-8")
    if not body.rstrip().endswith(_END_OF_OPENMETRICS):
        return iter(plain(text))
    found: Iterator[Metric] = openmetrics.text_string_to_metric_families(text)  # type: ignore[no-untyped-call]
    return found


def _counts_up(kind: str, name: str) -> bool:
    if kind == "counter":
        return not name.endswith("_created")
    return name.endswith(_COUNTING.get(kind, ()))


def selected(exposition: Exposition, selector: Selector) -> Mapping[Series, float]:
    """Return the series that `selector` names.

    Raises ExpositionError when there are none, or several and no function to combine them.
    """
    series = exposition.samples.get(selector.name)
    if series is None:
        raise ExpositionError(f"there is no metric {selector.name}")
    wanted = selector.labels.items()
    found = {labels: value for labels, value in series.items() if wanted <= dict(labels).items()}
    if not found:
        raise ExpositionError(f"no series of {selector.name} has these labels, but {_named(series)}")
    if len(found) > 1 and selector.function is None:
        what = f"{len(found)} series of {selector.name}: {_named(found)}"
        raise ExpositionError(f"{what}; name one by its labels, or write sum({selector.name})")
    return found


def combined(selector: Selector, values: Sequence[float]) -> float:
    """Return the one value that a selector makes of its series."""
    return values[0] if selector.function is None else _FUNCTIONS[selector.function](values)


def _named(series: Mapping[Series, float]) -> str:
    shown = ["{" + ", ".join(f'{name}="{value}"' for name, value in labels) + "}" for labels in series]
    more = len(shown) - _SHOWN
    return ", ".join(shown[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
