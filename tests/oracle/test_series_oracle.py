"""Our statistics against numpy and scipy."""

from __future__ import annotations

from array import array
from random import Random

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from soak_action.kpi.series import statistic

MODERATE = st.floats(-1e12, 1e12)


@settings(max_examples=150)
@given(
    st.lists(MODERATE, min_size=1, max_size=60),
    st.sampled_from(["1", "0.5", "25", "50", "75", "90", "95", "99", "99.9"]),
)
def test_percentiles_equal_numpys_bit_for_bit(values: list[float], percent: str) -> None:
    assert statistic(array("d", values), f"p{percent}") == np.percentile(np.array(values), float(percent))


@settings(max_examples=80)
@given(st.lists(MODERATE, min_size=2, max_size=60), st.integers(1, 99))
def test_percentiles_agree_with_scipys_type_7(values: list[float], percent: int) -> None:
    expected = scipy.stats.mstats.mquantiles(values, [percent / 100], alphap=1, betap=1)[0]
    assert statistic(values, f"p{percent}") == pytest.approx(expected, rel=1e-9, abs=1e-3)


@settings(max_examples=80)
@given(st.lists(MODERATE, min_size=1, max_size=60))
def test_moments_and_extremes_agree_with_numpy(values: list[float]) -> None:
    column = np.array(values)
    tolerance = 1e-9 * max(1.0, float(np.abs(column).max()))
    assert statistic(values, "mean") == pytest.approx(column.mean(), rel=1e-12, abs=tolerance)
    assert statistic(values, "sum") == pytest.approx(column.sum(), rel=1e-12, abs=tolerance * len(values))
    assert statistic(values, "median") == pytest.approx(np.median(column), rel=1e-12, abs=tolerance)
    assert statistic(values, "min") == column.min()
    assert statistic(values, "max") == column.max()


@pytest.mark.parametrize("stat", ["p50", "p90", "p99", "p99.9"])
def test_percentiles_of_many_values_equal_numpys(stat: str) -> None:
    random = Random(7)
    values = array("d", [random.expovariate(0.01) for _ in range(20_000)])
    assert statistic(values, stat) == np.percentile(np.array(values), float(stat[1:]))
