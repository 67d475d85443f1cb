"""The checks themselves: what they overlook, nobody else sees."""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from pathlib import Path

import pytest

import check
import devtools

ROOT = Path(__file__).resolve().parents[2]


def options(**given: object) -> Namespace:
    return Namespace(
        **{"fix": False, "full": False, "only": [], "pytest": [], "require_all": False, "verbose": False} | given
    )


@pytest.fixture
def session(tmp_path: Path):
    """Return a maker of sessions whose programs answer with the outcomes given, in that order."""

    def make(*outcomes: tuple[bool, str], **given: object):
        class Answering(check.Session):
            def run(self, *command: str | Path, folder: Path = ROOT):
                return check.Outcome(*answers.pop(0))

        answers = list(outcomes)
        return Answering(options(**given), tmp_path, tmp_path)

    return make


REPORT = """<testsuites><testsuite>
<testcase name="a"/>
<testcase name="b"><skipped type="pytest.skip" message="needs chromium: apt-get install chromium">x</skipped></testcase>
<testcase name="c"><skipped message="collection skipped">('f.py', 3, 'Skipped: needs node: it')</skipped></testcase>
</testsuite></testsuites>"""


def test_skip_reasons_are_read_from_tests_and_whole_files(tmp_path: Path) -> None:
    report = tmp_path / "tests.xml"
    report.write_text(REPORT, "utf-8")
    assert list(check.skip_reasons(report)) == ["needs chromium: apt-get install chromium", "needs node: it"]


@pytest.mark.parametrize(("require_all", "passed"), [(False, True), (True, False)])
def test_a_missing_tool_fails_the_tests_only_when_all_are_required(session, tmp_path, require_all, passed) -> None:
    (tmp_path / "tests.xml").write_text(REPORT, "utf-8")
    current = session((True, "...\n1 passed, 2 skipped in 0.10s\n"), require_all=require_all)
    assert check.check_tests(current).passed is passed
    assert current.closing == "1 passed, 2 skipped in 0.10s"


def test_another_skip_is_no_failure_when_all_tools_are_required(session, tmp_path) -> None:
    text = REPORT.replace("needs ", "only on Windows, not ")
    (tmp_path / "tests.xml").write_text(text, "utf-8")
    assert check.check_tests(session((True, "1 passed in 1s"), require_all=True)).passed


def test_failing_tests_fail(session) -> None:
    current = session((False, "FAILED a\n= 1 failed in 0.10s (0:00:01) =\nsome warning of another tool\n"))
    assert not check.check_tests(current).passed
    assert current.closing == "= 1 failed in 0.10s (0:00:01) ="


@pytest.mark.parametrize("failing", range(3))
def test_coverage_fails_with_any_of_its_parts(session, failing: int) -> None:
    current = session(*((number != failing, "TOTAL 1 0 97.00%") for number in range(3)))
    current.closing = "1 passed in 1s"
    outcome = check.check_coverage(current)
    assert not outcome.passed
    assert outcome.note == "97.00% of lines and branches"


def test_coverage_is_judged_after_all_tests_only(session) -> None:
    assert not check.check_coverage(session()).passed
    selected = session(pytest=["-k", "one"])
    selected.closing = "1 passed in 1s"
    assert check.check_coverage(selected).note.startswith("not judged")
    whole = session((True, ""), (True, ""), (True, ""))
    whole.closing = "1 passed in 1s"
    assert check.check_coverage(whole).passed


@pytest.mark.parametrize(
    ("collected", "passed"), [("t.py::test_trap_01_is_seen", True), ("t.py::test_trap_1", False), ("", False)]
)
def test_a_required_trap_needs_a_test_of_its_name(session, monkeypatch, collected, passed) -> None:
    current = session((True, collected))
    traps = current.scratch / "traps.txt"
    traps.write_text("# comment\n1 required A thing.\n2 later Another thing.\n", "utf-8")
    monkeypatch.setattr(check, "TRAPS", traps)
    outcome = check.check_traps(current)
    assert outcome.passed is passed
    assert "not required yet: trap 2: Another thing." in outcome.output


@pytest.mark.parametrize(("trap", "passed"), [("2", True), ("1", False)])
def test_a_trap_whose_tests_were_skipped_is_not_tested(session, monkeypatch, trap, passed) -> None:
    current = session()
    (current.scratch / "tests.xml").write_text(
        '<testsuite><testcase name="test_trap_02[x]"/><testcase name="test_trap_01"><skipped/></testcase></testsuite>',
        "utf-8",
    )
    traps = current.scratch / "traps.txt"
    traps.write_text(f"{trap} required A thing.\n", "utf-8")
    monkeypatch.setattr(check, "TRAPS", traps)
    assert check.check_traps(current).passed is passed


def test_the_list_of_traps_is_whole() -> None:
    required, later = check.read_traps((ROOT / "tests" / "traps.txt").read_text("utf-8"))
    assert sorted([*required, *later]) == list(range(1, 59))


def test_platform_branches_give_their_reasons(tmp_path) -> None:
    source = tmp_path / "a.py"
    lines = [
        "if win:  # pragma: platform - Linux has no registry",
        "x = '# pragma: platform'",
        "else:  # pragma: platform",
    ]
    source.write_text(f"{lines[0]}\n    {lines[1]}\n{lines[2]}\n    pass\n", "utf-8")
    assert list(check.platform_branches(source)) == [(1, "Linux has no registry"), (3, "")]


def test_every_step_runs_even_when_one_fails(session, monkeypatch, capsys) -> None:
    steps = {
        "one": lambda _: check.Outcome(passed=False, output="what is wrong"),
        "two": lambda _: check.Outcome(passed=True, output="not of interest", note="a note"),
        "three": lambda _: check.Outcome(passed=False),
    }
    monkeypatch.setattr(check, "STEPS", steps)
    assert check.run_steps(session(only=["one", "two"])) == ["one"]
    printed = capsys.readouterr().out
    assert "what is wrong" in printed
    assert "a note" in printed
    assert "not of interest" not in printed
    assert check.run_steps(session(only=["two"], verbose=True)) == []
    assert "not of interest" in capsys.readouterr().out


def test_the_command_line_is_read_as_documented(capsys) -> None:
    read = check.parse(["--only", "lint,tests", "--full", "--", "-k", "one", "--", "x"])
    assert (read.only, read.full, read.pytest) == (["lint", "tests"], True, ["-k", "one", "--", "x"])
    assert check.parse([]).only == list(check.STEPS)
    with pytest.raises(SystemExit) as stopped:
        check.parse(["--only", "lnit"])
    assert stopped.value.code == 2
    assert "unknown step 'lnit'" in capsys.readouterr().err


def test_the_tests_do_not_see_what_would_steer_soak(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("SOAK_PROFILE", "mine")
    monkeypatch.setenv("GITHUB_OUTPUT", "mine")
    (tmp_path / "python").symlink_to(sys.executable)
    for full in (False, True):
        current = check.Session(options(full=full), tmp_path, tmp_path)
        printed = current.run("python", "-c", "import os; print(sorted(os.environ))").output
        assert "SOAK_PROFILE" not in printed
        assert "GITHUB_OUTPUT" not in printed
        assert ("SOAK_CHECK_FULL" in printed) is full


def test_the_environment_is_built_once_and_again_after_an_interruption(tmp_path, monkeypatch) -> None:
    lock = tmp_path / "dev.lock"
    lock.write_text("", "utf-8")
    built = []
    monkeypatch.setattr(devtools, "ENVIRONMENTS", tmp_path / "environments")
    monkeypatch.setattr(devtools, "DEVELOPMENT_LOCK", lock)
    monkeypatch.setattr(devtools, "build_environment", lambda target, _: (target.mkdir(exist_ok=True), built.append(1)))
    programs = devtools.environment()
    assert programs == devtools.environment()
    assert len(built) == 1
    (programs.parent / "ready").unlink()
    devtools.environment()
    assert len(built) == 2
    lock.write_text("changed", "utf-8")
    assert devtools.environment() != programs


def test_a_missing_tool_is_told_and_fails_only_when_all_is_required(session) -> None:
    good = check.Outcome(passed=True, output="")
    relaxed, strict = session(), session(require_all=True)
    assert relaxed.skip(good, ["needs go: install it"]).passed
    assert relaxed.skip(good, ["POSIX only"]).passed
    assert relaxed.skipped == ["needs go: install it", "POSIX only"]
    assert strict.skip(good, ["POSIX only"]).passed
    failed = strict.skip(good, ["needs go: install it"])
    assert (failed.passed, failed.output.strip()) == (False, "skipped although --require-all: needs go: install it")


def program(folder: Path, name: str, script: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{script}\n", "utf-8")
    (folder / name).chmod(0o755)


POSIX = pytest.mark.skipif(os.name == "nt", reason="the programs are shell scripts")


@POSIX
def test_a_go_tool_is_built_once_for_each_version(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(devtools, "GO_PROGRAMS", tmp_path / "go programs")
    with pytest.raises(devtools.ToolsError, match="^needs go: "):
        devtools.go_tool("act", str(tmp_path))
    program(tmp_path, "go", 'echo "no such host" && exit 1')
    with pytest.raises(devtools.ToolsError, match="^needs what go could not build: go install .*act@v.*: no such host"):
        devtools.go_tool("act", str(tmp_path))
    program(tmp_path, "go", 'echo "$2" >> "$(dirname "$0")/built" && echo x > "$GOBIN/act"')
    built = devtools.go_tool("act", str(tmp_path))
    assert built == devtools.go_tool("act", str(tmp_path))
    assert built.read_text() == "x\n"
    assert (tmp_path / "built").read_text().splitlines() == [devtools.GO_TOOLS["act"]]
    assert devtools.GO_TOOLS["act"].rpartition("@")[2] in str(built)


@POSIX
def test_the_node_packages_are_installed_once_for_each_lock(tmp_path, monkeypatch) -> None:
    web = tmp_path / "web"
    web.mkdir()
    for name in ("package.json", "package-lock.json"):
        (web / name).write_text("{}", "utf-8")
    monkeypatch.setattr(devtools, "WEB", web)
    monkeypatch.setattr(devtools, "NODE_PROJECTS", tmp_path / "projects")
    program(tmp_path, "npm", 'echo "no network" && exit 1')
    with pytest.raises(devtools.ToolsError, match="^needs node and npm"):
        devtools.node_project(str(tmp_path))
    program(tmp_path, "node", "")
    with pytest.raises(devtools.ToolsError, match="^needs what npm could not install: no network"):
        devtools.node_project(str(tmp_path))
    assert [path.name for path in (tmp_path / "projects").iterdir()] == ["lock"]
    program(tmp_path, "npm", '/bin/mkdir node_modules && echo "$*" > node_modules/words')
    project = devtools.node_project(str(tmp_path))
    assert project == devtools.node_project(str(tmp_path))
    assert (project / "node_modules" / "words").read_text().startswith("ci --ignore-scripts")
    (web / "package-lock.json").write_text('{"other": 1}', "utf-8")
    assert devtools.node_project(str(tmp_path)) != project
