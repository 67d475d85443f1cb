"""Judging results that something else produced: files in which each document or row is one iteration."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from soak_action.config.load import Loaded
from soak_action.config.model import JsonSource, Kpi
from soak_action.evidence.measurements import Column, Measurements
from soak_action.gate.case import Case
from soak_action.gate.result import RuleResult
from soak_action.gate.verdict import MOCK_NOTE, Verdict, judge
from soak_action.kpi.extract import is_mock
from soak_action.kpi.formats import Row, reader_for
from soak_action.kpi.path import compile_path
from soak_action.kpi.reading import Reading, measure

_MOST_NOTES = 20


@dataclass(frozen=True)
class JudgedFiles:
    """The verdict on result files, how many rows it rests on, and the first reasons why values are missing."""

    verdict: Verdict
    rows: int
    notes: tuple[str, ...]


def judge_files(files: Sequence[Path], loaded: Loaded, reproduce: str) -> JudgedFiles:
    """Judge the rows of `files` in their order by the KPIs that `loaded` reads from files.

    Raises UsageError for a file whose format is not supported.
    """
    rules = loaded.config.kpis
    kpis = tuple(kpi for kpi in rules if isinstance(kpi.source, JsonSource))
    table = _Table(kpis)
    for reader, file in [(reader_for(file), file) for file in files]:
        for row in reader(file):
            table.add(row)
    case = Case(
        kpis=kpis,
        promise=None,
        measurements=table.measurements(),
        conduct=None,
        problems=(),
        origins={leaf.key: leaf.origin for leaf in loaded.public_leaves},
        overrides=(),
        reproduce=reproduce,
    )
    verdict = judge(case)
    if table.mock:
        verdict = replace(verdict, mock=True, reasons=(*verdict.reasons, MOCK_NOTE))
    unjudged = tuple(_not_in_files(kpi, reproduce) for kpi in rules if kpi not in kpis)
    return JudgedFiles(replace(verdict, rules=(*verdict.rules, *unjudged)), table.count, tuple(table.notes))


class _Table:
    """Gathers rows into columns."""

    def __init__(self, kpis: Sequence[Kpi]) -> None:
        self.mock = False
        self.count = 0
        self.notes: list[str] = []
        self._columns: Mapping[str, Column] = {kpi.name: Column() for kpi in kpis}
        self._readers = [
            (kpi, compile_path(kpi.source.path), self._columns[kpi.name])
            for kpi in kpis
            if isinstance(kpi.source, JsonSource)
        ]

    def add(self, row: Row) -> None:
        document = row.document
        self.count += 1
        if row.error is not None:
            for column in self._columns.values():
                column.add_missing("import_error")
            self._note(f"{row.where}: {row.error}")
            return
        self.mock = self.mock or is_mock(document)
        for kpi, path, column in self._readers:
            found = measure(document, kpi, path)
            if isinstance(found, Reading):
                column.add_missing(str(found.reason))
                self._note(f"{row.where}: {kpi.name}: {found.detail}")
            else:
                column.add(found)

    def measurements(self) -> Measurements:
        return Measurements(
            numbers=range(1, self.count + 1),
            outcomes=["ok"] * self.count,
            segments=array("B", [1]) * self.count,
            starts=(),
            seconds=(),
            kpis=self._columns,
        )

    def _note(self, text: str) -> None:
        if len(self.notes) < _MOST_NOTES:
            self.notes.append(text)


def _not_in_files(kpi: Kpi, reproduce: str) -> RuleResult:
    return RuleResult(
        id=f"{kpi.name}.measured",
        kpi=kpi.name,
        result="not_applicable",
        reason="it is measured while the workload runs, so result files cannot hold it",
        reproduce=reproduce,
    )
