"""Checking against the schema: each mistake at its place, in words that help."""

# ruff: noqa: E501  (a message is compared as the one line that it is)
from __future__ import annotations

import pytest

from soak_action import resources
from soak_action.config.check import Mistake, in_order, mistakes_of
from soak_action.config.schema_tree import settable
from soak_action.config.yaml_source import parse_mapping

SCHEMA = resources.schema("soak")


def told(text: str, *, partial: bool = True) -> list[str]:
    document = parse_mapping(text.encode(), "f")
    return [str(mistake) for mistake in mistakes_of(document.data, SCHEMA, document.where, partial=partial)]


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("suit: a", "f:1:1: unknown key 'suit' - did you mean 'suite'?"),
        (
            "workload:\n  timeout: 5m\n  zzz: 1",
            "f:3:3: unknown key 'workload.zzz'; known here: service, run, timeout, env, shell",
        ),
        ("kpis:\n  a: {hrad: 3}", "f:2:7: unknown key 'kpis.a.hrad' - did you mean 'hard'?"),
        ("kpis:\n  a:\n    abort: {beyon: 3}", "f:3:13: unknown key 'kpis.a.abort.beyon' - did you mean 'beyond'?"),
        ("kpis: {a: {from: {regexp: x}}}", "f:1:19: unknown key 'kpis.a.from.regexp' - did you mean 'regex'?"),
        (
            "profiles:\n  ci:\n    schedule:\n      itterations: 3",
            "f:4:7: unknown key 'profiles.ci.schedule.itterations' - did you mean 'iterations'?",
        ),
        (
            "profiles: {ci: {suite: x}}",
            "f:1:17: unknown key 'profiles.ci.suite'; known here: workload, schedule, kpis, resources, gate, evidence, parameters, tuning, guards, retention",
        ),
        (
            "workload: {timeout: 300}",
            ("f:1:12: 'workload.timeout': '300' is not a duration; write for example 30s, 5m, 1h30m or 500ms"
            " - did you mean '300s'?"),
        ),
        (
            "profiles: {ci: {workload: {timeout: 300}}}",
            ("f:1:28: 'profiles.ci.workload.timeout': '300' is not a duration; write for example 30s, 5m, 1h30m or"
            " 500ms - did you mean '300s'?"),
        ),
        (
            "suite: 123",
            ("f:1:1: 'suite' is 123, but must be a name of letters, digits, dots, dashes and underscores, at most 64"
            " long; put it in quotes"),
        ),
        ("workload: {env: {PORT: 8080}}", "f:1:18: 'workload.env.PORT' is 8080, but must be text; put it in quotes"),
        ("kpis: {a: {hard: 400ms}}", "f:1:12: 'kpis.a.hard' is '400ms', but must be a number; write 400 without a unit"),
        ("kpis: {a: {must_vary: yes}}", "f:1:12: 'kpis.a.must_vary' is 'yes', but must be true or false; write true"),
        ("schedule: {iterations: '3'}", "f:1:12: 'schedule.iterations' is '3', but must be a whole number; write 3 without quotes"),
        (
            "schedule: {iterations: 2.5}",
            "f:1:12: 'schedule.iterations' is 2.5, but must be a whole number (for example 24)",
        ),
        ("schedule: {iterations: true}", "f:1:12: 'schedule.iterations' is true, but must be a whole number (for example 24)"),
        ("schedule: {iterations: 0}", "f:1:12: 'schedule.iterations' is 0, but must be at least 1 (for example 24)"),
        ("schedule: {warmup: 1e9}", "f:1:12: 'schedule.warmup' is 1000000000.0, but must be at most 10000000 (for example 2)"),
        (
            "parameters: {values: {a: {initial: 1, min: 0, max: 2, step: 0}}}",
            "f:1:55: 'parameters.values.a.step' is 0, but must be more than 0",
        ),
        ("kpis: {a: {hard: }}", "f:1:12: 'kpis.a.hard' is empty; give it a value (for example 400) or remove the key"),
        ("kpis: {a: {title: ''}}", "f:1:12: 'kpis.a.title' is empty; give it a value or remove the key"),
        ("workload: {run: []}", "f:1:12: 'workload.run' is empty; give it a value or remove the key"),
        ("kpis:\n  wall_seconds:\n", "f:2:3: 'kpis.wall_seconds' is empty; write {} for the defaults or remove the key"),
        (
            "kpis: {a: {unit: 'aaaaaaaaaaaaaaaaaaaaaaaa'}}",
            "f:1:12: 'kpis.a.unit' is 'aaaaaaaaaaaaaaaaaaaaaaaa', but must be at most 20 characters long",
        ),
        (
            'kpis: {a: {title: "x\\ny"}}',
            "f:1:12: 'kpis.a.title' is 'x\\ny', but must be text in one line",
        ),
        (
            "kpis: {a: {better: Lower}}",
            "f:1:12: 'kpis.a.better' is 'Lower', but must be one of lower, higher - did you mean 'lower'?",
        ),
        (
            "gate: {fail_on: [fail, fail]}",
            "f:1:8: 'gate.fail_on' is [fail, fail], but must be a list without repetitions",
        ),
        (
            "gate:\n  fail_on: [fail,\n    failed]",
            ("f:3:5: 'gate.fail_on.1' is 'failed', but must be one of fail, warn, inconclusive, invalid"
            " - did you mean 'fail'?"),
        ),
        (
            "kpis: {a: {range: [1]}}",
            "f:1:12: 'kpis.a.range' is [1], but must be two numbers, the smaller one first, such as [0, 60000]",
        ),
        ("kpis: 3", "f:1:1: 'kpis' is 3, but must be a mapping"),
        ("kpis: {a: {stat: p05}}", "f:1:12: 'kpis.a.stat' is 'p05', but must be mean, median, min, max, p1 to p99.9, last, count, sum or rate"),
        ("version: 2", "f:1:1: 'version' is 2, but must be 1, the only version that this soak reads (for example 1)"),
        ("version: '1'", "f:1:1: 'version' is '1', but must be 1, the only version that this soak reads; write 1 without quotes"),
        (
            "kpis: {P95: {}}",
            ("f:1:8: 'P95' cannot be a name here; KPI names are lower-case letters, digits and single underscores,"
            " beginning with a letter"),
        ),
        (
            "kpis: {a__b: {}}",
            ("f:1:8: 'a__b' cannot be a name here; KPI names are lower-case letters, digits and single underscores,"
            " beginning with a letter"),
        ),
        ('kpis: {"a\\n": {}}', "f:1:8: 'a\\n' cannot be a name here; KPI names are lower-case letters, digits and single underscores, beginning with a letter"),
        ("workload: {env: {a-b: x}}", "f:1:18: 'a-b' cannot be a name here; variable names are letters, digits and underscores"),
        (
            "profiles: {CI: {}}",
            ("f:1:12: 'CI' cannot be a name here; profile names are lower-case letters, digits and dashes, beginning"
            " with a letter"),
        ),
    ],
)  # fmt: skip
def test_a_mistake_is_told_at_its_place_with_what_to_write(text: str, mistake: str) -> None:
    assert told(text) == [mistake]


@pytest.mark.parametrize(
    "text",
    [
        "suite: api.v1_x-2",
        "kpis: {a_b1: {}}",
        "schedule: {iterations: 1e3}",
        "workload: {env: {A: ''}}",
        "gate: {fail_on: []}",
        "workload: {run: x}",
        "workload: {run: [x, '']}",
        "kpis: {a: {hard: -.5, sustained: 6 of 8}}",
        "schedule: {}",
        "profiles: {ci-2: {kpis: {a: {hard: 3}}}}",
        "kpis: {a: {window: last 30m}}",
        "kpis: {a: {window: last 8}}",
    ],
)
def test_what_is_right_is_not_told(text: str) -> None:
    assert told(text) == []


@pytest.mark.parametrize(
    "text",
    [
        "workload: {env: {TOKEN: 12345678}}",
        "profiles: {ci: {workload: {env: {TOKEN: 12345678}}}}",
        "workload: {env: [TOKEN=12345678]}",
        "workload: {env: TOKEN=12345678}",
        "workload: [TOKEN=12345678]",
        "workload: [{env: {TOKEN: 12345678}}]",
        "wrkload: {env: {TOKEN: 12345678}}",
    ],
)
def test_a_secret_of_the_wrong_type_is_not_shown(text: str) -> None:
    (mistake,) = told(text)
    assert "12345678" not in mistake


FROM = "must be FILE#PATH, such as metrics.json#latency.p95, {regex: ..., stream: ...} or {http: URL,"
READY = "must be exactly one of http, tcp, log and command, such as {http:"
URL = "http://127.0.0.1:1/x"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (f"workload: {{service: {{start: x, ready: {{http: '{URL}'}}}}}}", None),
        (f"workload: {{service: {{start: x, ready: {{http: '{URL}', tcp: 'a:1'}}}}}}", READY),
        ("workload: {service: {start: x, ready: {within: 5s}}}", READY),
        ("workload: {service: {ready: {tcp: 'a:1'}}}", "'workload.service.start' is missing"),
        (f"kpis: {{a: {{from: {{http: '{URL}', format: json, path: a}}}}}}", None),
        (f"kpis: {{a: {{from: {{http: '{URL}', format: json, path: a, counter: true}}}}}}", None),
        (f"kpis: {{a: {{from: {{http: '{URL}', path: a}}}}}}", FROM),
        (f"kpis: {{a: {{from: {{http: '{URL}', format: json, path: a, stream: stdout}}}}}}", FROM),
        (f"kpis: {{a: {{from: {{http: '{URL}', format: json, path: a, regex: x}}}}}}", FROM),
        ("kpis: {a: {from: {regex: x, counter: true}}}", FROM),
        ("kpis: {a: {from: {regex: x, stream: stderr}}}", None),
    ],
)
def test_keys_that_exclude_each_other_are_told_where_no_layer_can_change_it(text: str, words: str | None) -> None:
    assert told(text) == []
    mistakes = told(f"version: 1\n{text}", partial=False)
    assert len(mistakes) == (words is not None)
    assert words is None or words in mistakes[0]


@pytest.mark.parametrize(
    "url",
    [
        "127.0.0.1:8080/x",
        "ftp://127.0.0.1/x",
        "http://",
        "http://user:secret@127.0.0.1/x",
        "http://127.0.0.1/a b",
        "http://127.0.0.1/a\\n",
        "http:///x",
    ],
)
def test_what_is_no_url_of_a_server_is_refused(url: str) -> None:
    words = "but must be a URL, such as http://127.0.0.1:8080/"
    for text in (f'workload: {{service: {{ready: {{http: "{url}"}}}}}}', f'kpis: {{a: {{from: {{http: "{url}"}}}}}}'):
        (mistake,) = told(text)
        assert words in mistake


@pytest.mark.parametrize(
    ("address", "is_one"),
    [
        ("localhost:1", True),
        ("[::1]:80", True),
        ("::1:80", False),
        ("localhost", False),
        (":80", False),
        ("a:b", False),
    ],
)
def test_what_takes_connections_is_a_host_and_a_port(address: str, is_one: bool) -> None:
    mistakes = told(f'workload: {{service: {{ready: {{tcp: "{address}"}}}}}}')
    assert ["but must be HOST:PORT, such as 127.0.0.1:8080" in mistake for mistake in mistakes] == [True] * (not is_one)


def test_all_mistakes_are_told_at_once_in_the_order_of_their_places() -> None:
    text = "suite: 1\nkpis:\n" + "".join(f"  k{number}: {{hrd: 1}}\n" for number in range(9)) + "gate: 3\nzzz: 1\n"
    places = [mistake.split(" ")[0] for mistake in told(text)]
    assert places == ["f:1:1:", *[f"f:{line}:8:" for line in range(3, 12)], "f:12:1:", "f:13:1:"]


def test_a_required_key_may_only_be_missing_where_a_layer_may_still_give_it() -> None:
    text = "kpis: {a: {sustained: {of: 8}, abort: {for: 3}, from: {stream: stderr}}}"
    assert told(text) == []
    assert told(text, partial=False) == [
        "f:1:1: 'version' is missing (for example 1)",
        "f:1:12: 'kpis.a.sustained.at_least' is missing (for example 6)",
        "f:1:32: 'kpis.a.abort.beyond' is missing (for example 1000)",
        (
            "f:1:49: 'kpis.a.from' is a mapping, but must be FILE#PATH, such as metrics.json#latency.p95,"
            " {regex: ..., stream: ...} or {http: URL, format: prometheus, path: ...}"
        ),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "resources: {drift: {rss: 5MiB/h}}",
        "baseline: {}",
        "release: {}",
        "workload: {service: {health: x}}",
        "kpis: {a: {drift: 1%/h}}",
        "kpis: {a: {regression: {}}}",
    ],
)
def test_a_key_whose_feature_is_not_built_is_unknown(text: str) -> None:
    (mistake,) = told(text)
    assert "unknown key" in mistake


def test_a_configuration_that_is_no_mapping_at_all_is_told() -> None:
    (mistake,) = mistakes_of([], settable(SCHEMA), lambda _: "here", partial=True)
    assert str(mistake) == "here: the configuration is empty; write {} for the defaults or remove the key"
    (mistake,) = mistakes_of(3, settable(SCHEMA), lambda _: "here", partial=True)
    assert str(mistake) == "here: the configuration is 3, but must be a mapping"


def test_an_enormous_name_is_shortened() -> None:
    (mistake,) = told(f"? {'9' * 100_000}\n: 1")
    assert len(mistake) < 250


def test_places_are_ordered_as_people_count() -> None:
    places = ["f:10:1", "f:9:12", "f:9:2", f"f:{'9' * 5000}"]
    assert [mistake.place for mistake in in_order(Mistake(place, (), "x") for place in places)][:3] == places[2::-1]
