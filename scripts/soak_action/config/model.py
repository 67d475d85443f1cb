"""The configuration as frozen plain data, with every unit already resolved.

Durations are seconds, sizes are bytes, shares are ratios between 0 and 1. This module imports nothing of the package,
so that every floor may use it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Direction = Literal["lower", "higher"]
Severity = Literal["hard", "soft"]
Stream = Literal["stdout", "stderr"]

# The KPIs whose values are sampled from the workload's processes while it runs.
SAMPLED = (
    *("rss_mib", "uss_mib", "private_mib", "cpu_seconds", "threads", "handles", "fds", "children"),
    *("io_read_mib", "io_write_mib", "gdi_objects", "user_objects"),
)


@dataclass(frozen=True)
class Readiness:
    """How a service shows that it is ready, and within how many seconds of its start.

    `target` is a URL (http), HOST:PORT (tcp), a regular expression that its output matches (log), or a command that
    succeeds (command).
    """

    kind: Literal["http", "tcp", "log", "command"]
    target: str | tuple[str, ...]
    within: float


@dataclass(frozen=True)
class Service:
    """A program that stays up for a whole segment.

    `restarts` unplanned exits are tolerated. At its planned stop it has `grace` seconds to end. `window` is how many
    seconds an iteration lasts when no command is run against the service.
    """

    start: str | tuple[str, ...]
    ready: Readiness | None
    restarts: int
    grace: float
    window: float


@dataclass(frozen=True)
class Workload:
    """The program under soak: `run` once per iteration, a `service`, or both; at least one of them is there."""

    run: str | tuple[str, ...] | None
    timeout: float
    env: Mapping[str, str]
    shell: tuple[str, ...] | None
    service: Service | None = None

    @property
    def window(self) -> float | None:
        """How many seconds an iteration lasts that is a window of the service; None when a command is run instead."""
        return self.service.window if self.service is not None and self.run is None else None

    @property
    def longest_iteration(self) -> float:
        """The most seconds that an iteration may take."""
        return self.timeout if self.window is None else min(self.window, self.timeout)


@dataclass(frozen=True)
class Schedule:
    """What is promised: how often, how long, at which pace."""

    iterations: int | None
    duration: float | None
    every: float | None
    pause: float | None
    warmup: int
    failures: int
    budget: float | None
    min_active: float | None

    def to_dict(self) -> dict[str, int | float | None]:
        """The promise as it stands in run.json."""
        return {
            "iterations": self.iterations,
            "duration_seconds": self.duration,
            "every_seconds": self.every,
            "pause_seconds": self.pause,
            "warmup": self.warmup,
            "failures": self.failures,
            "budget_seconds": self.budget,
            "min_active_seconds": self.min_active,
        }

    @property
    def planned_iterations(self) -> int | None:
        """The least number of iterations that the promise implies; None when only the clock will tell."""
        counts = []
        if self.iterations is not None:
            counts.append(self.iterations)
        if self.duration is not None and self.every:
            counts.append(max(1, -int(-self.duration // self.every)))
        if self.duration is not None and not counts:
            return None
        return max(counts) if counts else None

    @property
    def planned_judged(self) -> int | None:
        """The planned iterations after the warm-up; None when only the clock will tell."""
        planned = self.planned_iterations
        return None if planned is None else max(0, planned - self.warmup)


@dataclass(frozen=True)
class JsonSource:
    """A number in a JSON file that the workload writes below SOAK_OUT."""

    file: str
    path: str


@dataclass(frozen=True)
class RegexSource:
    """A number in the workload's output: the last match of the pattern's one named group."""

    pattern: str
    stream: Stream


@dataclass(frozen=True)
class HttpSource:
    """A number that a server tells when the iteration ends; a counter is measured by how much it grew in it.

    `path` is a JMESPath expression (json), or a metric with labels, such as ``sum(requests_total{code="500"})``
    (prometheus). Where `counter` is None the server's own type decides, and JSON has none.
    """

    url: str
    format: Literal["prometheus", "json"]
    path: str
    counter: bool | None


@dataclass(frozen=True)
class BuiltInSource:
    """A number that soak measures itself: exit_code, wall_seconds, peak_rss_mib, service_exits or one of SAMPLED."""

    name: str


Source = JsonSource | RegexSource | HttpSource | BuiltInSource


@dataclass(frozen=True)
class Window:
    """The judged iterations that a statistic looks at: the last `iterations`, the last `seconds`, or all of them."""

    iterations: int | None = None
    seconds: float | None = None

    def __str__(self) -> str:
        if self.iterations is not None:
            return f"last {self.iterations}"
        return "all" if self.seconds is None else f"last {self.seconds:g}s"


@dataclass(frozen=True)
class Sustained:
    """At least `at_least` of the last `of` judged iterations are within the named limit."""

    within: Severity
    at_least: int
    of: int
    severity: Severity


@dataclass(frozen=True)
class Abort:
    """Stop the run once `iterations` judged iterations in a row lie beyond `beyond`."""

    beyond: float
    iterations: int


@dataclass(frozen=True)
class Kpi:
    """A named number measured once per iteration, and the rules it is held to."""

    name: str
    source: Source
    title: str
    unit: str | None
    better: Direction | None
    range: tuple[float, float] | None
    stat: str
    window: Window
    hard: float | None
    soft: float | None
    sustained: Sustained | None
    abort: Abort | None
    allowed_missing: float
    must_vary: bool

    def is_beyond(self, value: float, limit: float) -> bool:
        """Whether `value` is worse than `limit`; equality is within the limit."""
        return value < limit if self.better == "higher" else value > limit


@dataclass(frozen=True)
class Gate:
    """Which verdicts turn the exit code red, and which paths only soak.yaml may set."""

    fail_on: tuple[str, ...]
    locked: tuple[str, ...] = ()


@dataclass(frozen=True)
class KeepOutputs:
    """Of which iterations the output stays once it is recorded: all, the failed ones, or the last `iterations` ones."""

    which: Literal["all", "failed", "last"] = "all"
    iterations: int = 0


@dataclass(frozen=True)
class EvidenceSettings:
    """How much of the workload's output is kept: bytes per stream and iteration, and of which iterations."""

    log_limit: int
    keep_outputs: KeepOutputs = KeepOutputs()


@dataclass(frozen=True)
class Resources:
    """How often the workload's processes are looked at, in seconds."""

    interval: float


@dataclass(frozen=True)
class Parameter:
    """A setting of the workload that a tuner may move between `minimum` and `maximum`, in steps from the minimum.

    An integer parameter without a step moves in steps of 1. `unit` is for display. `max_change_per_hour` is None where
    nothing but the bounds limits its speed.
    """

    name: str
    initial: float
    minimum: float
    maximum: float
    step: float | None = None
    is_integer: bool = False
    unit: str | None = None
    max_change_per_hour: float | None = None


@dataclass(frozen=True)
class Parameters:
    """The workload's parameters, and the file that holds their values while it runs."""

    file: str
    values: tuple[Parameter, ...]


@dataclass(frozen=True)
class TuningRule:
    """What is proposed when a condition on the KPIs of the last iteration holds: changes and targets by parameter."""

    when: str
    changes: Mapping[str, float]
    targets: Mapping[str, float]


@dataclass(frozen=True)
class Tuning:
    """Who proposes: rules, and a command that has `timeout` seconds each time. Nobody does when it is not `enabled`."""

    enabled: bool
    rules: tuple[TuningRule, ...]
    command: str | tuple[str, ...] | None
    timeout: float


@dataclass(frozen=True)
class Tolerance:
    """What two values may differ by and still count as the same: an amount, or a share of the earlier value."""

    amount: float
    is_share: bool = False


@dataclass(frozen=True)
class Oscillation:
    """A value may not return to one that it left within the last `window` values, its own included."""

    window: int
    tolerance: Tolerance


@dataclass(frozen=True)
class Cooldown:
    """After a change of more than the share `threshold` of its range a parameter stays for so many iterations."""

    threshold: float
    iterations: int


@dataclass(frozen=True)
class Freeze:
    """After `after` iterations in a row that meet `when` the `parameters` stay for `hold` iterations."""

    after: int
    hold: int
    when: str
    parameters: tuple[str, ...]


@dataclass(frozen=True)
class Guards:
    """What suppresses a proposal; the first `warmup` iterations run with the parameters that the run begins with."""

    warmup: int = 0
    oscillation: Oscillation | None = Oscillation(3, Tolerance(1e-6))
    cooldown: Cooldown | None = None
    freeze: Freeze | None = None


@dataclass(frozen=True)
class Retention:
    """What is kept of runs and of artifacts: a union of rules, and a limit on the disk use of what is left.

    Counts are per suite and profile, `keep_within`, `compress_after` and `orphan_age` seconds, `max_total` bytes. A
    count of 0 and a None leave the rule out. With `auto` a soak prunes its output directory when it has ended.
    """

    keep_last: int = 100
    keep_within: float | None = None
    keep_hourly: int = 0
    keep_daily: int = 0
    keep_weekly: int = 0
    keep_monthly: int = 0
    compress_after: float | None = 7 * 86_400.0
    max_total: int | None = 10**9
    orphan_age: float = 30 * 86_400.0
    auto: bool = False

    @property
    def keeps_nothing(self) -> bool:
        """Whether no rule keeps anything, so that all would be deleted."""
        counts = (self.keep_last, self.keep_hourly, self.keep_daily, self.keep_weekly, self.keep_monthly)
        return not any(counts) and not self.keep_within

    def to_dict(self) -> dict[str, int | float | None]:
        """The policy as its digest is taken; `auto` says when it is applied, not what it does."""
        return {
            "keep_last": self.keep_last,
            "keep_within_seconds": self.keep_within,
            "keep_hourly": self.keep_hourly,
            "keep_daily": self.keep_daily,
            "keep_weekly": self.keep_weekly,
            "keep_monthly": self.keep_monthly,
            "compress_after_seconds": self.compress_after,
            "max_total_bytes": self.max_total,
            "orphan_age_seconds": self.orphan_age,
        }


@dataclass(frozen=True)
class Config:
    """Everything that one run promises to do and to judge."""

    suite: str
    workload: Workload | None
    schedule: Schedule
    kpis: tuple[Kpi, ...]
    gate: Gate
    evidence: EvidenceSettings
    resources: Resources | None = None
    parameters: Parameters | None = None
    tuning: Tuning | None = None
    guards: Guards = Guards()
    retention: Retention = Retention()
