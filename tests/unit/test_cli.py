from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest
from tests.conftest import clean_environment

import reference
from soak_action import cli


@pytest.mark.parametrize("name", ["", *reference.commands_of(cli.parser())])
def test_every_command_has_help_with_the_exit_codes(soak, name):
    done = soak(*name.split(), "--help")
    assert done.code == 0
    assert "exit codes:" in done.out
    for code in ("0", "1", "2", "3", "4", "5", "130 143"):
        assert re.search(rf"^  {code} +\S", done.out, re.MULTILINE)
    if name:
        assert "example:\n  soak " in done.out


def test_without_a_command_the_usage_is_shown(soak):
    done = soak()
    assert done.code == 2
    assert done.err == "soak: the following arguments are required: COMMAND; see soak --help\n"


def test_a_command_without_its_dashes_is_pointed_out(soak):
    done = soak("run", "true")
    assert done.code == 2
    assert done.err == "soak: unrecognized arguments: true; see soak --help\n"


def test_the_version_is_the_package_s(soak):
    from soak_action import __version__

    assert soak("--version").out == f"soak {__version__}\n"


def test_an_argument_that_is_not_text_is_refused(soak, tmp_path):
    command = [sys.executable, "-m", "soak_action", "run", "--", "printf", b"\xff\xfe"]
    done = subprocess.run(command, cwd=tmp_path, env=clean_environment(), capture_output=True, check=False)
    assert done.returncode == 2
    assert b"argument 4 is not UTF-8 text" in done.stderr


def test_a_reader_that_went_away_is_no_traceback(tmp_path):
    command = [sys.executable, "-m", "soak_action", "mock", "--iterations", "100000"]
    process = subprocess.Popen(
        command, cwd=tmp_path, env=clean_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stderr is not None
    json.loads(process.stdout.readline())
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait(timeout=60) == 5


def test_a_defect_is_one_line_that_says_where(monkeypatch, capsys):
    def broken(_):
        raise ZeroDivisionError("x")

    from soak_action.commands import mock

    monkeypatch.setattr(mock, "execute", broken)
    assert cli.main(["mock"]) == 5
    assert re.fullmatch(
        r"soak: this is a defect of soak-action, please report it: ZeroDivisionError at test_cli\.py:\d+: x\n",
        capsys.readouterr().err,
    )


def test_an_interruption_before_anything_ran_exits_130(monkeypatch, capsys):
    def interrupted(_):
        raise KeyboardInterrupt

    from soak_action.commands import mock

    monkeypatch.setattr(mock, "execute", interrupted)
    assert cli.main(["mock"]) == 130
    assert capsys.readouterr().err == "soak: interrupted before anything was measured\n"


@pytest.mark.parametrize("words", [("run", "--bogus"), ("gate",), ("verify",), ("bogus",), ("run", "--iterations")])
def test_with_json_a_usage_error_is_one_document(soak, words):
    done = soak(words[0], "--json", *words[1:])
    assert (done.code, done.json["exit_code"]) == (2, 2)


@pytest.mark.parametrize("words", [("gate", "a.json", "--kpi", "x=x hard=1 better=lower"), ("verify", "a"), ("mock",)])
def test_words_after_two_dashes_are_not_ignored(soak, tmp_path, words):
    (tmp_path / "a.json").write_text('{"x": 1}', encoding="utf-8")
    assert soak(*words, "--", "b.json").code == 2


def test_one_inline_kpi_given_twice_is_a_usage_error(soak, tmp_path):
    (tmp_path / "a.json").write_text('{"x": 1}', encoding="utf-8")
    assert soak("gate", "a.json", "--kpi", "x=x hard=0 better=lower", "--kpi", "x=x hard=100 better=lower").code == 2


def test_an_inline_kpi_that_reads_nothing_is_a_usage_error(soak, tmp_path):
    (tmp_path / "a.json").write_text('{"x": 1}', encoding="utf-8")
    assert soak("gate", "a.json", "--kpi", "x=`1` hard=100 better=lower").code == 2


def test_a_directory_that_is_no_run_is_called_by_its_name(soak, tmp_path):
    (tmp_path / "d").mkdir()
    done = soak("gate", "d", "--kpi", "x=x hard=1 better=lower")
    assert "a run has its KPIs recorded" not in done.err


def test_the_mock_prints_one_json_document_on_request(soak):
    lines = soak("mock", "--iterations", "3").out.splitlines()
    done = soak("mock", "--iterations", "3", "--json")
    assert done.json == [json.loads(line) for line in lines]


@pytest.mark.parametrize("number", ["99999999999999999999999999", "0", "-1", "\u0663", "x", "1.0", "10000001"])
def test_the_mock_takes_a_sensible_iteration_only(soak, tmp_path, number):
    done = soak("mock", env={"SOAK_OUT": str(tmp_path), "SOAK_ITERATION": number, "PYTHONUTF8": "1"})
    assert done.code == 2
    assert "from 1 to 10000000" in done.err
