from __future__ import annotations

import io
import threading
from dataclasses import replace

from soak_action.commands.progress import Lines, describe, open_progress
from soak_action.commands.tracker import Tracker
from soak_action.config.model import (
    BuiltInSource,
    Config,
    EvidenceSettings,
    Gate,
    Kpi,
    Parameter,
    Parameters,
    Schedule,
    Window,
)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def config(iterations=3, duration=None, kpis=("wall_seconds",), warmup=0) -> Config:
    schedule = Schedule(
        iterations=iterations,
        duration=duration,
        every=None,
        pause=0.0,
        warmup=warmup,
        failures=0,
        budget=None,
        min_active=None,
    )
    made = tuple(
        Kpi(
            name=name,
            source=BuiltInSource(name),
            title=name,
            unit="s",
            better="lower",
            range=None,
            stat="mean",
            window=Window(),
            hard=None,
            soft=None,
            sustained=None,
            abort=None,
            allowed_missing=0.0,
            must_vary=False,
        )
        for name in kpis
    )
    return Config("s", None, schedule, made, Gate(()), EvidenceSettings(1))


def record(**changes):
    base = {
        "iteration": 1,
        "outcome": "ok",
        "segment": 1,
        "offset_seconds": 0.0,
        "seconds": 1.5,
        "detail": "exited with 0",
        "kpis": {"wall_seconds": 1.5},
        "missing": {},
    }
    return {**base, **changes}


def opened(made: Config, stream: io.StringIO):
    return open_progress(Tracker(made, clock=lambda: 5.0), made, stream)


def test_a_line_says_how_the_iteration_ended_and_its_first_kpis():
    assert describe(config(), record()) == "iteration 1/3 | ok | 1.5s | wall_seconds 1.5 s"


def test_a_failure_is_told_in_words():
    failed = record(outcome="failed", detail="exited with 7", kpis={}, missing={"wall_seconds": "workload_failed"})
    assert describe(config(), failed) == "iteration 1/3 | failed | 1.5s | exited with 7"


def test_trap_02_a_missing_value_is_shown_as_missing():
    line = describe(config(), record(kpis={}, missing={"wall_seconds": "stale"}))
    assert line.endswith("wall_seconds missing (stale)")


def test_trap_20_a_warm_up_iteration_is_marked():
    assert "(warm-up)" in describe(config(warmup=1), record())
    assert "(warm-up)" not in describe(config(warmup=1), record(iteration=2))


def test_only_the_first_kpis_are_shown():
    names = tuple(f"k{number}" for number in range(6))
    line = describe(config(kpis=names), record(kpis=dict.fromkeys(names, 1.0)))
    assert "k3 1 s" in line
    assert "k4" not in line


def test_a_log_gets_a_line_per_iteration():
    stream = io.StringIO()
    with opened(config(), stream) as progress:
        progress.begin_iteration(1)
        progress.end_iteration(record(), 1.5)
    told = "iteration 1/3 | ok | 1.5s | wall_seconds 1.5 s | 2s of soak, about 3s left\n"
    assert stream.getvalue() == told


def test_a_long_iteration_gives_a_sign_of_life():
    spoken = threading.Event()

    class Stream(io.StringIO):
        def write(self, text: str) -> int:
            spoken.set()
            return super().write(text)

    stream = Stream()
    lines = Lines(Tracker(config(), clock=lambda: 5.0), config(), stream, heartbeat_seconds=0.01)
    lines.begin_iteration(7)
    beating = threading.Thread(target=lines.beat)
    beating.start()
    assert spoken.wait(30)
    lines.close()
    beating.join()
    assert stream.getvalue().startswith("still soaking: iteration 7 | 0s of soak, time left unknown\n")


def test_a_terminal_gets_a_bar_and_the_lines_above_it():
    for settings in (config(), config(iterations=None, duration=10.0)):
        stream = Terminal()
        with opened(settings, stream) as progress:
            progress.begin_iteration(1)
            progress.end_iteration(record(), 1.5)
        assert "iteration 1" in stream.getvalue()
        assert "| ok |" in stream.getvalue()


def test_an_iteration_beyond_the_plan_repeats_a_cancelled_one_and_has_no_place_in_it():
    assert describe(config(), record(iteration=3)).startswith("iteration 3/3 |")
    assert describe(config(), record(iteration=4)).startswith("iteration 4 |")


def test_the_bar_of_a_resumed_run_counts_earlier_segments_as_done_but_not_for_the_time_left():
    for made, number, soak_seconds, before in (
        (config(iterations=10), 8, 700.0, 7),
        (config(iterations=None, duration=1000.0), 8, 700.0, 700),
        (config(iterations=10), 1, 1.0, 0),
    ):
        with opened(made, Terminal()) as bar:
            bar.begin_iteration(number)
            bar.end_iteration(record(iteration=number), soak_seconds)
            assert abs(bar._bar.initial - before) < 5
            first = bar._bar.initial
            bar.end_iteration(record(iteration=number + 1), soak_seconds + 1)
            assert bar._bar.initial == first
            assert bar._bar.n in {number + 1, soak_seconds + 1}


def decided(outcome, name, before=70, to=75, reason=None):
    return {"outcome": outcome, "parameter": name, "from": before, "to": to, "reason": reason}


def test_what_was_applied_before_an_iteration_stands_in_its_line():
    interval = Parameter("min_interval_ms", 70, 40, 80, unit="ms")
    made = replace(config(), parameters=Parameters("soak.params.json", (interval,)))
    decisions = [
        decided("applied", "min_interval_ms"),
        decided("applied", "cap", 0.09, 0.1),
        decided("suppressed", "a", reason="velocity"),
        decided("suppressed", "b", reason="cooldown"),
        decided("suppressed", "c", reason="velocity"),
        decided("no_op", "d", reason="no_op"),
    ]
    assert describe(made, record(decisions=decisions)) == (
        "iteration 1/3 | ok | 1.5s | wall_seconds 1.5 s | min_interval_ms 70 -> 75 ms | cap 0.09 -> 0.1 "
        "| 3 suppressed (velocity, cooldown)"
    )
    for quiet in ([], [decided("no_op", "d", reason="no_op")]):
        assert describe(made, record(decisions=quiet)) == describe(config(), record())


def test_a_line_names_only_the_first_of_many_changes():
    decisions = [decided("applied", f"p{number}") for number in range(5)]
    line = describe(config(), record(decisions=decisions))
    assert line.endswith("| p0 70 -> 75 | p1 70 -> 75 | p2 70 -> 75 | and 2 more applied")
