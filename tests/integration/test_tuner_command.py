"""Tuners of every kind, good and bad, as real processes beside a real run directory."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import clean_environment
from tests.integration.watching import alive, wait_for

from soak_action import canonical
from soak_action.config.model import Parameter, Parameters, Workload
from soak_action.errors import EvidenceError
from soak_action.evidence.run_dir import RunDir, digests_below
from soak_action.files import digest_of_file
from soak_action.tuning.answer import MOST_PROPOSALS, Answer
from soak_action.tuning.command import ask, input_document
from soak_action.workload.launching import Launcher, Surroundings
from soak_action.workload.stop import StopRequest

TUNERS = Path(__file__).resolve().parents[1] / "tuners"
LONG = 60.0
PARAMETERS = Parameters(
    "soak.params.json",
    (Parameter("min_interval_ms", 70, 40, 80, 5, True), Parameter("impact.cap_ratio", 0.09, 0.08, 0.12)),
)
STATE = {"min_interval_ms": 70, "impact.cap_ratio": 0.09}
ANSWERED = 'print(json.dumps({"proposals": [{"parameter": "min_interval_ms", "change": 5}]}))'


@pytest.fixture
def run(tmp_path: Path) -> RunDir:
    folder = tmp_path / "ü n" / "20261123T000000Z-default-000000"
    (folder / "iterations").mkdir(parents=True)
    return RunDir(folder)


def tuner(name: str, *words: str) -> tuple[str, ...]:
    return (sys.executable, "-S", str(TUNERS / f"{name}.py"), *words)


def python(text: str) -> tuple[str, ...]:
    return (sys.executable, "-S", "-c", f"import json, os, sys\n{text}")


def asked(
    run: RunDir,
    command: str | tuple[str, ...],
    *,
    number: int = 2,
    timeout: float = LONG,
    log_limit: int = 10**7,
    stop: StopRequest | None = None,
) -> tuple[Answer, dict[str, Any]]:
    around = Surroundings(run.path.parent, clean_environment(), sys.executable, None)
    launcher = Launcher(Workload(python(""), LONG, {}, None), around, run, log_limit)
    document = input_document(number, STATE, PARAMETERS, [])
    return ask(
        run.begin_iteration(number).tuner,
        document,
        PARAMETERS,
        lambda folder: launcher.tuner(command, folder, number, timeout=timeout, stop=stop or StopRequest()),
    )


def test_a_good_answer_is_taken_and_both_documents_are_evidence(run: RunDir) -> None:
    told = "asked = json.load(sys.stdin); print(asked['iteration'], file=sys.stderr)\n"
    answer, record = asked(run, python(told + ANSWERED))
    assert answer.problem is None
    assert [(wanted.parameter, wanted.kind, wanted.requested) for wanted in answer.proposals] == [
        ("min_interval_ms", "change", 5)
    ]
    assert (record["outcome"], record["exit_code"], record["proposals"], record["problem"]) == ("ok", 0, 1, None)
    folder = run.iteration(2).tuner
    assert folder.stderr.read_text("utf-8").strip() == "2"
    document = json.loads(folder.input.read_bytes())
    assert document["state_hash"] == canonical.digest(STATE)
    digests = digests_below(run.iteration(2))
    assert digests == {
        f"tuner/{path.name}": digest_of_file(path) for path in (folder.input, folder.stderr, folder.stdout)
    }


def test_a_command_for_the_shell_reads_its_input_too(run: RunDir) -> None:
    answer, _ = asked(run, f'"{sys.executable}" -S -c "import sys; print(sys.stdin.read(), file=sys.stderr)"')
    assert answer == Answer()
    assert "state_hash" in run.iteration(2).tuner.stderr.read_text("utf-8")


def test_a_tuner_that_reads_nothing_and_says_nothing_proposes_nothing(run: RunDir) -> None:
    answer, record = asked(run, python(""))
    assert (answer, record["outcome"]) == (Answer(), "ok")


@pytest.mark.parametrize(
    "command",
    [tuner("random_walk", "7"), tuner("saw"), tuner("runaway"), tuner("runaway", "target")],
    ids=["random walk", "saw", "runaway", "runaway target"],
)
def test_what_is_wanted_too_much_or_too_often_is_well_formed_and_for_the_guards(run: RunDir, command) -> None:
    answer, _ = asked(run, command)
    assert answer.problem is None
    assert [proposal.parameter for proposal in answer.proposals] == ["impact.cap_ratio", "min_interval_ms"]


def test_a_runaway_stays_within_the_numbers_of_json(run: RunDir) -> None:
    answer, _ = asked(run, tuner("runaway"), number=500)
    assert [proposal.requested for proposal in answer.proposals] == [pytest.approx(0.04e100), 40e100]
    assert canonical.canonical_bytes([proposal.requested for proposal in answer.proposals])


@pytest.mark.parametrize(
    ("lie", "problem"),
    [
        ("stale", "it is stale: its state_hash is "),
        ("text", "proposals[1].change is the text '+5', not a number; write {\"change\": 5}"),
        ("both", "proposals[1] has both change and target"),
        ("neither", "proposals[1] has neither change nor target"),
        (
            "unknown",
            "proposals[1].parameter: there is no parameter 'impact.cap_ratiox' - did you mean 'impact.cap_ratio'",
        ),
        ("nan", "NaN is not JSON"),
        ("duplicate", "duplicate key 'proposals'"),
        ("prose", "stdout.log:1:1: expecting value"),
        ("chatter", "stdout.log:1:1: expecting value"),
        ("many", f"it holds 101 proposals; write {MOST_PROPOSALS} or fewer"),
        ("list", "it is a list, not a mapping"),
        ("deep", "more than 100 levels deep"),
        ("half", "stdout.log:"),
    ],
)
def test_of_a_liar_nothing_is_used(run: RunDir, lie: str, problem: str) -> None:
    answer, record = asked(run, tuner("liar", lie))
    assert answer.proposals == ()
    assert answer.problem is not None
    assert answer.problem.startswith("the answer of tuning.command is not used: ")
    assert problem in answer.problem
    assert (record["outcome"], record["proposals"], record["problem"]) == ("ok", 0, answer.problem)


@pytest.mark.parametrize("number", [2, 3])
def test_a_liar_lies_in_turn(run: RunDir, number: int) -> None:
    answer, _ = asked(run, tuner("liar", "each"), number=number)
    assert answer.problem is not None
    assert ("both" if number == 2 else "neither") in answer.problem


@pytest.mark.parametrize(
    ("way", "detail"), [("exit", "exited with 3"), ("error", "exited with 1"), ("kill", "killed by SIGKILL")]
)
def test_of_a_crasher_nothing_is_used_though_it_answered(run: RunDir, way: str, detail: str) -> None:
    answer, record = asked(run, tuner("crasher", way))
    assert answer.proposals == ()
    assert answer.problem is not None
    assert "see tuner/stderr.log of this iteration" in answer.problem
    if way != "kill" or sys.platform != "win32":
        assert answer.problem.startswith(f"tuning.command {detail}")
    assert record["outcome"] == ("crashed" if way == "kill" else "failed")
    assert "proposals" in run.iteration(2).tuner.stdout.read_text("utf-8")


def test_trap_53_a_sleeper_is_stopped_with_all_that_it_started(run: RunDir) -> None:
    # The time-out must not strike before it has answered, so it is raised until it does not.
    for number, seconds in enumerate((2.0, 10.0, 40.0), 2):
        answer, record = asked(run, tuner("sleeper"), number=number, timeout=seconds)
        assert record["outcome"] == "timeout"
        if pids := run.iteration(number).tuner.stderr.read_text("utf-8").split():
            break
    else:
        pytest.fail("it never began")
    assert answer.proposals == ()
    assert answer.problem is not None
    assert answer.problem.startswith(f"tuning.command stopped after {seconds:g}s (timeout)")
    wait_for(lambda: not any(alive(int(pid)) for pid in pids))


def test_a_stop_ends_the_tuner_too(run: RunDir) -> None:
    stop = StopRequest()
    stop.request(15)
    answer, record = asked(run, tuner("sleeper"), stop=stop)
    assert (answer.proposals, record["outcome"]) == ((), "cancelled")


@pytest.mark.parametrize(
    ("log_limit", "mebibytes", "problem"),
    [
        (1000, 3, "of which evidence.log_limit keeps only a part"),
        (10**7, 3, "an answer has at most 1048576"),
        (10**7, 0, None),
    ],
)
def test_of_a_flood_nothing_is_used(run: RunDir, log_limit: int, mebibytes: int, problem: str | None) -> None:
    answer, _ = asked(run, tuner("flood", str(mebibytes)), log_limit=log_limit)
    if problem is None:
        assert len(answer.proposals) == 2
        return
    assert answer.proposals == ()
    assert answer.problem is not None
    assert answer.problem.endswith(problem)
    assert run.iteration(2).tuner.stdout.stat().st_size < max(4 * 1024**2, log_limit)


def test_a_command_that_is_gone_is_told(run: RunDir) -> None:
    answer, record = asked(run, ("no_such_program_x",))
    assert answer.proposals == ()
    assert answer.problem is not None
    assert answer.problem.startswith("tuning.command could not be started: ")
    assert record["outcome"] == "crashed"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows replaces no file that is open")
def test_a_tuner_that_forges_its_own_output_is_evidence_that_cannot_be_used(run: RunDir) -> None:
    forge = "path = os.path.join(os.environ['SOAK_RUN_DIR'], 'iterations', '00002', 'tuner', 'stdout.log')\n"
    with pytest.raises(EvidenceError, match="was replaced or changed"):
        asked(run, python(forge + "os.unlink(path); open(path, 'w').write('{\"proposals\": []}')"))
