"""Holding what the records of a run say of its service against the promise and the files that it left."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from soak_action.config.model import BuiltInSource, Config
from soak_action.evidence.ledger import KILLED
from soak_action.evidence.measurements import Problem
from soak_action.evidence.run_dir import SERVICE, RunDir, digests_below

Record = Mapping[str, Any]


class ServiceCheck:
    """Is told record after record, those of iterations first; `problems` are to be asked for at the end."""

    def __init__(self, run: RunDir, config: Config, *, is_sealed: bool) -> None:
        """Where a run `is_sealed`, or about to be, nothing may be there that no record tells of."""
        self._is_sealed = is_sealed
        self._run = run
        self._workload = config.workload
        self._counting = [kpi.name for kpi in config.kpis if kpi.source == BuiltInSource("service_exits")]
        self._problems: list[Problem] = []
        self._starts: set[str] = set()

    def add_iteration(self, record: Record, where: str) -> None:
        """Look at the record of an iteration, which fits its schema or was told not to."""
        service = record.get("service")
        self._check_presence(service, where)
        has_command = self._workload is not None and self._workload.run is not None
        if has_command and record.get("outcome") == "ok" and record.get("exit_code") is None:
            self._note(where, "is ok, but the workload did not exit with 0")
        if isinstance(service, dict) and _has_shape(service):
            self._check_count(record, len(service["exits"]), where)
            self._check_ends(service["exits"], where)
            # When soak was killed, this is all that is known of that start.
            self._starts.add(self._run.service(service["start"]).path.name)

    def add_segment(self, record: Record, where: str) -> None:
        """Look at the record of a segment's end."""
        service = record.get("service")
        if record.get("reason") != KILLED:
            self._check_presence(service, where)
        if isinstance(service, dict) and isinstance(service.get("exits"), list):
            self._check_ends([*service["exits"], *([service["stop"]] if service.get("stop") else [])], where)

    def problems(self) -> Iterator[Problem]:
        """Yield what was found, and the folders of starts that nobody recorded."""
        yield from self._problems
        folder = self._run.path / SERVICE
        if folder.is_symlink():
            yield Problem(SERVICE, "is a link that leads out of the run")
            return
        for path in sorted(folder.iterdir()) if folder.is_dir() else ():
            if path.is_symlink():
                yield Problem(f"{SERVICE}/{path.name}", "is a link that leads out of the run")
            elif path.name not in self._starts and self._is_sealed:
                yield Problem(f"{SERVICE}/{path.name}", "belongs to no start of the service that was recorded")

    def _check_presence(self, service: object, where: str) -> None:
        promised = self._workload is not None and self._workload.service is not None
        if promised and service is None:
            self._note(where, "says nothing about the service, although the configuration has one")
        elif not promised and service is not None:
            self._note(where, "tells of a service, although the configuration has none")

    def _check_count(self, record: Record, exits: int, where: str) -> None:
        values = record.get("kpis")
        for name in self._counting:
            if isinstance(values, dict) and name in values and values[name] != exits:
                self._note(where, f"the value of {name} is not the number of exits of the iteration")

    def _check_ends(self, ends: list[Any], where: str) -> None:
        for end in ends:
            if not isinstance(end, dict) or not isinstance(end.get("start"), int):
                continue
            folder = self._run.service(end["start"])
            self._starts.add(folder.path.name)
            if folder.path.is_symlink() or digests_below(folder) != end.get("results"):
                self._note(where, f"what {SERVICE}/{folder.path.name} holds was changed after it was recorded")

    def _note(self, where: str, what: str) -> None:
        self._problems.append(Problem(where, what))


def _has_shape(service: Record) -> bool:
    return isinstance(service.get("exits"), list) and isinstance(service.get("start"), int)
