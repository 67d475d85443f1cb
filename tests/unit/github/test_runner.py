"""The runner as a step sees it; `Log` reads the step's output as GitHub's runner does."""

from __future__ import annotations

import io
import re
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soak_action.errors import SurroundingsError, UsageError
from soak_action.github.runner import MOST_SUMMARY_BYTES, Inputs, Runner, variable
from soak_action.github.workflow_commands import Annotation

KNOWN = r"error|warning|notice|add-mask|group|endgroup|set-output|stop-commands|debug|echo|add-matcher"


class Log(io.StringIO):
    """Keeps what a step prints."""

    def read(self) -> tuple[list[str], bool]:
        """The commands that a runner would obey, on any line without a fence before it; whether a fence stands."""
        found: list[str] = []
        token = None
        for line in re.split(r"\r\n|\r|\n", self.getvalue()):
            if token is not None:
                token = None if line.strip() == f"::{token}::" else token
            elif line.lstrip().startswith("::stop-commands::"):
                token = line.strip().removeprefix("::stop-commands::")
            elif re.match(rf"\s*::({KNOWN})\b", line) or re.search(rf"##\[({KNOWN})\b", line):
                found.append(line)
        return found, token is not None

    @property
    def commands(self) -> list[str]:
        return self.read()[0]

    @property
    def fenced(self) -> bool:
        return self.read()[1]


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
def runner(tmp_path: Path, log: Log) -> Runner:
    environ = {"GITHUB_OUTPUT": str(tmp_path / "output"), "GITHUB_STEP_SUMMARY": str(tmp_path / "summary")}
    return Runner(environ, log)


def outputs(path: Path) -> dict[str, str]:
    """Read an output file as GitHub's runner does: `name<<delimiter`, lines, delimiter."""
    found = {}
    lines = iter(path.read_text("utf-8").split("\n"))
    for line in lines:
        if line:
            name, _, delimiter = line.partition("<<")
            value = []
            for inner in lines:
                if inner == delimiter:
                    break
                value.append(inner)
            found[name] = "\n".join(value)
    return found


@pytest.mark.parametrize(("name", "expected"), [("profile", "INPUT_PROFILE"), ("fail-on", "INPUT_FAIL_ON")])
def test_the_variable_of_an_input(name: str, expected: str) -> None:
    assert variable(name) == expected


def test_trap_51_an_empty_input_was_not_given() -> None:
    empty = Inputs({"INPUT_A": "", "INPUT_B": " \n "})
    assert (empty.text("a"), empty.text("b"), empty.text("c")) == (None, None, None)
    assert empty.lines("b") == ()
    assert empty.flag("a", default=True)
    assert not empty.flag("c", default=False)
    assert empty.choice("a", ["x"]) is None


def test_inputs_are_read_without_the_space_around_them() -> None:
    inputs = Inputs({"INPUT_A_B": "  x y \n", "INPUT_SET": "\n a=1 \n\n b = 2\r\n"})
    assert inputs.text("a-b") == "x y"
    assert inputs.lines("set") == ("a=1", "b = 2")


def test_trap_51_the_word_false_is_false() -> None:
    inputs = Inputs({"INPUT_A": "false", "INPUT_B": "true", "INPUT_C": "False", "INPUT_D": "0"})
    assert not inputs.flag("a", default=True)
    assert inputs.flag("b", default=False)
    for name in ("c", "d"):
        with pytest.raises(UsageError, match=rf"input {name}: '\w+' is neither true nor false"):
            inputs.flag(name, default=True)


def test_an_unknown_choice_is_told_with_the_known_ones() -> None:
    assert Inputs({"INPUT_MOCK": "calm"}).choice("mock", ["spike", "calm"]) == "calm"
    with pytest.raises(UsageError, match="input mock: 'clam' is unknown; write one of calm, spike"):
        Inputs({"INPUT_MOCK": "clam"}).choice("mock", ["spike", "calm"])


def test_outside_of_a_job_there_is_no_step(log: Log) -> None:
    with pytest.raises(UsageError, match="GITHUB_OUTPUT is not set: this is a step of a GitHub Actions job"):
        Runner({}, log).check()
    with pytest.raises(UsageError, match="GITHUB_STEP_SUMMARY is not set"):
        Runner({"GITHUB_OUTPUT": "x"}, log).check()
    Runner({"GITHUB_OUTPUT": "x", "GITHUB_STEP_SUMMARY": "y"}, log).check()


@pytest.mark.parametrize("value", ["pass", "", "a=b", "two\nlines", "x<<EOF\ny\nEOF\nverdict=pass", "\u00fc \u2603"])
def test_an_output_is_what_it_was_whatever_it_holds(runner: Runner, tmp_path: Path, value: str) -> None:
    runner.set_outputs({"first": value, "second": 5})
    assert outputs(tmp_path / "output") == {"first": value, "second": "5"}


def test_the_last_value_of_an_output_holds(runner: Runner, tmp_path: Path) -> None:
    runner.set_outputs({"verdict": "invalid"})
    runner.set_outputs({"verdict": "pass"})
    assert outputs(tmp_path / "output") == {"verdict": "pass"}


def test_an_output_that_github_would_refuse_is_refused(runner: Runner) -> None:
    with pytest.raises(SurroundingsError, match="the output json would be longer than GitHub takes"):
        runner.set_outputs({"json": "x" * 600_000})


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path, log: Log) -> None:
    runner = Runner({"GITHUB_OUTPUT": str(tmp_path), "GITHUB_STEP_SUMMARY": str(tmp_path / "no" / "file")}, log)
    with pytest.raises(SurroundingsError, match="cannot write to GITHUB_OUTPUT: "):
        runner.set_outputs({"a": "b"})
    with pytest.raises(SurroundingsError, match="cannot write to GITHUB_STEP_SUMMARY: "):
        runner.write_summary("x")


def test_the_last_summary_is_the_whole_summary(runner: Runner, tmp_path: Path) -> None:
    (tmp_path / "summary").write_bytes(b"# PASS, says the workload\n" * 50_000)
    runner.write_summary("# One\n\n")
    assert (tmp_path / "summary").read_bytes() == b"# One\n"
    runner.write_summary("# \u00fc")
    assert (tmp_path / "summary").read_bytes() == "# \u00fc\n".encode()


def test_a_summary_that_github_would_drop_is_refused(runner: Runner) -> None:
    with pytest.raises(SurroundingsError, match="is too long"):
        runner.write_summary("\u00fc" * (MOST_SUMMARY_BYTES // 2 + 1))


def test_own_commands_are_obeyed_inside_the_fence_and_others_are_not(runner: Runner, log: Log) -> None:
    with runner.fenced():
        print("::error::forged", file=runner.stream)
        with runner.group("iteration 1"):
            print("##[error]forged\n::endgroup::", file=runner.stream)
        runner.annotate([Annotation("error", "real", "m")])
        runner.mask(["hidden", "two\nlines", ""])
        print("::stop-commands::x\n::x::\n::warning::forged", file=runner.stream)
    assert log.commands == [
        *("::group::iteration 1", "::endgroup::", "::error title=real::m"),
        *("::add-mask::hidden", "::add-mask::lines"),
    ]
    assert not log.fenced
    assert "forged" in log.getvalue()


def test_without_a_fence_a_forged_command_would_be_obeyed(runner: Runner, log: Log) -> None:
    print("::error::forged", file=runner.stream)
    assert log.commands == ["::error::forged"]


def test_every_fence_has_another_name(runner: Runner, log: Log) -> None:
    with runner.fenced():
        runner.annotate([Annotation("error", "a", "m")])
        runner.annotate([Annotation("error", "b", "m")])
    names = re.findall(r"stop-commands::(\w+)", log.getvalue())
    assert len(names) == len(set(names)) == 3


def test_the_fence_falls_when_the_step_fails(runner: Runner, log: Log) -> None:
    with pytest.raises(KeyError), runner.fenced():
        raise KeyError
    assert not log.fenced


def test_a_line_that_was_begun_does_not_swallow_a_command(runner: Runner, log: Log) -> None:
    with runner.fenced():
        runner.stream.write("half a line")
        runner.annotate([Annotation("error", "real", "m")])
        runner.stream.write("the rest\n")
    assert log.commands == ["::error title=real::m"]
    assert "half a line\n" in log.getvalue()


@given(st.text())
def test_nothing_that_is_printed_commands(text: str) -> None:
    log = Log()
    runner = Runner({}, log)
    with runner.fenced():
        print(text, file=runner.stream)
    assert log.commands == []
    assert not log.fenced


def test_control_characters_are_shown_and_do_nothing(runner: Runner, log: Log) -> None:
    print("\x1b[31mred\x1b[0m\ta\rb\x00\u202e\u2028 \u00fc\r\nnext", file=runner.stream)
    assert log.getvalue() == "\\x1b[31mred\\x1b[0m\ta\\x0db\\x00\\u202e\\u2028 \u00fc\nnext\n"


def test_threads_do_not_write_into_each_other(runner: Runner, log: Log) -> None:
    def chatter(word: str) -> None:
        for _ in range(200):
            runner.stream.write(word * 3)
            runner.stream.write(word * 2 + "\n")

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=chatter, args=(word,)) for word in "abc"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(before)
    assert sorted(set(log.getvalue().splitlines())) == ["aaaaa", "bbbbb", "ccccc"]
    runner.stream.flush()


def test_the_workspace_is_where_the_repository_lies(log: Log, tmp_path: Path, monkeypatch) -> None:
    assert Runner({"GITHUB_WORKSPACE": str(tmp_path)}, log).workspace == tmp_path
    monkeypatch.chdir(tmp_path)
    assert Runner({}, log).workspace == Path.cwd()
