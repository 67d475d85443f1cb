"""Building the typed configuration from merged values, checking what a schema cannot: that they agree."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Literal, TypeVar

from soak_action.config.build_tuning import build_guards, build_parameters, build_tuning
from soak_action.config.check import Mistake
from soak_action.config.layers import Path
from soak_action.config.model import (
    SAMPLED,
    Abort,
    BuiltInSource,
    Config,
    EvidenceSettings,
    Gate,
    HttpSource,
    JsonSource,
    KeepOutputs,
    Kpi,
    Parameter,
    Parameters,
    Readiness,
    RegexSource,
    Resources,
    Retention,
    Schedule,
    Service,
    Source,
    Sustained,
    Tuning,
    Window,
    Workload,
)
from soak_action.config.wording import flow
from soak_action.units import UnitError, parse_duration, parse_share, parse_size

Value = TypeVar("Value")
# Stands for a duration that was refused, so that nothing else is said about it.
_ONE_SECOND = 1.0
_SHORTEST_INTERVAL = 0.1
_SHORTEST_ORPHAN_AGE = 3600.0
_SAMPLED = tuple(BuiltInSource(name) for name in SAMPLED)
_OF_COMMAND = (BuiltInSource("exit_code"), BuiltInSource("peak_rss_mib"))
_READINESS: tuple[Literal["http", "tcp", "log", "command"], ...] = ("http", "tcp", "log", "command")
_HIGHEST_PORT = 65535


class Builder:
    """Turns values that satisfy the schema into a Config, collecting mistakes instead of stopping at the first."""

    def __init__(
        self,
        where: Callable[[Path], str],
        check_source: Callable[[Source], str | None],
        built_in: tuple[str, ...],
        *,
        result_files: bool = False,
    ) -> None:
        """`check_source` returns what is wrong with a KPI's source; with `result_files` a source needs no FILE."""
        self._where = where
        self._check_source = check_source
        self._built_in = built_in
        self._result_files = result_files
        self.mistakes: list[Mistake] = []

    def build(self, data: Mapping[str, Any], default_suite: str) -> Config:
        """Return the configuration; it is only to be used when `mistakes` is empty."""
        kpis = tuple(self._kpi(name, settings) for name, settings in data["kpis"].items())
        workload = self._workload(data["workload"])
        self._check_sources(kpis, workload)
        resources = self._resources(data.get("resources"))
        parameters = self._parameters(data.get("parameters"))
        if resources is None and any(kpi.source in _SAMPLED for kpi in kpis):
            resources = Resources(_ONE_SECOND)
        return Config(
            suite=data.get("suite", default_suite),
            workload=workload,
            schedule=self._schedule(data["schedule"]),
            kpis=kpis,
            gate=Gate(tuple(data["gate"]["fail_on"]), tuple(data["gate"].get("locked", ()))),
            evidence=self._evidence(data["evidence"]),
            resources=resources,
            parameters=parameters,
            tuning=self._tuning(data, parameters),
            guards=build_guards(data.get("guards"), _declared(parameters), data["kpis"], self._mistake),
            retention=self._retention(data.get("retention")),
        )

    def check(self, data: Mapping[str, Any], broken: Collection[Path]) -> None:
        """Collect the mistakes of all sections but the `broken` ones, such as ("kpis", "a"): they break the schema."""
        for key, build in (("workload", self._workload), ("schedule", self._schedule), ("evidence", self._evidence)):
            if (key,) not in broken:
                build(data[key])
        if ("resources",) not in broken:
            self._resources(data.get("resources"))
        if ("parameters",) not in broken:
            parameters = self._parameters(data.get("parameters"))
            if ("tuning",) not in broken:
                self._tuning(data, parameters)
            if ("guards",) not in broken:
                build_guards(data.get("guards"), _declared(parameters), data["kpis"], self._mistake)
        if ("retention",) not in broken:
            self._retention(data.get("retention"))
        for name, settings in data["kpis"].items() if ("kpis",) not in broken else ():
            if ("kpis", name) not in broken:
                self._kpi(name, settings)

    def _evidence(self, data: Mapping[str, Any]) -> EvidenceSettings:
        log_limit = self._unit(parse_size, data["log_limit"], ("evidence", "log_limit"), 1)
        which, _, iterations = data["keep_outputs"].partition(" ")
        return EvidenceSettings(log_limit, KeepOutputs(which, int(iterations or 0)))

    def _resources(self, data: Mapping[str, Any] | None) -> Resources | None:
        if data is None:
            return None
        path = ("resources", "interval")
        interval = self._duration(data["interval"], path)
        if interval < _SHORTEST_INTERVAL:
            self._mistake(path, f"an interval of {data['interval']} disturbs what it measures; the shortest is 100ms")
        return Resources(interval)

    def _parameters(self, data: Mapping[str, Any] | None) -> Parameters | None:
        return None if data is None else build_parameters(data, self._mistake)

    def _tuning(self, data: Mapping[str, Any], parameters: Parameters | None) -> Tuning | None:
        if "tuning" not in data:
            return None
        timeout = self._duration(data["tuning"]["timeout"], ("tuning", "timeout"))
        if timeout == 0:
            self._mistake(("tuning", "timeout"), "a time-out of 0s stops the command at once; give it a length")
        return build_tuning(data["tuning"], _declared(parameters), data["kpis"], timeout, self._mistake)

    def _workload(self, data: Mapping[str, Any]) -> Workload | None:
        timeout = self._duration(data["timeout"], ("workload", "timeout"))
        if timeout == 0:
            self._mistake(("workload", "timeout"), "a time-out of 0s stops every iteration at once; give it a length")
        service = self._service(data["service"]) if "service" in data else None
        if "run" not in data and service is None:
            return None
        shell = data.get("shell")
        return Workload(
            run=_command(data["run"]) if "run" in data else None,
            service=service,
            timeout=timeout,
            env=dict(data.get("env", {})),
            shell=tuple(shell) if shell else None,
        )

    def _service(self, data: Mapping[str, Any]) -> Service:
        path = ("workload", "service")
        service = Service(
            start=_command(data["start"]),
            ready=self._readiness(data["ready"]) if "ready" in data else None,
            restarts=int(data["restarts"]),
            grace=self._duration(data["grace"], (*path, "grace")),
            window=self._duration(data["window"], (*path, "window")),
        )
        if service.window == 0:
            self._mistake((*path, "window"), "a window of 0s measures nothing; give it a length")
        return service

    def _readiness(self, data: Mapping[str, Any]) -> Readiness:
        path = ("workload", "service", "ready")
        kind, target = next((kind, data[kind]) for kind in _READINESS if kind in data)
        if problem := self._problem_of_readiness(kind, target):
            self._mistake((*path, kind), problem)
        within = self._duration(data["within"], (*path, "within"))
        if within == 0:
            self._mistake((*path, "within"), "nothing is ready within 0s; give it a length")
        return Readiness(kind, _command(target), within)

    def _problem_of_readiness(self, kind: str, target: str | list[str]) -> str | None:
        if kind == "log":
            try:
                re.compile(str(target))
            except (re.error, OverflowError, RecursionError) as error:
                return f"'{target}' is no regular expression: {error}"
        if kind == "tcp" and not 0 < int(str(target).rpartition(":")[2]) <= _HIGHEST_PORT:
            return f"'{target}' names no port; the highest is {_HIGHEST_PORT}"
        return None

    def _check_sources(self, kpis: Sequence[Kpi], workload: Workload | None) -> None:
        """Collect the KPIs that this workload cannot have."""
        for kpi in kpis:
            problem = None if self._result_files else _unmeasurable(kpi.source, workload)
            if problem:
                self._mistake(("kpis", kpi.name), f"'kpis.{kpi.name}' {problem}")

    def _schedule(self, data: Mapping[str, Any]) -> Schedule:
        def duration(key: str) -> float | None:
            return self._duration(data[key], ("schedule", key)) if key in data else None

        schedule = Schedule(
            iterations=int(data["iterations"]) if "iterations" in data else None,
            duration=duration("duration"),
            every=duration("every"),
            pause=duration("pause"),
            warmup=int(data["warmup"]),
            failures=int(data["failures"]),
            budget=duration("budget"),
            min_active=duration("min_active"),
        )
        for key in ("duration", "every", "budget", "min_active"):
            if getattr(schedule, key) == 0:
                self._mistake(("schedule", key), f"0s as {key} means nothing; remove the key or give it a length")
        planned = schedule.planned_iterations
        if planned is not None and schedule.warmup >= planned:
            self._mistake(
                ("schedule", "warmup"),
                f"{schedule.warmup} warm-up iterations leave nothing to judge of {planned} planned; plan more of them",
            )
        for key in ("duration", "min_active"):
            promised = getattr(schedule, key)
            if schedule.budget and promised and schedule.budget < promised:
                self._mistake(
                    ("schedule", "budget"),
                    f"the budget {data['budget']} ends before the promised {key} {data[key]}; "
                    f"a budget is the longest time that the run may take in all",
                )
        return schedule

    def _kpi(self, name: str, data: Mapping[str, Any]) -> Kpi:
        path: Path = ("kpis", name)
        bounds = data.get("range")
        if bounds and not bounds[0] < bounds[1]:
            self._mistake((*path, "range"), f"the range {flow(bounds)} must begin with its smaller end")
        kpi = Kpi(
            name=name,
            source=self._source(path, name, data.get("from")),
            title=data.get("title", name),
            unit=data.get("unit"),
            better=data.get("better"),
            range=(float(bounds[0]), float(bounds[1])) if bounds else None,
            stat=data["stat"],
            window=self._window(data["window"], (*path, "window")),
            hard=data.get("hard"),
            soft=data.get("soft"),
            sustained=self._sustained(path, data),
            abort=Abort(data["abort"]["beyond"], int(data["abort"]["for"])) if "abort" in data else None,
            allowed_missing=self._share(data["missing"]["allow"], (*path, "missing", "allow")),
            must_vary=data["must_vary"],
        )
        self._check_limits(path, kpi)
        return kpi

    def _source(self, path: Path, name: str, given: str | Mapping[str, Any] | None) -> Source:
        source: Source
        if given is None:
            source = BuiltInSource(name)
            if name not in self._built_in:
                self._mistake(
                    path,
                    f"'{'.'.join(path)}' does not say where its value comes from; write for example "
                    f"from: metrics.json#{name} (only {', '.join(self._built_in)} are measured by soak itself)",
                )
            return source
        if isinstance(given, str):
            file, _, expression = given.partition("#")
            source = JsonSource(file.strip(), expression)
            if not source.file and not self._result_files:
                self._mistake((*path, "from"), f"'{given}' names no file; write FILE#PATH, such as metrics.json{given}")
        elif "regex" in given:
            source = RegexSource(given["regex"], given.get("stream", "stdout"))
        else:
            source = HttpSource(given["http"], given["format"], given["path"], given.get("counter"))
        if problem := self._check_source(source):
            self._mistake((*path, "from"), problem)
        return source

    def _sustained(self, path: Path, data: Mapping[str, Any]) -> Sustained | None:
        given = data.get("sustained")
        if given is None:
            return None
        if isinstance(given, str):
            at_least, _, of = given.partition(" of ")
            given = {"at_least": int(at_least), "of": int(of)}
        sustained = Sustained(
            within=given.get("within", "soft"),
            at_least=int(given["at_least"]),
            of=int(given["of"]),
            severity=given.get("severity", "hard"),
        )
        place = (*path, "sustained")
        if sustained.at_least > sustained.of:
            self._mistake(place, f"at least {sustained.at_least} of {sustained.of} can never hold")
        if data.get(sustained.within) is None:
            self._mistake(place, f"it looks at the {sustained.within} limit, but '{'.'.join(path)}' has none; add one")
        return sustained

    def _check_limits(self, path: Path, kpi: Kpi) -> None:
        limited = [name for name in ("hard", "soft", "abort") if getattr(kpi, name) is not None]
        if limited and kpi.better is None:
            self._mistake(
                (*path, limited[0]),
                f"'{'.'.join(path)}' has a limit but does not say which way is good; add better: lower or higher",
            )
        elif kpi.hard is not None and kpi.soft is not None and kpi.is_beyond(kpi.soft, kpi.hard):
            self._mistake(
                (*path, "soft"),
                f"the soft limit {kpi.soft} is looser than the hard limit {kpi.hard}, so it could never warn first",
            )

    def _window(self, text: str, path: Path) -> Window:
        _, _, extent = text.partition(" ")
        if not extent:
            return Window()
        if extent.isdigit():
            return Window(iterations=int(extent))
        seconds = self._duration(extent, path)
        if seconds == 0:
            self._mistake(path, f"a window of {extent} holds no iteration; give it a length, or write all")
        return Window(seconds=seconds)

    def _retention(self, data: Mapping[str, Any] | None) -> Retention:
        if data is None:
            return Retention()
        path = ("retention",)
        retention = Retention(
            **{f"keep_{key}": int(data[f"keep_{key}"]) for key in ("last", "hourly", "daily", "weekly", "monthly")},
            keep_within=self._duration(data["keep_within"], (*path, "keep_within")) if "keep_within" in data else None,
            compress_after=self._duration(data["compress_after"], (*path, "compress_after")),
            max_total=self._unit(parse_size, data["max_total"], (*path, "max_total"), 1),
            orphan_age=self._duration(data["orphan_age"], (*path, "orphan_age")),
            auto=data["auto"],
        )
        if retention.keeps_nothing:
            self._mistake(
                path, "no rule of 'retention' keeps a run, so every one would be deleted; write keep_last: 100"
            )
        if retention.max_total == 0:
            self._mistake((*path, "max_total"), f"a limit of {data['max_total']} leaves no room for any run")
        if retention.orphan_age < _SHORTEST_ORPHAN_AGE:
            self._mistake(
                (*path, "orphan_age"),
                f"after {data['orphan_age']} a run may only just be beginning; the shortest is 1h",
            )
        return retention

    def _share(self, text: str, path: Path) -> float:
        share = self._unit(parse_share, text, path, 0.0)
        if share > 1:
            self._mistake(path, f"'{'.'.join(path)}' is {text}, but a share of the iterations is at most 100%")
        return share

    def _duration(self, text: str, path: Path) -> float:
        return self._unit(parse_duration, text, path, _ONE_SECOND)

    def _unit(self, parse: Callable[[str], Value], text: str, path: Path, fallback: Value) -> Value:
        try:
            return parse(text)
        except UnitError as error:
            self._mistake(path, f"'{'.'.join(path)}': {error}")
            return fallback

    def _mistake(self, path: Path, sentence: str) -> None:
        self.mistakes.append(Mistake(self._where(path), path, sentence))


def _declared(parameters: Parameters | None) -> dict[str, Parameter]:
    return {} if parameters is None else {parameter.name: parameter for parameter in parameters.values}


def _command(given: str | list[str]) -> str | tuple[str, ...]:
    return given if isinstance(given, str) else tuple(given)


def _unmeasurable(source: Source, workload: Workload | None) -> str | None:
    """Return why a workload cannot have a KPI from `source`, or None."""
    if workload is None:
        return None
    if workload.service is None and source == BuiltInSource("service_exits"):
        return "counts how often a service ended, and there is none; remove it, or write workload.service"
    if workload.run is not None or (source not in _OF_COMMAND and isinstance(source, BuiltInSource | HttpSource)):
        return None
    return (
        "is measured of workload.run, and there is none; write workload.run, or measure the service: rss_mib, "
        "service_exits, {http: ..., format: prometheus, path: ...}"
    )
