from __future__ import annotations

import sys
from pathlib import Path

import pytest

from soak_action.errors import ConfigurationError, UsageError
from soak_action.migration.plan import Plan, Task, make_plan


@pytest.fixture
def plan(tmp_path):
    """Make a plan of files that are given by name and content; the words are the names but for soak.yaml."""

    def make(files, *words, problem=None, **more) -> Plan:
        for name, content in files.items():
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_bytes(content.encode())
        target = more.pop("target", "soak.yaml")
        words = words or tuple(name for name in files if name not in {target, more.get("mapping")})
        return make_plan(Task(tmp_path, tmp_path / target, target, words, **more), lambda _: problem)

    return make


def test_a_plan_tells_each_change_with_its_origin_and_what_was_there(plan):
    files = {"soak.yaml": "version: 1\nschedule: {iterations: 5}\n", "default.json": '{"iterations": 6, "suite": "a"}'}
    found = plan(files, preferred=("default.json",))
    changes = {change.value.name: change for change in found.changes}
    assert set(changes) == {"iterations", "suite"}
    assert changes["iterations"].former.value == 5
    assert changes["iterations"].value.origin == "default.json:1:2"
    assert changes["suite"].former is None
    assert found.new == b"version: 1\nschedule: {iterations: 6}\nsuite: a\n"
    assert found.differences(found.new) == []
    assert found.differences(b"version: 1\nschedule: {iterations: 6}\n") == ["suite"]


def test_differences_are_told_for_each_profile(plan):
    found = plan({"base.json": "{}", "profile-a.json": '{"iterations": 6}'})
    text = found.new.replace(b"6", b"7")
    assert found.differences(text) == ["profile a: schedule.iterations"]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"default.json": '{"schedule": {"iterations": "3"}}'}, "default.json:1:15: 'schedule.iterations' is '3', but"),
        (
            {"env.json": '{"SOAK_SCHEDULE__ITERATIONS": "x"}'},
            "env.json:1:2: 'profiles.env.schedule.iterations': 'x' is",
        ),
        ({"env.json": '{"SOAK_OVERRIDES": "a: ["}'}, "env.json:1:2: in SOAK_OVERRIDES:"),
        ({"env.json": '{"SOAK_OVERRIDES": "3"}'}, "env.json:1:2: in SOAK_OVERRIDES:1:1: this must be a mapping"),
        ({"base.json": '{"schedule": {"every": "1h", "pause": "1s"}}'}, "'pause' cannot stand beside 'every'"),
        (
            {"base.json": '{"iterations": 3}', "profile-a.json": '{"warmup": 4}'},
            "profile-a.json:1:2: 4 warm-up iterations leave nothing to judge",
        ),
        ({"base.json": '{"version": 2}'}, "base.json:1:2: 'version' is 2, but must be 1"),
        ({"soak.yaml": "a: 1\n", "base.json": '{"iterations": 3}'}, "soak.yaml:1:1: unknown key 'a'"),
    ],
)
def test_what_soak_would_refuse_is_refused_with_its_place(plan, files, message):
    if message.startswith("base.json:1:2: 'version'"):
        assert "'version' is 1 at soak.yaml:2:1, but 2 at base.json:1:2" in str(plan(files).conflicts[0])
        return
    with pytest.raises(ConfigurationError) as refused:
        plan(files)
    assert message in str(refused.value)


def test_a_source_of_a_kpi_is_checked(plan):
    with pytest.raises(ConfigurationError, match=r"base.json:1:17: no such expression"):
        plan({"base.json": '{"kpis": {"a": {"from": "m.json#["}}}'}, problem="no such expression")


def test_notes_tell_what_does_not_move(plan):
    files = {
        "default.json": '{"version": 1, "old": {"a": 1}, "iterations": 3}',
        "env.json": '{"SOAK_SCHEDULE__BUDGET": " ", "SOAK_OVERRIDES": {"gate.fail_on": ["fail"]}, "TIMEOUT": "1m"}',
        "names.yaml": "old: null\nother: gate\n",
    }
    found = plan(files, mapping="names.yaml")
    assert found.notes == (
        "default.json:1:24: 'old.a' is dropped, as the mapping file says",
        "env.json:1:2: 'SOAK_SCHEDULE__BUDGET' is empty, which counts as not given",
        "names.yaml:2:1: no file holds the name 'other'",
    )
    assert {".".join(change.value.path): change.value.value for change in found.changes} == {
        "schedule.iterations": 3,
        "profiles.env.gate.fail_on": ["fail"],
        "profiles.env.workload.timeout": "1m",
    }


def test_files_without_values_make_no_soak_yaml(plan):
    with pytest.raises(UsageError, match="the files hold no values"):
        plan({"default.json": "{}"})
    assert plan({"default.json": "{}", "soak.yaml": "version: 1\n"}).changes == ()


def test_an_empty_soak_yaml_is_begun_anew(plan):
    found = plan({"soak.yaml": "\n", "default.json": '{"iterations": 3}'})
    assert found.former == b"\n"
    assert found.new.startswith(b"# yaml-language-server: $schema=https://")


def test_values_that_an_anchor_ties_together_are_not_torn(plan):
    text = "version: 1\nprofiles:\n  a: &x {schedule: {pause: 1s}}\n  b: *x\n"
    with pytest.raises(UsageError, match=r"without changing 'profiles.a.schedule.iterations' as well"):
        plan({"soak.yaml": text, "profile-b.json": '{"iterations": 3}'})


def test_no_comment_is_lost(plan):
    text = "version: 1\nschedule: {\n  pause: 1s, # inner\n  }\n"
    with pytest.raises(UsageError, match=r"soak.yaml:3:1: the file cannot be rewritten without losing the comment '#"):
        plan({"soak.yaml": text, "default.json": '{"iterations": 3}'})


@pytest.mark.parametrize("start", ["---\n", "# c\n\n# d\n---\n", "%YAML 1.2\n---\n"])
def test_the_start_of_a_document_stays(plan, start):
    found = plan({"soak.yaml": f"{start}version: 1\n", "default.json": '{"suite": "a"}'})
    assert found.new.decode() == f"{start}version: 1\nsuite: a\n"


def test_only_a_file_that_takes_part_can_be_preferred(plan):
    with pytest.raises(UsageError, match=r"--prefer x: this file takes no part; name one of default.json, soak.yaml"):
        plan({"default.json": "{}"}, preferred=("x",))


def test_nested_profiles_of_a_default_file_move_along(plan):
    found = plan({"base.json": '{"profiles": {"x": {"iterations": 3}, "z": {}}}', "profile-y.json": '{"suite": "a"}'})
    assert [change.value.path for change in found.changes] == [
        ("profiles", "x", "schedule", "iterations"),
        ("profiles", "z"),
    ]
    assert [unknown.name for unknown in found.unknown] == ["suite"]


def test_the_base_of_a_file_below_github_is_the_repository(tmp_path):
    for name, base in (("soak.yaml", tmp_path), (".github/soak.yaml", tmp_path)):
        assert Task(tmp_path, tmp_path / name, name, ()).base == base


def test_an_endless_list_of_unknown_names_is_told_in_time(plan):
    names = ", ".join(f'"name_{number}": {number}' for number in range(3000))
    found = plan({"default.json": f"{{{names}}}"})
    assert len(found.unknown) == 3000


@pytest.mark.skipif(sys.platform == "win32", reason="symbolic links need a privilege there")
def test_a_file_is_known_behind_its_links(plan, tmp_path):
    Path(tmp_path / "linked.json").symlink_to("default.json")
    found = plan({"default.json": '{"iterations": 3}'}, "default.json", preferred=("linked.json",))
    assert len(found.changes) == 1
