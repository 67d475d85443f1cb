"""`soak run` as a user meets it: real workloads, real files, the exit codes that were promised."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from soak_action.resources import schema

FAILING = (sys.executable, "-c", "raise SystemExit(1)")
WRITER = """
import json, os, pathlib
out = pathlib.Path(os.environ["SOAK_OUT"])
assert not any(out.iterdir()), "SOAK_OUT is not empty"
number = int(os.environ["SOAK_ITERATION"])
(out / "metrics.json").write_text(json.dumps({VALUE}))
print("iteration", number)
"""


def write_config(directory: Path, text: str, value: str = '{"latency": {"p95": 100 + number}}') -> None:
    (directory / "work.py").write_text(WRITER.replace("{VALUE}", value))
    (directory / "soak.yaml").write_text("version: 1\n" + text)


SIMPLE = """
workload: {run: ["${SOAK_PYTHON}", work.py]}
kpis:
  p95_ms: {from: metrics.json#latency.p95, unit: ms, better: lower, range: [0, 60000], hard: 400, soft: 350}
"""


def run_dir(done) -> Path:
    return Path(done.json["run_dir"])


def records(directory: Path) -> list[dict]:
    return [json.loads(line) for line in (directory / "iterations.jsonl").read_text().splitlines()]


def verdict_of(directory: Path) -> dict:
    return json.loads((directory / "verdict.json").read_text())


def test_a_healthy_workload_passes_and_verifies(soak, tmp_path):
    write_config(tmp_path, SIMPLE)
    done = soak("run", "--json")
    assert (done.code, done.json["verdict"], done.json["state"]) == (0, "pass", "finished")
    directory = run_dir(done)
    assert [record["kpis"]["p95_ms"] for record in records(directory)] == [101, 102, 103]
    assert (directory / "iterations/00002/stdout.log").read_bytes().splitlines() == [b"iteration 2"]
    assert directory.parent == tmp_path / ".soak"
    assert (tmp_path / ".soak/.gitignore").read_text() == "*\n"
    verified = soak("verify", directory)
    assert verified.code == 0
    assert "VERIFIED" in verified.out


def test_the_summary_for_people_says_what_happened_and_where_to_look(soak, tmp_path):
    write_config(tmp_path, SIMPLE)
    done = soak("run")
    assert done.code == 0
    assert done.out.startswith("PASS\n")
    assert "p95_ms.hard  pass    102 ms  400 ms" in done.out
    assert "evidence:     " in done.out
    assert done.err.count("| ok |") == 3


def test_every_file_that_is_written_satisfies_its_schema(soak, tmp_path):
    from jsonschema import Draft202012Validator

    write_config(tmp_path, SIMPLE)
    directory = run_dir(soak("run", "--json", "--set", "kpis.p95_ms.hard=390"))
    documents = [
        ("run", "run.json"),
        ("config-sources", "config-sources.json"),
        ("verdict", "verdict.json"),
        ("receipt", "receipt.json"),
    ]
    for name, file in documents:
        Draft202012Validator(schema(name)).validate(json.loads((directory / file).read_text()))
    Draft202012Validator(schema("soak")).validate({"version": 1, **json.loads((directory / "config.json").read_text())})
    for name, file in (("iteration", "iterations.jsonl"), ("segment", "segments.jsonl")):
        for line in (directory / file).read_text().splitlines():
            Draft202012Validator(schema(name)).validate(json.loads(line))
    known = {
        "run.json",
        "config.json",
        "config-sources.json",
        "iterations.jsonl",
        "segments.jsonl",
        "verdict.json",
        "receipt.json",
    }
    assert {path.name for path in directory.iterdir() if path.is_file()} - known <= {".lock"}


def test_trap_01_a_command_that_fails_every_time_exits_1(soak):
    done = soak("run", "--iterations", "3", "--json", "--", *FAILING)
    assert (done.code, done.json["verdict"]) == (1, "fail")
    assert "schedule.failures" in done.json["failed_rules"]
    assert soak("verify", run_dir(done)).code == 1


def test_a_command_without_configuration_is_measured_by_the_default_kpis(soak):
    done = soak("run", "--json", "--", sys.executable, "-c", "pass")
    assert done.code == 0
    for record in records(run_dir(done)):
        assert set(record["kpis"]) == {"exit_code", "wall_seconds", "peak_rss_mib"}
        assert record["kpis"]["wall_seconds"] > 0
        assert record["kpis"]["peak_rss_mib"] > 1


def test_trap_02_a_kpi_file_that_is_never_written_exits_4_and_is_named(soak, tmp_path):
    write_config(tmp_path, SIMPLE.replace("metrics.json", "other.json"))
    done = soak("run")
    assert done.code == 4
    assert "other.json" in done.out
    assert "file_missing" in done.out


def test_a_hard_breach_fails_and_a_soft_breach_warns(soak, tmp_path):
    write_config(tmp_path, SIMPLE)
    hard = soak("run", "--json", "--set", "kpis.p95_ms.hard=101.9", "--set", "kpis.p95_ms.soft=90")
    soft = soak("run", "--json", "--set", "kpis.p95_ms.soft=101.9")
    equal = soak("run", "--json", "--set", "kpis.p95_ms.soft=102")
    assert (hard.code, hard.json["verdict"]) == (1, "fail")
    assert (soft.code, soft.json["verdict"]) == (0, "warn")
    assert (equal.code, equal.json["verdict"]) == (0, "pass")
    red = soak(
        "run",
        "--json",
        "--set",
        "kpis.p95_ms.soft=101.9",
        "--set",
        "gate.fail_on=[fail,warn]".replace("fail,warn", '"fail","warn"'),
    )
    assert (red.code, red.json["verdict"]) == (1, "warn")


def test_an_override_of_the_exit_code_keeps_the_true_verdict_and_is_shown(soak):
    done = soak("run", "--iterations", "1", "--set", 'gate.fail_on=["invalid"]', "--", *FAILING)
    assert done.code == 0
    assert done.out.startswith("FAIL\n")
    assert "OVERRIDE" in done.out


def test_an_unknown_key_exits_2_with_its_place_and_a_suggestion(soak, tmp_path):
    write_config(tmp_path, SIMPLE.replace("hard: 400", "hrad: 400"))
    done = soak("run")
    assert done.code == 2
    assert "soak.yaml:5:88: unknown key 'kpis.p95_ms.hrad' - did you mean 'hard'?" in done.err
    assert not (tmp_path / ".soak").exists()


def test_with_json_an_error_is_one_json_document_too(soak, tmp_path):
    write_config(tmp_path, "suites: x\n")
    done = soak("run", "--json")
    assert done.code == 2
    assert done.json["exit_code"] == 2
    assert "did you mean 'suite'" in done.json["error"]


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (("run",), "give a command after --"),
        (("run", "--", "no-such-program-anywhere"), "no-such-program-anywhere"),
        (("run", "--", "${SOAK_OTU}"), "SOAK_OUT"),
        (("run", "--iterations", "many", "--", "true"), "whole number"),
        (("run", "--iterations", "", "--", "true"), "--iterations"),
        (("run", "--duration", "5", "--", "true"), "30s"),
        (("run", "--profile", "nightly", "--", "true"), "nightly"),
        (("run", "--config", "none.yaml", "--", "true"), "none.yaml"),
        (("run", "--set", "schedule", "--", "true"), "KEY=VALUE"),
    ],
)
def test_what_cannot_run_exits_2_and_leaves_nothing_behind(soak, tmp_path, words, hint):
    done = soak(*words)
    assert done.code == 2
    assert hint in done.err
    assert not (tmp_path / ".soak").exists()


def test_trap_26_each_run_has_a_directory_of_its_own(soak, tmp_path):
    write_config(tmp_path, SIMPLE)
    first, second = run_dir(soak("run", "--json")), run_dir(soak("run", "--json"))
    assert first != second
    assert len(records(first)) == len(records(second)) == 3
    assert records(second)[0]["iteration"] == 1


def test_trap_22_iterations_are_really_run(soak, tmp_path):
    write_config(tmp_path, SIMPLE)
    done = soak("run", "--iterations", "5", "--json")
    assert done.json["iterations"] == len(records(run_dir(done))) == 5


def test_trap_21_a_promised_duration_is_really_soaked(soak, tmp_path):
    write_config(tmp_path, SIMPLE)
    done = soak("run", "--duration", "1500ms", "--set", "schedule.pause=200ms", "--json")
    assert done.code == 0
    assert done.json["measured_seconds"] >= 1.5
    assert verdict_rule(run_dir(done), "sanity.duration")["result"] == "pass"


def test_duration_and_iterations_together_mean_until_both_are_met(soak, tmp_path):
    write_config(tmp_path, SIMPLE)
    long = soak("run", "--iterations", "2", "--duration", "1s", "--set", "schedule.every=300ms", "--json")
    assert long.json["measured_seconds"] >= 1
    assert long.json["iterations"] >= 2
    many = soak("run", "--iterations", "4", "--duration", "1ms", "--json")
    assert many.json["iterations"] == 4


def test_an_exhausted_budget_stops_the_running_iteration_and_is_inconclusive(soak):
    done = soak(
        "run",
        "--json",
        "--iterations",
        "3",
        "--set",
        "schedule.budget=1500ms",
        "--",
        sys.executable,
        "-c",
        "import time; time.sleep(1)",
    )
    assert (done.code, done.json["verdict"], done.json["state"]) == (3, "inconclusive", "aborted")
    assert [record["outcome"] for record in records(run_dir(done))] == ["ok", "cancelled"]


def test_a_time_out_is_a_failure_and_the_run_goes_on(soak, tmp_path):
    write_config(tmp_path, SIMPLE)
    (tmp_path / "work.py").write_text("import os, time\ntime.sleep(60 if os.environ['SOAK_ITERATION'] == '1' else 0)\n")
    done = soak("run", "--iterations", "2", "--json", "--set", "workload.timeout=700ms")
    assert [record["outcome"] for record in records(run_dir(done))] == ["timeout", "ok"]
    assert records(run_dir(done))[0]["missing"] == {"p95_ms": "workload_failed"}
    assert done.code == 1


def test_a_tolerated_failure_does_not_fail_the_run(soak, tmp_path):
    write_config(tmp_path, SIMPLE)
    text = (tmp_path / "work.py").read_text()
    (tmp_path / "work.py").write_text(text + "raise SystemExit(number == 2)\n")
    assert soak("run", "--json").code == 1
    tolerant = soak("run", "--json", "--set", "schedule.failures=1")
    assert (tolerant.code, tolerant.json["verdict"]) == (0, "pass")


def test_trap_20_warm_up_iterations_are_not_judged_and_are_listed_as_such(soak, tmp_path):
    write_config(tmp_path, SIMPLE, value='{"latency": {"p95": 5000 if number < 3 else 100}}')
    done = soak("run", "--iterations", "5", "--set", "schedule.warmup=2")
    assert done.code == 0
    assert done.err.count("(warm-up)") == 2
    assert soak("run", "--iterations", "5", "--set", "schedule.warmup=1").code == 1


def test_a_live_rule_aborts_the_run_and_fails_it(soak, tmp_path):
    write_config(tmp_path, SIMPLE, value='{"latency": {"p95": 5000 if number > 2 else 100}}')
    words = ("--set", 'kpis.p95_ms.abort={"beyond": 1000, "for": 2}')
    done = soak("run", "--iterations", "9", "--json", *words)
    assert (done.code, done.json["state"], done.json["iterations"]) == (1, "aborted", 4)
    assert "p95_ms.abort" in done.json["failed_rules"]


def test_trap_16_an_impossible_value_is_invalid(soak, tmp_path):
    write_config(tmp_path, SIMPLE, value='{"latency": {"p95": -0.07}}')
    done = soak("run")
    assert done.code == 4
    assert "out_of_range" in done.out


def test_trap_58_a_result_copied_from_an_earlier_run_is_stale(soak, tmp_path):
    write_config(tmp_path, SIMPLE)
    old = tmp_path / "metrics.json"
    old.write_text('{"latency": {"p95": 1}}')
    os.utime(old, (1_700_000_000, 1_700_000_000))
    (tmp_path / "work.py").write_text("import os, shutil\nshutil.copy2('metrics.json', os.environ['SOAK_OUT'])\n")
    done = soak("run")
    assert done.code == 4
    assert "stale" in done.out


def test_trap_15_trap_57_nothing_but_the_workload_writes_results(soak, tmp_path):
    """A result that lies ready beside the configuration is never taken for a measurement."""
    write_config(tmp_path, SIMPLE)
    (tmp_path / "work.py").write_text("print('did nothing')\n")
    (tmp_path / "metrics.json").write_text('{"latency": {"p95": 1}}')
    done = soak("run", "--json")
    assert (done.code, done.json["verdict"]) == (4, "invalid")
    assert list(run_dir(done).glob("iterations/*/out/*")) == []


def test_trap_43_a_workload_that_prints_a_traceback_and_exits_0_without_results_is_not_complete(soak, tmp_path):
    write_config(tmp_path, SIMPLE)
    (tmp_path / "work.py").write_text("try:\n    1 / 0\nexcept ZeroDivisionError as error:\n    print(error)\n")
    assert soak("run").code == 4


def test_trap_45_quotes_newlines_and_braces_reach_the_workload_untouched(soak, tmp_path):
    text = "import os,sys\nprint(f\"{'a' + \"b\"!r}\", 'it''s', '${HOME}', \"é\", sys.argv[1:])"
    write_config(tmp_path, "workload: {run: [x]}\nkpis: {exit_code: {hard: 0}}\n")
    done = soak(
        "run",
        "--iterations",
        "1",
        "--json",
        "--",
        sys.executable,
        "-X",
        "utf8",
        "-c",
        text.replace('"b"', "'b'").replace('f"', "f'''").replace('!r}"', "!r}'''"),
        "a b",
        "",
        "$x",
        "%y%",
    )
    assert done.code == 0, done.err
    kept = (run_dir(done) / "iterations/00001/stdout.log").read_text()
    assert "${HOME} é ['a b', '', '$x', '%y%']" in kept


def test_trap_48_a_narrow_code_page_does_not_break_the_report(soak, tmp_path):
    write_config(tmp_path, SIMPLE.replace("unit: ms", "unit: µs, title: Größe"))
    done = soak("run", env={"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0", "LC_ALL": "C"})
    assert done.code == 0
    assert "\\xb5s" in done.out


def test_the_workload_gets_its_variables_and_none_of_ours(soak, tmp_path):
    write_config(
        tmp_path,
        SIMPLE + "profiles: {smoke: {schedule: {iterations: 1}}}\n",
        value='{"latency": {"p95": 1}, "env": dict(os.environ), "cwd": os.getcwd()}',
    )
    secret = {"GITHUB_TOKEN": "t0p-secret", "GITHUB_OUTPUT": "/x", "GITHUB_SHA": "abc", "SOAK_PROFILE": "smoke"}
    done = soak("run", "--json", env=secret)
    assert done.json["iterations"] == 1
    seen = json.loads((run_dir(done) / "iterations/00001/out/metrics.json").read_text())
    assert seen["cwd"] == str(tmp_path.resolve())
    assert seen["env"]["SOAK_ACTIVE_PROFILE"] == "smoke"
    assert seen["env"]["SOAK_RUN_DIR"] == str(run_dir(done))
    assert seen["env"]["GITHUB_SHA"] == "abc"
    assert not {"GITHUB_TOKEN", "GITHUB_OUTPUT", "SOAK_PROFILE"} & set(seen["env"])


def test_secrets_appear_nowhere_in_the_evidence(soak, tmp_path):
    write_config(tmp_path, SIMPLE)
    done = soak("run", "--json", "--set", "workload.env.API_TOKEN=hunter2-hunter2")
    assert done.code == 0
    for path in run_dir(done).rglob("*.json*"):
        assert b"hunter2" not in path.read_bytes(), path
    assert "hunter2" not in done.out + done.err


def test_paths_with_spaces_and_unicode_work(soak, tmp_path):
    place = tmp_path / "a b ü 日本"
    place.mkdir()
    write_config(place, SIMPLE)
    done = soak("run", "--json", "--output", "out put", cwd=place)
    assert done.code == 0
    assert run_dir(done).parent == place / "out put"
    assert soak("verify", run_dir(done) / "receipt.json", cwd=place).code == 0


def test_output_that_cannot_be_written_exits_5_in_one_line(soak, tmp_path):
    (tmp_path / "file").write_text("")
    done = soak("run", "--output", "file/sub", "--", sys.executable, "-c", "pass")
    assert done.code == 5
    assert len(done.err.splitlines()) == 1


def test_what_leaks_from_an_iteration_is_stopped_and_recorded(soak, tmp_path):
    leak = "import subprocess, sys; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(300)'])"
    done = soak("run", "--iterations", "1", "--json", "--", sys.executable, "-c", leak)
    assert done.code == 0
    (leftover,) = records(run_dir(done))[0]["leftovers"]
    assert "pid" in leftover


def verdict_rule(directory: Path, name: str) -> dict:
    return next(rule for rule in verdict_of(directory)["rules"] if rule["id"] == name)


def test_run_json_says_what_was_promised_and_on_which_commit(soak, tmp_path):
    import subprocess

    write_config(tmp_path, SIMPLE)
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b", "-C", str(tmp_path)]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "add", "."], check=True)
    subprocess.run([*git, "commit", "-q", "-m", "x"], check=True)
    commit = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()
    blob = subprocess.run([*git, "hash-object", "soak.yaml"], check=True, capture_output=True, text=True).stdout.strip()
    clean = json.loads((run_dir(soak("run", "--json")) / "run.json").read_text())
    assert (clean["commit"], clean["tree_dirty"], clean["config_file"]["git_blob"]) == (commit, False, blob)
    assert clean["schedule"]["iterations"] == 3
    (tmp_path / "new.txt").write_text("x")
    dirty = json.loads((run_dir(soak("run", "--json")) / "run.json").read_text())
    assert dirty["tree_dirty"] is True
