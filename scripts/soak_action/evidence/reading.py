"""Reading a run back from its files, believing nothing that does not fit together."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import isfinite
from typing import Any

from soak_action import canonical
from soak_action.config.model import Kpi
from soak_action.errors import EvidenceError
from soak_action.evidence.changes import changes_in_force, check_changes
from soak_action.evidence.consistency import SegmentCheck, Span, contradiction_of, segment_contradictions
from soak_action.evidence.incidents import IncidentCount
from soak_action.evidence.ledger import SEGMENTS, Chain, Record
from soak_action.evidence.measurements import Column, Conduct, Incidents, Measurements, Problem, State
from soak_action.evidence.run_dir import CONFIG, RECEIPT, RUN, SOURCES, EvidenceDir, RunDir, is_named_otherwise
from soak_action.evidence.segments import gaps, segments_of
from soak_action.evidence.service_conduct import service_conduct
from soak_action.evidence.tuning_conduct import TuningCount
from soak_action.files import digest_of_file, read_evidence

_OUTCOMES = {name: name for name in ("ok", "failed", "timeout", "crashed", "cancelled")}
_ENDS: dict[object, State] = {
    "finished": "finished",
    "paused": "paused",
    "interrupted": "interrupted",
    "aborted": "aborted",
}


@dataclass(frozen=True)
class Promise:
    """What a run wrote down before it began: run.json, the configuration and where each value came from."""

    run: Record
    config: Mapping[str, Any]
    sources: Sequence[Mapping[str, Any]]
    genesis: str
    problems: tuple[Problem, ...]


@dataclass(frozen=True)
class Outcome:
    """What a run measured, as its files say."""

    measurements: Measurements
    conduct: Conduct
    problems: tuple[Problem, ...]
    notes: tuple[str, ...]
    finished_at: str | None
    changes: tuple[Mapping[str, Any], ...] = ()


def read_document(run: EvidenceDir, name: str, problems: list[Problem]) -> Any:
    """Return a JSON file of the evidence, noting it when its bytes are not those that soak writes.

    Raises EvidenceError when it is missing or not JSON, because then nothing can be judged.
    """
    content = read_evidence(run.path / name)
    try:
        data = canonical.parse(content, name)
        if canonical.pretty(data) != content:
            problems.append(Problem(name, "its bytes are not those that soak wrote"))
    except canonical.CanonicalError as error:
        raise EvidenceError(f"{name}: not a document that soak wrote: {error}") from None
    return data


def read_promise(run: RunDir) -> Promise:
    """Return what the run promised. Raises EvidenceError when one of its three files cannot be read at all."""
    problems: list[Problem] = []
    document = read_document(run, RUN, problems)
    config = read_document(run, CONFIG, problems)
    sources = read_document(run, SOURCES, problems)
    if not (isinstance(document, dict) and isinstance(config, dict) and isinstance(sources, dict)):
        raise EvidenceError(f"{RUN}, {CONFIG} and {SOURCES} must be mappings")
    leaves = sources.get("leaves")
    for name, key, found in ((CONFIG, "config_digest", config), (SOURCES, "config_sources_digest", sources)):
        if document.get(key) != canonical.digest(found):
            problems.append(Problem(name, f"does not match the {key} that {RUN} promised"))
    if is_named_otherwise(run.path, document.get("run_id")):
        problems.append(Problem(RUN, f"belongs to run {document.get('run_id')}, not to {run.path.name}"))
    return Promise(
        run=document,
        config=config,
        sources=[leaf for leaf in leaves if isinstance(leaf, dict)] if isinstance(leaves, list) else [],
        genesis=digest_of_file(run.path / RUN),
        problems=tuple(problems),
    )


def read_outcome(run: RunDir, promise: Promise, kpis: Sequence[Kpi], *, sealing: bool = False) -> Outcome:
    """Return what the run measured for `kpis`.

    A run without a receipt is unfinished, except while it is being sealed.
    """
    chain = Chain(run.path, promise.genesis)
    collector = _Collector(kpis)
    check: SegmentCheck | None = None
    for line, record in chain.records():
        check = check or SegmentCheck(chain.segments)
        collector.add(line, record, check)
    ends = segment_contradictions(chain.segments, collector.spans)
    incidents, disagreements = collector.incidents.finish(chain.segments)
    wrong = list(check_changes(chain.changes, collector.spans, promise.run, promise.sources))
    changes = () if wrong else tuple(changes_in_force(chain.changes, collector.spans))
    problems = [*promise.problems, *chain.problems, *collector.problems, *ends, *disagreements, *wrong]
    measurements = collector.measurements()
    stamped = collector.mock or promise.run.get("mock") is True
    conduct, finished_at = _conduct(chain.segments, measurements, problems, incidents, mock=stamped)
    conduct = replace(conduct, tuning=collector.tuning.finish())
    try:
        conduct = replace(conduct, service=service_conduct(collector.services, chain.segments))
    except (ArithmeticError, AttributeError, KeyError, TypeError, ValueError):
        problems.append(Problem(SEGMENTS, "what the records tell of the service cannot be read"))
    if not sealing and not (run.path / RECEIPT).is_file():
        conduct = replace(conduct, state="unfinished")
    return Outcome(measurements, conduct, tuple(problems), tuple(chain.torn), finished_at, changes)


class _Collector:
    """Gathers iteration records into columns."""

    def __init__(self, kpis: Sequence[Kpi]) -> None:
        self.problems: list[Problem] = []
        self.mock = False
        self.spans: dict[int, Span] = {}
        self.incidents = IncidentCount()
        self.services: list[tuple[int, Record]] = []
        self.tuning = TuningCount()
        self._columns = {kpi.name: Column() for kpi in kpis}
        self._filled = [(kpi, self._columns[kpi.name]) for kpi in kpis]
        self._numbers = array("q")
        self._segments = array("q")
        self._starts = array("d")
        self._seconds = array("d")
        self._outcomes: list[str] = []

    def add(self, line: int, record: Record, check: SegmentCheck) -> None:
        try:
            wrong = contradiction_of(record) or check.contradiction_of(record)
            number, segment = int(record["iteration"]), int(record["segment"])
            start, seconds = float(record["offset_seconds"]), float(record["seconds"])
            outcome = _OUTCOMES[record["outcome"]]
            values, missing = dict(record["kpis"]), dict(record["missing"])
            if not isfinite(start) or not isfinite(seconds):
                raise ValueError
            self.incidents.add(record)
            self.tuning.add(record)
        except (AttributeError, KeyError, TypeError, ValueError, OverflowError):
            self.problems.append(
                Problem(f"iterations.jsonl:{line}", "not an iteration's record: a field is missing or wrong")
            )
            return
        if wrong is not None:
            self.problems.append(Problem(f"iterations.jsonl:{line}", f"the record {wrong}"))
        self.spans[segment] = Span(number, start + seconds)
        self._numbers.append(number)
        self._segments.append(segment)
        self._starts.append(start)
        self._seconds.append(seconds)
        self._outcomes.append(outcome)
        self.mock = self.mock or record.get("mock") is True
        if "service" in record:
            self.services.append((number, record["service"]))
        for kpi, column in self._filled:
            value = values.get(kpi.name)
            if type(value) is not float and type(value) is not int:
                column.add_missing(str(missing.get(kpi.name, "not_recorded")))
            elif kpi.range is not None and not kpi.range[0] <= value <= kpi.range[1]:
                column.add_missing("out_of_range")
            else:
                column.add(float(value))

    def measurements(self) -> Measurements:
        return Measurements(
            numbers=self._numbers,
            outcomes=self._outcomes,
            segments=self._segments,
            starts=self._starts,
            seconds=self._seconds,
            kpis=self._columns,
        )


def _conduct(
    segments: Sequence[Record], found: Measurements, problems: list[Problem], incidents: Incidents, *, mock: bool
) -> tuple[Conduct, str | None]:
    """Return how the run went; a segment that never ended counts up to its last record."""
    ended = 0.0
    longest = 0.0
    state: State = "unfinished"
    finished_at: str | None = None
    for position, segment in enumerate(segments, 1):
        seconds = segment.get("measured_seconds")
        if not isinstance(seconds, int | float) or segment.get("state") not in _ENDS:
            problems.append(Problem(f"{SEGMENTS}:{position}", "not the end of a segment: a field is missing or wrong"))
            continue
        ended += seconds
        longest = max(longest, float(seconds))
        state = _ENDS[segment["state"]]
        finished_at = str(segment.get("ended_at"))
    last_end = found.starts[-1] + found.seconds[-1] if found.count else 0.0
    last_segment = found.segments[-1] if found.count else 0
    if last_segment > len(segments):
        state, finished_at = "unfinished", None
        longest = max(longest, last_end - ended)
        ended = max(ended, last_end)
    active = sum(
        seconds for seconds, outcome in zip(found.seconds, found.outcomes, strict=True) if outcome != "cancelled"
    )
    conduct = Conduct(
        state,
        round(ended, 6),
        round(active, 6),
        round(longest, 6),
        mock,
        tuple(_not_awake(segments)),
        incidents,
        segments=max(last_segment, len(segments)),
        gap_seconds=round(sum(gaps(segments_of(segments))), 3),
    )
    return conduct, finished_at


def _not_awake(segments: Sequence[Record]) -> Iterator[str]:
    """Yield the segments in which the machine could not be kept awake, and why."""
    for segment in segments:
        awake = segment.get("awake")
        if isinstance(awake, Mapping) and awake.get("state") == "failed":
            yield f"segment {segment.get('segment')}: {awake.get('reason')}"
