"""`soak gate` on result files and on runs."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

KPI = "p95_ms=latency.p95 better=lower hard=400 soft=350 unit=ms"


def write_rows(path: Path, values: list[object]) -> Path:
    path.write_text("".join(json.dumps({"latency": {"p95": value}}) + "\n" for value in values))
    return path


@pytest.mark.parametrize(
    ("values", "code", "verdict"),
    [
        ([100, 120, 110], 0, "pass"),
        ([400, 400], 0, "warn"),
        ([500, 500], 1, "fail"),
        ([100, None], 4, "invalid"),
        ([100, "120"], 4, "invalid"),
        ([100, True], 4, "invalid"),
        ([], 4, "invalid"),
    ],
)
def test_jsonl_rows_are_judged(soak, tmp_path, values, code, verdict):
    write_rows(tmp_path / "r.jsonl", values)
    done = soak("gate", "r.jsonl", "--kpi", KPI, "--json")
    assert (done.code, done.json["verdict"]) == (code, verdict)


def test_the_same_numbers_as_json_files_jsonl_and_csv_give_the_same_verdict(soak, tmp_path):
    values = [301.5, 355, 420]
    write_rows(tmp_path / "r.jsonl", values)
    (tmp_path / "r.csv").write_text("p95;other\n" + "".join(f"{value};x\n" for value in values))
    for index, value in enumerate(values):
        (tmp_path / f"r{index}.json").write_text(json.dumps({"latency": {"p95": value}}))
    found = [
        soak("gate", "r.jsonl", "--kpi", KPI, "--json"),
        soak("gate", "r.csv", "--kpi", KPI.replace("latency.", ""), "--json"),
        soak("gate", "r0.json", "r1.json", "r2.json", "--kpi", KPI, "--json"),
    ]
    rules = [
        [(rule["id"], rule["result"], rule["value"]) for rule in done.json["rules"] if rule["kpi"]] for done in found
    ]
    assert rules[0] == rules[1] == rules[2]
    assert {done.code for done in found} == {0}
    assert found[0].json["verdict"] == "warn"


def test_trap_46_files_are_judged_in_natural_order(soak, tmp_path):
    for number, value in ((1, 10), (2, 20), (10, 100)):
        (tmp_path / f"iteration-{number}.json").write_text(json.dumps({"v": value}))
    done = soak("gate", "iteration-*.json", "--kpi", "v=v better=lower hard=50 stat=last", "--json")
    assert done.code == 1
    assert next(rule["value"] for rule in done.json["rules"] if rule["id"] == "v.hard") == 100


def test_trap_47_a_pattern_without_a_match_is_invalid_and_named(soak):
    done = soak("gate", "results/*.json", "--kpi", KPI)
    assert done.code == 4
    assert "results/*.json" in done.err


def test_trap_03_no_kpi_in_the_results_is_invalid(soak, tmp_path):
    (tmp_path / "r.json").write_text("{}")
    done = soak("gate", "r.json", "--kpi", KPI)
    assert done.code == 4
    assert "path_missing" in done.out


def test_trap_06_a_report_of_zeros_is_flagged(soak, tmp_path):
    write_rows(tmp_path / "r.jsonl", [0] * 10)
    done = soak("gate", "r.jsonl", "--kpi", KPI, "--json")
    assert done.json["verdict"] == "warn"
    assert any("unchanged" in reason for reason in done.json["reasons"]), done.json["reasons"]


def test_trap_23_the_newest_iteration_alone_does_not_carry_the_day(soak, tmp_path):
    write_rows(tmp_path / "r.jsonl", [900] * 9 + [10])
    assert soak("gate", "r.jsonl", "--kpi", KPI).code == 1


def test_trap_56_no_rows_at_all_are_never_zero_of_zero_passed(soak, tmp_path):
    (tmp_path / "r.csv").write_text("p95\n")
    assert soak("gate", "r.csv", "--kpi", KPI).code == 4


def test_trap_44_reasons_are_always_text(soak, tmp_path):
    write_rows(tmp_path / "r.jsonl", [None, "x", [1], {"a": 1}])
    done = soak("gate", "r.jsonl", "--kpi", KPI, "--json")
    assert all(isinstance(reason, str) for reason in done.json["reasons"])
    assert all(isinstance(rule["reason"], str) for rule in done.json["rules"])


def test_trap_12_an_input_file_that_does_not_exist_is_invalid(soak):
    done = soak("gate", "missing.json", "--kpi", KPI)
    assert done.code == 4
    assert "missing.json" in done.err


def test_the_configuration_can_judge_files_and_says_what_it_cannot_judge(soak, tmp_path):
    (tmp_path / "soak.yaml").write_text(
        "version: 1\nkpis:\n"
        "  p95_ms: {from: metrics.json#latency.p95, better: lower, hard: 400}\n"
        "  wall_seconds: {hard: 5}\n"
    )
    write_rows(tmp_path / "r.jsonl", [1, 2])
    done = soak("gate", "r.jsonl", "--json")
    assert done.code == 0
    results = {rule["id"]: rule["result"] for rule in done.json["rules"]}
    assert results["p95_ms.hard"] == "pass"
    assert results["wall_seconds.measured"] == "not_applicable"
    rule = next(rule for rule in done.json["rules"] if rule["id"] == "p95_ms.hard")
    assert rule["origin"].startswith("soak.yaml:3:")


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (("gate", "r.jsonl"), "--kpi"),
        (("gate", "r.jsonl", "--kpi", "p95"), "="),
        (("gate", "r.jsonl", "--kpi", "p95=a.p(95) hard=1 better=lower"), '"p(95)"'),
        (("gate", "r.jsonl", "--kpi", "p95=a hard=1"), "better"),
        (("gate", "r.jsonl", "--kpi", "p95=a hrd=1"), "hard"),
        (("gate", "r.txt", "--kpi", KPI), ".jsonl"),
        (("gate", ".", "r.jsonl", "--kpi", KPI), "either"),
    ],
)
def test_usage_mistakes_exit_2_in_one_clear_line(soak, tmp_path, words, hint):
    write_rows(tmp_path / "r.jsonl", [1])
    (tmp_path / "r.txt").write_text("1")
    done = soak(*words)
    assert done.code == 2, done.err
    assert hint in done.err


def test_trap_24_a_run_can_be_judged_by_other_rules_from_the_one_configuration(soak, tmp_path):
    (tmp_path / "work.py").write_text(
        "import os, pathlib\n"
        "pathlib.Path(os.environ['SOAK_OUT'], 'm.json').write_text('{\"v\": %s}' % os.environ['SOAK_ITERATION'])\n"
    )
    (tmp_path / "soak.yaml").write_text(
        'version: 1\nworkload: {run: ["${SOAK_PYTHON}", work.py]}\n'
        "kpis: {v: {from: m.json#v, better: lower, hard: 10}}\n"
    )
    directory = soak("run", "--json").json["run_dir"]
    assert soak("gate", directory).code == 0
    (tmp_path / "strict.yaml").write_text("version: 1\nkpis: {v: {from: m.json#v, better: lower, hard: 1.5}}\n")
    strict = soak("gate", directory, "--config", "strict.yaml", "--json")
    assert strict.code == 1
    assert next(rule for rule in strict.json["rules"] if rule["id"] == "v.hard")["origin"].startswith("strict.yaml:2:")
    other = soak(
        "gate",
        directory,
        "--set",
        "kpis.unknown.from=m.json#w",
        "--set",
        "kpis.unknown.hard=1",
        "--set",
        "kpis.unknown.better=lower",
    )
    assert other.code == 4
    assert "not_recorded" in other.out


def test_a_mock_is_stamped(soak, tmp_path):
    lines = soak("mock", "--iterations", "12").out
    (tmp_path / "m.jsonl").write_text(lines)
    done = soak("gate", "m.jsonl", "--kpi", "p95=latency.p95 better=lower hard=400", "--json")
    assert (done.code, done.json["verdict"], done.json["mock"]) == (0, "pass", True)
    shown = soak("gate", "m.jsonl", "--kpi", "p95=latency.p95 better=lower hard=400")
    assert "MOCK" in shown.out


def test_the_mock_as_workload_is_stamped_in_the_receipt(soak):
    kpi = 'kpis.p95={"from": "metrics.json#latency.p95", "better": "lower", "hard": 400}'
    done = soak("run", "--json", "--set", kpi, "--", sys.executable, "-m", "soak_action", "mock")
    assert done.code == 0
    receipt = json.loads((Path(done.json["run_dir"]) / "receipt.json").read_text())
    assert receipt["mock"] is True


def test_inline_kpis_are_for_files_only(soak, tmp_path):
    directory = soak("run", "--json", "--iterations", "1", "--", sys.executable, "-c", "pass").json["run_dir"]
    done = soak("gate", directory, "--kpi", KPI)
    assert done.code == 2
    assert "--kpi reads result files" in done.err


def test_a_torn_line_is_told_when_a_run_is_judged(soak, tmp_path):
    directory = Path(soak("run", "--json", "--iterations", "1", "--", sys.executable, "-c", "pass").json["run_dir"])
    with (directory / "iterations.jsonl").open("ab") as stream:
        stream.write(b"{")
    done = soak("gate", directory)
    assert "unfinished last line of 1 bytes" in done.err


def test_a_variable_that_is_no_setting_is_a_warning(soak, tmp_path):
    write_rows(tmp_path / "r.jsonl", [1])
    done = soak("gate", "r.jsonl", "--kpi", KPI, env={"SOAK_HOUSE": "x"})
    assert done.code == 0
    assert "warning" in done.err
    assert "SOAK_HOUSE" in done.err


def test_the_mock_needs_a_number_of_its_iteration(soak, tmp_path):
    done = soak("mock", env={"SOAK_OUT": str(tmp_path), "SOAK_ITERATION": "x"})
    assert done.code == 2
    assert "SOAK_ITERATION" in done.err
