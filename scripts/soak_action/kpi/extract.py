"""The KPIs of one iteration, from the files and the output that it left behind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from soak_action.config.model import BuiltInSource, HttpSource, JsonSource, Kpi, RegexSource, Source
from soak_action.kpi.answers import AnswerReader, Answers
from soak_action.kpi.document import LARGEST_LOG, DocumentError, read_document, read_regular
from soak_action.kpi.log_match import decode_log, read_match
from soak_action.kpi.path import PathError, compile_path
from soak_action.kpi.reading import REASONS, Reading, measure, number_of
from soak_action.kpi.result_file import UnusableError, is_behind_link, locate

__all__ = ["REASONS", "Extraction", "IterationOutput", "Reading", "extract", "is_mock", "measure", "number_of"]

_TELL_OF_FAILURE = ("exit_code", "service_exits")


@dataclass(frozen=True)
class IterationOutput:
    """What one iteration left behind; a result file modified before `not_before_ns` (Unix time) is stale.

    `answers` are those of the servers that were asked, by their URL.
    """

    out_dir: Path
    stdout: Path
    stderr: Path
    stdout_cut: bool
    stderr_cut: bool
    not_before_ns: int
    answers: Mapping[str, Answers] = field(default_factory=dict)


@dataclass(frozen=True)
class Extraction:
    """Every KPI is in `values`, or in `missing` (reason codes); `mock`: a stamp was seen.

    `details` holds a clause for each that is missing, and for a value that wants to be explained.
    """

    values: Mapping[str, float]
    missing: Mapping[str, str]
    details: Mapping[str, str]
    mock: bool


def extract(
    kpis: Sequence[Kpi], output: IterationOutput, built_in: Mapping[str, float | Reading | None], *, workload_ok: bool
) -> Extraction:
    """Read every KPI of an iteration; whatever is wrong becomes the reason why a value is missing.

    `built_in` holds what soak measured itself: a number, why there is none, or None where the platform has none.
    After a failed workload only `exit_code`, if it came to one, and `service_exits` count: what a broken program
    measured of itself proves nothing.
    """
    results = _Results(output)
    values: dict[str, float] = {}
    missing: dict[str, str] = {}
    details: dict[str, str] = {}
    for kpi in kpis:
        if not workload_ok and not _tells_of_failure(kpi.source, built_in):
            reading = Reading.missing("workload_failed", "the workload failed, so its results do not count")
        else:
            reading = results.read(kpi, built_in)
        if reading.value is not None:
            values[kpi.name] = reading.value
        else:
            missing[kpi.name] = str(reading.reason)
        if reading.detail:
            details[kpi.name] = reading.detail
    return Extraction(values, missing, details, results.is_mock)


def _tells_of_failure(source: Source, built_in: Mapping[str, float | Reading | None]) -> bool:
    if not isinstance(source, BuiltInSource) or source.name not in _TELL_OF_FAILURE:
        return False
    return built_in.get(source.name) is not None


def is_mock(document: object) -> bool:
    """Whether a document is stamped as the output of the synthetic workload."""
    return isinstance(document, dict) and document.get("mock") is True


class _Results:
    """The files of one iteration, each read once whatever the number of KPIs in it."""

    def __init__(self, output: IterationOutput) -> None:
        self._output = output
        self._documents: dict[str, object] = {}
        self._failures: dict[str, Reading] = {}
        self._logs: dict[Path, str] = {}
        self._answers = AnswerReader(output.answers)

    @property
    def is_mock(self) -> bool:
        """Whether any document that was read is stamped as the output of the synthetic workload."""
        return any(map(is_mock, (*self._documents.values(), *self._answers.documents)))

    def read(self, kpi: Kpi, built_in: Mapping[str, float | Reading | None]) -> Reading:
        """Return the reading of one KPI from wherever it comes."""
        source = kpi.source
        if isinstance(source, BuiltInSource):
            value = built_in.get(source.name)
            if value is None:
                return Reading.missing("not_available", f"{source.name} is not available on this platform")
            if isinstance(value, Reading):
                return value
            return number_of(value, kpi)
        if isinstance(source, JsonSource):
            return self._read_json(source, kpi)
        if isinstance(source, HttpSource):
            return self._answers.read(source, kpi)
        return self._read_log(source, kpi)

    def _read_json(self, source: JsonSource, kpi: Kpi) -> Reading:
        if source.file not in self._documents and source.file not in self._failures:
            self._load(source.file)
        if source.file in self._failures:
            return self._failures[source.file]
        try:
            path = compile_path(source.path)
        except PathError as error:
            return Reading.missing("import_error", str(error))
        measured = measure(self._documents[source.file], kpi, path)
        if isinstance(measured, Reading):
            return Reading.missing(str(measured.reason), f"{source.file}: {measured.detail}")
        return Reading(measured, None, "")

    def _load(self, file: str) -> None:
        """Read a document, or keep why it cannot be read."""
        try:
            path = locate(self._output.out_dir, file, self._output.not_before_ns)
            document = read_document(path)
        except UnusableError as error:
            self._failures[file] = Reading.missing(error.reason, error.detail)
        except DocumentError as error:
            self._failures[file] = Reading.missing("import_error", f"{file}: {error}")
        else:
            self._documents[file] = document

    def _read_log(self, source: RegexSource, kpi: Kpi) -> Reading:
        is_stdout = source.stream == "stdout"
        path = self._output.stdout if is_stdout else self._output.stderr
        if path not in self._logs:
            if is_behind_link(path):
                return Reading.missing("import_error", f"the log of {source.stream} was replaced by a link")
            try:
                self._logs[path] = decode_log(read_regular(path, LARGEST_LOG))
            except FileNotFoundError:
                return Reading.missing("file_missing", f"the log of {source.stream} is not there")
            except DocumentError as error:
                return Reading.missing("import_error", f"the log of {source.stream} {error}")
            except OSError as error:
                return Reading.missing("import_error", f"the log of {source.stream} cannot be read: {error.strerror}")
        was_cut = self._output.stdout_cut if is_stdout else self._output.stderr_cut
        return read_match(self._logs[path], source.pattern, kpi, source.stream, was_cut=was_cut)
