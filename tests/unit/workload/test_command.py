from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from soak_action.workload.command import find_program, popen_arguments, program_file, resolve_command

VARIABLES = {"SOAK_OUT": "/run/1/out", "SOAK_ITERATION": "1"}
posix = pytest.mark.skipif(sys.platform == "win32", reason="uses POSIX permissions")


@pytest.mark.parametrize(
    ("argument", "resolved"),
    [
        ("${SOAK_OUT}/metrics.json", "/run/1/out/metrics.json"),
        ("${SOAK_OUT}${SOAK_ITERATION}", "/run/1/out1"),
        ("$${SOAK_OUT}", "${SOAK_OUT}"),
        ("$$${SOAK_OUT}", "$${SOAK_OUT}"),
        ("$${ANY}", "${ANY}"),
        ("${HOME} $HOME $$ $SOAK_OUT ${SOAK_OUT", "${HOME} $HOME $$ $SOAK_OUT ${SOAK_OUT"),
        ("", ""),
    ],
)
def test_variables_in_a_list(argument: str, resolved: str) -> None:
    assert resolve_command((argument,), None, VARIABLES) == [resolved]


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("${SOAK_OUTT}", r"unknown variable '\$\{SOAK_OUTT\}' - did you mean '\$\{SOAK_OUT\}'\?"),
        ("${SOAK_}", r"unknown variable '\$\{SOAK_\}'"),
        ("${SOAK_zzzzzzzzzzzzzz}", r"write '\$\$\{SOAK_zzzzzzzzzzzzzz\}' for the text itself"),
    ],
)
def test_unknown_variables(argument: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        resolve_command(("echo", argument), None, VARIABLES)


def test_values_are_not_resolved_again() -> None:
    assert resolve_command(("${SOAK_OUT}",), None, {"SOAK_OUT": "${SOAK_X}"}) == ["${SOAK_X}"]


def test_a_text_goes_to_the_shell_as_it_is() -> None:
    text = 'echo "${SOAK_OUT}" ${SOAK_UNKNOWN}'
    assert resolve_command(text, None, VARIABLES, windows=False) == ["/bin/sh", "-c", text]
    assert resolve_command(text, None, VARIABLES, windows=True) == ["cmd", "/d", "/s", "/c", text]
    assert resolve_command(text, ("bash", "-euc"), VARIABLES) == ["bash", "-euc", text]


@posix
def test_programs_that_can_be_started(tmp_path: Path) -> None:
    tool = tmp_path / "bin" / "tool"
    tool.parent.mkdir()
    tool.write_text("#!/bin/sh\n")
    tool.chmod(0o755)
    environment = {"PATH": f"/nowhere:{tool.parent}"}
    assert find_program(["tool"], tmp_path, environment) is None
    assert find_program([str(tool)], tmp_path, {}) is None
    assert find_program(["./bin/tool"], tmp_path, {}) is None
    assert find_program(["bin/tool"], tmp_path, {}) is None
    assert find_program(["tool"], tmp_path, {"PATH": "bin"}) is None
    assert find_program(["tool"], tool.parent, {"PATH": ""}) is None
    assert find_program(["sh"], tmp_path, {}) is None


@posix
def test_programs_that_cannot_be_started(tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("text")
    (tmp_path / "folder").mkdir()
    environment = {"PATH": str(tmp_path)}
    cases = [
        ([], "the command is empty"),
        ([""], "the command is empty"),
        (["no-such"], "the program 'no-such' was not found on PATH"),
        (["folder"], "the program 'folder' was not found on PATH"),
        (["./no-such"], f"the program './no-such' does not exist in '{tmp_path}'"),
        (["/no/such"], "the program '/no/such' does not exist"),
        (["./folder"], "'./folder' is a directory, not a program"),
        (["./plain"], f"'{tmp_path}/plain' is not executable - run: chmod +x '{tmp_path}/plain'"),
        (["plain"], f"'{tmp_path}/plain' is not executable - run: chmod +x '{tmp_path}/plain'"),
    ]
    for argv, problem in cases:
        assert find_program(argv, tmp_path, environment) == problem
    nowhere = tmp_path / "nowhere"
    assert find_program(["sh"], nowhere, {}) == f"the working directory '{nowhere}' does not exist"


@posix
def test_what_is_found_is_what_starts(tmp_path: Path) -> None:
    for folder, permission in (("first", 0o644), ("second", 0o755)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "tool").write_text(f"#!/bin/sh\necho {folder}\n")
        (tmp_path / folder / "tool").chmod(permission)
    environment = {"PATH": "first:second"}
    assert find_program(["tool"], tmp_path, environment) is None
    done = subprocess.run(["tool"], cwd=tmp_path, env=environment, capture_output=True, check=True)
    assert done.stdout == b"second\n"


def test_windows_programs_are_found_by_extension(tmp_path: Path) -> None:
    (tmp_path / "npm.cmd").write_text("")
    (tmp_path / "npm.cmd").chmod(0o755)
    environment = {"Path": f"/nowhere;{tmp_path}", "PathExt": ".exe;.cmd"}
    assert find_program(["npm"], tmp_path, environment, windows=True) is None
    assert find_program(["npm.cmd"], tmp_path, environment, windows=True) is None
    assert find_program(["./npm"], tmp_path, environment, windows=True) is None
    assert find_program(["npx"], tmp_path, environment, windows=True) == "the program 'npx' was not found on PATH"
    found = popen_arguments(["npm", "test"], tmp_path, environment, windows=True)
    assert found == [os.fspath(tmp_path / "npm.cmd"), "test"]
    assert popen_arguments(["npx", "test"], tmp_path, environment, windows=True) == ["npx", "test"]


def test_cmd_gets_its_text_as_it_is(tmp_path: Path) -> None:
    argv = resolve_command('echo "a b" & echo c', None, {}, windows=True)
    assert popen_arguments(argv, tmp_path, {}, windows=True) == 'cmd /d /s /c "echo "a b" & echo c"'


def test_other_shells_and_systems_get_a_list(tmp_path: Path) -> None:
    argv = ["bash", "-c", 'echo "a b"']
    assert popen_arguments(argv, tmp_path, {}, windows=True) == argv
    argv = ["cmd", "/d", "/s", "/c", "text"]
    assert popen_arguments(argv, tmp_path, {}, windows=False) == argv
    assert popen_arguments([], tmp_path, {}, windows=True) == []


@posix
def test_the_file_of_a_program_is_the_first_executable_one_on_the_path_of_the_workload(tmp_path: Path) -> None:
    for folder, mode in (("first", 0o644), ("second", 0o755), ("third", 0o755)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "job").write_text("")
        (tmp_path / folder / "job").chmod(mode)
    path = {"PATH": f"{tmp_path}/none:first:{tmp_path}/second:{tmp_path}/third"}
    assert program_file(["job", "word"], tmp_path, path) == str(tmp_path / "second" / "job")
    assert program_file(["job"], tmp_path, {"PATH": "third"}) == str(tmp_path / "third" / "job")
    # Popen looks for it after the change of the directory, so from here it could only be misled.
    assert program_file(["job"], Path("relative"), {"PATH": "third"}) is None


@pytest.mark.parametrize("argv", [[], [""], ["./job"], ["/bin/job"], ["no-such-program"]])
def test_without_a_search_there_is_no_file(tmp_path: Path, argv: list[str]) -> None:
    assert program_file(argv, tmp_path, {"PATH": str(tmp_path)}, windows=False) is None


def test_windows_finds_the_file_in_another_way(tmp_path: Path) -> None:
    (tmp_path / "job.exe").touch()
    assert program_file(["job"], tmp_path, {"PATH": str(tmp_path)}, windows=True) is None
