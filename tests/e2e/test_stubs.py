"""The stand-ins refuse what the real actions refuse; else a workflow would be green here and red on GitHub."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from tests.e2e import acting

STUBS = Path(__file__).resolve().parent / "stubs"


@pytest.fixture
def upload(tmp_path):
    """Call the stand-in for upload-artifact in a folder with some files."""
    for name in ("run/run.json", "run/.lock", "run/iterations/1/out/a.json", ".soak/one/run.json", "alone.json"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    (tmp_path / "nothing" / "in here").mkdir(parents=True)

    def call(name, paths, **given):
        inputs = {"WHEN_EMPTY": "warn", "HIDDEN": "false", "OVERWRITE": "false", "RETENTION": "", **given}
        variables = {**os.environ, **inputs, "NAME": name, "PATHS": paths, "E2E_ARTIFACTS": str(tmp_path / "store")}
        script = STUBS / "upload-artifact" / "upload.py"
        done = subprocess.run([sys.executable, script], cwd=tmp_path, env=variables, capture_output=True, check=False)
        store = tmp_path / "store" / name
        return done.returncode, sorted(
            path.relative_to(store).as_posix() for path in store.rglob("*") if path.is_file()
        )

    return call


def test_a_folder_is_uploaded_without_its_own_name_and_without_hidden_files(upload):
    assert upload("a", "run") == (0, ["iterations/1/out/a.json", "run.json"])
    assert upload("b", "run", HIDDEN="true") == (0, [".lock", "iterations/1/out/a.json", "run.json"])
    assert upload("c", ".soak/one") == (0, ["run.json"]), "a hidden folder may be named"


def test_a_file_is_uploaded_under_its_name(upload):
    assert upload("a", "run/run.json") == (0, ["run.json"])
    assert upload("b", "run\nalone.json\n") == (0, ["alone.json", "run/iterations/1/out/a.json", "run/run.json"])


def test_a_name_is_used_once(upload):
    assert upload("a", "alone.json")[0] == 0
    assert upload("a", "run")[0] == 1
    assert upload("a", "run", OVERWRITE="true") == (0, ["iterations/1/out/a.json", "run.json"])


@pytest.mark.parametrize("name", ["", "a/b", "a:b", "a\nb", "what?", 'a"b'])
def test_a_name_that_github_refuses_is_refused(upload, name):
    assert upload(name, "alone.json")[0] == 1


@pytest.mark.parametrize("path", ["missing", "nothing"])
def test_nothing_found_is_what_the_caller_says_it_is(upload, path):
    assert upload("a", path, WHEN_EMPTY="error")[0] == 1
    assert upload("b", path, WHEN_EMPTY="warn")[0] == 0
    assert upload("c", path, WHEN_EMPTY="fail")[0] == 1


@pytest.mark.parametrize(("days", "code"), [("", 0), ("30", 0), ("a month", 1), ("1.5", 1)])
def test_retention_is_a_number_of_days(upload, days, code):
    assert upload("a", "alone.json", RETENTION=days)[0] == code


@pytest.mark.skipif(os.name == "nt", reason="Windows itself refuses such a file")
def test_a_file_whose_name_windows_cannot_have_is_refused(upload, tmp_path):
    (tmp_path / "run" / "a:b").write_text("")
    assert upload("a", "run")[0] == 1


def download(folder, **given):
    inputs = {"NAME": "", "PATTERN": "", "MERGE": "false", "TARGET": str(folder / "target"), **given}
    variables = {**os.environ, **inputs, "E2E_ARTIFACTS": str(folder / "store")}
    script = STUBS / "download-artifact" / "download.py"
    code = subprocess.run([sys.executable, script], env=variables, capture_output=True, check=False).returncode
    target = folder / "target"
    return code, sorted(path.relative_to(target).as_posix() for path in target.rglob("*") if path.is_file())


def test_artifacts_are_fetched_one_by_one_or_by_a_pattern(upload, tmp_path):
    for name in ("one", "two"):
        upload(name, "alone.json")
    assert download(tmp_path, NAME="one") == (0, ["alone.json"])
    assert download(tmp_path, NAME="three")[0] == 1
    assert download(tmp_path, PATTERN="t*") == (0, ["alone.json", "two/alone.json"])


def test_a_job_that_may_fail_is_played_as_steps_that_may_fail():
    job = "jobs:\n  a:\n    continue-on-error: true\n    steps:\n      - name: One\n        run: a\n      - name: Two\n"
    steps = yaml.safe_load(acting.tolerate(job))["jobs"]["a"]["steps"]
    assert [step["continue-on-error"] for step in steps] == [True, True]
    strict = job.replace("    continue-on-error: true\n", "")
    assert acting.tolerate(strict) == strict


def test_the_workflow_of_a_slot_is_the_only_one_whose_job_may_fail():
    """What act does not know of is rewritten for whole files, so that no other job may be in them."""
    found = [
        path for path in (acting.ROOT / ".github").rglob("*.yml") if "continue-on-error" in path.read_text("utf-8")
    ]
    may_fail = [path for path in found if acting.tolerate(path.read_text("utf-8")) != path.read_text("utf-8")]
    assert [path.name for path in may_fail] == ["soak-segment.yml"]
    assert len(yaml.safe_load(may_fail[0].read_text("utf-8"))["jobs"]) == 1
