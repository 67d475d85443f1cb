from __future__ import annotations

import os
import random
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soak_action.errors import EvidenceError
from soak_action.kpi.file_arguments import find_results, natural_order


@pytest.fixture
def results(tmp_path: Path) -> Path:
    (tmp_path / "results" / "empty").mkdir(parents=True)
    for number in (*range(1, 5), *range(6, 13)):
        (tmp_path / "results" / f"{number}.json").write_text("{}")
    (tmp_path / "results" / "all[1].csv").write_text("a\n1\n")
    return tmp_path


def is_run(path: Path) -> bool:
    return (path / "run.json").is_file()


def find_files(arguments: list[str], cwd: Path) -> list[Path]:
    found = find_results(arguments, cwd, is_run)
    assert found.directories == ()
    return list(found.files)


def names(paths: Iterable[Path]) -> list[str]:
    return [path.name for path in paths]


def test_trap_46_files_come_in_natural_order_and_a_gap_stops_nothing(results: Path) -> None:
    shuffled = [f"results/{number}.json" for number in (*range(1, 5), *range(6, 13))]
    random.Random(1).shuffle(shuffled)
    expected = [f"{number}.json" for number in (1, 2, 3, 4, 6, 7, 8, 9, 10, 11, 12)]
    assert names(find_files(shuffled, results)) == expected
    assert names(find_files(["results/*.json"], results)) == expected


@pytest.mark.parametrize(
    "ordered",
    [
        ["1", "2", "10"],
        ["a1b2", "a1b10", "a2b1"],
        ["run2/10", "run10/1"],
        ["a", "B", "c"],
        ["A1", "a1", "A2", "a2"],
        ["01", "1", "2"],
        ["a/2", "a-1/1"],
        ["x", "x/1"],
        ["9" * 5000, "1" + "0" * 5000],
        ["v\u00b2", "v\u00b3"],
    ],
)
def test_natural_order(ordered: list[str]) -> None:
    paths = [Path(text) for text in ordered]
    assert natural_order(reversed(paths)) == paths
    assert natural_order(paths) == paths


@given(st.lists(st.text(alphabet="aB01/9-.\u0663\u00b2", max_size=6).map(Path), max_size=8))
def test_natural_order_does_not_depend_on_the_order_given(paths: list[Path]) -> None:
    assert natural_order(paths) == natural_order(reversed(paths))


def test_trap_47_a_pattern_without_a_match_is_named(results: Path) -> None:
    with pytest.raises(EvidenceError, match=r"^out/\*\.json: the pattern matches no file in ") as caught:
        find_files(["results/1.json", "out/*.json"], results)
    assert str(results) in str(caught.value)
    with pytest.raises(EvidenceError, match="matches no file"):
        find_files(["results/empt*"], results)


def test_trap_47_a_pattern_that_the_shell_left_alone_is_expanded(results: Path) -> None:
    assert names(find_files(["results/1?.json", "**/all*.csv"], results)) == [
        "10.json",
        "11.json",
        "12.json",
        "all[1].csv",
    ]
    absolute = str(results / "results" / "[12].json")
    assert names(find_files([absolute], results.parent)) == ["1.json", "2.json"]


def test_a_file_with_the_signs_of_a_pattern_in_its_name_is_itself(results: Path) -> None:
    assert names(find_files(["results/all[1].csv"], results)) == ["all[1].csv"]


def test_a_file_counts_once_however_often_it_is_named(results: Path) -> None:
    given_twice = ["results/1.json", "results/*.json", "./results/empty/../1.json", str(results / "results/2.json")]
    assert len(find_files(given_twice, results)) == 11


def test_what_is_not_there_is_refused(results: Path) -> None:
    with pytest.raises(EvidenceError, match=r"^results/5\.json: there is no such file in "):
        find_files(["results/1.json", "results/5.json"], results)


def test_a_pattern_finds_runs_and_passes_over_other_directories(results: Path) -> None:
    (results / "runs" / "one").mkdir(parents=True)
    (results / "runs" / "one" / "run.json").write_text("{}")
    (results / "runs" / "none").mkdir()
    found = find_results(["runs/*"], results, is_run)
    assert (found.files, names(found.directories)) == ((), ["one"])
    with pytest.raises(EvidenceError, match="matches no file"):
        find_results(["runs/n*"], results, is_run)


def test_a_directory_that_is_named_is_passed_on(results: Path) -> None:
    found = find_results(["results/", "results/1.json"], results, is_run)
    assert (names(found.files), names(found.directories)) == (["1.json"], ["results"])


@pytest.mark.skipif(sys.platform == "win32", reason="named pipes in directories exist on POSIX only")
def test_pipes_and_broken_links_are_refused(results: Path) -> None:
    os.mkfifo(results / "pipe.json")
    with pytest.raises(EvidenceError, match=r"^pipe.json: is not a regular file"):
        find_files(["pipe.json"], results)
    (results / "results" / "broken.json").symlink_to(results / "none.json")
    with pytest.raises(EvidenceError, match="is a broken link"):
        find_files(["results/*.json"], results)
