"""Finding soak.yaml, and never taking a lost one for none."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from soak_action.config.locate import Found, find_file
from soak_action.config.yaml_source import MAX_BYTES
from soak_action.errors import UsageError


def write(file: Path, text: str = "version: 1\n") -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


def test_soak_yaml_comes_before_the_one_in_github(tmp_path: Path) -> None:
    write(tmp_path / ".github" / "soak.yaml", "b")
    found = find_file(tmp_path, None, lookup=True)
    assert found == Found(tmp_path, ("soak.yaml",), ".github/soak.yaml", ".github/soak.yaml", b"b")
    write(tmp_path / "soak.yaml", "a")
    assert find_file(tmp_path, None, lookup=True) == Found(tmp_path, (), "soak.yaml", "soak.yaml", b"a")


def test_without_a_file_it_says_what_was_looked_for(tmp_path: Path) -> None:
    assert find_file(tmp_path, None, lookup=True) == Found(tmp_path, ("soak.yaml", ".github/soak.yaml"))


def test_without_lookup_nothing_is_looked_for(tmp_path: Path) -> None:
    write(tmp_path / "soak.yaml")
    assert find_file(tmp_path, None, lookup=False) == Found(tmp_path)


@pytest.mark.parametrize(
    ("named", "base", "path", "shown"),
    [
        ("there/my.yaml", "there", "my.yaml", "there/my.yaml"),
        ("there/../there/my.yaml", "there", "my.yaml", "there/my.yaml"),
        ("there/.github/soak.yaml", "there", ".github/soak.yaml", "there/.github/soak.yaml"),
    ],
)
def test_the_workload_runs_beside_a_named_file(tmp_path: Path, named: str, base: str, path: str, shown: str) -> None:
    write(tmp_path / "there" / "my.yaml")
    write(tmp_path / "there" / ".github" / "soak.yaml")
    found = find_file(tmp_path, named, lookup=False)
    assert (found.base, found.path, found.shown) == (tmp_path / base, path, shown)


def test_a_file_elsewhere_is_shown_with_its_whole_path(tmp_path: Path) -> None:
    file = write(tmp_path / "one" / "soak.yaml")
    (tmp_path / "two").mkdir()
    found = find_file(tmp_path / "two", str(file), lookup=True)
    assert (found.base, found.path, found.shown) == (file.parent, "soak.yaml", file.as_posix())


def test_a_named_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "soak.yaml")
    for named in ("none.yaml", "soak.yaml/x", "a\0b"):
        with pytest.raises(UsageError, match="there is no such configuration file") as caught:
            find_file(tmp_path, named, lookup=True)
        assert caught.value.exit_code == 2


@pytest.mark.parametrize("named", [None, "soak.yaml", "."])
def test_a_directory_is_no_configuration(tmp_path: Path, named: str | None) -> None:
    (tmp_path / "soak.yaml").mkdir()
    with pytest.raises(UsageError, match="this is not a file"):
        find_file(tmp_path, named, lookup=True)


@pytest.mark.skipif(os.name == "nt", reason="Windows allows links only to some users")
def test_a_link_counts_as_the_file_where_it_stands(tmp_path: Path) -> None:
    write(tmp_path / "configs" / "real.yaml", "x")
    (tmp_path / "soak.yaml").symlink_to(tmp_path / "configs" / "real.yaml")
    assert find_file(tmp_path, None, lookup=True) == Found(tmp_path, (), "soak.yaml", "soak.yaml", b"x")


@pytest.mark.skipif(os.name == "nt", reason="Windows allows links only to some users")
@pytest.mark.parametrize("named", [None, "soak.yaml"])
def test_a_link_that_leads_nowhere_is_not_taken_for_no_configuration(tmp_path: Path, named: str | None) -> None:
    (tmp_path / "soak.yaml").symlink_to(tmp_path / "gone.yaml")
    write(tmp_path / ".github" / "soak.yaml")
    with pytest.raises(UsageError, match=r"soak.yaml: the configuration file cannot be read: No such file"):
        find_file(tmp_path, named, lookup=True)


def test_no_more_is_read_than_is_allowed(tmp_path: Path) -> None:
    (tmp_path / "soak.yaml").write_bytes(b"#" * (2 * MAX_BYTES))
    assert len(find_file(tmp_path, None, lookup=True).text) == MAX_BYTES + 1
