"""The three modes and the faults of the mock, judged by the real gate with the configuration of docs/examples/mock."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest

from soak_action.config.load import Request, load
from soak_action.config.model import Config, JsonSource, Source
from soak_action.evidence.measurements import Column, Conduct, Measurements
from soak_action.gate.case import Case
from soak_action.gate.verdict import Verdict, judge
from soak_action.kpi.path import compile_path
from soak_action.workload import mock

REPOSITORY = Path(__file__).resolve().parents[2]
ITERATIONS = 100
SEEDS = range(1, 101)

# The KPIs and the schedule of the complete example in the design, as far as their rules exist, with nothing changed.
DESIGN_EXAMPLE = """\
version: 1
suite: api
schedule:
  iterations: 24
  every: 1h
  warmup: 2
  failures: 0
  budget: 26h
kpis:
  p95_latency_ms:
    from: metrics.json#latency.p95
    unit: ms
    better: lower
    range: [0, 60000]
    stat: mean
    window: last 8
    hard: 400
    soft: 350
    sustained: 6 of 8
    abort: {beyond: 1000, for: 3}
  error_rate: {from: metrics.json#errors.rate, better: lower, range: [0, 1], hard: 0.01}
profiles:
  smoke: {schedule: {iterations: 3, pause: 0s, warmup: 0, budget: 2m}}
"""


def accept(_: Source) -> None:
    """Accept every source: the paths are compiled when they are used."""


def load_config(directory: Path, file: str, profile: str | None = None) -> Config:
    return load(Request(directory, config=file, profile=profile), accept).config


@pytest.fixture(scope="module")
def config() -> Config:
    return load_config(REPOSITORY, "docs/examples/mock/soak.yaml")


def columns(config: Config, documents: Iterable[Mapping[str, object]]) -> dict[str, Column]:
    """Return every KPI of the configuration, taken out of the documents by its own path."""
    paths = {}
    for kpi in config.kpis:
        assert isinstance(kpi.source, JsonSource)
        assert kpi.source.file == mock.RESULT_FILE
        paths[kpi.name] = compile_path(kpi.source.path)
    result = {name: Column() for name in paths}
    for document in documents:
        for name, path in paths.items():
            value = path.search(document)
            assert isinstance(value, int | float)
            result[name].add(value)
    return result


def verdict_on(config: Config, mode: str, seed: int, faults: Iterable[str] = ()) -> Verdict:
    """Return the verdict on a finished run of as many iterations as promised, one second each."""
    count = config.schedule.iterations
    assert count is not None
    measurements = Measurements(
        numbers=range(1, count + 1),
        outcomes=["ok"] * count,
        segments=[1] * count,
        starts=[float(position) for position in range(count)],
        seconds=[0.9] * count,
        kpis=columns(config, mock.documents(mode, seed, count, faults)),
    )
    conduct = Conduct(
        state="finished",
        measured_seconds=float(count),
        active_seconds=0.9 * count,
        longest_segment_seconds=float(count),
        mock=True,
    )
    return judge(
        Case(
            kpis=config.kpis,
            promise=config.schedule,
            measurements=measurements,
            conduct=conduct,
            problems=(),
            origins={},
            overrides=(),
            reproduce="soak verify",
        )
    )


def failed_rules(verdict: Verdict) -> set[str]:
    return {rule.id for rule in verdict.rules if rule.result == "fail"}


@pytest.mark.parametrize(("mode", "expected"), [("calm", "pass"), ("volatile", "warn"), ("spike", "fail")])
def test_trap_19_one_set_of_thresholds_tells_the_modes_apart(mode: str, expected: str, config: Config) -> None:
    assert config.schedule.iterations == ITERATIONS
    verdicts: Counter[str] = Counter(verdict_on(config, mode, seed).verdict for seed in SEEDS)
    assert verdicts[expected] >= 95, verdicts


def test_trap_19_the_profiles_change_nothing_that_is_judged(config: Config) -> None:
    for profile in ("volatile", "spike"):
        other = load_config(REPOSITORY, "docs/examples/mock/soak.yaml", profile)
        assert (other.kpis, other.schedule, other.gate) == (config.kpis, config.schedule, config.gate)
        assert other.workload is not None
        assert config.workload is not None
        assert profile in other.workload.run
        assert profile not in config.workload.run


@pytest.mark.parametrize(("fault", "kpi"), [("leak", "memory_mib"), ("step", "latency_p95_ms")])
def test_a_fault_fails_the_rule_that_watches_for_it(fault: str, kpi: str, config: Config) -> None:
    for seed in range(1, 6):
        verdict = verdict_on(config, "calm", seed, [fault])
        assert verdict.verdict == "fail"
        assert {rule.kpi for rule in verdict.rules if rule.result == "fail"} == {kpi}


def test_a_healthy_sawtooth_passes(config: Config) -> None:
    assert {verdict_on(config, "calm", seed, ["sawtooth"]).verdict for seed in range(1, 6)} == {"pass"}


def test_trap_16_impossible_values_are_invalid(config: Config) -> None:
    verdict = verdict_on(config, "calm", 1, ["impossible"])
    assert verdict.verdict == "invalid"
    assert not failed_rules(verdict)


def test_trap_06_constant_values_are_flagged(config: Config) -> None:
    assert verdict_on(config, "calm", 1).verdict == "pass"
    # The series is constant from its second iteration on: the source as a whole never moves again.
    assert verdict_on(config, "calm", 1, ["constant"]).verdict == "warn"


def test_a_mock_run_is_stamped(config: Config) -> None:
    verdict = verdict_on(config, "calm", 1)
    assert verdict.mock
    assert any(reason.startswith("MOCK") for reason in verdict.reasons)


@pytest.mark.parametrize("profile", [None, "smoke"])
def test_the_design_example_passes_a_healthy_workload(profile: str | None, tmp_path: Path) -> None:
    (tmp_path / "soak.yaml").write_text(DESIGN_EXAMPLE, encoding="utf-8")
    example = load_config(tmp_path, "soak.yaml", profile)
    verdicts: Counter[str] = Counter(verdict_on(example, "calm", seed).verdict for seed in SEEDS)
    assert verdicts["pass"] >= 99, verdicts


@pytest.mark.parametrize("profile", [None, "smoke"])
def test_the_design_example_fails_a_step(profile: str | None, tmp_path: Path) -> None:
    (tmp_path / "soak.yaml").write_text(DESIGN_EXAMPLE, encoding="utf-8")
    example = load_config(tmp_path, "soak.yaml", profile)
    verdicts: Counter[str] = Counter(verdict_on(example, "calm", seed, ["step"]).verdict for seed in SEEDS)
    assert verdicts == {"fail": len(SEEDS)}


@pytest.mark.parametrize(
    ("file", "profiles", "suite"),
    [
        ("docs/examples/http-service/soak.yaml", (None, "smoke", "nightly"), "http-service"),
        ("docs/examples/mock/soak.yaml", (None, "volatile", "spike"), "mock"),
        (".github/soak.yaml", (None, "smoke"), "soak-action"),
    ],
)
def test_the_configurations_of_this_repository_are_right(
    file: str, profiles: tuple[str | None, ...], suite: str
) -> None:
    for profile in profiles:
        assert load_config(REPOSITORY, file, profile).suite == suite


def test_trap_24_the_repository_is_held_to_the_limits_of_its_example() -> None:
    example = load_config(REPOSITORY, "docs/examples/http-service/soak.yaml")
    assert load_config(REPOSITORY, ".github/soak.yaml").kpis == example.kpis
