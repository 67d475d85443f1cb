"""soak config as its users call it: what it prints, what it exits with, and what all layers together come to."""

# ruff: noqa: E501  (a line of output is compared as the one line that it is)
from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.conftest import full

from soak_action import canonical
from soak_action.commands.settings import problem_of_source
from soak_action.config.load import Loaded, Request, Setting, load

GOLDEN = Path(__file__).with_name("golden") / "config.json"
FILE = """\
version: 1
suite: api
workload:
  run: ["${SOAK_PYTHON}", -c, pass]
  timeout: 5m
  env: {LEVEL: info, API_TOKEN: file-secret}
schedule:
  iterations: 24
  every: 1h
  warmup: 2
  budget: 26h
kpis:
  exit_code: {hard: 0}
  wall_seconds: {hard: 60, soft: 50, window: last 2}
gate: {locked: [kpis.exit_code]}
profiles:
  smoke:
    workload: {env: {LEVEL: warning}, timeout: 4m}
    schedule: {iterations: 3, pause: 0s, warmup: 0, budget: 2m}
    kpis: {wall_seconds: {hard: 55}}
    gate: {fail_on: [fail, invalid], locked: [suite]}
"""
ENVIRON = {
    "SOAK_WORKLOAD__TIMEOUT": "3m",
    "SOAK_SCHEDULE__ITERATIONS": "2",
    "SOAK_OVERRIDES": "{workload: {env: {API_TOKEN: env-secret}}, kpis: {wall_seconds: {soft: 45}}}",
}
SETTINGS = ("workload.timeout=2m", "schedule.iterations=1", "gate.fail_on=fail")

S = "schema default"
EXPECTED: dict[str, list[tuple[Any, str, str]]] = {
    "evidence.log_limit": [("1MiB", "default", S)],
    "evidence.keep_outputs": [("all", "default", S)],
    "gate.fail_on": [
        (["fail"], "cli", "--set gate.fail_on"),
        (["fail", "invalid"], "profile", "profile smoke soak.yaml:21:12"),
        (["fail", "invalid", "inconclusive"], "default", S),
    ],
    "gate.locked": [
        (["kpis.exit_code", "suite"], "profile", "profile smoke soak.yaml:21:38"),
        (["kpis.exit_code"], "file", "soak.yaml:15:8"),
        ([], "default", S),
    ],
    "kpis.exit_code.better": [("lower", "default", S)],
    "kpis.exit_code.hard": [(0, "file", "soak.yaml:13:15")],
    "kpis.exit_code.missing.allow": [("0%", "default", S)],
    "kpis.exit_code.must_vary": [(False, "default", S)],
    "kpis.exit_code.stat": [("median", "default", S)],
    "kpis.exit_code.title": [("exit code", "default", S)],
    "kpis.exit_code.window": [("all", "default", S)],
    "kpis.wall_seconds.better": [("lower", "default", S)],
    "kpis.wall_seconds.hard": [
        (55, "profile", "profile smoke soak.yaml:20:27"),
        (60, "file", "soak.yaml:14:18"),
    ],
    "kpis.wall_seconds.missing.allow": [("0%", "default", S)],
    "kpis.wall_seconds.must_vary": [(False, "default", S)],
    "kpis.wall_seconds.soft": [
        (45, "env", "env SOAK_OVERRIDES:1:66"),
        (50, "file", "soak.yaml:14:28"),
    ],
    "kpis.wall_seconds.stat": [("mean", "default", S)],
    "kpis.wall_seconds.title": [("wall time", "default", S)],
    "kpis.wall_seconds.unit": [("s", "default", S)],
    "kpis.wall_seconds.window": [("last 2", "file", "soak.yaml:14:38"), ("all", "default", S)],
    "schedule.budget": [
        ("2m", "profile", "profile smoke soak.yaml:19:53"),
        ("26h", "file", "soak.yaml:11:3"),
    ],
    "schedule.failures": [(0, "default", S)],
    "schedule.iterations": [
        (1, "cli", "--set schedule.iterations"),
        (2, "env", "env SOAK_SCHEDULE__ITERATIONS"),
        (3, "profile", "profile smoke soak.yaml:19:16"),
        (24, "file", "soak.yaml:8:3"),
        (3, "default", S),
    ],
    "schedule.pause": [
        ("0s", "profile", "profile smoke soak.yaml:19:31"),
        ("1h", "file", "soak.yaml:9:3"),
        ("0s", "default", S),
    ],
    "schedule.warmup": [
        (0, "profile", "profile smoke soak.yaml:19:42"),
        (2, "file", "soak.yaml:10:3"),
        (0, "default", S),
    ],
    "suite": [("api", "file", "soak.yaml:2:1")],
    "workload.env.API_TOKEN": [("***", "env", "env SOAK_OVERRIDES:1:19"), ("***", "file", "soak.yaml:6:22")],
    "workload.env.LEVEL": [
        ("warning", "profile", "profile smoke soak.yaml:18:22"),
        ("info", "file", "soak.yaml:6:9"),
    ],
    "workload.run": [(["${SOAK_PYTHON}", "-c", "pass"], "file", "soak.yaml:4:3")],
    "workload.timeout": [
        ("2m", "cli", "--set workload.timeout"),
        ("3m", "env", "env SOAK_WORKLOAD__TIMEOUT"),
        ("4m", "profile", "profile smoke soak.yaml:18:39"),
        ("5m", "file", "soak.yaml:5:3"),
        ("1h", "default", S),
    ],
}


@pytest.fixture
def config(soak, tmp_path):
    (tmp_path / "soak.yaml").write_text(FILE, encoding="utf-8")

    def call(*words, **options):
        return soak("config", *words, **options)

    return call


def all_layers() -> list[str]:
    return ["--profile", "smoke", *(word for setting in SETTINGS for word in ("--set", setting))]


def chain(document: dict[str, Any]) -> list[tuple[Any, str, str]]:
    return [(one["value"], one["layer"], one["origin"]) for one in (document, *document["shadowed"])]


def test_trap_41_every_leaf_of_five_disagreeing_layers_has_its_value_its_origin_and_all_that_it_hides(config) -> None:
    began = time.monotonic()
    done = config("show", *all_layers(), "--json", env=ENVIRON)
    assert time.monotonic() - began < 5
    assert done.code == 0, done.err
    assert {document["key"]: chain(document) for document in done.json} == EXPECTED
    hidden = {document["key"]: [item["key"] for item in document["shadowed"]] for document in done.json}
    assert hidden["schedule.pause"] == ["schedule.every", "schedule.pause"]


def test_what_a_run_keeps_of_all_layers_has_these_bytes(soak, config, tmp_path: Path) -> None:
    done = soak("run", *all_layers(), "--json", env=ENVIRON)
    run = Path(done.json["run_dir"])
    assert (run / "config.json").read_bytes() == GOLDEN.read_bytes()
    sources = json.loads((run / "config-sources.json").read_text("utf-8"))
    assert sources["leaves"] == config("show", *all_layers(), "--json", env=ENVIRON).json


def test_the_text_lines_up_and_shows_what_is_hidden_below_each_value(config) -> None:
    done = config("show", "schedule", *all_layers(), env=ENVIRON)
    rows = [
        ("schedule.budget", "2m", "profile", "profile smoke soak.yaml:19:53"),
        ("  hides", "26h", "file", "soak.yaml:11:3"),
        ("schedule.failures", "0", "default", "schema default"),
        ("schedule.iterations", "1", "cli", "--set schedule.iterations"),
        ("  hides", "2", "env", "env SOAK_SCHEDULE__ITERATIONS"),
        ("  hides", "3", "profile", "profile smoke soak.yaml:19:16"),
        ("  hides", "24", "file", "soak.yaml:8:3"),
        ("  hides", "3", "default", "schema default"),
        ("schedule.pause", "0s", "profile", "profile smoke soak.yaml:19:31"),
        ("  hides schedule.every", "1h", "file", "soak.yaml:9:3"),
        ("  hides", "0s", "default", "schema default"),
        ("schedule.warmup", "0", "profile", "profile smoke soak.yaml:19:42"),
        ("  hides", "2", "file", "soak.yaml:10:3"),
        ("  hides", "0", "default", "schema default"),
    ]
    assert done.out.splitlines() == [f"{key:22}  {value:3}  {layer:7}  {origin}" for key, value, layer, origin in rows]


def test_one_key_is_one_document_and_a_mapping_is_a_list(config) -> None:
    one = config("show", "schedule.iterations", "--json").json
    assert one == {
        "key": "schedule.iterations", "value": 24, "layer": "file", "origin": "soak.yaml:8:3",
        "shadowed": [{"key": "schedule.iterations", "value": 3, "layer": "default", "origin": "schema default"}],
    }  # fmt: skip
    assert [leaf["key"] for leaf in config("show", "workload", "--json").json] == [
        *("workload.env.API_TOKEN", "workload.env.LEVEL", "workload.run", "workload.timeout")
    ]
    assert config("show", "schedule.failures", "--only-changed", "--json").json["value"] == 0


def test_only_changed_leaves_out_the_defaults(config) -> None:
    changed = config("show", "--only-changed", "--json").json
    assert {leaf["layer"] for leaf in changed} == {"file"}
    assert len(changed) < len(config("show", "--json").json)
    assert "schema default" not in [
        line.split("  ")[-1] for line in config("show", "--only-changed").out.splitlines() if line[0] != " "
    ]


@pytest.mark.parametrize("words", [("show",), ("show", "workload.env.API_TOKEN"), ("show", "--json"), ("check", "--expect", "workload.env.API_TOKEN=file-secret"), ("check", "--json", "--expect", "workload.env.API_TOKEN=other-secret"), ("env",), ("env", "--json")])  # fmt: skip
def test_no_secret_is_printed(config, words) -> None:
    done = config(*words, env={"SOAK_OVERRIDES": "{workload: {env: {API_TOKEN: env-secret}}}"})
    assert "-secret" not in done.out + done.err
    assert "***" in done.out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("show", "schedule.iteration"), "unknown key 'schedule.iteration' - did you mean 'schedule.iterations'?"),
        (("show", "schedule.duration"), "the key 'schedule.duration' is not given a value by any layer"),
        (("show", "--profile", "smok"), "soak.yaml:16:1: there is no profile 'smok' - did you mean 'smoke'?"),
        (("show", "--set", "suit=x"), "--set suit: unknown key 'suit' - did you mean 'suite'?"),
        (("show", "--config", "none.yaml"), "none.yaml: there is no such configuration file"),
        (("check", "--config", "none.yaml"), "none.yaml: there is no such configuration file"),
        (("env", "--profile", "smok"), "soak.yaml:16:1: there is no profile 'smok' - did you mean 'smoke'?"),
        (("env", "--config", "none.yaml"), "none.yaml: there is no such configuration file"),
        (("check", "--expect", "suite"), "--expect suite: write PATH=VALUE or PATH=VALUE@LAYER, such as schedule.iterations=3@profile"),
        ((), "the following arguments are required: COMMAND; see soak config --help"),
        (("shw",), "argument COMMAND: invalid choice: 'shw'"),
    ],
)  # fmt: skip
def test_bad_input_is_one_clear_line(config, words, told: str) -> None:
    done = config(*words)
    assert done.code == 2
    assert done.out == ""
    assert done.err.startswith(f"soak: {told}")
    assert done.err.count("\n") == 1


def test_trap_11_a_locked_value_is_refused_by_every_command_that_reads_it(soak, config) -> None:
    environ = {"SOAK_KPIS__EXIT_CODE__HARD": "255"}
    line = (
        "soak: env SOAK_KPIS__EXIT_CODE__HARD: 'kpis.exit_code.hard' may not be overridden here because of the lock "
        "'kpis.exit_code' (soak.yaml:15:17); change soak.yaml, or leave it out\n"
    )
    for words in (("config", "show"), ("config", "check"), ("run",)):
        done = soak(*words, env=environ)
        assert (done.code, done.err) == (2, line)


def test_a_check_with_warnings_exits_with_0_and_says_what_was_checked(config, tmp_path: Path) -> None:
    (tmp_path / "soak.yaml").write_text(FILE.replace("last 2", "last 8"), encoding="utf-8")
    done = config("check", "--expect", "schedule.iterations=24@file")
    assert done.code == 0, done.err
    assert done.out == (
        "met     expected schedule.iterations=24@file, and it is 24 from file (soak.yaml:8:3)\nsoak.yaml: 1 warning\n"
    )
    assert done.err == (
        "soak: warning: soak.yaml:14:38: under the profile smoke: a window of last 8 is never filled: this schedule "
        "promises 3 judged iterations; it looks at all of them\n"
    )


def test_broken_expectations_are_all_listed_and_exit_with_1(config) -> None:
    words = ["check", "--expect", "suite=web", "--expect", "suite=api@cli", "--expect", "suite=api"]
    done = config(*words)
    assert done.code == 1
    assert [line.split()[0] for line in done.out.splitlines()[:-1]] == ["BROKEN", "BROKEN", "met"]
    document = config(*words, "--json").json
    assert (document["ok"], len(document["expectations"])) == (False, 3)


def test_mistakes_of_all_kinds_exit_with_2_and_stand_in_the_document(config) -> None:
    done = config("check", "--json", "--expect", "suite=web", "--set", "suit=x", env={"SOAK_SCHEDULE__WARMUP": "-1"})
    assert done.code == 2
    assert [mistake["place"] for mistake in done.json["mistakes"]] == ["--set suit", "env SOAK_SCHEDULE__WARMUP"]
    assert done.json["ok"] is False


def test_the_table_of_variables_answers_even_when_one_is_wrong(config) -> None:
    environ = {"SOAK_SCHEDULE__ITERATIONS": "many", "SOAK_SHEDULE__ITERATIONS": "3"}
    assert config("show", env=environ).code == 2
    done = config("env", "--json", env=environ)
    assert done.code == 0
    table = {row["name"]: row for row in done.json}
    assert table["SOAK_SCHEDULE__ITERATIONS"] == {
        "name": "SOAK_SCHEDULE__ITERATIONS", "key": "schedule.iterations", "type": "integer", "value": "many",
    }  # fmt: skip
    assert table["SOAK_KPIS__WALL_SECONDS__HARD"]["value"] is None
    lines = config("env", env=environ).out.splitlines()
    assert lines[0].split() == ["variable", "key", "type", "value"]
    assert len(lines) == len(table) + 1


@pytest.mark.skipif(os.name == "nt", reason="a variable is always text on Windows")
def test_a_variable_that_is_no_text_is_shown_escaped(config) -> None:
    environ = {"SOAK_SUITE": os.fsdecode(b"caf\xe9")}
    (row,) = [row for row in config("env", "--json", env=environ).json if row["name"] == "SOAK_SUITE"]
    assert row["value"] == "caf\\udce9"
    assert "caf\\udce9" in config("env", env=environ).out


def test_the_schema_is_the_published_one(soak) -> None:
    published = Path(__file__).resolve().parents[2] / "schemas" / "soak.schema.json"
    done = soak("config", "schema")
    assert done.out.encode() == published.read_bytes()
    assert soak("config", "schema", "--json").json == done.json


def test_trap_41_looking_at_a_configuration_changes_no_file(config, tmp_path: Path) -> None:
    for words in (("show",), ("check", "--profile", "smoke"), ("env",), ("schema",)):
        assert config(*words).code == 0
    assert os.listdir(tmp_path) == ["soak.yaml"]
    assert (tmp_path / "soak.yaml").read_text("utf-8") == FILE


LIMIT = st.integers(-99, 99)
ONE_LAYER = st.fixed_dictionaries(
    {},
    optional={
        "suite": st.sampled_from(["api", "3", "true", "no"]),
        "workload": st.fixed_dictionaries(
            {},
            optional={
                "run": st.sampled_from(["x, y # z", ["a", "b: c", ""], "1"]),
                "timeout": st.sampled_from(["1m", "90s"]),
                "env": st.dictionaries(st.sampled_from(["A", "B_b"]), st.sampled_from(["", "ä: [", "0", " "]), max_size=2),
                "shell": st.just(["bash", "-c"]),
            },
        ),
        "schedule": st.one_of(
            st.fixed_dictionaries({"iterations": st.integers(9, 12)}, optional={"every": st.just("1s")}),
            st.fixed_dictionaries({"duration": st.just("1h")}, optional={"pause": st.just("2s")}),
            st.fixed_dictionaries({"iterations": st.integers(9, 12), "duration": st.just("2h"), "warmup": st.integers(0, 3)}),
        ),
        "kpis": st.dictionaries(
            st.sampled_from(["a", "b_2", "exit_code"]),
            st.fixed_dictionaries(
                {"from": st.sampled_from(['m.json#x."p(95)"', {"regex": "(?P<x>.)"}]), "better": st.just("lower")},
                optional={"hard": LIMIT, "title": st.sampled_from(["1", "µ"]), "sustained": st.just({"within": "hard", "at_least": 1, "of": 2}),
                          "missing": st.just({"allow": "5%"}), "must_vary": st.booleans()},
            ).filter(lambda kpi: "sustained" not in kpi or "hard" in kpi),
            max_size=3,
        ),
        "gate": st.fixed_dictionaries({}, optional={"fail_on": st.just(["fail"]), "locked": st.just(["suite"])}),
    },
)  # fmt: skip


def shown(loaded: Loaded) -> list[dict[str, Any]]:
    """Return the list that `soak config show --json` prints."""
    return [leaf.to_dict() for leaf in loaded.public_leaves]


def nested(documents: list[dict[str, Any]]) -> dict[str, Any]:
    root: dict[str, Any] = {"version": 1}
    for document in documents:
        *above, last = document["key"].split(".")
        node = root
        for key in above:
            node = node.setdefault(key, {})
        node[last] = document["value"]
    return root


@settings(max_examples=full(500, 60))
@given(file=ONE_LAYER, profile=ONE_LAYER, overrides=ONE_LAYER)
def test_what_is_shown_written_as_a_file_gives_the_same_configuration(
    tmp_path_factory, file, profile, overrides
) -> None:
    # A profile has no suite, and what is locked may not be overridden.
    profile = {key: value for key, value in profile.items() if key != "suite"}
    overrides = {key: value for key, value in overrides.items() if key not in {"suite", "gate"}}
    folder = tmp_path_factory.getbasetemp()
    text = canonical.compact({"version": 1, **file, "profiles": {"p": profile}})
    (folder / "soak.yaml").write_text(text, encoding="utf-8")
    environ = {"SOAK_OVERRIDES": canonical.compact(overrides)} if overrides else {}
    setting = Setting("evidence.log_limit", "2MiB", "--set evidence.log_limit")
    before = load(Request(folder, environ, profile="p", settings=(setting,)), problem_of_source)
    (folder / "soak.yaml").write_text(canonical.compact(nested(shown(before))), encoding="utf-8")
    after = load(Request(folder), problem_of_source)
    assert after.public_tree == before.public_tree
    assert {leaf.layer for leaf in after.leaves.values()} <= {"file", "default"}
    assert sorted(after.config.kpis, key=lambda kpi: kpi.name) == sorted(before.config.kpis, key=lambda kpi: kpi.name)
    assert (after.config.schedule, after.config.gate, after.config.workload) == (
        *(before.config.schedule, before.config.gate, before.config.workload),
    )
