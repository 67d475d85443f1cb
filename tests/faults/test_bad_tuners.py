"""Tuners that walk at random, saw, run away, lie, die, sleep and flood: what they want is contained, always.

Those that only answer badly are asked in this process, by the real loop in a world whose clocks pretend, over hundreds
of iterations; those that are bad processes are real ones.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import random
import sys
from collections import Counter
from fractions import Fraction
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import full
from tests.faults.pretending import HOUR, World
from tests.integration.tuned import configure, document, lines, outcomes, rule_of
from tests.integration.watching import alive, wait_for

from soak_action.begin import begin_run
from soak_action.config.load import Request, load
from soak_action.evidence.ledger import Ledger
from soak_action.evidence.standing import Standing
from soak_action.loop import Loop, Segment, Surroundings
from soak_action.parameters_in_use import begin_with, go_on_with, parameters_in_use, tuner_of
from soak_action.resuming import examine, make_ready
from soak_action.tuning.proof import PROOF
from soak_action.verify import seal
from soak_action.workload.process import Captured, Finished

pytestmark = pytest.mark.timeout(900)

TUNERS = Path(__file__).resolve().parents[1] / "tuners"
PARAMETERS = {
    "min_interval_ms": {"initial": 70, "min": 40, "max": 80, "step": 5, "max_change_per_hour": 20},
    "impact.cap_ratio": {"initial": 0.09, "min": 0.08, "max": 0.12, "max_change_per_hour": 0.01},
    "free": {"initial": 0.5, "min": -1, "max": 1, "type": "float"},
}
GUARDS = {
    "warmup": 2,
    "oscillation": {"window": 3, "tolerance": 1e-6},
    "cooldown": {"threshold": "10%", "iterations": 2},
    "freeze": {"after": 3, "hold": 4, "when": "v <= 2"},
}


class TunedWorld(World):
    """Its workload proves which parameters it read; its tuner is a script that is run in this process."""

    def __init__(self, words: tuple[str, ...], seed: int) -> None:
        self.chance = random.Random(seed)
        lengths = [self.chance.choice([0.5, 60.0, HOUR / 4, 2 * HOUR]) for _ in range(1000)]
        super().__init__(takes=lengths.__getitem__)
        script, *self.words = words
        self.code = compile((TUNERS / f"{script}.py").read_text("utf-8"), script, "exec")
        self.reads: list[dict[str, float]] = []

    def start(self, argv: object, *, env: dict[str, str], stdout: Path, stderr: Path, **more: Any) -> Finished:
        if "SOAK_OUT" not in env:
            return self.tune(more["stdin"], stdout, stderr)
        out = Path(env["SOAK_OUT"])
        content = Path(env["SOAK_PARAMS"]).read_bytes()
        self.reads.append(json.loads(content))
        (out / PROOF).write_text(hashlib.sha256(content).hexdigest())
        finished = super().start(argv, env=env, stdout=stdout, stderr=stderr)
        (out / "m.json").write_text(json.dumps({"v": self.chance.choice([1, 1, 1, 5, 200])}))
        return finished

    def tune(self, stdin: Path, stdout: Path, stderr: Path) -> Finished:
        said = io.StringIO()
        before = sys.stdin, sys.argv
        try:
            sys.stdin, sys.argv = io.StringIO(stdin.read_text("utf-8")), ["tuner", *self.words]
            with contextlib.redirect_stdout(said):
                exec(self.code, {"__name__": "__main__"})
        finally:
            sys.stdin, sys.argv = before
        stdout.write_text(said.getvalue(), "utf-8")
        stderr.touch()
        size = stdout.stat().st_size
        self.pass_by(1.0)
        return Finished(
            "ok", 0, None, "exited with 0", 1.0, 1.0, (), Captured(size, size, False), Captured(0, 0, False)
        )


def tuned(folder: Path, world: TunedWorld, iterations: int, limit: float) -> Path:
    """Run segment after segment until the run has ended; return its directory."""
    tuning = {"enabled": True, "command": ["/bin/sh"]}
    configure(folder, [0] * iterations, parameters=PARAMETERS, guards=GUARDS, tuning=tuning)
    config = json.loads((folder / "soak.yaml").read_bytes())
    (folder / "soak.yaml").write_text(json.dumps({**config, "workload": {"run": ["/bin/sh"]}}))
    environ = {"PATH": "/bin:/usr/bin"}
    loaded = load(Request(folder, environ), lambda _: None)
    suffixes = (f"{number:06x}" for number in count())
    file_path = folder / "soak.params.json"
    surroundings = Surroundings(loaded.base, environ, "python3", None, file_path, world.start)
    with parameters_in_use(loaded.config, loaded.base, "the tests") as file:
        run, genesis = begin_run(
            loaded,
            folder / ".soak",
            argv=[],
            environ={},
            now=world.moment,
            random_suffixes=suffixes,
            parameters=begin_with(loaded.config, file),
        )
        standing = Standing(genesis, genesis)
        while True:
            with Ledger(run.path, standing.head) as ledger:
                tuner = tuner_of(loaded.config, file, run, standing, ledger)
                loop = Loop(run, loaded.config, ledger, surroundings, world.clock(), world, world, tuner)  # type: ignore[arg-type]
                loop.execute(Segment(standing.next_segment, standing.next_begins, limit), standing.past(run))
            if seal(run).outcome.conduct.state != "paused":
                return run.path
            world.pass_by(3 * HOUR)
            standing = examine(run)
            go_on_with(file, run, standing)
            make_ready(run, standing)


def check(run: Path) -> Counter[str]:
    """Check that no parameter ever left bounds, steps or velocity and that nothing was suppressed without a reason.

    Worked out here from the records alone, in exact numbers. Returns how often each reason stands first.
    """
    outcomes(run)
    reasons: Counter[str] = Counter()
    state = {name: settings["initial"] for name, settings in PARAMETERS.items()}
    changed_at = dict.fromkeys(state, Fraction(0))
    for record in lines(run):
        for one in record["decisions"]:
            name, settings = one["parameter"], PARAMETERS[one["parameter"]]
            assert one["from"] == state[name]
            if one["outcome"] != "applied":
                assert one["reasons"]
                assert all(one["details"][reason] for reason in one["reasons"])
                reasons[one["reason"]] += 1
                continue
            moment = Fraction(repr(float(one["offset_seconds"])))
            moved = abs(Fraction(repr(one["to"])) - Fraction(repr(one["from"])))
            if "max_change_per_hour" in settings:
                allowed = Fraction(repr(settings["max_change_per_hour"])) * (moment - changed_at[name]) / 3600
                assert 0 < moved <= allowed, one
            state[name], changed_at[name] = one["to"], moment
            reasons["applied"] += 1
        for name, value in record["parameters"].items():
            settings = PARAMETERS[name]
            assert settings["min"] <= value <= settings["max"]
            steps = (Fraction(repr(value)) - Fraction(repr(settings["min"]))) / Fraction(settings.get("step", 1))
            assert steps.denominator == 1 or "step" not in settings
        assert record["parameters"] == state
        assert record["parameters_file"]["digest_read"] == record["parameters_file"]["digest"]
    return reasons


# With the iterations of each, 500 altogether, and what the guards are sure to have met.
ANSWERS: dict[str, tuple[tuple[str, ...], int, set[str]]] = {
    "random walk": (("random_walk", "1"), 150, {"applied", "warmup", "cooldown", "bounds", "velocity"}),
    "saw": (("saw",), 150, {"applied", "warmup", "oscillation"}),
    "runaway": (("runaway",), 60, {"applied", "warmup", "velocity", "bounds"}),
    "runaway target": (("runaway", "target"), 60, {"warmup", "bounds"}),
    "liar": (("liar", "each"), 80, set()),
}


@pytest.mark.parametrize("tuner", ANSWERS)
def test_no_answer_moves_a_parameter_out_of_its_bounds_or_faster_than_it_may(tmp_path: Path, tuner: str) -> None:
    words, iterations, met = ANSWERS[tuner]
    made = full(iterations, iterations // 5)
    world = TunedWorld(words, seed=7)
    run = tuned(tmp_path, world, made, limit=full(10, 3) * HOUR)
    reasons = check(run)
    assert met <= set(reasons), reasons
    told = document(run, "receipt.json")["tuning"]
    assert told["proposals"] == reasons.total() == told["applied"] + told["suppressed"] + told["no_op"]
    assert (told["applied"], told["confirmed_iterations"]) == (reasons["applied"], made)
    assert len(world.reads) == len(lines(run)) == made
    assert lines(run)[-1]["segment"] > 1
    found = rule_of(run, "tuning.command")
    if tuner == "liar":
        assert told["proposals"] == 0
        assert (found["result"], found["value"], found["first_breach"]) == ("warn", made - 1, 2)
    else:
        assert found["result"] == "pass"


def test_all_answers_together_are_500_iterations() -> None:
    assert sum(iterations for _, iterations, _ in ANSWERS.values()) == 500


PROCESSES = {
    "crasher exit": (("crasher", "exit"), "tuning.command exited with 3"),
    "crasher kill": (("crasher", "kill"), "tuning.command "),
    "flood": (("flood", "3"), "tuning.command printed 3145"),
}


@pytest.mark.parametrize("tuner", PROCESSES)
def test_a_process_that_goes_wrong_moves_nothing_and_is_told(soak, tmp_path: Path, tuner: str) -> None:
    (script, *words), told = PROCESSES[tuner]
    tuning = {"enabled": True, "command": [sys.executable, "-S", str(TUNERS / f"{script}.py"), *words]}
    configure(tmp_path, [1] * full(20, 3), parameters=PARAMETERS, tuning=tuning)
    done = soak("run", "--json")
    assert (done.code, done.json["verdict"]) == (0, "warn"), done.err
    run = Path(done.json["run_dir"])
    assert outcomes(run) == []
    assert {tuple(record["parameters"].values()) for record in lines(run)} == {(0.5, 0.09, 70)}
    found = rule_of(run, "tuning.command")
    assert (found["result"], found["value"], found["first_breach"]) == ("warn", full(19, 2), 2)
    assert told in found["reason"]
    assert soak("verify", run).code == 0


def test_trap_53_nothing_of_a_sleeper_outlives_its_time(soak, tmp_path: Path) -> None:
    tuning = {"enabled": True, "command": [sys.executable, "-S", str(TUNERS / "sleeper.py")]}
    # The time-out must not strike before it has told who it is, so it is raised until it does not.
    for seconds in (2, 10, 40):
        folder = tmp_path / str(seconds)
        folder.mkdir()
        configure(folder, [1, 1], parameters=PARAMETERS, tuning={**tuning, "timeout": f"{seconds}s"})
        done = soak("run", "--json", cwd=folder)
        assert (done.code, done.json["verdict"]) == (0, "warn"), done.err
        run = Path(done.json["run_dir"])
        told = lines(run)[1]["tuner"]
        assert (told["outcome"], told["proposals"], lines(run)[1]["decisions"]) == ("timeout", 0, [])
        if pids := (run / "iterations" / "00002" / "tuner" / "stderr.log").read_text("utf-8").split():
            break
    else:
        pytest.fail("it never began")
    wait_for(lambda: not any(alive(int(pid)) for pid in pids))
