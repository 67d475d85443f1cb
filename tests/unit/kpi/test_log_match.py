from __future__ import annotations

import pytest

from soak_action.config.model import Kpi, RegexSource, Window
from soak_action.kpi.log_match import PatternError, compile_pattern, decode_log, read_match
from soak_action.kpi.reading import Reading

P95 = r"p95=(?P<value>\S*)"
MARK = "[soak: 512 bytes cut here]"


def read(log: str, pattern: str = P95, limits: tuple[float, float] | None = None, *, was_cut: bool = False) -> Reading:
    source = RegexSource(pattern, "stdout")
    kpi = Kpi("k", source, "k", None, "lower", limits, "mean", Window(), 1.0, None, None, None, 0.0, must_vary=False)
    return read_match(log, pattern, kpi, "stdout", was_cut=was_cut)


@pytest.mark.parametrize(
    ("log", "value"),
    [
        ("p95=3", 3.0),
        ("p95=3\np95=4\n", 4.0),
        ("p95=+.5 p95=5.", 5.0),
        ("p95=-1e-3", -0.001),
        (f"{MARK}\np95=3\n", 3.0),
    ],
)
def test_the_last_match_counts(log: str, value: float) -> None:
    assert read(log) == Reading(value, None, "")


@pytest.mark.parametrize(
    ("log", "pattern", "reason", "says"),
    [
        ("", P95, "path_missing", "stdout: nothing was printed"),
        ("p99=3", P95, "path_missing", "stdout: no match of 'p95="),
        ("p95=", P95, "not_a_number", "stdout: an empty text"),
        ("p95=3,5", P95, "not_a_number", "write 3.5 with a decimal point"),
        ("p95=1,234.5", P95, "not_a_number", "without separators"),
        ("p95=nan", P95, "not_a_number", "the text 'nan' is not a number"),
        ("p95=0x10", P95, "not_a_number", "the text '0x10'"),
        ("p95=1_000", P95, "not_a_number", "without separators"),
        ("p95=\u0663", P95, "not_a_number", "is not a number"),
        ("p95=1e999", P95, "not_a_number", "inf is not a finite number"),
        ("p95=11", P95, "out_of_range", "stdout: 11 is impossible"),
        ("p95 p99", r"p95(?P<value>=\d)?", "not_a_number", "the group 'value' took no part"),
        ("p95=3", r"p95=(\d)", "import_error", "has 0 named groups"),
        ("p95=3", r"p95=(?P<value>", "import_error", "pattern 'p95=(?P<value>'"),
    ],
)
def test_trap_43_every_failure_is_a_reason(log: str, pattern: str, reason: str, says: str) -> None:
    reading = read(log, pattern, (-1, 10))
    assert (reading.value, reading.reason) == (None, reason)
    assert says in reading.detail


@pytest.mark.parametrize("data", [b"p95=3\r\n\r\n", b"\xef\xbb\xbfp95=3\n", b"\xff\xfe p95=3\n"])
def test_trap_48_line_ends_marks_and_foreign_bytes(data: bytes) -> None:
    log = decode_log(data)
    assert "\r" not in log
    assert read(log, r"p95=(?P<value>\d+)$").value == 3.0


def test_anchors_match_at_every_line() -> None:
    assert read(decode_log(b"a\r\np95=3\r\nb\r\n"), r"^p95=(?P<value>\d+)$").value == 3.0


@pytest.mark.parametrize(
    "log",
    [
        "p95=3\n",
        "nothing\n",
        f"p95=3\n{MARK}\nrest of a line\nno match\n",
        f"p95=3\n{MARK}\n5 p95=4\n",
        f"p95=3\n{MARK}\np95=4\n{MARK}\nmore\n",
        f"p95=3\n{MARK}",
    ],
)
def test_nothing_before_the_cut_is_believed(log: str) -> None:
    reading = read(log, was_cut=True)
    assert reading.reason == "import_error"
    assert reading.detail == "stdout: output was cut; raise evidence.log_limit"


def test_a_whole_line_after_the_cut_is_believed() -> None:
    assert read(f"p95=3\n{MARK}\n5 p95=4\np95=6\n", was_cut=True).value == 6.0


def test_the_mark_itself_is_no_measurement() -> None:
    reading = read(f"start\n{MARK}\nrest\n", r"(?P<value>\d+) bytes", was_cut=True)
    assert reading.reason == "import_error"


@pytest.mark.parametrize("pattern", ["(", r"(\d)", r"(?P<a>\d)(?P<b>\d)", "a{99999999999999999999}"])
def test_patterns_that_are_refused(pattern: str) -> None:
    with pytest.raises(PatternError, match=r"\(\?P<value>"):
        compile_pattern(pattern)


def test_a_catastrophic_pattern_gives_up_and_says_so() -> None:
    source = RegexSource(r"(a|aa)+(?P<v>[0-9])", "stdout")
    kpi = Kpi("k", source, "k", None, "lower", None, "mean", Window(), 1.0, None, None, None, 0.0, must_vary=False)
    reading = read_match("a" * 60, source.pattern, kpi, "stdout", was_cut=False, longest=0.2)
    assert (reading.value, reading.reason) == (None, "import_error")
    assert "the pattern took longer than 0.2 s on this output; make it simpler" in reading.detail


@pytest.mark.parametrize(
    ("log", "pattern", "value"),
    [
        ("{e<=1} 7", r"{e<=1} (?P<v>\d)", 7.0),
        ("a{ 7", r"a{ (?P<v>\d)", 7.0),
        ("[[ 7", r"[[x]+ (?P<v>\d)", 7.0),
        ("aaa 7", r"a{3} (?P<v>\d)", 7.0),
        ("x{ 7", "(?x) x{ \\  # {a comment\n (?P<v>\\d)", 7.0),
    ],
)
def test_a_pattern_means_what_it_means_in_python(log: str, pattern: str, value: float) -> None:
    assert read(log, pattern).value == value
