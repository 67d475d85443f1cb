from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from io import BufferedReader
from pathlib import Path

import pytest

from soak_action.config.model import BuiltInSource, HttpSource, JsonSource, Kpi, RegexSource, Source, Window
from soak_action.kpi import document
from soak_action.kpi.extract import REASONS, Extraction, IterationOutput, extract, is_mock
from soak_action.system import open_regular

NOT_BEFORE = 1_000_000_000_000_000_000
HOUR = 3600 * 10**9
BUILT_IN = {"exit_code": 0.0, "wall_seconds": 1.5, "peak_rss_mib": None}


def kpi_of(source: Source, name: str = "k", limits: tuple[float, float] | None = None) -> Kpi:
    return Kpi(
        name=name,
        source=source,
        title=name,
        unit=None,
        better="lower",
        range=limits,
        stat="mean",
        window=Window(),
        hard=1.0,
        soft=None,
        sustained=None,
        abort=None,
        allowed_missing=0.0,
        must_vary=False,
    )


def json_kpi(path: str, name: str = "k", file: str = "m.json", limits: tuple[float, float] | None = None) -> Kpi:
    return kpi_of(JsonSource(file, path), name, limits)


@pytest.fixture
def output(tmp_path: Path) -> IterationOutput:
    out_dir = tmp_path / "out"
    out_dir.mkdir()
    stdout, stderr = tmp_path / "stdout.log", tmp_path / "stderr.log"
    stdout.touch()
    stderr.touch()
    return IterationOutput(out_dir, stdout, stderr, stdout_cut=False, stderr_cut=False, not_before_ns=NOT_BEFORE)


def write(output: IterationOutput, data: bytes | str, file: str = "m.json", modified: int = NOT_BEFORE) -> Path:
    path = output.out_dir / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    os.utime(path, ns=(modified, modified))
    return path


def run(kpis: Sequence[Kpi], output: IterationOutput, *, workload_ok: bool = True) -> Extraction:
    extraction = extract(kpis, output, BUILT_IN, workload_ok=workload_ok)
    names = {kpi.name for kpi in kpis}
    assert set(extraction.values) | set(extraction.missing) == names
    assert not set(extraction.values) & set(extraction.missing)
    assert set(extraction.details) == set(extraction.missing)
    assert set(extraction.missing.values()) <= REASONS
    assert all(extraction.details.values())
    return extraction


def assert_missing(extraction: Extraction, reason: str, says: str, name: str = "k") -> None:
    assert extraction.missing[name] == reason
    assert says in extraction.details[name]


def test_values_of_one_file(output: IterationOutput) -> None:
    write(output, '{"latency": {"p95": 12.5, "p(95)": 13}, "list": [1, 2]}')
    kpis = [json_kpi("latency.p95", "a"), json_kpi('latency."p(95)"', "b"), json_kpi("max(list)", "c")]
    assert run(kpis, output).values == {"a": 12.5, "b": 13.0, "c": 2.0}


@pytest.mark.parametrize(
    ("path", "reason", "says"),
    [
        ("latency.p99", "path_missing", "m.json: 'latency' has no 'p99' (it has 'p95')"),
        ("nothing", "not_a_number", "m.json: null is not a number"),
        ("abs(nothing)", "import_error", "invalid type"),
        ("latency.p(95)", "import_error", "column"),
    ],
)
def test_trap_02_missing_is_a_reason_and_never_zero(output: IterationOutput, path: str, reason: str, says: str) -> None:
    write(output, '{"latency": {"p95": 12.5}, "nothing": null}')
    extraction = run([json_kpi(path)], output)
    assert_missing(extraction, reason, says)
    assert extraction.values == {}


def test_trap_12_a_file_that_is_never_written_is_named_with_what_is_there_instead(output: IterationOutput) -> None:
    assert_missing(run([json_kpi("a")], output), "file_missing", "m.json was not written (SOAK_OUT is empty)")
    write(output, "{}", "Metrics.json")
    assert_missing(run([json_kpi("a")], output), "file_missing", "SOAK_OUT holds Metrics.json")
    for number in range(6):
        write(output, "{}", f"{number}.json")
    assert_missing(run([json_kpi("a")], output), "file_missing", "and 2 more")
    assert_missing(run([json_kpi("a", file="Metrics.json/m.json")], output), "file_missing", "was not written")
    gone = replace(output, out_dir=output.out_dir / "gone")
    assert_missing(run([json_kpi("a")], gone), "file_missing", "SOAK_OUT cannot be listed")


@pytest.mark.parametrize(
    ("value", "is_legal"), [(-0.07, False), (0, True), (0.07, True), (1, True), (1.0000001, False)]
)
def test_trap_16_a_value_outside_its_range_is_impossible(output: IterationOutput, value: float, is_legal: bool) -> None:
    write(output, json.dumps({"cancel_ratio": value}))
    extraction = run([json_kpi("cancel_ratio", limits=(0, 1))], output)
    if is_legal:
        assert extraction.values == {"k": value}
    else:
        assert_missing(extraction, "out_of_range", f"m.json: {value} is impossible, the range is 0 to 1")


def test_trap_58_a_result_older_than_its_iteration_is_stale(output: IterationOutput) -> None:
    write(output, '{"a": 1}', modified=NOT_BEFORE - HOUR)
    assert_missing(run([json_kpi("a")], output), "stale", "m.json was written 1h before this iteration began")
    write(output, '{"a": 1}', modified=NOT_BEFORE - 1)
    assert run([json_kpi("a")], output).missing == {"k": "stale"}
    write(output, '{"a": 1}', modified=NOT_BEFORE)
    assert run([json_kpi("a")], output).values == {"k": 1.0}


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "m.json: the file is empty"),
        (b"\xef\xbb\xbf", "m.json: the file is empty"),
        (b'{"a": 1', "m.json: 1:8: "),
        (b'{\n "a": NaN}', "m.json: 2:7: NaN is not JSON"),
        (b'{"a": 1, "a": 2}', "duplicate key 'a'"),
        (b'{"a": 1}{"a": 2}', "m.json: 1:9: "),
        (b'{"a": "\xff"}', "is not UTF-8"),
        ('{"a": 1}'.encode("utf-16"), "is not UTF-8"),
        (b'{"a": 1e999}', "too large"),
    ],
)
def test_trap_43_an_unreadable_file_is_an_import_error_with_its_place(
    output: IterationOutput, data: bytes, says: str
) -> None:
    write(output, data)
    extraction = run([json_kpi("a", "one"), json_kpi("b", "two")], output)
    assert_missing(extraction, "import_error", says, "one")
    assert_missing(extraction, "import_error", says, "two")


@pytest.mark.parametrize("text", ['\ufeff{"a": 1.5}', '{\r\n"a": 1.5\r\n}\r\n', '{"a": 15e-1}', '{"a": 1.50}\n\n'])
def test_trap_48_marks_line_ends_and_spellings_of_a_number_do_not_matter(output: IterationOutput, text: str) -> None:
    write(output, text)
    assert run([json_kpi("a")], output).values == {"k": 1.5}


def test_trap_44_reason_is_a_code_and_detail_a_text(output: IterationOutput) -> None:
    write(output, '{"null": null, "text": "1.5", "low": -1}')
    write(output, "", "empty.json")
    write(output, "{}", "old.json", NOT_BEFORE - HOUR)
    kpis = [
        json_kpi("null", "a"),
        json_kpi("nowhere", "b"),
        json_kpi("low", "c", limits=(0, 1)),
        json_kpi("a", "d", "empty.json"),
        json_kpi("a", "e", "old.json"),
        json_kpi("a", "f", "none.json"),
        kpi_of(BuiltInSource("peak_rss_mib"), "g"),
        kpi_of(HttpSource("http://127.0.0.1:1/metrics", "prometheus", "x", counter=None), "h"),
    ]
    extraction = run(kpis, output)
    assert set(extraction.missing.values()) == REASONS - {"workload_failed"}
    for reason, detail in zip(extraction.missing.values(), extraction.details.values(), strict=True):
        assert type(reason) is type(detail) is str


def test_a_failed_workload_leaves_only_its_exit_code(output: IterationOutput) -> None:
    write(output, '{"a": 1, "mock": true}')
    output.stdout.write_text("p95=3\n")
    kpis = [
        json_kpi("a", "file"),
        kpi_of(RegexSource(r"p95=(?P<x>\d+)", "stdout"), "log"),
        kpi_of(BuiltInSource("wall_seconds"), "seconds"),
        kpi_of(BuiltInSource("exit_code"), "code"),
    ]
    failed = run(kpis, output, workload_ok=False)
    assert failed.values == {"code": 0.0}
    assert set(failed.missing.values()) == {"workload_failed"}
    assert run(kpis, output).missing == {}


def test_a_workload_that_was_killed_has_no_exit_code_because_it_failed(output: IterationOutput) -> None:
    kpis = [kpi_of(BuiltInSource("exit_code"), "code")]
    killed = extract(kpis, output, {**BUILT_IN, "exit_code": None}, workload_ok=False)
    assert (killed.values, killed.missing) == ({}, {"code": "workload_failed"})


def test_built_in_values_are_judged_like_others(output: IterationOutput) -> None:
    kpis = [
        kpi_of(BuiltInSource("wall_seconds"), "seconds"),
        kpi_of(BuiltInSource("wall_seconds"), "too_long", (0, 1)),
        kpi_of(BuiltInSource("peak_rss_mib"), "memory"),
        kpi_of(BuiltInSource("unheard_of"), "other"),
    ]
    extraction = run(kpis, output)
    assert extraction.values == {"seconds": 1.5}
    assert extraction.missing == {"too_long": "out_of_range", "memory": "not_available", "other": "not_available"}
    assert "peak_rss_mib is not available on this platform" in extraction.details["memory"]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ('{"mock": true, "a": 1}', True),
        ('{"mock": "true", "a": 1}', False),
        ('{"mock": 1, "a": 1}', False),
        ('{"a": {"mock": true}}', False),
        ('[{"mock": true}]', False),
    ],
)
def test_the_stamp_of_a_mock_is_seen(output: IterationOutput, data: str, expected: bool) -> None:
    write(output, data)
    write(output, '{"mock": false}', "later.json")
    extraction = run([json_kpi("a", "one"), json_kpi("a", "two", "later.json")], output)
    assert extraction.mock is expected
    assert is_mock(json.loads(data)) is expected


def test_a_file_is_read_once_for_all_its_kpis(output: IterationOutput, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []

    def counting_open(path: Path) -> BufferedReader:
        opened.append(path.name)
        return open_regular(path)

    write(output, '{"a": 1, "b": 2}')
    write(output, "{", "bad.json")
    output.stdout.write_text("a=1\nb=2\n")
    monkeypatch.setattr(document, "open_regular", counting_open)
    kpis = [
        json_kpi("a", "a"),
        json_kpi("b", "b"),
        json_kpi("a", "c", "bad.json"),
        json_kpi("b", "d", "bad.json"),
        kpi_of(RegexSource(r"a=(?P<x>\d)", "stdout"), "e"),
        kpi_of(RegexSource(r"b=(?P<x>\d)", "stdout"), "f"),
    ]
    assert set(run(kpis, output).missing) == {"c", "d"}
    assert sorted(opened) == ["bad.json", "m.json", "stdout.log"]


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_a_number_in_the_output(output: IterationOutput, stream: str) -> None:
    path = output.stdout if stream == "stdout" else output.stderr
    path.write_text("p95=3\np95=4\n")
    source = RegexSource(r"^p95=(?P<x>\d+)$", "stdout" if stream == "stdout" else "stderr")
    assert run([kpi_of(source)], output).values == {"k": 4.0}
    other = RegexSource(r"^p95=(?P<x>\d+)$", "stderr" if stream == "stdout" else "stdout")
    assert_missing(run([kpi_of(other)], output), "path_missing", "nothing was printed")


@pytest.mark.parametrize(
    ("stdout_cut", "stderr_cut", "missing"), [(True, False, {"k"}), (False, True, set()), (False, False, set())]
)
def test_the_cut_of_the_right_stream_counts(
    output: IterationOutput, stdout_cut: bool, stderr_cut: bool, missing: set[str]
) -> None:
    output.stdout.write_text("p95=3\n")
    cut = replace(output, stdout_cut=stdout_cut, stderr_cut=stderr_cut)
    assert set(run([kpi_of(RegexSource(r"p95=(?P<x>\d+)", "stdout"))], cut).missing) == missing


def test_a_log_that_cannot_be_read(output: IterationOutput) -> None:
    kpi = kpi_of(RegexSource(r"p95=(?P<x>\d+)", "stdout"))
    output.stdout.unlink()
    assert_missing(run([kpi], output), "file_missing", "the log of stdout is not there")
    output.stdout.mkdir()
    assert_missing(run([kpi], output), "import_error", "the log of stdout is a directory")


@pytest.mark.skipif(sys.platform == "win32", reason="links and pipes of POSIX")
def test_a_pipe_or_a_link_in_place_of_a_log_is_not_read(output: IterationOutput) -> None:
    kpi = kpi_of(RegexSource(r"p95=(?P<x>\d+)", "stdout"))
    output.stdout.unlink()
    os.mkfifo(output.stdout)
    assert_missing(run([kpi], output), "import_error", "the log of stdout is not a regular file")
    output.stdout.unlink()
    (output.out_dir / "other.log").write_text("p95=3")
    output.stdout.symlink_to(output.out_dir / "other.log")
    assert_missing(run([kpi], output), "import_error", "replaced by a link")


@pytest.mark.skipif(sys.platform == "win32", reason="links of POSIX")
def test_results_behind_a_link_are_not_those_of_the_iteration(output: IterationOutput, tmp_path: Path) -> None:
    write(output, '{"a": 1}')
    output.out_dir.rename(tmp_path / "elsewhere")
    output.out_dir.symlink_to(tmp_path / "elsewhere")
    assert_missing(run([json_kpi("a")], output), "import_error", "SOAK_OUT was replaced by a link")
