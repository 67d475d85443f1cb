"""A KPI out of what a server answered at the beginning and at the end of an iteration."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from soak_action.config.model import HttpSource, Kpi
from soak_action.kpi.document import LARGEST_DOCUMENT, DocumentError, read_document, read_regular
from soak_action.kpi.formats.prometheus import (
    Exposition,
    ExpositionError,
    Selector,
    Series,
    combined,
    compile_selector,
    parse_for,
    selected,
)
from soak_action.kpi.path import compile_path
from soak_action.kpi.reading import Reading, measure, number_of

_RESET = "the counter began anew within the iteration, so what it had counted before that is lost"


@dataclass(frozen=True)
class Answers:
    """The files that keep what one server answered; `failures` says of each that is not there why, by its path."""

    begin: Path
    end: Path
    failures: Mapping[Path, str] = field(default_factory=dict)


def needs_beginning(source: HttpSource) -> bool:
    """Whether a KPI may be a counter, so that the server is to be asked at the beginning, too."""
    return source.counter is not False and (source.format == "prometheus" or source.counter is True)


class AnswerReader:
    """Reads KPIs out of answers, each answer parsed once."""

    def __init__(self, answers: Mapping[str, Answers]) -> None:
        self._answers = answers
        self._parsed: dict[tuple[Path, str, str], Exposition | object] = {}

    @property
    def documents(self) -> Collection[object]:
        """What was parsed so far."""
        return self._parsed.values()

    def read(self, source: HttpSource, kpi: Kpi) -> Reading:
        """Return the KPI's reading; the `detail` of one with a value tells of a counter that began anew."""
        answers = self._answers.get(source.url)
        if answers is None:
            return Reading.missing("no_answer", f"{source.url} was not asked")
        try:
            if source.format == "json":
                return self._read_json(source, kpi, answers)
            return self._read_series(source, kpi, answers)
        except _MissingError as missing:
            return Reading.missing(missing.reason, f"{source.url}: {missing}")

    def _read_json(self, source: HttpSource, kpi: Kpi, answers: Answers) -> Reading:
        end = self._number(source, kpi, answers, answers.end)
        if not source.counter:
            return number_of(end, kpi)
        begin = self._number(source, kpi, answers, answers.begin)
        return _grown(kpi, begin, end)

    def _number(self, source: HttpSource, kpi: Kpi, answers: Answers, file: Path) -> float:
        measured = measure(self._document(source, answers, file), replace(kpi, range=None), compile_path(source.path))
        if isinstance(measured, Reading):
            raise _MissingError(str(measured.reason), measured.detail)
        return measured

    def _read_series(self, source: HttpSource, kpi: Kpi, answers: Answers) -> Reading:
        selector = compile_selector(source.path)
        end = self._exposition(source, answers, answers.end)
        counts_up = selector.name in end.counters if source.counter is None else source.counter
        found = _series(end, selector)
        if not counts_up:
            return number_of(combined(selector, list(found.values())), kpi)
        begin = self._exposition(source, answers, answers.begin)
        before = begin.samples.get(selector.name, {})
        restarted = begin.started != end.started
        grown = [_growth(0.0 if restarted else before.get(series, 0.0), value) for series, value in found.items()]
        reset = restarted or any(before.get(series, 0.0) > value for series, value in found.items())
        return _noted(number_of(combined(selector, grown), kpi), reset=reset)

    def _exposition(self, source: HttpSource, answers: Answers, file: Path) -> Exposition:
        found = self._document(source, answers, file)
        assert isinstance(found, Exposition)  # noqa: S101 - what `_parse` returns for this format
        return found

    def _document(self, source: HttpSource, answers: Answers, file: Path) -> Exposition | object:
        # Two KPIs may take the same answer for different formats; at most one of them is right.
        key = file, source.format, "" if source.format == "json" else compile_selector(source.path).name
        if key not in self._parsed:
            self._parsed[key] = _parse(source, answers, file)
        return self._parsed[key]


class _MissingError(Exception):
    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


def _parse(source: HttpSource, answers: Answers, file: Path) -> Exposition | object:
    try:
        if not file.exists():
            raise _MissingError("no_answer", answers.failures.get(file, "there was no answer"))
        if source.format == "json":
            return read_document(file)
        return parse_for(read_regular(file, LARGEST_DOCUMENT), compile_selector(source.path).name)
    except (DocumentError, ExpositionError, OSError) as error:
        raise _MissingError("import_error", str(error)) from None


def _series(exposition: Exposition, selector: Selector) -> Mapping[Series, float]:
    try:
        return selected(exposition, selector)
    except ExpositionError as error:
        raise _MissingError("path_missing", str(error)) from None


def _growth(begin: float, end: float) -> float:
    """Return by how much a counter grew; one that fell was set to zero in between."""
    return end if end < begin else end - begin


def _grown(kpi: Kpi, begin: float, end: float) -> Reading:
    return _noted(number_of(_growth(begin, end), kpi), reset=end < begin)


def _noted(reading: Reading, *, reset: bool) -> Reading:
    return Reading(reading.value, None, _RESET) if reset and reading.value is not None else reading
