from __future__ import annotations

import os
import sys

import pytest

from soak_action.migration.permission import no_wider_than


@pytest.mark.skipif(sys.platform == "win32", reason="modes")
def test_files_are_no_wider_than_asked_and_no_wider_than_before(tmp_path):
    former = os.umask(0o022)
    try:
        for mode, expected in ((0o600, 0o600), (0o666, 0o644), (0o640, 0o640), (0o444, 0o444)):
            with no_wider_than(mode):
                (tmp_path / f"{mode}").touch()
            assert (tmp_path / f"{mode}").stat().st_mode & 0o777 == expected
        assert os.umask(0o022) == 0o022
    finally:
        os.umask(former)
