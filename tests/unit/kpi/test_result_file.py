from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from soak_action.kpi.result_file import UnusableError, is_behind_link, locate


@pytest.fixture
def out_dir(tmp_path: Path) -> Path:
    path = tmp_path / "out"
    (path / "below").mkdir(parents=True)
    (path / "m.json").write_text("{}")
    (path / "below" / "n.json").write_text("{}")
    (tmp_path / "outside.json").write_text("{}")
    return path


def link(place: Path, target: Path) -> None:
    try:
        place.symlink_to(target)
    except OSError:  # pragma: platform - Windows grants links to privileged users only
        pytest.skip("this account may not make links")


@pytest.mark.parametrize("file", ["m.json", "below/n.json", "./m.json"])
def test_a_file_inside_is_found(out_dir: Path, file: str) -> None:
    assert locate(out_dir, file, 0) == Path(os.path.realpath(out_dir / file))


@pytest.mark.parametrize("file", ["", "../outside.json", "below/../m.json", "/etc/hostname", ".."])
def test_a_name_that_could_lead_out_is_refused(out_dir: Path, file: str) -> None:
    with pytest.raises(UnusableError, match="does not name a file inside SOAK_OUT") as caught:
        locate(out_dir, file, 0)
    assert caught.value.reason == "import_error"


def test_a_link_may_stay_inside_but_not_lead_out(out_dir: Path) -> None:
    link(out_dir / "inside.json", out_dir / "m.json")
    link(out_dir / "outside.json", out_dir.parent / "outside.json")
    link(out_dir / "up", out_dir.parent)
    assert locate(out_dir, "inside.json", 0).name == "m.json"
    for file in ("outside.json", "up/outside.json"):
        with pytest.raises(UnusableError, match="is a link that leads out of SOAK_OUT") as caught:
            locate(out_dir, file, 0)
        assert caught.value.reason == "import_error"


def test_links_that_lead_nowhere(out_dir: Path) -> None:
    link(out_dir / "broken.json", out_dir / "none.json")
    link(out_dir / "loop.json", out_dir / "loop.json")
    with pytest.raises(UnusableError, match="was not written") as broken:
        locate(out_dir, "broken.json", 0)
    assert broken.value.reason == "file_missing"
    with pytest.raises(UnusableError, match="cannot be reached") as loop:
        locate(out_dir, "loop.json", 0)
    assert loop.value.reason == "import_error"


def test_a_name_with_a_zero_byte_is_an_import_error(out_dir: Path) -> None:
    with pytest.raises(UnusableError) as caught:
        locate(out_dir, "m\0.json", 0)
    assert caught.value.reason == "import_error"


def test_a_directory_is_an_import_error(out_dir: Path) -> None:
    with pytest.raises(UnusableError, match="below is a directory, not a file") as caught:
        locate(out_dir, "below", 0)
    assert caught.value.reason == "import_error"


@pytest.mark.skipif(sys.platform == "win32", reason="named pipes in directories exist on POSIX only")
def test_a_pipe_is_refused_without_waiting_for_a_writer(out_dir: Path) -> None:
    os.mkfifo(out_dir / "pipe.json")
    with pytest.raises(UnusableError, match=r"pipe.json is not a regular file") as caught:
        locate(out_dir, "pipe.json", 0)
    assert caught.value.reason == "import_error"


def test_a_link_above_the_results_is_seen_and_another_spelling_is_no_link(out_dir: Path) -> None:
    assert not is_behind_link(out_dir)
    assert not is_behind_link(out_dir / "nowhere" / "m.json")
    assert not is_behind_link(out_dir / "below" / ".." / "m.json")
    link(out_dir.parent / "again", out_dir)
    assert is_behind_link(out_dir.parent / "again")
    assert is_behind_link(out_dir.parent / "again" / "below")
    with pytest.raises(UnusableError, match="SOAK_OUT was replaced by a link") as caught:
        locate(out_dir.parent / "again" / "below", "n.json", 0)
    assert caught.value.reason == "import_error"
