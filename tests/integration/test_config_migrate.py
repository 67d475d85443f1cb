"""Six legacy files, as real repositories have them, become one soak.yaml: same values, nothing lost, and back again."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.conftest import clean_environment

DEFAULT = """\
{
  "version": 1,
  "suite": "checkout",
  "workload.run": ["python3", "load.py", "--out", "${SOAK_OUT}/m.json"],
  "workload": {"timeout": "5m", "env": {"LOG_LEVEL": "warning", "GREETING": "Grüße \\ud83d\\ude00", "API_TOKEN": "s3cret-value"}},
  "iterations": 24,
  "schedule": {"pause": "30s"},
  "thresholds": {
    "p95_latency_ms": {"source": "m.json#latency.p95", "max": 400, "warn": 350, "better": "lower", "unit": "ms"},
    "error_rate": {"source": "m.json#errors.rate", "max": 0.01, "better": "lower", "range": [0, 1]}
  },
  "ui": {"colour": "green"}
}
"""  # noqa: E501 - as such files are
OVERRIDES = """\
# Overrides of the payments team

# How the gate reacts.
gate:
  # inconclusive is not red here
  fail_on: [fail, invalid]  # agreed in spring
kpis:
  p95_latency_ms:
    window: last 8  # a working day
    sustained: 6 of 8
schedule: {warmup: 2}
"""
NIGHTLY = """\
# Every night
schedule:
  iterations: 3
  duration: 8h   # long enough for leaks
thresholds.p95_latency_ms.max: 450
"""
SMOKE = '{"iterations": 3, "warmup": 0, "schedule.pause": "0s"}'
RELEASE = """\
schedule:
  iterations: 100
gate.fail_on:
  - fail
  - invalid
  - inconclusive   # stricter
"""
ENVIRONMENT = """\
{"SOAK_SCHEDULE__ITERATIONS": "7", "SOAK_KPIS__ERROR_RATE__HARD": "0.02", "SOAK_SCHEDULE__BUDGET": "",
 "SOAK_OVERRIDES": "{workload: {env: {LOG_LEVEL: debug}}}", "gate.fail_on": "fail, invalid"}
"""
MAPPING = """\
thresholds: kpis
thresholds.p95_latency_ms.source: kpis.p95_latency_ms.from
thresholds.p95_latency_ms.max: kpis.p95_latency_ms.hard
thresholds.p95_latency_ms.warn: kpis.p95_latency_ms.soft
thresholds.error_rate.source: kpis.error_rate.from
thresholds.error_rate.max: kpis.error_rate.hard
ui: null
"""
FILES = {
    "legacy conf/defaults.json": DEFAULT,
    "legacy conf/overrides.yaml": OVERRIDES,
    "legacy conf/profile-nightly.yaml": NIGHTLY,
    "smoke.profile.json": SMOKE,
    "Über.yaml": RELEASE,
    "env.json": ENVIRONMENT,
}
WORDS = [name.replace("Über", "profile:release=Über") for name in FILES]
CALL = ["config", "migrate", *WORDS, "--mapping", "names.yaml"]

# What the old files mean, put together by hand: the top level, and what each profile lays over it.
TOP = {
    "version": 1,
    "suite": "checkout",
    "workload": {
        "run": ["python3", "load.py", "--out", "${SOAK_OUT}/m.json"],
        "timeout": "5m",
        "env": {"LOG_LEVEL": "warning", "GREETING": "Grüße 😀", "API_TOKEN": "s3cret-value"},
    },
    "schedule": {"iterations": 24, "pause": "30s", "warmup": 2},
    "kpis": {
        "p95_latency_ms": {
            "from": "m.json#latency.p95",
            "hard": 400,
            "soft": 350,
            "better": "lower",
            "unit": "ms",
            "window": "last 8",
            "sustained": "6 of 8",
        },
        "error_rate": {"from": "m.json#errors.rate", "hard": 0.01, "better": "lower", "range": [0, 1]},
    },
    "gate": {"fail_on": ["fail", "invalid"]},
}
PROFILES = {
    "nightly": {"schedule": {"iterations": 3, "duration": "8h"}, "kpis": {"p95_latency_ms": {"hard": 450}}},
    "smoke": {"schedule": {"iterations": 3, "warmup": 0, "pause": "0s"}},
    "release": {"schedule": {"iterations": 100}, "gate": {"fail_on": ["fail", "invalid", "inconclusive"]}},
    "env": {
        "schedule": {"iterations": 7},
        "kpis": {"error_rate": {"hard": 0.02}},
        "workload": {"env": {"LOG_LEVEL": "debug"}},
        "gate": {"fail_on": ["fail", "invalid"]},
    },
}


@pytest.fixture
def legacy(tmp_path: Path) -> Path:
    for name, content in {**FILES, "names.yaml": MAPPING}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content.encode())
    return tmp_path


def everything(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Return content and mode of every file but those of the backups."""
    return {
        path.relative_to(folder).as_posix(): (path.read_bytes(), path.stat().st_mode)
        for path in folder.rglob("*")
        if path.is_file() and ".soak-migration" not in path.parts
    }


def written(folder: Path, name: str = "soak.yaml") -> Any:
    return yaml.safe_load((folder / name).read_text("utf-8"))


def test_six_files_become_one_with_the_same_values(soak, legacy):
    before = everything(legacy)
    done = soak(*CALL, "--write", "--json")
    assert done.code == 0, done.err
    assert written(legacy) == {**TOP, "profiles": PROFILES}
    assert done.json["written"]
    assert Path(done.json["manifest"]).is_file()
    assert (done.json["conflicts"], done.json["unknown"]) == ([], [])
    changes = {change["key"]: change for change in done.json["changes"]}
    assert changes["kpis.p95_latency_ms.hard"] == {
        "key": "kpis.p95_latency_ms.hard",
        "value": 400,
        "former": None,
        "origin": "legacy conf/defaults.json:9:56",
        "name": "thresholds.p95_latency_ms.max",
    }
    assert changes["profiles.env.schedule.iterations"]["origin"] == "env.json:1:2"
    after = everything(legacy)
    del after["soak.yaml"]
    assert after == before


def test_soak_reads_the_file_that_was_written(soak, legacy):
    assert soak(*CALL, "--write").code == 0
    for profile in (None, *PROFILES):
        options = [] if profile is None else ["--profile", profile]
        rows = legacy / "rows.jsonl"
        rows.write_text('{"latency": {"p95": 100}, "errors": {"rate": 0}}\n' * 24, "utf-8")
        done = soak("gate", "rows.jsonl", "--json", *options)
        assert "error" not in done.json, done.json


def test_the_difference_comes_first_and_alone(soak, legacy):
    before = everything(legacy)
    done = soak(*CALL)
    assert done.code == 0
    assert done.out.startswith("--- /dev/null\n+++ soak.yaml\n@@ ")
    assert "+    hard: 400\n" in done.out
    assert "nothing was written; add --write to do it" in done.err
    assert everything(legacy) == before
    assert not (legacy / ".soak-migration").exists()


def test_secrets_are_not_shown(soak, legacy):
    for options in ((), ("--json",), ("--write", "--json")):
        done = soak(*CALL, *options)
        assert "s3cret" not in done.out + done.err
        assert "API_TOKEN: ***" in done.out + done.err


def test_comments_move_along(soak, legacy):
    soak(*CALL, "--write")
    text = (legacy / "soak.yaml").read_text("utf-8")
    assert (
        "# How the gate reacts.\ngate:\n  # inconclusive is not red here\n  fail_on: [fail, invalid] # agreed" in text
    )
    assert "    window: last 8 # a working day\n" in text
    assert "      duration: 8h # long enough for leaks\n" in text
    assert "    # Every night\n    schedule:\n" in text
    for comment in ("# Overrides of the payments team", "# stricter"):
        assert text.count(comment) == 1


def test_a_second_time_changes_nothing_and_says_so(soak, legacy):
    soak(*CALL, "--write")
    before = everything(legacy)
    done = soak(*CALL, "--write", "--json")
    assert (done.code, done.json) == (
        0,
        {"written": False, "changes": [], "conflicts": [], "unknown": [], "manifest": None},
    )
    assert "nothing to change: soak.yaml holds all values already" in done.err
    assert everything(legacy) == before
    assert len(list((legacy / ".soak-migration").glob("2*"))) == 1


def test_undo_restores_byte_for_byte(soak, legacy):
    (legacy / "soak.yaml").write_bytes(b"\xef\xbb\xbfversion: 1  # ours\r\n\r\n# later\r\n")
    (legacy / "smoke.profile.json").chmod(0o600)
    before = everything(legacy)
    assert soak(*CALL, "--write", "--archive").code == 0
    assert set(everything(legacy)) == {"soak.yaml", "names.yaml"}
    assert (legacy / "soak.yaml").read_bytes().startswith(b"\xef\xbb\xbfversion: 1  # ours\r\n")
    done = soak("config", "migrate", "--undo", "--json")
    assert (done.code, sorted(done.json["restored"])) == (0, sorted({*FILES, "soak.yaml"}))
    assert everything(legacy) == before


def test_undo_removes_what_was_created(soak, legacy):
    before = everything(legacy)
    manifest = soak(*CALL, "--write", "--json").json["manifest"]
    done = soak("config", "migrate", "--undo", manifest)
    assert (done.code, done.out) == (0, "removed soak.yaml, which the migration had created\n")
    assert everything(legacy) == before
    again = soak("config", "migrate", "--undo", manifest)
    assert again.out == "nothing to undo: every file is as it was before the migration\n"


def test_undo_refuses_when_a_file_was_changed_since(soak, legacy):
    soak(*CALL, "--write", "--archive")
    (legacy / "env.json").write_text("{}", "utf-8")
    before = everything(legacy)
    done = soak("config", "migrate", "--undo")
    assert done.code == 2
    assert done.err == (
        "soak: env.json: the file was changed since the migration, so nothing was undone; put it back first\n"
    )
    assert everything(legacy) == before


def test_the_manifest_tells_paths_digests_sizes_and_modes(soak, legacy):
    manifest = Path(soak(*CALL, "--write", "--archive", "--json").json["manifest"])
    files = {file["path"]: file for file in json.loads(manifest.read_text("utf-8"))["files"]}
    assert set(files) == {*FILES, "soak.yaml"}
    for name, content in FILES.items():
        before = files[name]["before"]
        assert (before["sha256"], before["size"]) == (
            hashlib.sha256(content.encode()).hexdigest(),
            len(content.encode()),
        )
        assert (manifest.parent / files[name]["backup"]).read_bytes() == content.encode()
        assert files[name]["after"] is None
    assert files["soak.yaml"]["before"] is None


def test_archiving_twice_is_told(soak, legacy):
    soak(*CALL, "--write", "--archive")
    done = soak(*CALL, "--write", "--archive")
    assert done.code == 0
    assert "nothing to change" in done.err
    assert done.err.count("was archived before, see ") == len(FILES)


def test_a_conflict_shows_both_places_and_is_refused(soak, legacy):
    (legacy / "base.yaml").write_text("schedule:\n  iterations: 30\n", "utf-8")
    before = everything(legacy)
    done = soak("config", "migrate", "base.yaml", *CALL[2:], "--write", "--json")
    assert done.code == 2
    assert done.json["conflicts"] == [
        {
            "key": "schedule.iterations",
            "sides": [
                {"value": 30, "origin": "base.yaml:2:3"},
                {"value": 24, "origin": "legacy conf/defaults.json:6:3"},
            ],
        }
    ]
    assert "legacy conf/defaults.json:6:3" in done.err
    assert "base.yaml:2:3" in done.err
    assert not done.json["written"]
    assert everything(legacy) == before


def test_the_preferred_file_decides(soak, legacy):
    (legacy / "base.yaml").write_text("schedule:\n  iterations: 30\n", "utf-8")
    for words in ([*WORDS, "base.yaml"], ["base.yaml", *WORDS]):
        call = ["config", "migrate", *words, "--mapping", "names.yaml", "--prefer", "base.yaml"]
        assert soak(*call, "--write").code == 0
        assert written(legacy)["schedule"]["iterations"] == 30
        soak("config", "migrate", "--undo")


def test_what_stands_in_soak_yaml_is_a_side_of_a_conflict_too(soak, legacy):
    (legacy / "soak.yaml").write_text("version: 1\nschedule: {iterations: 5}  # ours\n", "utf-8")
    done = soak(*CALL)
    assert done.code == 2
    assert "'schedule.iterations' is 5 at soak.yaml:2:12, but 24 at legacy conf/defaults.json:6:3" in done.err
    assert soak(*CALL, "--write", "--prefer", "soak.yaml").code == 0
    assert written(legacy)["schedule"]["iterations"] == 5
    assert "# ours" in (legacy / "soak.yaml").read_text("utf-8")


def test_all_unknown_names_are_listed_with_places_and_advice(soak, legacy):
    (legacy / "names.yaml").write_text("ui: null\n", "utf-8")
    (legacy / "env.json").write_text('{"SOAK_SCHEDULE__ITERATOINS": "7", "SOAK_PROFILE": "x"}', "utf-8")
    done = soak(*CALL, "--write", "--json")
    assert done.code == 2
    assert {unknown["name"] for unknown in done.json["unknown"]} >= {
        *("thresholds.p95_latency_ms.max", "SOAK_SCHEDULE__ITERATOINS", "SOAK_PROFILE")
    }
    assert (
        "env.json:1:2: unknown name 'SOAK_SCHEDULE__ITERATOINS' - did you mean 'schedule.iterations'? Then put into "
        "the mapping file: SOAK_SCHEDULE__ITERATOINS: schedule.iterations\n"
    ) in done.err
    assert "legacy conf/defaults.json:9:56: unknown name 'thresholds.p95_latency_ms.max'" in done.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "name the legacy files, such as default.json; see soak config migrate --help"),
        (
            ["env.json", "--archive"],
            "--archive moves files, so it needs --write; without both you see what would change",
        ),
        (["--undo", "--write"], "--undo takes a manifest or nothing, and no other option but --config and --json"),
        (["env.json", "--mapping", "no.yaml"], "no.yaml: there is no such file"),
        (
            ["theme.json"],
            "theme.json: the name does not tell its role; write default=theme.json, profile:NAME=theme.json",
        ),
        (["default=none.json"], "none.json: there is no such file"),
        (["default=legacy conf"], "legacy conf: this is not a file; name the file itself"),
        (["--undo"], "there is no migration to undo in "),
        (["--undo", "x"], "x: this is not a manifest below .soak-migration"),
    ],
)
def test_a_bad_call_is_one_clear_line(soak, legacy, words, message):
    before = everything(legacy)
    done = soak("config", "migrate", *words)
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert message in done.err
    assert everything(legacy) == before
    assert not (legacy / ".soak-migration").exists()


def test_two_at_once_do_not_meet(soak, legacy):
    words = [sys.executable, "-m", "soak_action", *CALL, "--write", "--json"]
    running = [
        subprocess.Popen(words, cwd=legacy, env=clean_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(4)
    ]
    outcomes = [(process.communicate(), process.returncode) for process in running]
    assert {code for _, code in outcomes} <= {0, 2}
    documents = [json.loads(out) for (out, _), code in outcomes if code == 0]
    assert sum(document["written"] for document in documents) == 1
    for (_, err), code in outcomes:
        assert code == 0 or b"is in use: held by pid" in err
    assert written(legacy) == {**TOP, "profiles": PROFILES}


@pytest.mark.skipif(sys.platform == "win32", reason="symbolic links need a privilege there")
def test_a_linked_soak_yaml_stays_a_link(soak, legacy):
    (legacy / "real").mkdir()
    (legacy / "real" / "main.yaml").write_text("version: 1\n", "utf-8")
    (legacy / "soak.yaml").symlink_to("real/main.yaml")
    assert soak(*CALL, "--write").code == 0
    assert (legacy / "soak.yaml").is_symlink()
    assert written(legacy, "real/main.yaml")["suite"] == "checkout"
    assert soak("config", "migrate", "--undo").code == 0
    assert (legacy / "soak.yaml").is_symlink()
    assert (legacy / "real" / "main.yaml").read_text("utf-8") == "version: 1\n"


@pytest.mark.skipif(sys.platform == "win32" or not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may all")
def test_a_directory_that_may_not_be_written_is_told(soak, legacy):
    legacy.chmod(0o500)
    try:
        done = soak(*CALL, "--write")
    finally:
        legacy.chmod(0o700)
    assert done.code == 5
    assert done.err.count("\n") == 1


@pytest.mark.skipif(sys.platform == "win32", reason="modes")
def test_a_secret_of_a_private_file_stays_private(soak, legacy):
    (legacy / "legacy conf" / "defaults.json").chmod(0o600)
    manifest = Path(soak(*CALL, "--write", "--json").json["manifest"])
    assert (legacy / "soak.yaml").stat().st_mode & 0o777 == 0o600
    assert {path.stat().st_mode & 0o077 for path in manifest.parent.iterdir()} == {0}
