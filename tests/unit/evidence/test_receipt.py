from __future__ import annotations

from array import array

from soak_action.config.model import Schedule
from soak_action.evidence.measurements import Column, Conduct, Measurements, Problem
from soak_action.evidence.receipt import coverage

PROMISE = Schedule(
    iterations=4, duration=None, every=None, pause=0.0, warmup=1, failures=0, budget=None, min_active=None
)
CONDUCT = Conduct("finished", 40.0, 30.0, 40.0, False)


def measurements(outcomes, missing=()):
    column = Column()
    for position in range(len(outcomes)):
        if position in missing:
            column.add_missing("stale")
        else:
            column.add(1.0)
    count = len(outcomes)
    return Measurements(range(1, count + 1), outcomes, [1] * count, [0.0] * count, [1.0] * count, {"v": column})


def test_coverage_counts_what_was_promised_done_and_judged():
    found = coverage(PROMISE, measurements(["ok", "ok", "failed", "cancelled"], missing={2}), CONDUCT)
    assert (found["iterations_planned"], found["iterations_done"], found["iterations_judged"]) == (4, 3, 2)
    assert found["kpis"] == {"v": 0.5}
    assert found["seconds_measured"] == 40


def test_trap_04_nothing_judged_is_no_coverage_at_all():
    assert coverage(PROMISE, measurements(["ok"]), CONDUCT)["kpis"] == {"v": 0}
    assert coverage(PROMISE, measurements([]), CONDUCT)["kpis"] == {"v": 0}


def test_a_column_keeps_gaps_and_reasons_together():
    column = Column()
    column.add(1.5)
    column.add_missing("stale")
    assert column.missing == {1: "stale"}
    assert column.values[0] == 1.5
    assert column.values[1] != column.values[1]


def test_measurements_without_times_have_no_clock():
    bare = Measurements([1], ["ok"], array("B", [1]), (), (), {})
    assert not bare.has_clock
    assert measurements(["ok"]).has_clock
    assert str(Problem("a:1", "b")) == "a:1: b"
