"""The reproducible synthetic workload: one seed, the same bytes on every system.

Only `random.Random(seed).random()` and the basic operations of IEEE 754 take part, which give the same bits everywhere;
the logarithm and cosine of the usual normal transforms differ between C libraries in the last place. The parameters of
the workload, where it has any, shift the numbers as mock_parameters.py says.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from difflib import get_close_matches
from math import inf
from pathlib import Path
from random import Random

from soak_action import canonical
from soak_action.errors import SurroundingsError, UsageError
from soak_action.workload import mock_parameters
from soak_action.workload.mock_parameters import NEUTRAL, MockParameters, Shift


@dataclass(frozen=True)
class Mode:
    """The (mean, standard deviation) of what differs between the modes, and the probability of a spike."""

    net_bps: tuple[float, float]
    adverse_bps: tuple[float, float]
    risk_ratio: tuple[float, float]
    spike: float = 0.0


CALM = Mode(net_bps=(3.0, 0.5), adverse_bps=(2.0, 0.3), risk_ratio=(0.30, 0.05))
MODES = {
    "calm": CALM,
    "volatile": Mode(net_bps=(2.5, 1.5), adverse_bps=(3.0, 1.0), risk_ratio=(0.40, 0.15)),
    "spike": replace(CALM, spike=0.05),
}

FAULTS = {
    "leak": "memory grows by the same amount at every iteration",
    "step": "latency jumps and stays up",
    "sawtooth": "memory climbs and falls in cycles, which is healthy",
    "hang": "never ends",
    "crash": "dies by abort()",
    "missing": "writes no metrics.json",
    "stale": "writes a metrics.json that is one day old",
    "constant": "repeats the same values",
    "impossible": "reports a ratio below 0 and an error rate above 1",
}
NO_FAULTS: frozenset[str] = frozenset()
MOST_ITERATIONS = 10_000_000  # the series is drawn from its beginning, which takes its time

RESULT_FILE = "metrics.json"
PROOF_FILE = "params.sha256"
UNIFORMS_PER_NORMAL = 12
NORMALS = 6
UNIFORMS = 3
DRAWS = NORMALS * UNIFORMS_PER_NORMAL + UNIFORMS

GAP_PROBABILITY = 0.02
GAP_BPS = -10.0
P50_MS = (120.0, 10.0)
P95_MS = (250.0, 20.0)
RSS_MIB = (200.0, 2.0)
MAX_HEALTHY_ERROR_RATE = 0.004
LEAK_MIB_PER_ITERATION = 5.0
STEP_MS = 300.0
SAWTOOTH_MIB_PER_ITERATION = 10.0
SAWTOOTH_ITERATIONS = 8
STALE_SECONDS = 86_400


@dataclass(frozen=True)
class Reading:
    """What one iteration measured: bps, ratios, milliseconds and MiB."""

    net_bps: float
    adverse_bps: float
    risk_ratio: float
    p50: float
    p95: float
    error_rate: float
    rss_mib: float


@dataclass(frozen=True)
class Scenario:
    """A mock run: which mode, which seed, which faults, the first iteration at which the faults hold, and the shift.

    What is stuck does not react: with the fault `constant` the parameters shift nothing while it holds.
    Raises UsageError for an unknown mode or fault, a negative seed (Random takes its absolute value, so that two seeds
    would give one series), a seed that JSON cannot hold exactly, and a `fault_from` below 1.
    """

    mode: str
    seed: int
    faults: frozenset[str] = NO_FAULTS
    fault_from: int = 2
    shift: Shift = NEUTRAL

    def __post_init__(self) -> None:
        _require_known("mode", self.mode, MODES)
        for fault in sorted(self.faults):
            _require_known("fault", fault, FAULTS)
        _require_at_least("the seed", self.seed, 0)
        if self.seed > canonical.LARGEST_INTEGER:
            raise UsageError(f"the seed is {self.seed}: write {canonical.LARGEST_INTEGER} or less")
        _require_at_least("the first faulty iteration", self.fault_from, 1)

    def is_faulty(self, iteration: int) -> bool:
        """Whether the faults hold in this iteration."""
        return bool(self.faults) and iteration >= self.fault_from

    def readings(self, first: int) -> Iterator[tuple[int, Reading]]:
        """Yield (iteration, reading) from iteration `first` on, without end."""
        last_new = self.fault_from if "constant" in self.faults else inf
        start = first if first < last_new else self.fault_from
        random = Random(self.seed)  # noqa: S311 - reproducible, not secret
        for _ in range((start - 1) * DRAWS):
            random.random()
        reading = self._reading(random, start)
        iteration = start
        while True:
            if iteration >= first:
                yield iteration, reading
            iteration += 1
            if iteration <= last_new:
                reading = self._reading(random, iteration)

    def _reading(self, random: Random, iteration: int) -> Reading:
        is_stuck = "constant" in self.faults and self.is_faulty(iteration)
        healthy = healthy_reading(random, MODES[self.mode], NEUTRAL if is_stuck else self.shift)
        return with_faults(healthy, self.faults, iteration - self.fault_from) if self.is_faulty(iteration) else healthy

    def document(self, iteration: int, reading: Reading) -> dict[str, object]:
        """Return the JSON document of a reading."""
        return {
            "mock": True,
            "mode": self.mode,
            "seed": self.seed,
            "iteration": iteration,
            "net_bps": _rounded(reading.net_bps),
            "adverse_bps": _rounded(reading.adverse_bps),
            "risk_ratio": _rounded(reading.risk_ratio),
            "latency": {"p50": _rounded(reading.p50), "p95": _rounded(reading.p95)},
            "errors": {"rate": _rounded(reading.error_rate)},
            "memory": {"rss_mib": _rounded(reading.rss_mib)},
        }


def normal(random: Random) -> float:
    """Return a nearly standard normal number between -6 and 6: the sum of twelve uniform numbers less its mean.

    This is the Irwin-Hall distribution of order 12 (variance 12/12 = 1, kurtosis 2.9). The loop is written out because
    the built-in sum() compensates rounding errors since Python 3.12 and gives other last digits before.
    """
    total = 0.0
    for _ in range(UNIFORMS_PER_NORMAL):
        total += random.random()
    return total - UNIFORMS_PER_NORMAL / 2


def healthy_reading(random: Random, mode: Mode, shift: Shift = NEUTRAL) -> Reading:
    """Return the reading of an iteration without faults; takes exactly DRAWS numbers from `random`.

    The parameters `shift` every value, that of a spike or a gap included.
    """
    net, adverse, risk = (
        _scaled(normal(random), spread) for spread in (mode.net_bps, mode.adverse_bps, mode.risk_ratio)
    )
    p50, p95, rss = (_scaled(normal(random), spread) for spread in (P50_MS, P95_MS, RSS_MIB))
    errors, gap, spike = (random.random() for _ in range(UNIFORMS))
    if spike < mode.spike:
        net, adverse, risk = 1.0, 8.0, 0.70
    if gap < GAP_PROBABILITY:
        net += GAP_BPS
    p95 = max(0.0, p95)
    return Reading(
        net_bps=net + shift.net_bps,
        adverse_bps=adverse + shift.adverse_bps,
        risk_ratio=min(1.0, max(0.0, risk + shift.risk_ratio)),
        p50=min(p95, max(0.0, p50)),
        p95=p95,
        error_rate=MAX_HEALTHY_ERROR_RATE * errors,
        rss_mib=rss,
    )


def with_faults(reading: Reading, faults: frozenset[str], age: int) -> Reading:
    """Return the reading as the faults distort it; `age` is the number of faulty iterations before this one."""
    if "leak" in faults:
        reading = replace(reading, rss_mib=reading.rss_mib + LEAK_MIB_PER_ITERATION * (age + 1))
    if "sawtooth" in faults:
        climb = SAWTOOTH_MIB_PER_ITERATION * (age % SAWTOOTH_ITERATIONS)
        reading = replace(reading, rss_mib=reading.rss_mib + climb)
    if "step" in faults:
        reading = replace(reading, p50=reading.p50 + STEP_MS, p95=reading.p95 + STEP_MS)
    if "impossible" in faults:
        reading = replace(reading, risk_ratio=-0.07, error_rate=1.7)
    return reading


def document(
    mode: str,
    seed: int,
    iteration: int,
    faults: Iterable[str] = NO_FAULTS,
    fault_from: int = 2,
    *,
    shift: Shift = NEUTRAL,
) -> dict[str, object]:
    """Return the JSON document of one iteration (from 1); raises UsageError for values that make no sense."""
    _require_iteration(iteration)
    scenario = Scenario(mode, seed, frozenset(faults), fault_from, shift)
    return scenario.document(*next(scenario.readings(iteration)))


def documents(
    mode: str,
    seed: int,
    iterations: int,
    faults: Iterable[str] = NO_FAULTS,
    fault_from: int = 2,
    *,
    first: int = 1,
    shift: Shift = NEUTRAL,
) -> Iterator[dict[str, object]]:
    """Return the documents of `iterations` iterations from `first` on, the same as `document` gives one by one.

    A stream: each costs the same, however far it has come. The mistakes that `document` refuses are refused at once.
    """
    _require_iteration(first)
    _require_at_least("the number of iterations", iterations, 1)
    scenario = Scenario(mode, seed, frozenset(faults), fault_from, shift)
    readings = scenario.readings(first)
    return (scenario.document(*next(readings)) for _ in range(iterations))


def abort_process() -> None:
    """Die as a crashing program does, but leave no core file in the user's repository."""
    if sys.platform != "win32":
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    os.abort()


def act(  # noqa: PLR0913 - a scenario, an iteration, and the two effects that a test must be able to survive
    out_dir: Path,
    mode: str,
    seed: int,
    iteration: int,
    *,
    faults: Iterable[str] = NO_FAULTS,
    fault_from: int = 2,
    parameters: MockParameters | None = None,
    sleep: Callable[[float], object] = time.sleep,
    abort: Callable[[], object] = abort_process,
) -> None:
    """Perform one iteration as an ordinary workload: write `metrics.json` into `out_dir`, or do what the faults say.

    When it has read `parameters` it first writes their digest to `params.sha256`, as proof of what it used. Raises
    UsageError for values that make no sense and SurroundingsError when a file cannot be written.
    """
    content = document(mode, seed, iteration, faults, fault_from, shift=parameters.shift if parameters else NEUTRAL)
    active = frozenset(faults) if iteration >= fault_from else NO_FAULTS
    if parameters:
        _write(out_dir / PROOF_FILE, parameters.digest.encode())
    _strike(active, sleep, abort)
    if "missing" not in active:
        _write(out_dir / RESULT_FILE, canonical.pretty(content), age=STALE_SECONDS if "stale" in active else 0)


def _write(path: Path, content: bytes, age: int = 0) -> None:
    try:
        path.write_bytes(content)
        if age:
            then = path.stat().st_mtime - age
            os.utime(path, (then, then))
    except OSError as error:
        raise SurroundingsError(f"the mock cannot write {path}: {error.strerror}") from error


def run_mock(  # noqa: PLR0913 - the options of `soak mock`, one by one
    mode: str,
    seed: int,
    iteration: int,
    *,
    faults: Iterable[str],
    fault_from: int,
    out_dir: Path | None,
    iterations: int,
    parameters_file: Path | None = None,
    sleep: Callable[[float], object] = time.sleep,
    abort: Callable[[], object] = abort_process,
) -> Iterator[str]:
    """Return the JSON lines (without line ends) that the mock prints, or perform one iteration and return none.

    With `out_dir` the iteration number `iteration` is performed before this returns. Without it the lines of the
    `iterations` iterations from `iteration` on follow; there `missing` leaves lines out. A `parameters_file` is read
    once. Raises UsageError for values that make no sense, for a broken file, for several iterations with `out_dir` (one
    process is one iteration) and for `stale` without it.
    """
    faults = frozenset(faults)
    parameters = mock_parameters.read(parameters_file) if parameters_file else None
    if out_dir is not None:
        if iterations != 1:
            raise UsageError(
                f"{iterations} iterations were asked for, but with SOAK_OUT one process performs one iteration: "
                "leave --iterations out, or unset SOAK_OUT to print JSON lines"
            )
        act(
            out_dir,
            mode,
            seed,
            iteration,
            faults=faults,
            fault_from=fault_from,
            parameters=parameters,
            sleep=sleep,
            abort=abort,
        )
        return iter(())
    if "stale" in faults:
        raise UsageError("fault 'stale' needs a file: set SOAK_OUT, or run the mock as the workload of `soak run`")
    shift = parameters.shift if parameters else NEUTRAL
    stream = documents(mode, seed, iterations, faults, fault_from, first=iteration, shift=shift)
    return _lines(stream, faults, max(0, fault_from - iteration), sleep, abort)


def _lines(
    stream: Iterator[dict[str, object]],
    faults: frozenset[str],
    healthy: int,
    sleep: Callable[[float], object],
    abort: Callable[[], object],
) -> Iterator[str]:
    for position, content in enumerate(stream):
        active = faults if position >= healthy else NO_FAULTS
        _strike(active, sleep, abort)
        if "missing" not in active:
            yield canonical.compact(content)


def _strike(faults: frozenset[str], sleep: Callable[[float], object], abort: Callable[[], object]) -> None:
    if "crash" in faults:
        abort()
    while "hang" in faults:
        sleep(3600.0)


def _scaled(standard: float, spread: tuple[float, float]) -> float:
    mean, deviation = spread
    return mean + deviation * standard


def _rounded(value: float) -> float:
    # Adding zero turns -0.0, which JSON would show, into 0.0.
    return round(value, 6) + 0.0


def _require_known(what: str, name: str, known: Iterable[str]) -> None:
    names = list(known)
    if name in names:
        return
    close = get_close_matches(name, names, n=1)
    hint = f" - did you mean '{close[0]}'?" if close else ""
    raise UsageError(f"unknown {what} '{name}'{hint} (there are {', '.join(names)})")


def _require_iteration(number: int) -> None:
    _require_at_least("the iteration", number, 1)
    if number > MOST_ITERATIONS:
        raise UsageError(f"the iteration is {number}: write {MOST_ITERATIONS} or less")


def _require_at_least(what: str, value: int, least: int) -> None:
    if value < least:
        raise UsageError(f"{what} is {value}: write {least} or more")
