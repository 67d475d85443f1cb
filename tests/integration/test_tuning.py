"""Tuning through the real command: each guard acts in the loop, and what is told of it is the same everywhere."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.integration.tuned import (
    INTERVAL,
    PARAMETERS,
    WORK,
    configure,
    document,
    lines,
    outcomes,
    rule,
    rule_of,
)

from soak_action import canonical
from soak_action.evidence.run_dir import find
from soak_action.tuning.guards import GUARDS
from soak_action.verify import verify

pytestmark = pytest.mark.usefixtures("unmeasured")

UP, DOWN = rule("v == 1", change={"interval_ms": 5}), rule("v == 2", change={"interval_ms": -5})
QUICK = {**INTERVAL, "max_change_per_hour": 10**9}
SLOW = {**INTERVAL, "max_change_per_hour": 10}
WIDE = {"interval_ms": {**INTERVAL, "initial": 75, "max": 100}}
# Per case: the guard, the KPI per iteration, rules, what else is configured, and what becomes of the proposals.
CASES: dict[str, tuple[str, list[float], list[Any], dict[str, Any], list[tuple[Any, ...]]]] = {
    "warmup": (
        "warmup",
        [1, 1, 1],
        [UP],
        {"guards": {"warmup": 2}},
        [(2, 70, 75, "suppressed", "warmup"), (3, 70, 75, "applied", None)],
    ),
    "freeze": (
        "freeze",
        [0, 0, 1, 1, 0],
        [UP],
        {"guards": {"freeze": {"after": 2, "hold": 2, "when": "v < 1"}}},
        [(4, 70, 75, "suppressed", "freeze"), (5, 70, 75, "applied", None)],
    ),
    "freeze of another one": (
        "freeze",
        [0, 0, 1, 0],
        [UP],
        {
            "parameters": {"interval_ms": INTERVAL, "cap": {"initial": 0.1, "min": 0, "max": 1}},
            "guards": {"freeze": {"after": 2, "hold": 2, "when": "v < 1", "parameters": ["cap"]}},
        },
        [(4, 70, 75, "applied", None)],
    ),
    "cooldown": (
        "cooldown",
        [1] * 5,
        [UP],
        {"guards": {"cooldown": {"threshold": "10%", "iterations": 2}}},
        [
            (2, 70, 75, "applied", None),
            (3, 75, 80, "suppressed", "cooldown"),
            (4, 75, 80, "suppressed", "cooldown"),
            (5, 75, 80, "applied", None),
        ],
    ),
    "cooldown after a small change": (
        "cooldown",
        [1] * 3,
        [UP],
        {"guards": {"cooldown": {"threshold": "20%", "iterations": 2}}},
        [(2, 70, 75, "applied", None), (3, 75, 80, "applied", None)],
    ),
    "oscillation": (
        "oscillation",
        [1, 2, 2],
        [UP, DOWN],
        {"parameters": WIDE},
        [(2, 75, 80, "applied", None), (3, 80, 75, "suppressed", "oscillation")],
    ),
    "oscillation, going on": (
        "oscillation",
        [1, 1, 2],
        [UP, DOWN],
        {"parameters": WIDE},
        [(2, 75, 80, "applied", None), (3, 80, 85, "applied", None)],
    ),
    "velocity": (
        "velocity",
        [1] * 2,
        [UP],
        {"parameters": {"interval_ms": SLOW}},
        [(2, 70, 75, "suppressed", "velocity")],
    ),
    "velocity within its limit": (
        "velocity",
        [1] * 2,
        [UP],
        {"parameters": {"interval_ms": QUICK}},
        [(2, 70, 75, "applied", None)],
    ),
    "bounds": (
        "bounds",
        [1, 1, 2, 0],
        [UP, DOWN],
        {"parameters": {"interval_ms": {**INTERVAL, "initial": 75}}, "guards": {"oscillation": {"window": 0}}},
        [(2, 75, 80, "applied", None), (3, 80, 80, "suppressed", "bounds"), (4, 80, 75, "applied", None)],
    ),
    "no_op": (
        "no_op",
        [1, 1, 1],
        [rule("v == 1", target={"interval_ms": 75})],
        {},
        [(2, 70, 75, "applied", None), (3, 75, 75, "no_op", "no_op")],
    ),
    "conflict": (
        "conflict",
        [1, 2, 1],
        [UP, rule("v >= 1", change={"interval_ms": -10})],
        {},
        [(2, 70, 75, "applied", None), (2, 75, 65, "suppressed", "conflict"), (3, 75, 65, "applied", None)],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_trap_25_a_guard_acts_in_the_real_loop(soak, tmp_path: Path, case: str) -> None:
    guard, values, rules, more, expected = CASES[case]
    configure(tmp_path, values, *rules, **more)
    done = soak("run", "--json")
    assert (done.code, done.json["verdict"]) == (0, "pass"), done.err
    run = Path(done.json["run_dir"])
    assert outcomes(run) == expected
    held = [one for record in lines(run) for one in record["decisions"] if guard in one["reasons"]]
    assert [one["reason"] for one in held] == [reason for *_, reason in expected if reason is not None]


def test_trap_30_no_guard_is_without_a_case_in_which_it_fires_and_one_in_which_it_does_not() -> None:
    names = {name for name, _ in GUARDS}
    fires, lets_through = set(), set()
    for guard, _, _, _, expected in CASES.values():
        fires |= {guard} & {reason for *_, reason in expected}
        lets_through |= {guard} if any(outcome == "applied" for *_, outcome, _ in expected) else set()
    assert (fires, lets_through) == (names, names)


@pytest.mark.parametrize(
    "formatting",
    [
        '{"interval_ms":75}',
        '{\n\t"interval_ms" : 75.0\n\n}\n',
        '\ufeff{"interval_ms": 7.5e1}\r\n',
    ],
    ids=["compact", "wide", "byte order mark"],
)
def test_trap_33_to_and_fro_is_seen_whatever_the_files_formatting(soak, tmp_path: Path, formatting: str) -> None:
    configure(tmp_path, [1, 2, 1], UP, DOWN, parameters=WIDE)
    (tmp_path / PARAMETERS).write_bytes(formatting.encode())
    done = soak("run", "--json")
    assert done.code == 0, done.err
    assert outcomes(Path(done.json["run_dir"])) == [
        (2, 75, 80, "applied", None),
        (3, 80, 75, "suppressed", "oscillation"),
    ]


NESTED = {"interval_ms": INTERVAL, "impact.cap_ratio": {"initial": 0.09, "min": 0.08, "max": 0.12}}
BOTH = rule("v == 1", change={"interval_ms": 5, "impact": {"cap_ratio": -0.01}})


def test_trap_36_each_record_holds_what_its_iteration_ran_with(soak, tmp_path: Path) -> None:
    configure(tmp_path, [1, 1, 0, 0], BOTH, parameters=NESTED)
    done = soak("run", "--json")
    assert done.code == 0, done.err
    run = Path(done.json["run_dir"])
    outcomes(run)
    states = []
    for record in lines(run):
        read = document(run, f"iterations/{record['iteration']:05d}/out/m.json")["read"]
        state = {"interval_ms": read["interval_ms"], "impact.cap_ratio": read["impact"]["cap_ratio"]}
        assert record["parameters"] == state
        assert record["state_hash"] == canonical.digest(state)
        file = record["parameters_file"]
        assert file == {"digest": file["digest_read"], "digest_read": file["digest"], "edited": False}
        assert (record["frozen"], record["tuner"]) == (None, None)
        states.append((state["interval_ms"], state["impact.cap_ratio"]))
    assert states == [(70, 0.09), (75, 0.08), (80, 0.08), (80, 0.08)]
    last = lines(run)[-1]
    content = (tmp_path / PARAMETERS).read_bytes()
    assert content == b'{\n  "interval_ms": 80,\n  "impact": {\n    "cap_ratio": 0.08\n  }\n}\n'
    assert (run / "params.json").read_bytes() == content
    assert last["parameters_file"]["digest"] == hashlib.sha256(content).hexdigest()
    receipt = document(run, "receipt.json")
    assert done.json["state_hash"] == receipt["state_hash"] == last["state_hash"]
    assert receipt["digests"]["params.json"] == hashlib.sha256(content).hexdigest()
    assert receipt["tuning"]["confirmed_iterations"] == 4
    promised = document(run, "run.json")["parameters"]
    assert promised == {
        "file": PARAMETERS,
        "values": lines(run)[0]["parameters"],
        "state_hash": lines(run)[0]["state_hash"],
        "digest": lines(run)[0]["parameters_file"]["digest"],
    }
    assert soak("verify", run).code == 0


def test_trap_09_what_was_suppressed_or_without_effect_is_not_counted_as_applied(soak, tmp_path: Path) -> None:
    same = rule("v >= 1", target={"cap": 0.5})
    configure(
        tmp_path,
        [1, 2, 1, 0],
        UP,
        DOWN,
        same,
        parameters={**WIDE, "cap": {"initial": 0.5, "min": 0, "max": 1}},
    )
    done = soak("run", "--json")
    run = Path(done.json["run_dir"])
    assert len(outcomes(run)) == 6
    told = document(run, "receipt.json")["tuning"]
    assert {key: told[key] for key in ("proposals", "applied", "suppressed", "no_op")} == {
        "proposals": 6,
        "applied": 2,
        "suppressed": 1,
        "no_op": 3,
    }
    found = rule_of(run, "tuning.decisions")
    assert (found["result"], found["value"], found["n"]) == ("not_applicable", 2, 6)
    assert found["reason"] == "6 proposals: 2 applied, 1 suppressed, 3 without effect"


@pytest.mark.parametrize(
    ("guards", "words"),
    [
        ({"warmup": 9}, "2 proposals: 0 applied, 2 suppressed, 0 without effect"),
        ({}, "2 proposals: 0 applied, 0 suppressed, 2 without effect"),
    ],
    ids=["suppressed", "no_op"],
)
def test_trap_29_a_run_in_which_nothing_was_applied_says_that_it_is_not_convergence(
    soak, tmp_path: Path, guards: dict[str, Any], words: str
) -> None:
    amount = 75 if guards else 70
    configure(tmp_path, [1, 1, 1], rule("v == 1", target={"interval_ms": amount}), guards=guards)
    done = soak("run", "--json")
    found = rule_of(Path(done.json["run_dir"]), "tuning.decisions")
    assert found["reason"] == f"{words}; nothing was ever applied, which is not convergence"
    assert document(Path(done.json["run_dir"]), "receipt.json")["tuning"]["applied"] == 0


def test_parameters_without_a_tuner_are_held_and_told(soak, tmp_path: Path) -> None:
    configure(tmp_path, [1, 1])
    done = soak("run", "--json")
    run = Path(done.json["run_dir"])
    assert (done.code, outcomes(run)) == (0, [])
    assert not (run / "decisions.jsonl").exists()
    assert document(run, "params.json") == {"interval_ms": 70}
    assert done.json["state_hash"] == canonical.digest({"interval_ms": 70})
    assert not [one for one in document(run, "verdict.json")["rules"] if one["id"].startswith("tuning.")]


def test_a_run_without_parameters_has_nothing_of_them(soak, tmp_path: Path) -> None:
    (tmp_path / "soak.yaml").write_text('{"version": 1, "workload": {"run": "exit 0"}}')
    done = soak("run", "--json", "--iterations", "1")
    assert done.json["state_hash"] is None
    assert [path.name for path in tmp_path.iterdir() if path.name != ".soak"] == ["soak.yaml"]
    assert not (Path(done.json["run_dir"]) / "params.json").exists()


def test_trap_26_trap_27_a_run_takes_nothing_from_the_one_before_but_the_file(soak, tmp_path: Path) -> None:
    configure(tmp_path, [1, 1], UP)
    first = soak("run", "--json")
    # What its last iteration would have led to never happens: the next run measures first.
    (tmp_path / "values").write_text("[0, 0]")
    second = soak("run", "--json")
    assert [outcomes(Path(done.json["run_dir"])) for done in (first, second)] == [[(2, 70, 75, "applied", None)], []]
    assert document(Path(second.json["run_dir"]), "run.json")["parameters"]["values"] == {"interval_ms": 75}
    assert [len(lines(Path(done.json["run_dir"]))) for done in (first, second)] == [2, 2]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"impact.cap_ratio": 0.1, "impact": {"cap_ratio": 0.1}, "interval_ms": 70}, "impact.cap_ratio"),
        ({"impact.cap_ratio": 0.1}, "interval_ms is missing"),
        ({"impact.cap_ratio": 0.1, "interval_ms": "+5"}, "expected a number"),
        ({"impact.cap_ratio": 0.1, "interval_ms": 95}, "write a number from 40 to 80"),
        ([], "mapping"),
    ],
    ids=["trap_28 one name twice", "missing", "trap_29 text", "outside", "list"],
)
def test_a_file_that_holds_something_else_is_refused_and_stays(soak, tmp_path: Path, content: Any, words: str) -> None:
    configure(tmp_path, [1, 1], BOTH, parameters=NESTED)
    (tmp_path / PARAMETERS).write_text(json.dumps(content))
    done = soak("run", "--json")
    assert (done.code, words in done.err, PARAMETERS in done.err) == (2, True, True), done.err
    assert json.loads((tmp_path / PARAMETERS).read_bytes()) == content
    assert not list((tmp_path / ".soak").glob("2*"))


@pytest.mark.parametrize(
    "content", [{"impact": {"cap_ratio": 0.1}, "interval_ms": 75}, {"impact.cap_ratio": 0.1, "interval_ms": 75}]
)
def test_trap_28_nested_and_dotted_names_are_the_same_and_stay_as_they_are_written(
    soak, tmp_path: Path, content: Any
) -> None:
    configure(tmp_path, [1, 0], BOTH, parameters=NESTED)
    (tmp_path / PARAMETERS).write_text(json.dumps(content))
    done = soak("run", "--json")
    assert done.code == 0, done.err
    assert lines(Path(done.json["run_dir"]))[0]["parameters"] == {"impact.cap_ratio": 0.1, "interval_ms": 75}
    assert json.loads((tmp_path / PARAMETERS).read_bytes()).keys() == content.keys()
    assert document(Path(done.json["run_dir"]), "params.json") == {"impact": {"cap_ratio": 0.09}, "interval_ms": 80}


def test_trap_41_what_the_user_chose_is_not_overwritten_by_what_a_run_begins_with(soak, tmp_path: Path) -> None:
    configure(tmp_path, [0, 0], UP)
    chosen = b'{"interval_ms":45}'
    (tmp_path / PARAMETERS).write_bytes(chosen)
    before = (tmp_path / PARAMETERS).stat()
    assert soak("run", "--profile", "nightly").code == 2
    done = soak("run", "--json")
    assert (done.code, lines(Path(done.json["run_dir"]))[0]["parameters"]) == (0, {"interval_ms": 45})
    after = (tmp_path / PARAMETERS).stat()
    assert (tmp_path / PARAMETERS).read_bytes() == chosen
    assert (before.st_mtime_ns, before.st_ino) == (after.st_mtime_ns, after.st_ino)


def test_trap_42_two_runs_stand_beside_each_other_and_leave_nothing_else(soak, tmp_path: Path) -> None:
    configure(tmp_path, [1, 1], UP)
    names = {Path(soak("run", "--json", "--output", "soak/latest").json["run_dir"]).name for _ in range(2)}
    assert len(names) == 2
    assert {path.name for path in (tmp_path / "soak" / "latest").iterdir() if path.is_dir()} == names
    assert {path.name for path in tmp_path.iterdir()} == {"soak.yaml", "work.py", "values", "soak", PARAMETERS}


FREEZE = {"freeze": {"after": 2, "hold": 3, "when": "v == 0"}}


def test_trap_31_what_is_stable_is_frozen_held_and_thawed_by_a_breach(soak, tmp_path: Path) -> None:
    # Stable twice: frozen for three iterations whatever is wanted. Stable again: frozen until a hard limit is breached.
    values = [0, 0, 1, 1, 0, 0, 0, 1, 500, 1, 1]
    up = rule("v > 0", change={"interval_ms": -5})
    # No parameter is named, so both are frozen; they are told in the same order wherever they are told.
    parameters = {"interval_ms": INTERVAL, "cap": {"initial": 0.1, "min": 0, "max": 1}}
    configure(tmp_path, values, up, guards=FREEZE, parameters=parameters)
    done = soak("run", "--json")
    assert done.code == 0, done.err
    run = Path(done.json["run_dir"])
    assert outcomes(run) == [
        (4, 70, 65, "suppressed", "freeze"),
        (5, 70, 65, "suppressed", "freeze"),
        (9, 70, 65, "suppressed", "freeze"),
        (10, 70, 65, "applied", None),
        (11, 65, 60, "applied", None),
    ]
    signature = canonical.digest({"interval_ms": 70, "cap": 0.1})
    first, second = (
        {"parameters": sorted(parameters), "since": since, "until": since + 2, "signature": signature}
        for since in (3, 8)
    )
    told = {record["iteration"]: record["frozen"] for record in lines(run)}
    assert told == {**dict.fromkeys(range(1, 12)), 3: first, 4: first, 5: first, 8: second, 9: second}
    assert lines(run, "decisions.jsonl")[0]["details"]["freeze"].startswith("frozen from iteration 3 to 5")


def test_a_tuner_of_the_users_own_is_asked_before_each_iteration_but_the_first(soak, tmp_path: Path) -> None:
    (tmp_path / "tuner.py").write_text(
        "import json, sys\n"
        "asked = json.load(sys.stdin)\n"
        "wanted = {'parameter': 'interval_ms', 'target': 75, 'because': f\"v was {asked['kpis']['v']}\"}\n"
        "print(json.dumps({'state_hash': asked['state_hash'], 'proposals': [wanted]}))\n"
    )
    tuning = {"enabled": True, "command": ["${SOAK_PYTHON}", "-S", "tuner.py"]}
    configure(tmp_path, [3, 4, 5], tuning=tuning)
    done = soak("run", "--json")
    assert done.code == 0, done.err
    run = Path(done.json["run_dir"])
    assert outcomes(run) == [(2, 70, 75, "applied", None), (3, 75, 75, "no_op", "no_op")]
    assert [one["because"] for one in lines(run, "decisions.jsonl")] == ["v was 3", "v was 4"]
    tuners = [record["tuner"] for record in lines(run)]
    assert tuners[0] is None
    assert [(one["outcome"], one["proposals"], one["problem"]) for one in tuners[1:]] == [("ok", 1, None)] * 2
    assert rule_of(run, "tuning.command")["result"] == "pass"


EDIT = "pathlib.Path(os.environ['SOAK_PARAMS']).write_text('{\"interval_ms\": 40}')\n"


def test_a_workload_that_changes_the_file_makes_the_run_invalid(soak, tmp_path: Path) -> None:
    configure(tmp_path, [1, 1, 1, 1], UP, work=WORK + f"if number == 2:\n    {EDIT}")
    done = soak("run", "--json")
    assert (done.code, done.json["verdict"], done.json["state"]) == (4, "invalid", "aborted"), done.err
    assert "parameters.untouched" in done.json["failed_rules"]
    run = Path(done.json["run_dir"])
    found = rule_of(run, "parameters.untouched")
    assert (found["result"], found["first_breach"]) == ("invalid", 2)
    assert found["reason"] == "somebody else changed the file of the parameters during iteration 2"
    assert [record["parameters_file"]["edited"] for record in lines(run)] == [False, True]
    (end,) = lines(run, "segments.jsonl")
    assert end["reason"] == f"somebody else changed {PARAMETERS}; let nothing but soak write it during a run"
    # What somebody else wrote is theirs, and is not written over.
    assert json.loads((tmp_path / PARAMETERS).read_bytes()) == {"interval_ms": 40}
    assert soak("verify", run).code == 4


def test_an_edit_between_two_iterations_ends_the_run(soak, tmp_path: Path) -> None:
    # Somebody else, who begins when iteration 2 has ended.
    other = (
        "import pathlib, time\n"
        "while not list(pathlib.Path('.soak').glob('2*/iterations.jsonl')) or not b'\"iteration\":2' in "
        "next(pathlib.Path('.soak').glob('2*/iterations.jsonl')).read_bytes():\n    time.sleep(0.02)\n"
        f"pathlib.Path('{PARAMETERS}').write_text('{{\"interval_ms\": 40}}')\n"
    )
    configure(tmp_path, [1, 1, 1], UP, schedule={"iterations": 3, "pause": "3s"})
    with subprocess.Popen([sys.executable, "-S", "-c", other], cwd=tmp_path) as process:
        done = soak("run", "--json")
        assert process.wait(60) == 0
    assert (done.code, done.json["state"], done.json["verdict"]) == (3, "aborted", "inconclusive"), done.err
    run = Path(done.json["run_dir"])
    (end,) = lines(run, "segments.jsonl")
    assert end["reason"] == f"somebody else changed {PARAMETERS}; let nothing but soak write it during a run"
    assert [record["parameters_file"]["edited"] for record in lines(run)] == [False, False]
    assert outcomes(run) == [(2, 70, 75, "applied", None)]
    assert json.loads((tmp_path / PARAMETERS).read_bytes()) == {"interval_ms": 40}
    # Nor does anybody go on with such a run.
    assert soak("run", "--resume", run).code == 2


@pytest.mark.parametrize(
    ("proof", "result", "words"),
    [
        ("hashlib.sha256(content).hexdigest()", "pass", "in 2 of 2 iterations the workload proved"),
        ("hashlib.sha256(content).hexdigest().upper() + '  soak.params.json\\n'", "pass", "in 2 of 2 iterations"),
        ("hashlib.sha256(content + b' ').hexdigest()", "invalid", "read other parameters than those in force"),
        ("'garbage'", "invalid", "wrote no SHA-256 to params.sha256"),
        ("''", "invalid", "wrote no SHA-256 to params.sha256"),
        (None, "not_applicable", "unconfirmed: "),
    ],
    ids=["right", "sha256sum", "wrong", "garbage", "empty", "missing"],
)
def test_what_the_workload_proves_of_its_parameters(soak, tmp_path: Path, proof, result: str, words: str) -> None:
    before, _, _ = WORK.rpartition("out.joinpath")
    write = "" if proof is None else f"out.joinpath('params.sha256').write_text({proof})\n"
    configure(tmp_path, [1, 1], UP, work=before + write)
    done = soak("run", "--json")
    found = rule_of(Path(done.json["run_dir"]), "parameters.read")
    assert (found["result"], words in found["reason"]) == (result, True), found
    assert (done.code, done.json["verdict"]) == ((4, "invalid") if result == "invalid" else (0, "pass"))
    assert verify(find(Path(done.json["run_dir"]))).exit_code == done.code


def test_a_tuner_is_ended_with_the_budget_of_the_run(soak, tmp_path):
    (tmp_path / "sleeper.py").write_text("import time\ntime.sleep(600)\n", "utf-8")
    (tmp_path / "soak.yaml").write_text(
        """\
version: 1
workload: {run: ["${SOAK_PYTHON}", -c, pass]}
schedule: {iterations: 9, budget: 3s}
kpis: {exit_code: {hard: 0}}
parameters: {values: {p: {initial: 5, min: 1, max: 9}}}
tuning: {enabled: true, command: ["${SOAK_PYTHON}", sleeper.py], timeout: 10m}
""",
        "utf-8",
    )
    done = soak("run", "--json")
    assert (done.code, done.json["state"], done.json["verdict"]) == (3, "aborted", "inconclusive")
    assert done.json["measured_seconds"] < 60
