"""What the mock makes of the parameters of the workload, and of files that hold none."""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soak_action.errors import SurroundingsError, UsageError
from soak_action.workload import mock, mock_parameters
from soak_action.workload.mock_parameters import NEUTRAL, Shift, read, shift_of

CAREFUL = {"min_interval_ms": 80, "impact_cap_ratio": 0.08}
NUMBERS = ("net_bps", "adverse_bps", "risk_ratio")


def written(folder: Path, content: object) -> Path:
    path = folder / "soak params - ü.json"
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return path


def shift_in(folder: Path, content: object) -> Shift:
    return read(written(folder, content)).shift


# The formula


@pytest.mark.parametrize(
    ("interval", "cap", "caution"),
    [
        *((70, 0.09, 0), (80, 0.09, 1), (60, 0.09, -1), (70, 0.08, 1), (70, 0.12, -3), (80, 0.08, 2), (40, 0.12, -6)),
        *((75, 0.085, 1), (120, 0.09, 5), (1e9, 0.09, 5), (70, -1e300, 5), (-1e300, 1e300, -10), (1e300, 0.0, 10)),
    ],
)
def test_the_formula(interval: float, cap: float, caution: float) -> None:
    shift = shift_of(interval, cap)
    assert shift.net_bps == pytest.approx(-0.1 * caution)
    assert shift.adverse_bps == pytest.approx(-0.15 * caution)
    assert shift.risk_ratio == pytest.approx(-0.03 * caution)


def test_the_neutral_point_shifts_nothing_at_all() -> None:
    assert shift_of(70, 0.09) == shift_of() == NEUTRAL


@pytest.mark.parametrize("mode", sorted(mock.MODES))
def test_trap_18_the_mock_reacts_to_the_parameters_with_the_same_draws(mode: str) -> None:
    shift = shift_of(80, 0.08)
    plain = list(mock.documents(mode, 7, 300))
    careful = list(mock.documents(mode, 7, 300, shift=shift))
    assert careful == [mock.document(mode, 7, number, shift=shift) for number in range(1, 301)]
    for before, after in zip(plain, careful, strict=True):
        assert after["net_bps"] == pytest.approx(before["net_bps"] - 0.2, abs=2e-6)
        assert after["adverse_bps"] == pytest.approx(before["adverse_bps"] - 0.3, abs=2e-6)
        assert after["risk_ratio"] == pytest.approx(max(0.0, before["risk_ratio"] - 0.06), abs=2e-6) or (
            before["risk_ratio"] == 1.0
        )
        assert {key: after[key] for key in after if key not in NUMBERS} == {
            key: before[key] for key in before if key not in NUMBERS
        }
    assert fmean(float(str(one["risk_ratio"])) for one in careful) < fmean(
        float(str(one["risk_ratio"])) for one in plain
    )


@given(st.floats(-1e6, 1e6), st.floats(-10, 10), st.sampled_from(sorted(mock.MODES)), st.integers(1, 50))
def test_ratios_stay_in_range_whatever_the_parameters(interval: float, cap: float, mode: str, iteration: int) -> None:
    document: Any = mock.document(mode, 3, iteration, shift=shift_of(interval, cap))
    assert 0 <= document["risk_ratio"] <= 1


def test_what_is_stuck_does_not_react() -> None:
    shift = shift_of(80, 0.08)
    stuck = list(mock.documents("calm", 2, 6, ["constant"], 3, shift=shift))
    assert stuck[:2] == list(mock.documents("calm", 2, 2, shift=shift))
    assert stuck[2:] == list(mock.documents("calm", 2, 6, ["constant"], 3))[2:]


def test_what_is_impossible_stays_impossible() -> None:
    assert mock.document("calm", 1, 2, ["impossible"], shift=shift_of(40, 0.12))["risk_ratio"] == -0.07


# The file


@pytest.mark.parametrize(
    "content",
    [
        CAREFUL,
        {"limits": {"min_interval_ms": 80}, "impact_cap_ratio": 0.08},
        {"limits.min_interval_ms": 80.0, "limits": {"impact_cap_ratio": 0.08}},
        {"a": {"b.min_interval_ms": 80}, "impact_cap_ratio": 0.08, "c": [1, {"min_interval_ms": 5}], "d": "text"},
        {"min_interval_ms": 80, "a": {"min_interval_ms": 80.0}, "impact_cap_ratio": 0.08},
        b"\xef\xbb\xbf" + json.dumps(CAREFUL, indent=2).replace("\n", "\r\n").encode(),
    ],
)
def test_trap_28_nested_and_dotted_names_are_the_same(tmp_path: Path, content: object) -> None:
    assert shift_in(tmp_path, content) == shift_of(80, 0.08)


@pytest.mark.parametrize(
    "content",
    [{}, {"workers": 3}, {"xmin_interval_ms": 80}, {"min_interval_ms.x": 80}, {"min_interval_ms": 70.0}],
)
def test_without_its_names_the_mock_is_neutral(tmp_path: Path, content: object) -> None:
    assert shift_in(tmp_path, content) == NEUTRAL


def test_the_digest_is_that_of_the_bytes(tmp_path: Path) -> None:
    for content in (b'{"min_interval_ms":80}', b'{ "min_interval_ms": 80 }\n'):
        assert read(written(tmp_path, content)).digest == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", ":1:1: nothing here, expected JSON"),
        (b'{"min_interval_ms": 80', ":1:23: expecting ',' delimiter"),
        (b'{"min_interval_ms": NaN}', ":1:21: NaN is not JSON"),
        (b'{"min_interval_ms": 1, "min_interval_ms": 2}', "duplicate key 'min_interval_ms'"),
        (b"[80]", 'holds no parameters: write a mapping, such as {"min_interval_ms": 70}'),
        ({"min_interval_ms": "80"}, "min_interval_ms is no number: write one, such as 70"),
        ({"a": {"impact_cap_ratio": None}}, "a.impact_cap_ratio is no number: write one, such as 0.09"),
        ({"min_interval_ms": True}, "min_interval_ms is no number"),
        ({"min_interval_ms": [80]}, "min_interval_ms is no number"),
        ({"a\nb": {"min_interval_ms": "x"}}, "a\\nb.min_interval_ms is no number"),
        (
            {"min_interval_ms": 65, "a": {"min_interval_ms": 5}},
            "min_interval_ms is 65 and a.min_interval_ms is 5: write min_interval_ms once",
        ),
        (b" " * (mock_parameters.LARGEST_FILE + 1), "is larger than 1048576 bytes"),
    ],
)
def test_broken_files_are_refused_in_one_line(tmp_path: Path, content: object, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        shift_in(tmp_path, content)
    assert words in str(caught.value)
    assert str(tmp_path) in str(caught.value)
    assert "SOAK_PARAMS" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="SOAK_PARAMS names .*absent, which does not exist"):
        read(tmp_path / "absent")
    with pytest.raises(UsageError, match="which is not a file"):
        read(tmp_path)
    with pytest.raises(UsageError, match="not the path of a file"):
        read(Path("a\0b"))


@pytest.mark.skipif(sys.platform == "win32", reason="making links takes a privilege on Windows")
def test_a_link_leads_to_the_file(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(written(tmp_path, CAREFUL))
    assert read(tmp_path / "link").shift == shift_of(80, 0.08)


def test_what_may_not_be_read_is_the_fault_of_the_surroundings(tmp_path: Path) -> None:
    def refuse(_: Path) -> Any:
        raise PermissionError(13, "Permission denied")

    with pytest.raises(SurroundingsError, match="cannot read the parameters"):
        mock_parameters._content(tmp_path / "locked", refuse)


# One iteration as a workload


def act(folder: Path, content: object, *faults: str) -> Path:
    out = folder / "out"
    out.mkdir()
    lines = mock.run_mock(
        "calm", 1, 2, faults=faults, fault_from=2, out_dir=out, iterations=1, parameters_file=written(folder, content)
    )
    assert list(lines) == []
    return out


def test_an_iteration_proves_what_it_read(tmp_path: Path) -> None:
    out = act(tmp_path, CAREFUL)
    assert sorted(path.name for path in out.iterdir()) == ["metrics.json", "params.sha256"]
    assert (out / "params.sha256").read_text("ascii") == hashlib.sha256(json.dumps(CAREFUL).encode()).hexdigest()
    measured = json.loads((out / "metrics.json").read_bytes())
    assert measured == mock.document("calm", 1, 2, shift=shift_of(80, 0.08))


def test_at_the_neutral_point_every_byte_is_as_without_parameters(tmp_path: Path) -> None:
    out = act(tmp_path, {"min_interval_ms": 70, "impact_cap_ratio": 0.09})
    plain = tmp_path / "plain"
    plain.mkdir()
    mock.act(plain, "calm", 1, 2)
    assert (out / "metrics.json").read_bytes() == (plain / "metrics.json").read_bytes()
    assert [path.name for path in plain.iterdir()] == ["metrics.json"]


def test_a_result_that_is_missing_leaves_the_proof(tmp_path: Path) -> None:
    assert [path.name for path in act(tmp_path, CAREFUL, "missing").iterdir()] == ["params.sha256"]


def test_a_proof_that_cannot_be_written_is_one_clear_error(tmp_path: Path) -> None:
    parameters = read(written(tmp_path, CAREFUL))
    with pytest.raises(SurroundingsError, match=r"the mock cannot write .*params\.sha256: "):
        mock.act(tmp_path / "absent", "calm", 1, 1, parameters=parameters)


def test_the_printed_lines_react_too(tmp_path: Path) -> None:
    path = written(tmp_path, CAREFUL)
    lines = mock.run_mock("calm", 1, 3, faults=(), fault_from=2, out_dir=None, iterations=2, parameters_file=path)
    shift = shift_of(80, 0.08)
    assert [json.loads(line) for line in lines] == [mock.document("calm", 1, number, shift=shift) for number in (3, 4)]
