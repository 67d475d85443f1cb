"""`soak prune`, `soak pin` and `soak unpin` as they are called: plans, refusals, exit codes, and what is left."""

from __future__ import annotations

import json
import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.unit.retention.runs import content_of, log_of, make_run, output

NOW = datetime.now(UTC)
KEEP_ONE = ("--set", "retention.keep_last=1")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return output(tmp_path / ".soak")


def history(root: Path, days: int = 3, **more: object) -> list[Path]:
    return [make_run(root, NOW - timedelta(days=day), **more) for day in range(days)]


def untouched(root: Path) -> dict[str, bytes]:
    return {name: content for name, content in content_of(root).items() if name != ".lock"}


@pytest.mark.parametrize("as_json", [(), ("--json",)])
def test_trap_56_a_dry_run_prints_the_plan_of_the_real_run_byte_for_byte(soak, root, as_json):
    history(root, 12)
    before = untouched(root)
    words = ("prune", ".soak", "--set", "retention.keep_last=9", *as_json)
    dry = soak(*words, "--dry-run")
    assert untouched(root) == before
    real = soak(*words)
    assert (dry.code, real.code) == (0, 0)
    if as_json:
        assert {**real.json, "outcome": None} == dry.json
        assert (dry.json["deleted"], dry.json["compressed"], dry.json["kept"]) == (3, 2, 7)
        assert real.json["outcome"]["freed_bytes"] == dry.json["freed_bytes"] > 0
    else:
        assert real.out.startswith(dry.out)
        assert "deleted 3" in dry.out
        assert "done: compressed" in real.out.removeprefix(dry.out)


def test_real_runs_are_compressed_and_stay_verifiable(soak, tmp_path):
    ids = []
    for _ in range(2):
        done = soak("run", "--iterations", "1", "--json", "--", sys.executable, "-c", "print('hello')")
        ids.append(done.json["run_id"])
    before = [soak("verify", name, "--json").json for name in ids]
    done = soak("prune", ".soak", "--set", "retention.compress_after=0s")
    assert done.code == 0
    assert sorted(path.name for path in (tmp_path / ".soak").glob("2*")) == sorted(f"{name}.tar.gz" for name in ids)
    assert [soak("verify", name, "--json").json for name in ids] == before
    assert soak("gate", f".soak/{ids[0]}.tar.gz").code == 0
    assert [line["operation"] for line in log_of(tmp_path / ".soak")] == ["compress", "compress"]


def test_the_policy_is_that_of_the_configuration(soak, root, tmp_path):
    runs = history(root)
    (tmp_path / "soak.yaml").write_text("version: 1\nworkload: {run: x}\nretention: {keep_last: 2}\n")
    done = soak("prune", ".soak", env={"SOAK_RETENTION__COMPRESS_AFTER": "100d"})
    assert done.code == 0
    assert [run.exists() for run in runs] == [True, True, False]


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("retention.keep_last=0", "no rule of 'retention' keeps a run"),
        ("retention.keep_lats=3", "did you mean 'keep_last'"),
        ("retention.orphan_age=1s", "the shortest is 1h"),
    ],
)
def test_a_policy_that_cannot_be_meant_is_refused(soak, root, setting, words):
    runs = history(root)
    before = untouched(root)
    done = soak("prune", ".soak", "--set", setting)
    assert done.code == 2
    assert words in done.err
    assert untouched(root) == before
    assert all(run.exists() for run in runs)


def test_emptying_a_group_is_refused_and_nothing_is_touched(soak, root):
    history(root, 2, size=400_000)
    history(root, 1, size=400_000, profile="nightly", suffix="000000")
    before = untouched(root)
    done = soak("prune", ".soak", "--set", "retention.max_total=300kB")
    assert done.code == 2
    assert "would delete every run of" in done.err
    assert len(done.err.splitlines()) == 1
    assert untouched(root) == before


def test_directories_that_are_not_soaks_are_refused(soak, root, tmp_path):
    (tmp_path / "plain").mkdir()
    (tmp_path / "plain" / "precious").write_bytes(b"x")
    home = output(tmp_path / "home")
    places = ["/", tmp_path / "plain", home, tmp_path / "none"]
    if sys.platform != "win32":
        (tmp_path / "link").symlink_to(root)
        places.append(tmp_path / "link")
    history(root)
    before = untouched(tmp_path)
    for place in places:
        done = soak("prune", place, ".soak", *KEEP_ONE, env={"HOME": str(home), "USERPROFILE": str(home)})
        assert done.code == 2, place
        assert len(done.err.splitlines()) == 1
        assert str(place) in done.err
    assert untouched(tmp_path) == before


def test_trap_55_protected_over_budget_exits_1_and_tells(soak, root):
    (run,) = history(root, 1, verdict="pass", size=200_000)
    done = soak("prune", ".soak", "--set", "retention.max_total=10kB")
    assert done.code == 1
    assert "over budget by" in done.out
    assert run.exists()
    found = soak("prune", ".soak", "--json", "--set", "retention.max_total=10kB")
    assert found.code == 1
    assert found.json["over_budget"] > 0
    assert found.json["protected"] == 1


def test_a_pin_keeps_a_run_until_it_is_removed(soak, root):
    runs = history(root)
    assert soak("pin", runs[2].name, "--as", "release").out == f"{runs[2].name}: kept as release\n"
    assert soak("pin", runs[2].name, "--as", "release", "--json").json["changed"] is False
    assert soak("prune", ".soak", *KEEP_ONE).code == 0
    assert [run.exists() for run in runs] == [True, False, True]
    assert soak("unpin", runs[2]).out == f"{runs[2].name}: not pinned any more\n"
    assert soak("unpin", runs[2], "--json").json == {"changed": False, "run": runs[2].name}
    assert soak("prune", ".soak", *KEEP_ONE).code == 0
    assert [run.exists() for run in runs] == [True, False, False]


def test_a_compressed_run_is_pinned_by_its_id_and_by_its_archive(soak, root):
    runs = history(root)
    assert soak("prune", ".soak", "--set", "retention.compress_after=1h").code == 0
    archive = root / f"{runs[1].name}.tar.gz"
    assert archive.exists()
    assert soak("pin", archive).code == 0
    assert soak("pin", runs[1].name, "--json").json == {"changed": False, "kept_as": "pinned", "run": runs[1].name}
    assert soak("prune", ".soak", *KEEP_ONE).code == 0
    assert archive.exists()


@pytest.mark.parametrize(
    "words",
    [("pin", "nothing"), ("pin", "n" * 300), ("pin", ""), ("pin", ".soak/.trash-1-x"), ("pin", "/"), ("unpin", ".")],
)
def test_what_is_no_run_is_not_pinned(soak, root, words):
    done = soak(*words)
    assert done.code == 2
    assert len(done.err.splitlines()) == 1
    assert not (root / ".pins").exists()


def test_a_saved_plan_is_applied_once_and_refused_after_a_change(soak, root, tmp_path):
    runs = history(root)
    saved = soak("prune", ".soak", *KEEP_ONE, "--plan", "plan.json")
    assert saved.code == 0
    assert all(run.exists() for run in runs)
    dry = soak("prune", "--apply", "plan.json", "--dry-run")
    assert dry.out == saved.out
    assert all(run.exists() for run in runs)
    (runs[2] / "note").write_bytes(b"x")
    done = soak("prune", "--apply", "plan.json")
    assert done.code == 2
    assert "changed since this plan was made" in done.err
    assert all(run.exists() for run in runs)
    (runs[2] / "note").unlink()
    done = soak("prune", "--apply", "plan.json")
    assert done.code == 0
    assert done.out.startswith(saved.out)
    assert [run.exists() for run in runs] == [True, False, False]
    assert soak("prune", "--apply", "plan.json").code == 2


@pytest.mark.parametrize(
    "words",
    [(".soak",), ("--plan", "b"), ("--set", "retention.keep_last=2"), ("--profile", "p"), ("--config", "soak.yaml")],
)
def test_apply_takes_everything_from_its_plan(soak, root, words):
    assert soak("prune", ".soak", "--plan", "plan.json").code == 0
    done = soak("prune", "--apply", "plan.json", *words)
    assert done.code == 2
    assert "--apply does what its plan says" in done.err


def test_some_path_has_to_be_named(soak):
    done = soak("prune")
    assert done.code == 2
    assert "give its PATH" in done.err
    assert soak("prune", ".soak", "--plan", " ").code == 2
    assert "PATH: the value is empty" in soak("prune", ".soak", "").err


def test_several_directories_are_each_held_to_the_policy(soak, tmp_path):
    roots = [output(tmp_path / name) for name in ("a b", "\u00fc")]
    runs = [history(root) for root in roots]
    done = soak("prune", *roots, roots[0], *KEEP_ONE, "--json")
    assert done.code == 0
    assert done.json["deleted"] == 4
    assert {entry["root"] for entry in done.json["plan"]} == {str(root) for root in roots}
    assert [[run.exists() for run in group] for group in runs] == [[True, False, False]] * 2


def test_the_plan_keeps_its_schema_and_every_kept_run_has_a_reason(soak, root, tmp_path):
    from jsonschema import Draft202012Validator

    from soak_action import resources

    history(root)
    (root / "odd").mkdir()
    assert soak("prune", ".soak", "--plan", "plan.json").code == 0
    document = json.loads((tmp_path / "plan.json").read_text("utf-8"))
    Draft202012Validator(resources.schema("retention-plan")).validate(document)
    assert all(decision["reasons"] for decision in document["roots"][0]["decisions"])


@pytest.mark.skipif(sys.platform == "win32", reason="such names are those of POSIX")
def test_names_order_nothing_of_a_terminal(soak, root):
    for name in ("new\nline", "\x1b[2J", os.fsdecode(b"\xff\xfe"), "e\u0301", "\u00e9", "sp ace. "):
        (root / name).mkdir()
    done = soak("prune", ".soak")
    assert done.code == 0
    assert "\x1b" not in done.out
    assert len(done.out.splitlines()) == 6 + 4
    assert soak("prune", ".soak", "--json").json["kept"] == 6


def test_a_run_prunes_the_earlier_ones_when_the_configuration_says_so(soak, tmp_path):
    settings = ("--set", "retention.auto=true", *KEEP_ONE)
    words = ("run", "--json", "--iterations", "1")
    command = ("--", sys.executable, "-c", "pass")
    first, second = soak(*words, *command), soak(*words, *command)
    assert first.code == second.code == 0
    assert "retention" not in second.err
    third = soak(*words, *settings, *command)
    assert third.code == 0
    assert "soak: retention: done: compressed 0, deleted 2, freed" in third.err
    assert [path.name for path in (tmp_path / ".soak").glob("2*")] == [third.json["run_id"]]
    assert soak("verify", third.json["run_id"]).code == 0


def test_a_paused_run_prunes_nothing_because_it_goes_on(soak, tmp_path):
    earlier = soak("run", "--json", "--iterations", "1", "--", sys.executable, "-c", "pass")
    settings = ("--set", "retention.auto=true", *KEEP_ONE, "--set", "workload.timeout=10s")
    words = ("run", "--json", "--duration", "1h", "--segment", "1s", *settings)
    paused = soak(*words, "--", sys.executable, "-c", "pass")
    assert paused.json["state"] == "paused"
    assert "retention" not in paused.err
    assert (tmp_path / ".soak" / earlier.json["run_id"]).exists()
