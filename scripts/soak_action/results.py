"""Judging results that something else produced: files in which each document or row is one iteration."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from soak_action.config.model import JsonSource, Kpi
from soak_action.evidence.measurements import Column, Measurements
from soak_action.gate.case import Case
from soak_action.gate.result import RuleResult
from soak_action.gate.rules import Rules
from soak_action.gate.verdict import MOCK_NOTE, Verdict, judge
from soak_action.kpi.extract import is_mock
from soak_action.kpi.formats import Reader, Row
from soak_action.kpi.path import compile_path
from soak_action.kpi.reading import Reading, measure

_MOST_NOTES = 20


@dataclass(frozen=True)
class ResultFile:
    """A file to be read by `reader`, and the name that people know it by."""

    path: Path
    shown: str
    reader: Reader


@dataclass(frozen=True)
class JudgedFiles:
    """The verdict on result files, what was measured in them, and the first reasons why values are missing."""

    verdict: Verdict
    measurements: Measurements
    notes: tuple[str, ...]


def judge_files(files: Sequence[ResultFile], rules: Rules) -> JudgedFiles:
    """Judge the rows of `files` in their order by those KPIs of `rules` that are read from files."""
    kpis = tuple(kpi for kpi in rules.kpis if isinstance(kpi.source, JsonSource))
    table = _Table(kpis)
    for file in files:
        for row in file.reader(file.path):
            table.add(row, file.shown)
    case = Case(
        kpis=kpis,
        promise=None,
        measurements=table.measurements(),
        conduct=None,
        problems=(),
        origins=rules.origins,
        overrides=rules.overrides,
        reproduce=rules.reproduce,
    )
    verdict = judge(case)
    if table.mock:
        verdict = replace(verdict, mock=True, reasons=(*verdict.reasons, MOCK_NOTE))
    unjudged = tuple(_not_in_files(kpi, rules.reproduce) for kpi in rules.kpis if kpi not in kpis)
    verdict = replace(verdict, rules=(*verdict.rules, *unjudged))
    return JudgedFiles(verdict, case.measurements, tuple(table.notes))


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

    def add(self, row: Row, shown: str) -> None:
        document = row.document
        self.count += 1
        if row.error is not None:
            for column in self._columns.values():
                column.add_missing("import_error")
            self._note(row, shown, row.error)
            return
        self.mock = self.mock or is_mock(document)
        for kpi, path, column in self._readers:
            found = measure(document, kpi, path)
            if isinstance(found, Reading):
                column.add_missing(str(found.reason))
                self._note(row, shown, f"{kpi.name}: {found.detail}")
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

    def _note(self, row: Row, shown: str, what: str) -> None:
        if len(self.notes) < _MOST_NOTES:
            self.notes.append(f"{row._replace(name=shown).where}: {what}")


def _not_in_files(kpi: Kpi, reproduce: str) -> RuleResult:
    return RuleResult(
        id=f"{kpi.name}.measured",
        kpi=kpi.name,
        result="not_applicable",
        reason="it is measured while the workload runs, so result files cannot hold it",
        reproduce=reproduce,
    )
