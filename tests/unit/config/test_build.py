"""What a schema cannot check: whether values make sense together. Each check fires, and does not fire beside it."""

# ruff: noqa: E501  (a message is compared as the one line that it is)
from __future__ import annotations

from typing import Any

import pytest

from soak_action import resources
from soak_action.commands.settings import problem_of_source
from soak_action.config.build import Builder
from soak_action.config.layers import Layer, flatten, merge, tree
from soak_action.config.model import (
    SAMPLED,
    Abort,
    BuiltInSource,
    Config,
    HttpSource,
    JsonSource,
    Readiness,
    RegexSource,
    Resources,
    Retention,
    Schedule,
    Service,
    Sustained,
    Window,
    Workload,
)
from soak_action.config.schema_tree import built_in_kpis, default_layer

SCHEMA = resources.schema("soak")


def merged(data: dict[str, Any]) -> dict[str, Any]:
    layer = Layer("file", tuple(flatten(data, ".".join)))
    mentioned = {entry.path for entry in layer.entries}
    return tree(merge([default_layer(SCHEMA, tuple(data.get("kpis", {})), mentioned), layer]).values())


def build(data: dict[str, Any], *, result_files: bool = False) -> tuple[Config, list[str]]:
    builder = Builder(
        lambda path: "f:" + ".".join(path), problem_of_source, built_in_kpis(SCHEMA), result_files=result_files
    )
    config = builder.build(merged(data), "folder")
    return config, [str(mistake) for mistake in builder.mistakes]


def mistakes(data: dict[str, Any]) -> list[str]:
    return build(data)[1]


def of_kpi(**settings: Any) -> list[str]:
    return mistakes({"kpis": {"a": {"from": "m.json#a", **settings}}})


def test_every_value_reaches_the_model_with_its_unit_resolved() -> None:
    config, told = build(
        {
            "suite": "api",
            "workload": {"run": ["x", "y"], "timeout": "5m", "env": {"A": "b"}, "shell": ["bash", "-c"]},
            "schedule": {
                "iterations": 24.0,
                "every": "1h",
                "warmup": 2,
                "failures": 1,
                "budget": "26h",
                "min_active": "1m",
            },
            "kpis": {
                "a": {
                    "from": " m.json #x.y",
                    "title": "A",
                    "unit": "ms",
                    "better": "lower",
                    "range": [0, 9],
                    "stat": "p95",
                    "window": "last 8",
                    "hard": 4,
                    "soft": 3,
                    "sustained": "6 of 8",
                    "abort": {"beyond": 8, "for": 3.0},
                    "missing": {"allow": "5%"},
                    "must_vary": True,
                },
                "b": {"from": {"regex": "(?P<x>.)"}, "window": "last 30m"},
                "wall_seconds": {},
            },
            "gate": {"fail_on": ["fail"]},
            "evidence": {"log_limit": "2KiB"},
        }
    )
    assert told == []
    assert config.suite == "api"
    assert config.workload == Workload(("x", "y"), 300.0, {"A": "b"}, ("bash", "-c"))
    assert config.schedule == Schedule(24, None, 3600.0, None, 2, 1, 93600.0, 60.0)
    assert (config.gate.fail_on, config.evidence.log_limit) == (("fail",), 2048)
    a, b, wall = config.kpis
    assert a.source == JsonSource("m.json", "x.y")
    assert (a.title, a.unit, a.better, a.range, a.stat, a.window) == ("A", "ms", "lower", (0.0, 9.0), "p95", Window(8))
    assert (a.hard, a.soft, a.sustained) == (4, 3, Sustained("soft", 6, 8, "hard"))
    assert (a.abort, a.allowed_missing, a.must_vary) == (Abort(8, 3), 0.05, True)
    assert (b.source, b.window, b.title) == (RegexSource("(?P<x>.)", "stdout"), Window(seconds=1800.0), "b")
    assert (wall.source, wall.unit, wall.window) == (BuiltInSource("wall_seconds"), "s", Window())


def test_without_a_command_there_is_no_workload_and_the_suite_is_the_folder() -> None:
    config, told = build({})
    assert (config.workload, config.suite, told) == (None, "folder", [])
    assert build({"workload": {"run": "make"}})[0].workload == Workload("make", 3600.0, {}, None)


def test_sustained_as_a_mapping_says_the_same_as_its_short_form() -> None:
    long = {"at_least": 2, "of": 3, "within": "hard", "severity": "soft"}
    config, told = build({"kpis": {"a": {"from": "m#a", "better": "lower", "hard": 1, "sustained": long}}})
    assert (config.kpis[0].sustained, told) == (Sustained("hard", 2, 3, "soft"), [])


@pytest.mark.parametrize(
    ("schedule", "mistake"),
    [
        ({"warmup": 3}, "f:schedule.warmup: 3 warm-up iterations leave nothing to judge of 3 planned; plan more of them"),
        ({"warmup": 2}, None),
        ({"duration": "2h", "every": "1h", "warmup": 2, "iterations": 1}, "f:schedule.warmup: 2 warm-up iterations leave nothing"),
        (
            {"duration": "2h", "budget": "1h"},
            ("f:schedule.budget: the budget 1h ends before the promised duration 2h; a budget is the longest time that"
            " the run may take in all"),
        ),
        ({"duration": "1h", "budget": "1h"}, None),
        ({"min_active": "2h", "budget": "1h"}, "f:schedule.budget: the budget 1h ends before the promised min_active 2h"),
        ({"min_active": "1h", "budget": "2h"}, None),
        ({"duration": "0s"}, "f:schedule.duration: 0s as duration means nothing; remove the key or give it a length"),
        ({"every": "0s"}, "f:schedule.every: 0s as every means nothing"),
        ({"budget": "0s"}, "f:schedule.budget: 0s as budget means nothing"),
        ({"min_active": "0s"}, "f:schedule.min_active: 0s as min_active means nothing"),
        ({"pause": "0s"}, None),
        (
            {"every": "1.5h30m"},
            "f:schedule.every: 'schedule.every': '1.5h30m' is not a duration; write for example 30s, 5m, 1h30m or 500ms",
        ),
    ],
)  # fmt: skip
def test_the_schedule_must_be_possible(schedule: dict[str, Any], mistake: str | None) -> None:
    told = mistakes({"schedule": schedule})
    assert len(told) == (mistake is not None)
    assert mistake is None or told[0].startswith(mistake)


@pytest.mark.parametrize(
    ("workload", "mistake"),
    [
        ({"timeout": "0s"}, "f:workload.timeout: a time-out of 0s stops every iteration at once; give it a length"),
        ({"timeout": "500ms"}, None),
        ({"timeout": "1m1h"}, "f:workload.timeout: 'workload.timeout': '1m1h' is not a duration"),
    ],
)
def test_the_time_out_must_leave_time(workload: dict[str, Any], mistake: str | None) -> None:
    told = mistakes({"workload": workload})
    assert len(told) == (mistake is not None)
    assert mistake is None or told[0].startswith(mistake)


@pytest.mark.parametrize(
    ("settings", "mistake"),
    [
        ({"hard": 3}, "f:kpis.a.hard: 'kpis.a' has a limit but does not say which way is good; add better: lower or higher"),
        ({"soft": 3}, "f:kpis.a.soft: 'kpis.a' has a limit"),
        ({"abort": {"beyond": 3, "for": 2}}, "f:kpis.a.abort: 'kpis.a' has a limit"),
        ({"better": "lower", "hard": 3, "soft": 3}, None),
        ({"better": "lower", "hard": 3, "soft": 2}, None),
        ({"better": "higher", "hard": 3, "soft": 4}, None),
        ({}, None),
        ({"better": "lower", "hard": 3, "soft": 4}, "f:kpis.a.soft: the soft limit 4 is looser than the hard limit 3"),
        ({"better": "higher", "hard": 3, "soft": 2}, "f:kpis.a.soft: the soft limit 2 is looser than the hard limit 3"),
        (
            {"better": "lower", "hard": 3, "sustained": "2 of 3"},
            "f:kpis.a.sustained: it looks at the soft limit, but 'kpis.a' has none; add one",
        ),
        (
            {"better": "lower", "soft": 3, "sustained": {"within": "hard", "at_least": 2, "of": 3}},
            "f:kpis.a.sustained: it looks at the hard limit",
        ),
        (
            {"better": "lower", "soft": 3, "sustained": "4 of 3"},
            "f:kpis.a.sustained: at least 4 of 3 can never hold",
        ),
        ({"better": "lower", "soft": 3, "sustained": "3 of 3"}, None),
        ({"range": [9, 0]}, "f:kpis.a.range: the range [9, 0] must begin with its smaller end"),
        ({"range": [1, 1.0]}, "f:kpis.a.range: the range [1, 1.0] must begin with its smaller end"),
        ({"range": [-1, 0]}, None),
        ({"missing": {"allow": "101%"}}, "f:kpis.a.missing.allow: 'kpis.a.missing.allow' is 101%, but a share of"),
        ({"missing": {"allow": "100%"}}, None),
        ({"window": "last 30x"}, "f:kpis.a.window: 'kpis.a.window': '30x' is not a duration"),
        ({"window": "last 0s"}, "f:kpis.a.window: a window of 0s holds no iteration"),
        ({"window": "last 1h30m"}, None),
    ],
)  # fmt: skip
def test_the_rules_of_a_kpi_must_agree(settings: dict[str, Any], mistake: str | None) -> None:
    told = of_kpi(**settings)
    assert len(told) == (mistake is not None)
    assert mistake is None or told[0].startswith(mistake)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("m.json#latency.p95", None),
        ("a/b.json#x", None),
        ({"regex": "p95=(?P<ms>[0-9.]+)", "stream": "stderr"}, None),
        ("#latency.p95", "'#latency.p95' names no file; write FILE#PATH, such as metrics.json#latency.p95"),
        ("/tmp/m.json#x", "must be relative to SOAK_OUT"),
        ("C:m.json#x", "must be relative to SOAK_OUT"),
        ("../m.json#x", "must be relative to SOAK_OUT"),
        ("a\\m.json#x", "holds a backslash"),
        ("m.json#$.latency", "path '$.latency'"),
        ("m.json#p(95)", 'write "p(95)"'),
        ({"regex": "(?P<x>"}, "pattern '(?P<x>'"),
        ({"regex": "[0-9]+"}, "has 0 named groups"),
        ({"regex": "(?P<x>.)(?P<y>.)"}, "has 2 named groups"),
    ],
)
def test_where_a_value_comes_from_must_make_sense(source: object, words: str | None) -> None:
    told = mistakes({"kpis": {"a": {"from": source}}})
    assert len(told) == (words is not None)
    assert words is None or (told[0].startswith("f:kpis.a.from: ") and words in told[0])


def test_a_kpi_without_a_source_is_told_which_names_need_none() -> None:
    assert mistakes({"kpis": {"p95_ms": {}, "wall_seconds": {}}}) == [
        (
            "f:kpis.p95_ms: 'kpis.p95_ms' does not say where its value comes from; write for example"
            " from: metrics.json#p95_ms (only exit_code, wall_seconds, peak_rss_mib, rss_mib, uss_mib, private_mib,"
            " cpu_seconds, threads, handles, fds, children, io_read_mib, io_write_mib, gdi_objects, user_objects,"
            " service_exits are measured by soak itself)"
        )
    ]


@pytest.mark.parametrize(
    ("data", "resources"),
    [
        ({}, None),
        ({"kpis": {"wall_seconds": {}}}, None),
        ({"kpis": {"rss_mib": {"from": "m.json#rss"}}}, None),
        ({"resources": {"interval": "100ms"}}, Resources(0.1)),
        ({"resources": {"interval": "1m"}, "kpis": {"rss_mib": {}}}, Resources(60.0)),
        *(({"kpis": {name: {}}}, Resources(1.0)) for name in SAMPLED),
    ],
)
def test_resources_are_sampled_when_somebody_asks_for_them(data: dict[str, Any], resources: Resources | None) -> None:
    config, told = build(data)
    assert (config.resources, told) == (resources, [])


@pytest.mark.parametrize("interval", ["0s", "99ms"])
def test_an_interval_that_would_disturb_is_refused(interval: str) -> None:
    assert mistakes({"resources": {"interval": interval}}) == [
        f"f:resources.interval: an interval of {interval} disturbs what it measures; the shortest is 100ms"
    ]


def test_an_interval_must_be_a_duration() -> None:
    (told,) = mistakes({"resources": {"interval": "1m1h"}})
    assert told.startswith("f:resources.interval: 'resources.interval': '1m1h' is not a duration")


def test_every_sampled_value_is_a_built_in_kpi() -> None:
    assert set(SAMPLED) <= set(built_in_kpis(SCHEMA))
    record = resources.schema("iteration")["properties"]["resources"]["properties"]
    assert all(record[key]["propertyNames"]["enum"] == list(SAMPLED) for key in ("values", "missing", "refused"))


def test_for_result_files_a_path_is_enough() -> None:
    config, told = build({"kpis": {"a": {"from": "#x"}}}, result_files=True)
    assert (config.kpis[0].source, told) == (JsonSource("", "x"), [])


def test_sections_that_break_the_schema_are_passed_over_and_all_others_checked() -> None:
    data = merged(
        {
            "workload": {"timeout": "0s"},
            "schedule": {"warmup": 9},
            "kpis": {"a": {}, "b": {}},
            "evidence": {"log_limit": f"{'9' * 40}B"},
            "resources": {"interval": "0s"},
            "retention": {"max_total": "0B"},
        }
    )
    builder = Builder(".".join, problem_of_source, ("exit_code",))
    builder.check(data, set())
    assert [mistake.place for mistake in builder.mistakes] == [
        *("workload.timeout", "schedule.warmup", "evidence.log_limit", "resources.interval"),
        *("retention.max_total", "kpis.a", "kpis.b"),
    ]
    for broken, left in (
        (("kpis", "a"), 6),
        (("kpis",), 5),
        (("schedule",), 6),
        (("workload",), 6),
        (("evidence",), 6),
        (("resources",), 6),
        (("retention",), 6),
    ):
        builder = Builder(".".join, problem_of_source, ("exit_code",))
        builder.check({**data, broken[0]: "broken"} if len(broken) == 1 else data, {broken})
        assert len(builder.mistakes) == left


@pytest.mark.parametrize(
    ("broken", "places"),
    [
        (("suite",), ["parameters.values.a.max", "tuning.rules.0.change", "guards.freeze.parameters"]),
        (("parameters",), []),
        (("tuning",), ["parameters.values.a.max", "guards.freeze.parameters"]),
        (("guards",), ["parameters.values.a.max", "tuning.rules.0.change"]),
    ],
)
def test_what_refers_to_parameters_is_passed_over_when_they_break_the_schema(
    broken: tuple[str, ...], places: list[str]
) -> None:
    data = merged(
        {
            "parameters": {"values": {"a": {"initial": 1, "min": 1, "max": 1}}},
            "tuning": {"rules": [{"when": "1 > 0", "change": {"b": 1}}]},
            "guards": {"freeze": {"after": 1, "hold": 1, "when": "1 > 0", "parameters": ["b"]}},
        }
    )
    builder = Builder(".".join, problem_of_source, ("exit_code",))
    builder.check(data, {broken})
    found = [mistake.place for mistake in builder.mistakes]
    assert [place for place in found if place.startswith(("parameters", "tuning", "guards"))] == places


def of_service(**settings: Any) -> list[str]:
    return mistakes({"workload": {"service": {"start": ["server"], **settings}}})


def test_a_service_reaches_the_model_with_its_units_resolved() -> None:
    config, told = build(
        {
            "workload": {
                "service": {
                    "start": ["server", "--port", "1"],
                    "ready": {"tcp": "127.0.0.1:1", "within": "2m"},
                    "restarts": 2.0,
                    "grace": "500ms",
                    "window": "5m",
                }
            }
        }
    )
    assert told == []
    assert config.workload == Workload(
        run=None,
        timeout=3600.0,
        env={},
        shell=None,
        service=Service(("server", "--port", "1"), Readiness("tcp", "127.0.0.1:1", 120.0), 2, 0.5, 300.0),
    )


def test_a_service_has_defaults_and_counts_as_ready_when_nothing_is_said() -> None:
    config, told = build({"workload": {"run": "load", "service": {"start": "server"}}})
    assert told == []
    assert config.workload is not None
    assert (config.workload.run, config.workload.service) == ("load", Service("server", None, 0, 10.0, 60.0))


@pytest.mark.parametrize(
    ("ready", "target"),
    [
        ({"http": "http://127.0.0.1:1/ready"}, "http://127.0.0.1:1/ready"),
        ({"tcp": "[::1]:65535"}, "[::1]:65535"),
        ({"log": "listening on [0-9]+"}, "listening on [0-9]+"),
        ({"command": "is_ready -q"}, "is_ready -q"),
        ({"command": ["is_ready", "-q"]}, ("is_ready", "-q")),
    ],
)
def test_each_kind_of_readiness_reaches_the_model(ready: dict[str, Any], target: object) -> None:
    config, told = build({"workload": {"service": {"start": ["server"], "ready": ready}}})
    assert told == []
    assert config.workload is not None
    assert config.workload.service is not None
    (kind,) = ready
    assert config.workload.service.ready == Readiness(kind, target, 60.0)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("settings", "mistake"),
    [
        ({"window": "0s"}, "f:workload.service.window: a window of 0s measures nothing; give it a length"),
        ({"window": "1m1h"}, "f:workload.service.window: 'workload.service.window': '1m1h' is not a duration"),
        ({"grace": "1m1h"}, "f:workload.service.grace: 'workload.service.grace': '1m1h' is not a duration"),
        (
            {"ready": {"tcp": "localhost:1", "within": "0s"}},
            "f:workload.service.ready.within: nothing is ready within 0s; give it a length",
        ),
        (
            {"ready": {"log": "(listening"}},
            "f:workload.service.ready.log: '(listening' is no regular expression: missing ), unterminated subpattern",
        ),
        (
            {"ready": {"log": "x{99999999999}"}},
            "f:workload.service.ready.log: 'x{99999999999}' is no regular expression: the repetition number is too",
        ),
        (
            {"ready": {"tcp": "localhost:65536"}},
            "f:workload.service.ready.tcp: 'localhost:65536' names no port; the highest is 65535",
        ),
        (
            {"ready": {"tcp": "localhost:0"}},
            "f:workload.service.ready.tcp: 'localhost:0' names no port; the highest is 65535",
        ),
    ],
)
def test_what_a_service_cannot_mean_is_told(settings: dict[str, Any], mistake: str) -> None:
    (told,) = of_service(**settings)
    assert told.startswith(mistake)


def test_a_grace_of_nothing_is_a_choice() -> None:
    assert of_service(grace="0s", restarts=0, window="1ms") == []


METRICS = {"http": "http://127.0.0.1:1/metrics", "format": "prometheus", "path": 'sum(requests_total{code="500"})'}
SERVICE = {"service": {"start": ["server"]}}
RUN = {"run": ["load"]}


def test_what_a_server_tells_reaches_the_model() -> None:
    kpis = {"a": {"from": METRICS}, "b": {"from": {**METRICS, "format": "json", "path": "a.b", "counter": True}}}
    config, told = build({"workload": RUN, "kpis": kpis})
    assert told == []
    url = "http://127.0.0.1:1/metrics"
    assert [kpi.source for kpi in config.kpis] == [
        HttpSource(url, "prometheus", 'sum(requests_total{code="500"})', counter=None),
        HttpSource(url, "json", "a.b", counter=True),
    ]


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ({**METRICS, "path": "requests_total{code=500}"}, "labels are written as"),
        ({**METRICS, "path": "rate(requests_total)"}, "is no metric"),
        ({**METRICS, "format": "json", "path": "$.latency"}, "path '$.latency'"),
        ({**METRICS, "format": "json", "path": "latency.p95"}, None),
    ],
)
def test_what_is_looked_for_in_an_answer_must_make_sense(source: dict[str, Any], words: str | None) -> None:
    told = mistakes({"workload": RUN, "kpis": {"a": {"from": source}}})
    assert len(told) == (words is not None)
    assert words is None or (told[0].startswith("f:kpis.a.from: ") and words in told[0])


@pytest.mark.parametrize(
    ("workload", "kpi", "words"),
    [
        (SERVICE, {"rss_mib": {}}, None),
        (SERVICE, {"service_exits": {}}, None),
        (SERVICE, {"wall_seconds": {}}, None),
        (SERVICE, {"a": {"from": METRICS}}, None),
        (SERVICE, {"exit_code": {}}, "is measured of workload.run, and there is none"),
        (SERVICE, {"peak_rss_mib": {}}, "is measured of workload.run, and there is none"),
        (SERVICE, {"a": {"from": "m.json#a"}}, "is measured of workload.run, and there is none"),
        (SERVICE, {"a": {"from": {"regex": "(?P<x>1)"}}}, "is measured of workload.run, and there is none"),
        ({**SERVICE, **RUN}, {"exit_code": {}, "a": {"from": "m.json#a"}, "service_exits": {}}, None),
        (RUN, {"service_exits": {}}, "counts how often a service ended, and there is none"),
        (RUN, {"a": {"from": METRICS}}, None),
        ({}, {"service_exits": {}}, None),
    ],
)
def test_a_kpi_that_the_workload_cannot_have_is_told(
    workload: dict[str, Any], kpi: dict[str, Any], words: str | None
) -> None:
    told = mistakes({"workload": workload, "kpis": kpi})
    assert len(told) == (words is not None)
    assert words is None or (told[0].startswith(f"f:kpis.{next(iter(kpi))}: ") and words in told[0])


def test_of_result_files_nobody_asks_what_the_workload_could_measure() -> None:
    assert build({"workload": SERVICE, "kpis": {"exit_code": {}}}, result_files=True)[1] == []


def test_retention_is_that_of_the_defaults_with_or_without_its_section() -> None:
    assert build({})[0].retention == build({"retention": {}})[0].retention == Retention()


def test_retention_reaches_the_model_with_its_units_resolved() -> None:
    config, told = build({"retention": {"keep_last": 5, "keep_within": "2d", "max_total": "5MB", "orphan_age": "1h"}})
    assert told == []
    assert config.retention == Retention(keep_last=5, keep_within=172_800.0, max_total=5_000_000, orphan_age=3600.0)


@pytest.mark.parametrize(
    ("given", "place", "words"),
    [
        ({"keep_last": 0}, "retention", "no rule of 'retention' keeps a run"),
        ({"keep_last": 0, "keep_within": "0s"}, "retention", "no rule of 'retention' keeps a run"),
        ({"max_total": "0B"}, "retention.max_total", "leaves no room for any run"),
        ({"orphan_age": "59m"}, "retention.orphan_age", "the shortest is 1h"),
        ({"keep_within": "1m1h"}, "retention.keep_within", "is not a duration"),
    ],
)
def test_a_policy_that_would_delete_what_it_should_keep_is_refused(
    given: dict[str, Any], place: str, words: str
) -> None:
    (told,) = mistakes({"retention": given})
    assert told.startswith(f"f:{place}: ")
    assert words in told


@pytest.mark.parametrize("rule", ["hourly", "daily", "weekly", "monthly"])
def test_one_rule_that_keeps_is_enough(rule: str) -> None:
    assert mistakes({"retention": {"keep_last": 0, f"keep_{rule}": 1}}) == []
    assert mistakes({"retention": {"keep_last": 0, "keep_within": "1s"}}) == []
