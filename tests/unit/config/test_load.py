"""Loading as a whole: files, layers, checks, the model, and back again from the evidence."""

# ruff: noqa: E501  (a message is compared as the one line that it is)
from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.conftest import full

from soak_action import canonical
from soak_action.commands.settings import problem_of_source
from soak_action.config.load import Loaded, Request, Setting, load, read_back
from soak_action.config.model import RegexSource, Source
from soak_action.errors import ConfigurationError, EvidenceError, UsageError

COMPLETE = """\
version: 1
suite: api                         # names the history; default: the repository's name

workload:
  run: [python, load.py, --out, "${SOAK_OUT}/metrics.json"]
  timeout: 5m                      # then the whole process tree is stopped and the iteration is `timeout`
  env: {LOG_LEVEL: warning}

schedule:
  iterations: 24                   # and/or `duration: 24h`; both in one layer: until both are met
  every: 1h                        # start-to-start pace; or `pause: 30s` between iterations
  warmup: 2                        # iterations not judged
  failures: 0                      # workload failures tolerated (the error budget)
  budget: 26h                      # hard stop: exhausted = stop, `inconclusive`

kpis:
  p95_latency_ms:
    from: metrics.json#latency.p95
    unit: ms
    better: lower
    range: [0, 60000]              # outside = impossible = invalid
    stat: mean                     # mean median min max p50..p99.9 last count sum rate
    window: last 8                 # last N | last 30m | all (after warm-up)
    hard: 400
    soft: 350
    sustained: 6 of 8              # = {within: soft, at_least: 6, of: 8, severity: hard}
    abort: {beyond: 1000, for: 3}  # stop early: 3 iterations in a row
  error_rate: {from: metrics.json#errors.rate, better: lower, range: [0, 1], hard: 0.01}

gate: {fail_on: [fail, invalid, inconclusive]}
profiles:
  smoke:   {schedule: {iterations: 3, pause: 0s, warmup: 0, budget: 2m}}
  nightly: {schedule: {duration: 24h}}
"""


def loaded(directory: Path, text: str | None = None, *, sets: dict[str, Any] | None = None, **request: Any) -> Loaded:
    if text is not None:
        (directory / "soak.yaml").write_text(text, encoding="utf-8")
    given = tuple(Setting(key, value, f"--set {key}") for key, value in (sets or {}).items())
    return load(Request(directory, settings=given, **request), problem_of_source)


def mistakes(directory: Path, text: str | None = None, **request: Any) -> tuple[str, ...]:
    with pytest.raises(ConfigurationError) as caught:
        loaded(directory, text, **request)
    assert caught.value.exit_code == 2
    return caught.value.mistakes


def again(found: Loaded) -> Any:
    """Return the configuration read back from the bytes that a run keeps of it."""
    data = canonical.parse(canonical.pretty(found.public_tree), "config.json")
    return read_back(data, [kpi.name for kpi in found.config.kpis], found.config.suite)


def test_the_complete_example_loads_unchanged(tmp_path: Path) -> None:
    found = loaded(tmp_path, COMPLETE)
    assert found.config.schedule.iterations == 24
    assert [kpi.name for kpi in found.config.kpis] == ["p95_latency_ms", "error_rate"]
    assert again(found) == found.config
    smoke = loaded(tmp_path, profile="smoke").config.schedule
    assert (smoke.iterations, smoke.every, smoke.pause, smoke.budget) == (3, None, 0.0, 120.0)
    nightly = loaded(tmp_path, environ={"SOAK_PROFILE": "nightly"})
    assert (nightly.config.schedule.iterations, nightly.config.schedule.duration) == (None, 86400.0)
    assert nightly.profile == "nightly"


@pytest.mark.parametrize("profile", [None, "smoke", "nightly"])
def test_trap_24_a_run_is_judged_by_the_one_configuration_that_it_recorded(tmp_path: Path, profile: str | None) -> None:
    found = loaded(tmp_path, COMPLETE, profile=profile, sets={"kpis.error_rate.hard": "0.02"})
    assert again(found).kpis == found.config.kpis
    assert again(found) == found.config
    assert {leaf.key: leaf.value for leaf in found.public_leaves}["kpis.error_rate.hard"] == 0.02


def test_each_layer_beats_the_one_below_and_shows_it(tmp_path: Path) -> None:
    text = "version: 1\nschedule:\n  iterations: 4\nprofiles:\n  ci: {schedule: {iterations: 5}}\n"
    environ = {"SOAK_SCHEDULE__ITERATIONS": "6"}
    found = loaded(tmp_path, text, profile="ci", environ=environ, sets={"schedule.iterations": "7"})
    leaf = found.leaves["schedule", "iterations"]
    assert (found.config.schedule.iterations, leaf.layer, leaf.origin) == (7, "cli", "--set schedule.iterations")
    assert [(item.value, item.layer, item.origin) for item in leaf.shadowed] == [
        (6, "env", "env SOAK_SCHEDULE__ITERATIONS"),
        (5, "profile", "profile ci soak.yaml:5:19"),
        (4, "file", "soak.yaml:3:3"),
        (3, "default", "schema default"),
    ]


def test_without_anything_the_built_in_kpis_are_measured(tmp_path: Path) -> None:
    folder = tmp_path / "-my app_2-"
    folder.mkdir()
    found = loaded(folder)
    assert [kpi.name for kpi in found.config.kpis] == ["exit_code", "wall_seconds", "peak_rss_mib"]
    assert (found.file, found.absent, found.base) == (None, ("soak.yaml", ".github/soak.yaml"), folder)
    assert found.config.suite == "my-app-2"
    assert loaded(Path(tmp_path.anchor), lookup=False).config.suite == "soak"


def test_the_kpis_keep_the_order_in_which_they_are_named(tmp_path: Path) -> None:
    every_default = "{from: m#z, stat: max, window: last 2, must_vary: true, missing: {allow: 1%}}"
    found = loaded(
        tmp_path, f"version: 1\nkpis:\n  z: {every_default}\n  a: {{from: m#a}}\n", sets={"kpis.m.from": "m#m"}
    )
    assert [kpi.name for kpi in found.config.kpis] == ["z", "a", "m"]
    assert again(found) == found.config


def test_a_file_elsewhere_brings_its_directory(tmp_path: Path) -> None:
    (tmp_path / "there" / ".github").mkdir(parents=True)
    for name in ("there/x.yaml", "there/.github/soak.yaml"):
        (tmp_path / name).write_text("version: 1\n")
    by_option = loaded(tmp_path, config="there/x.yaml")
    assert (by_option.base, by_option.file, by_option.absent) == (tmp_path / "there", "x.yaml", ())
    by_variable = loaded(tmp_path, environ={"soak_config": "there/.github/soak.yaml"})
    assert (by_variable.base, by_variable.file) == (tmp_path / "there", ".github/soak.yaml")
    found = loaded(tmp_path / "there")
    assert (found.base, found.file, found.absent) == (tmp_path / "there", ".github/soak.yaml", ("soak.yaml",))
    assert loaded(tmp_path / "there", lookup=False).file is None


def test_a_named_file_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="none.yaml: there is no such configuration file"):
        loaded(tmp_path, config="none.yaml", environ={"SOAK_CONFIG": "other"})


def test_an_option_beats_the_variable_of_the_same_meaning(tmp_path: Path) -> None:
    environ = {"SOAK_CONFIG": "none.yaml", "SOAK_PROFILE": "none"}
    text = "version: 1\nprofiles: {ci: {}}\n"
    (tmp_path / "x.yaml").write_text(text)
    assert loaded(tmp_path, config="x.yaml", profile="ci", environ=environ).profile == "ci"


def test_unknown_variables_are_warned_of(tmp_path: Path) -> None:
    assert loaded(tmp_path, environ={"SOAK_FOO": "1"}).warnings == (
        "env SOAK_FOO is not a setting of soak and is ignored",
    )


def test_all_mistakes_of_all_kinds_and_layers_are_told_at_once(tmp_path: Path) -> None:
    text = """\
version: 1
suit: x
schedule: {warmup: 3}
kpis:
  a: {from: m.json#p(95), hard: 3}
  b: {from: {stream: stdout}}
  c: {from: m#c, better: sideways, hard: 3}
  d: {}
evidence: {log_limit: 99999999999TiB}
"""
    environ = {"SOAK_WORKLOAD__TIMEOUT": "0s", "SOAK_KPIS__D__HARD": "x", "SOAK_OVERRIDES": "{kpis: {e: {}}}"}
    told = mistakes(tmp_path, text, environ=environ, sets={"gate.fail_on": "failed", "kpis.f": "{}"})
    assert [mistake.split(": ")[0] for mistake in told] == [
        "--set gate.fail_on",
        "--set kpis.f",
        "env SOAK_KPIS__D__HARD",
        "env SOAK_OVERRIDES:1:9",
        "env SOAK_WORKLOAD__TIMEOUT",
        "soak.yaml:2:1",
        "soak.yaml:3:12",
        "soak.yaml:5:7",
        "soak.yaml:5:27",
        "soak.yaml:6:14",
        "soak.yaml:7:18",
        "soak.yaml:9:12",
    ]
    assert "'kpis.b.from' is a mapping, but must be FILE#PATH" in told[9]


def test_a_value_that_breaks_the_schema_causes_no_second_mistake(tmp_path: Path) -> None:
    text = "version: 1\nkpis:\n  a: {from: m#a, better: sideways, hard: 3}\nprofiles: {ci: {schedule: {warmup: x}}}\n"
    told = mistakes(tmp_path, text, profile="ci")
    assert [mistake.split(" ")[0] for mistake in told] == ["soak.yaml:3:18:", "soak.yaml:4:28:"]


def test_broken_files_and_broken_overrides_are_told_together(tmp_path: Path) -> None:
    told = mistakes(tmp_path, "a: @", environ={"SOAK_OVERRIDES": "[1]"})
    assert told[0].startswith("soak.yaml:1:4: not valid YAML")
    assert told[1].startswith("env SOAK_OVERRIDES:1:1: ")
    assert len(mistakes(tmp_path, "a: 1\na: 2\n")) == 1


def test_what_no_place_gives_is_told_of_the_file(tmp_path: Path) -> None:
    """A mistake that arises from defaults alone stands at the nearest key of the file, or at its beginning."""

    def no_source_is_good(source: Source) -> str | None:
        return "refused" if isinstance(source, RegexSource) else None

    (tmp_path / "soak.yaml").write_text("version: 1\nschedule: {warmup: 9}\n")
    with pytest.raises(ConfigurationError, match=r"soak\.yaml:2:12: 9 warm-up iterations"):
        load(Request(tmp_path), no_source_is_good)
    with pytest.raises(ConfigurationError, match="--set schedule.warmup: 9 warm-up"):
        loaded(tmp_path, "version: 1\n", sets={"schedule.warmup": "9"})


@pytest.mark.parametrize(
    ("text", "key", "value"),
    [
        ("suite: no", "suite", "no"),
        ("suite: on", "suite", "on"),
        ("suite: 2026-11-23", "suite", "2026-11-23"),
        ("schedule: {iterations: 010}", "schedule.iterations", 10),
        ("schedule: {iterations: 1e3}", "schedule.iterations", 1000.0),
        ("schedule: {iterations: 0x10}", "schedule.iterations", 16),
        ("workload: {env: {SWITCH: no, TIME: 1:30}}", "workload.env.SWITCH", "no"),
        ("kpis: {a: {from: m#a, better: lower, hard: 1e3}}", "kpis.a.hard", 1000.0),
        ("\ufeffsuite: x\r\nschedule:\r\n  iterations: 5\r\n", "schedule.iterations", 5),
    ],
)
@pytest.mark.parametrize("where", ["file", "profile", "overrides"])
def test_trap_48_yaml_says_what_it_says_in_each_place_where_it_is_read(
    tmp_path: Path, text: str, key: str, value: object, where: str
) -> None:
    if where == "overrides":
        found = loaded(tmp_path, "version: 1\n", environ={"SOAK_OVERRIDES": text})
    elif where == "file" or "suite" in text:
        mark, rest = ("\ufeff", text[1:]) if text[0] == "\ufeff" else ("", text)
        (tmp_path / "soak.yaml").write_bytes(f"{mark}version: 1\n{rest}".encode())
        found = loaded(tmp_path)
    else:
        found = loaded(tmp_path, f"version: 1\nprofiles:\n  p:\n    {text}\n", profile="p")
    assert {leaf.key: leaf.value for leaf in found.public_leaves}[key] == value


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("schedule: {pause: 1:30}", "soak.yaml:2:12: 'schedule.pause': '1:30' is not a duration"),
        ("schedule: {iterations: 0o19}", "soak.yaml:2:12: 'schedule.iterations' is '0o19', but must be a whole number"),
        ("kpis: {a: {from: m#a, must_vary: no}}", "soak.yaml:2:23: 'kpis.a.must_vary' is 'no', but must be true or false; write false"),
        ("schedule: {warmup: 2026-11-23}", "soak.yaml:2:12: 'schedule.warmup' is '2026-11-23', but must be a whole number"),
        ("suite: 010", "soak.yaml:2:1: 'suite' is 10, but must be a name"),
        ("schedule:\n\titerations: 3", "soak.yaml:3:1: not valid YAML: indent with blanks"),
        ("suite: a\nsuite: b", "soak.yaml:3:1: duplicate key 'suite', already given at soak.yaml:2:1"),
        ("suite: a\n---\nsuite: b", "soak.yaml:3:1: a second document begins here"),
        ("a: &a [*a]", "soak.yaml:2:4: an alias makes the configuration endless"),
    ],
)  # fmt: skip
def test_what_yaml_makes_of_it_is_told_with_its_place(tmp_path: Path, text: str, told: str) -> None:
    first, *_ = mistakes(tmp_path, f"version: 1\n{text}\n")
    assert first.startswith(told)


def test_latin_1_is_told_where_it_begins(tmp_path: Path) -> None:
    (tmp_path / "soak.yaml").write_bytes("version: 1\nworkload: {run: café}\n".encode("latin-1"))
    assert mistakes(tmp_path) == ("soak.yaml:2:20: this is not UTF-8 text; save the file as UTF-8",)


@pytest.mark.parametrize(
    "text",
    [
        "workload: {env: {API_TOKEN: [hunter2]}}",
        "workload: {env: {API_TOKEN: {x: hunter2}}}",
        "workload: {env: [hunter2]}",
        "workload: {env: hunter2}",
        "workload: [{env: {API_TOKEN: hunter2}}]",
        "workload: {env: {API_TOKEN: !hunter2 x}}",
        "workload: {env: {API_TOKEN: *hunter2}}",
        "workload: {env: {API_TOKEN: '\\xhunter2', x: @}}",
    ],
)
def test_no_message_shows_a_secret(tmp_path: Path, text: str) -> None:
    assert "hunter2" not in "".join(mistakes(tmp_path, f"version: 1\n{text}\n"))


def test_a_number_too_large_for_json_is_kept_as_the_double_that_it_is(tmp_path: Path) -> None:
    text = "version: 1\nkpis: {a: {from: m#a, better: lower, hard: 9007199254740993}}\n"
    found = loaded(tmp_path, text, sets={"kpis.a.soft": "9007199254740993"})
    assert again(found) == found.config
    assert found.config.kpis[0].hard == found.config.kpis[0].soft == 2.0**53


def test_secrets_are_masked_in_everything_that_is_kept(tmp_path: Path) -> None:
    text = "version: 1\nworkload: {run: x, env: {API_TOKEN: file-secret, LEVEL: info}}\n"
    found = loaded(tmp_path, text, sets={"workload.env.API_TOKEN": "cli-secret"})
    assert found.config.workload is not None
    assert found.config.workload.env == {"API_TOKEN": "cli-secret", "LEVEL": "info"}
    assert found.secrets == {"file-secret", "cli-secret"}
    kept = str(found.public_tree) + str([leaf.to_dict() for leaf in found.public_leaves])
    assert "-secret" not in kept
    assert kept.count("'***'") == 3
    assert again(found).workload.env == {"API_TOKEN": "***", "LEVEL": "info"}


def test_the_leaves_stand_in_the_order_of_their_keys(tmp_path: Path) -> None:
    keys = [leaf.path for leaf in loaded(tmp_path, COMPLETE).public_leaves]
    assert keys == sorted(keys)


KEEP_ALL = {"keep_outputs": "all"}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"kpis": 3}, "config.json:kpis: 'kpis' is 3, but must be a mapping"),
        ({"bogus": 1}, "config.json:bogus: unknown key 'bogus'"),
        ({"version": 1}, "config.json:version: unknown key"),
        ({"schedule": {"iterations": 0}}, "must be at least 1"),
        ({"schedule": {}}, "config.json: 'warmup' is missing"),
        ({"kpis": {"a": {"from": "m#a"}}}, "config.json: 'stat' is missing"),
        ({"evidence": {"log_limit": "1MiB"}}, "config.json: 'keep_outputs' is missing"),
        ({"evidence": {"log_limit": "1MiB", "keep_outputs": "last 0"}}, "config.json:evidence.keep_outputs"),
        ({"evidence": {**KEEP_ALL, "log_limit": f"{'9' * 30}B"}}, "config.json:evidence.log_limit"),
        ({"evidence": {**KEEP_ALL, "log_limit": "9999999TiB"}}, "too large"),
    ],
)
def test_what_soak_cannot_have_written_is_no_evidence(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    data = {**loaded(tmp_path, COMPLETE).public_tree, **change}
    with pytest.raises(EvidenceError) as caught:
        read_back(data, [], "api")
    assert words in str(caught.value)
    assert caught.value.exit_code == 4


def test_a_section_that_is_missing_is_no_evidence(tmp_path: Path) -> None:
    whole = loaded(tmp_path, COMPLETE).public_tree
    for section in ("workload", "schedule", "gate", "evidence"):
        with pytest.raises(EvidenceError, match=f"config.json: '{section}' is missing"):
            read_back({key: value for key, value in whole.items() if key != section}, [], "api")
    assert read_back({key: value for key, value in whole.items() if key != "kpis"}, [], "api").kpis == ()


DURATION = st.builds("{}{}".format, st.integers(1, 900), st.sampled_from(["s", "m", "h"]))
LIMIT = st.one_of(st.integers(-(10**6), 10**6), st.floats(-1e9, 1e9, allow_nan=False))
KPI = st.fixed_dictionaries(
    {"from": st.sampled_from(["m.json#a", 'a/b.json#x."p(95)"', {"regex": "(?P<x>.)"}, {"regex": "(?P<y>.)", "stream": "stderr"}])},
    optional={
        "title": st.sampled_from(["A", "µ ünits", "1", "true"]),
        "unit": st.just("ms"),
        "better": st.sampled_from(["lower", "higher"]),
        "range": st.tuples(LIMIT, LIMIT).filter(lambda pair: pair[0] < pair[1]).map(list),
        "stat": st.sampled_from(["mean", "p99.9", "rate", "last"]),
        "window": st.one_of(st.just("all"), st.integers(1, 99).map("last {}".format), DURATION.map("last {}".format)),
        "missing": st.fixed_dictionaries({"allow": st.integers(0, 100).map("{}%".format)}),
        "must_vary": st.booleans(),
    },
)  # fmt: skip
LIMITED = st.builds(
    lambda kpi, hard, of: {**kpi, "better": "lower", "hard": hard, "soft": hard, "sustained": f"1 of {of}"},
    KPI,
    LIMIT,
    st.integers(1, 99),
)
CONFIGURATION = st.fixed_dictionaries(
    {"version": st.just(1)},
    optional={
        "suite": st.just("api"),
        "workload": st.fixed_dictionaries(
            {"run": st.sampled_from(["x", ["a", "b c"]])}, optional={"timeout": DURATION}
        ),
        "schedule": st.one_of(
            st.fixed_dictionaries({"iterations": st.integers(3, 99), "every": DURATION}),
            st.fixed_dictionaries({"duration": DURATION, "pause": DURATION, "failures": st.integers(0, 9)}),
        ),
        "kpis": st.dictionaries(st.from_regex(r"\A[a-z](_?[a-z0-9]){0,5}\Z"), st.one_of(KPI, LIMITED), max_size=4),
        "gate": st.fixed_dictionaries({"fail_on": st.lists(st.sampled_from(["fail", "warn"]), unique=True)}),
        "evidence": st.fixed_dictionaries(
            {"log_limit": st.sampled_from(["1MiB", "7B"]), "keep_outputs": st.sampled_from(["all", "failed", "last 7"])}
        ),
    },
)


@settings(max_examples=full(300, 40))
@given(data=CONFIGURATION)
def test_what_is_read_back_from_the_evidence_is_what_was_loaded(tmp_path_factory, data: dict[str, Any]) -> None:
    directory = tmp_path_factory.getbasetemp()
    found = loaded(directory, canonical.compact(data))
    assert again(found) == found.config
    expected = list(data.get("kpis") or ["exit_code", "wall_seconds", "peak_rss_mib"])
    assert sorted(kpi.name for kpi in found.config.kpis) == sorted(expected)


# fmt: off
WORDS = [
    "version", "workload", "run", "env", "TOKEN", "schedule", "iterations", "every", "pause", "kpis", "a", "exit_code",
    "from", "hard", "range", "sustained", "abort", "missing", "window", "gate", "fail_on", "locked", "evidence", "profiles", "ci",
]
# fmt: on
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text("\n\x7fa#1 s%äof", max_size=6),
)  # fmt: skip
NESTED = st.recursive(
    VALUES, lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(WORDS), inner, max_size=4))
)  # fmt: skip


def loads_or_tells(directory: Path, text: bytes, **request: Any) -> None:
    (directory / "soak.yaml").write_bytes(text)
    try:
        found = loaded(directory, **request)
    except ConfigurationError as error:
        told = error.mistakes
    else:
        told = ("",)
        assert again(found).kpis == found.config.kpis
    assert told
    assert all(mistake.isprintable() and len(mistake) < 600 for mistake in told), told


@settings(max_examples=full(1000, 100))
@given(data=st.dictionaries(st.sampled_from(WORDS), NESTED, max_size=5))
def test_no_data_ends_in_a_traceback(tmp_path_factory, data: dict[str, Any]) -> None:
    import yaml

    text = yaml.safe_dump({"version": 1, **data}, allow_unicode=True).encode()
    loads_or_tells(tmp_path_factory.getbasetemp(), text, profile="ci", environ={"SOAK_OVERRIDES": text.decode()})
    loads_or_tells(tmp_path_factory.getbasetemp(), text, sets=data)


@settings(max_examples=full(300, 30))
@given(text=st.binary(max_size=80), value=st.text(max_size=30))
def test_no_bytes_end_in_a_traceback(tmp_path_factory, text: bytes, value: str) -> None:
    environ = {"SOAK_OVERRIDES": value, "SOAK_SUITE": value, "SOAK_KPIS__EXIT_CODE__HARD": value}
    loads_or_tells(tmp_path_factory.getbasetemp(), text, environ=environ, sets={"kpis": value, value: "1"})


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="the superuser may read everything")
def test_a_file_that_may_not_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "soak.yaml").write_text("version: 1\n")
    (tmp_path / "soak.yaml").chmod(0)
    with pytest.raises(UsageError, match="soak.yaml: the configuration file cannot be read: Permission denied"):
        loaded(tmp_path)
