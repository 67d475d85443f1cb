from __future__ import annotations

import sys

import pytest

from soak_action.errors import UsageError
from soak_action.migration.target import find_target


def test_the_present_file_is_the_target(tmp_path):
    assert find_target(tmp_path, None) == (tmp_path / "soak.yaml", "soak.yaml")
    (tmp_path / ".github").mkdir()
    (tmp_path / ".github" / "soak.yaml").touch()
    assert find_target(tmp_path, None) == (tmp_path / ".github" / "soak.yaml", ".github/soak.yaml")
    assert find_target(tmp_path, "x.yaml") == (tmp_path / "x.yaml", "x.yaml")


def test_a_target_must_be_one_that_can_be_written(tmp_path):
    with pytest.raises(UsageError, match=r"a/x.yaml: the directory above it does not exist"):
        find_target(tmp_path, "a/x.yaml")


@pytest.mark.skipif(sys.platform == "win32", reason="symbolic links need a privilege there")
def test_a_link_must_lead_somewhere(tmp_path):
    for target in ("nowhere", "soak.yaml"):
        (tmp_path / "soak.yaml").unlink(missing_ok=True)
        (tmp_path / "soak.yaml").symlink_to(target)
        with pytest.raises(UsageError, match="soak.yaml: this symbolic link leads nowhere"):
            find_target(tmp_path, None)
