"""The synthetic series: the same bytes everywhere, the promised statistics, and what the faults distort."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from itertools import islice
from random import Random
from statistics import fmean, pstdev
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soak_action.workload import mock

LARGEST_SEED = 2**53 - 1

# SHA-256 of the JSON lines of iterations 1 to 100, each with a line feed. A change of these is a breaking change.
GOLDEN = {
    ("calm", 1): "c16ebfd43f941e982b9c119f71fbb4f818e61836d0c52c47a12defadf31bba87",
    ("calm", 7): "5c3c95c7efdbfff7adb2ef107b6fedafaf1be68a40666985aaec08cb4fb69886",
    ("calm", LARGEST_SEED): "5273c335bd449387a819aeae158534c4fcceafbe7a54da706e9e9d417c172b08",
    ("volatile", 1): "35478d4921c4ca3aa887580ee3042ed263366a795056f30148d17fe709f2656c",
    ("volatile", 7): "06f21856a952c2ca4ad2d7247caa1bf36be1d53f77958d1b192b6bca7a316a38",
    ("volatile", LARGEST_SEED): "a9363bb6936e387d1fb99de37d4fbf2972fd1f231b52b8eace15f7cf218ea14b",
    ("spike", 1): "708a9f2dec94cf6e52525bfde921ad20f29b669bf32329a75d03c0af8f196064",
    ("spike", 7): "26d70c91ce5c5fe1e5662d4b31246615c6119dafbdb61a339f61a46c4d8b0b83",
    ("spike", LARGEST_SEED): "556d92d1704c964dae0f7b90520a04629ec88d0a5a82349fed9d4b860681f287",
}
GOLDEN_LEAK_AND_STEP = "c9f14b621ae4b7ee5ca2825782c26147054184038f1d7d7d187113d8160057be"


def forbidden(*_: object) -> None:
    pytest.fail("a mock without this fault must not do that")


def lines(
    mode: str = "calm",
    seed: int = 1,
    first: int = 1,
    *,
    faults: Iterable[str] = (),
    fault_from: int = 2,
    iterations: int = 10,
) -> list[str]:
    stream = mock.run_mock(
        mode,
        seed,
        first,
        faults=faults,
        fault_from=fault_from,
        out_dir=None,
        iterations=iterations,
        sleep=forbidden,
        abort=forbidden,
    )
    return list(stream)


def digest_of(content: list[str]) -> str:
    return hashlib.sha256("".join(f"{line}\n" for line in content).encode()).hexdigest()


def flat(document: dict[str, Any]) -> dict[str, float]:
    return {
        "net_bps": document["net_bps"],
        "adverse_bps": document["adverse_bps"],
        "risk_ratio": document["risk_ratio"],
        "p50": document["latency"]["p50"],
        "p95": document["latency"]["p95"],
        "errors": document["errors"]["rate"],
        "memory": document["memory"]["rss_mib"],
    }


def series(mode: str, seed: int, iterations: int, faults: Iterable[str] = ()) -> dict[str, list[float]]:
    rows = [flat(document) for document in mock.documents(mode, seed, iterations, faults)]
    return {name: [row[name] for row in rows] for name in rows[0]}


def changed(faults: Iterable[str], iteration: int, fault_from: int = 2) -> set[str]:
    """Return which values differ from those of a mock without faults."""
    healthy = flat(mock.document("calm", 3, iteration))
    faulty = flat(mock.document("calm", 3, iteration, faults, fault_from))
    return {name for name in healthy if healthy[name] != faulty[name]}


# The same bytes everywhere


@pytest.mark.parametrize(("mode", "seed"), list(GOLDEN))
def test_hundred_iterations_have_their_golden_digest(mode: str, seed: int) -> None:
    assert digest_of(lines(mode, seed, iterations=100)) == GOLDEN[mode, seed]


def test_faulty_iterations_have_their_golden_digest() -> None:
    assert digest_of(lines(faults=["leak", "step"], iterations=100)) == GOLDEN_LEAK_AND_STEP


def test_first_document_in_full() -> None:
    assert mock.document("calm", 1, 1) == {
        "mock": True,
        "mode": "calm",
        "seed": 1,
        "iteration": 1,
        "net_bps": 2.888312,
        "adverse_bps": 1.977373,
        "risk_ratio": 0.163838,
        "latency": {"p50": 133.195318, "p95": 264.064739},
        "errors": {"rate": 0.000174},
        "memory": {"rss_mib": 199.266657},
    }


def test_an_iteration_takes_a_fixed_number_of_draws() -> None:
    class Counting(Random):
        draws = 0

        def random(self) -> float:
            self.draws += 1
            return super().random()

    for mode in mock.MODES.values():
        random = Counting(5)
        for iteration in range(1, 51):
            mock.healthy_reading(random, mode)
            assert random.draws == iteration * mock.DRAWS


@settings(max_examples=40, deadline=None)
@given(
    mode=st.sampled_from(sorted(mock.MODES)),
    seed=st.integers(0, LARGEST_SEED),
    faults=st.sets(st.sampled_from(sorted(mock.FAULTS))),
    fault_from=st.integers(1, 12),
    first=st.integers(1, 12),
)
def test_stream_and_single_documents_agree(mode: str, seed: int, faults: set[str], fault_from: int, first: int) -> None:
    stream = list(mock.documents(mode, seed, 10, faults, fault_from, first=first))
    assert stream == [
        mock.document(mode, seed, iteration, faults, fault_from) for iteration in range(first, first + 10)
    ]
    assert [document["iteration"] for document in stream] == list(range(first, first + 10))


def test_seeds_and_modes_give_different_series() -> None:
    digests = {digest_of(lines(mode, seed)) for mode in mock.MODES for seed in range(20)}
    assert len(digests) == 3 * 20


def test_an_unbounded_stream_costs_the_same_at_every_iteration() -> None:
    stream = mock.documents("calm", 1, 10**12)
    assert [document["iteration"] for document in islice(stream, 3)] == [1, 2, 3]


# The promised statistics. With 8 000 values the standard error of a mean is 1.1 % of the deviation.

COUNT = 8_000


@pytest.mark.parametrize(
    ("mode", "net", "adverse", "risk"),
    [
        ("calm", (2.8, 0.5), (2.0, 0.3), (0.30, 0.05)),
        ("volatile", (2.3, 1.5), (3.0, 1.0), (0.40, 0.15)),
    ],
)
def test_moments(mode: str, net: tuple[float, float], adverse: tuple[float, float], risk: tuple[float, float]) -> None:
    columns = series(mode, 11, COUNT)
    assert fmean(columns["net_bps"]) == pytest.approx(net[0], abs=0.06)
    assert pstdev(value for value in columns["net_bps"] if value > -4) == pytest.approx(net[1], rel=0.04)
    assert fmean(columns["adverse_bps"]) == pytest.approx(adverse[0], abs=0.03)
    assert pstdev(columns["adverse_bps"]) == pytest.approx(adverse[1], rel=0.04)
    assert fmean(columns["risk_ratio"]) == pytest.approx(risk[0], abs=0.005)
    assert pstdev(columns["risk_ratio"]) == pytest.approx(risk[1], rel=0.04)


@pytest.mark.parametrize("mode", sorted(mock.MODES))
def test_latency_errors_and_memory_are_healthy_in_every_mode(mode: str) -> None:
    columns = series(mode, 12, COUNT)
    assert fmean(columns["p95"]) == pytest.approx(250, abs=1)
    assert pstdev(columns["p95"]) == pytest.approx(20, rel=0.04)
    assert fmean(columns["p50"]) == pytest.approx(120, abs=1)
    assert fmean(columns["memory"]) == pytest.approx(200, abs=0.2)
    assert max(columns["errors"]) <= 0.004
    assert all(p50 <= p95 for p50, p95 in zip(columns["p50"], columns["p95"], strict=True))


def test_normal_has_the_shape_of_a_normal_distribution() -> None:
    random = Random(13)
    values = [mock.normal(random) for _ in range(COUNT)]
    for deviations, share in ((1.0, 0.6827), (2.0, 0.9545), (3.0, 0.9973)):
        assert sum(abs(value) <= deviations for value in values) / COUNT == pytest.approx(share, abs=0.015)


@pytest.mark.parametrize(("mode", "share"), [("calm", 0.0), ("volatile", 0.0), ("spike", 0.05)])
def test_share_of_spikes(mode: str, share: float) -> None:
    spikes = [
        document
        for document in mock.documents(mode, 14, COUNT)
        if (document["adverse_bps"], document["risk_ratio"]) == (8, 0.7)
    ]
    assert len(spikes) / COUNT == pytest.approx(share, abs=0.01)
    assert {document["net_bps"] for document in spikes} <= {1.0, -9.0}


@pytest.mark.parametrize("mode", ["calm", "spike"])
def test_two_percent_of_the_iterations_have_a_gap(mode: str) -> None:
    net = series(mode, 15, COUNT)["net_bps"]
    assert sum(value < -4 for value in net) / COUNT == pytest.approx(0.02, abs=0.005)


@pytest.mark.parametrize(("draw", "risk"), [(0.0, 0.0), (0.999, 1.0)])
def test_ratios_are_clamped(draw: float, risk: float) -> None:
    class Extreme(Random):
        def random(self) -> float:
            return draw

    reading = mock.healthy_reading(Extreme(), mock.MODES["volatile"])
    assert reading.risk_ratio == risk
    assert 0 <= reading.p50 <= reading.p95


def test_clamped_ratios_stay_in_range_over_many_draws() -> None:
    risk = series("volatile", 16, COUNT)["risk_ratio"]
    assert min(risk) == 0.0
    assert max(risk) <= 1.0


@given(value=st.floats(-1000, 1000))
def test_values_have_at_most_six_decimals_and_no_negative_zero(value: float) -> None:
    reading = mock.Reading(value, value, value, value, value, value, value)
    document = mock.Scenario("calm", 1).document(1, reading)
    text = json.dumps(document["net_bps"])
    assert text != "-0.0"
    assert round(float(text), 6) == float(text) == pytest.approx(value, abs=1e-6)


def test_healthy_latency_and_errors_stay_within_the_design_example() -> None:
    # hard 400, soft 350 with 6 of 8, abort beyond 1000, error rate 0.01: never near, whatever the seed.
    for seed in range(200):
        columns = series("calm", seed, 24)
        assert max(columns["p95"]) < 350
        assert max(columns["errors"]) < 0.01


# Faults that distort values: what they change, and that they change nothing else and nothing before


@pytest.mark.parametrize(
    ("fault", "names"),
    [
        ("leak", {"memory"}),
        ("step", {"p50", "p95"}),
        ("sawtooth", {"memory"}),
        ("impossible", {"risk_ratio", "errors"}),
        ("hang", set()),
        ("crash", set()),
        ("missing", set()),
        ("stale", set()),
    ],
)
def test_fault_changes_its_own_values_from_its_first_iteration_on(fault: str, names: set[str]) -> None:
    assert changed([fault], iteration=4, fault_from=5) == set()
    assert changed([fault], iteration=6, fault_from=5) == names


def test_every_fault_leaves_the_first_iteration_healthy_by_default() -> None:
    for fault in mock.FAULTS:
        assert mock.document("calm", 3, 1, [fault]) == mock.document("calm", 3, 1)


def test_leak_is_linear() -> None:
    healthy, leaking = series("calm", 2, 50)["memory"], series("calm", 2, 50, ["leak"])["memory"]
    extra = [faulty - good for faulty, good in zip(leaking, healthy, strict=True)]
    assert extra == pytest.approx([5.0 * iteration for iteration in range(50)], abs=1e-5)


def test_step_stays() -> None:
    healthy, stepped = series("calm", 2, 50)["p95"], series("calm", 2, 50, ["step"])["p95"]
    extra = [faulty - good for faulty, good in zip(stepped, healthy, strict=True)]
    assert extra == pytest.approx([0.0] + [300.0] * 49, abs=1e-5)
    assert min(stepped[1:]) > 400


def test_sawtooth_climbs_and_falls_and_does_not_leak() -> None:
    healthy, sawtooth = series("calm", 2, 81)["memory"], series("calm", 2, 81, ["sawtooth"])["memory"]
    extra = [faulty - good for faulty, good in zip(sawtooth, healthy, strict=True)][1:]
    assert extra == pytest.approx([10.0 * (iteration % 8) for iteration in range(80)], abs=1e-5)


def test_constant_repeats_its_first_values_but_counts_on() -> None:
    documents = list(mock.documents("calm", 2, 10, ["constant"], 4))
    healthy = list(mock.documents("calm", 2, 10))
    assert documents[:4] == healthy[:4]
    assert [flat(document) for document in documents[3:]] == [flat(healthy[3])] * 7
    assert [document["iteration"] for document in documents] == list(range(1, 11))
    assert flat(healthy[4]) != flat(healthy[3])


def test_constant_leak_does_not_grow() -> None:
    memory = series("calm", 2, 10, ["constant", "leak"])["memory"]
    assert len(set(memory[1:])) == 1


def test_trap_16_impossible_values_are_outside_their_ranges() -> None:
    document = flat(mock.document("calm", 1, 2, ["impossible"]))
    assert (document["risk_ratio"], document["errors"]) == (-0.07, 1.7)
