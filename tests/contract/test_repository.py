"""What holds for every file of the repository, whatever is in it."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# Written so that this file does not find itself.
UNFINISHED = re.compile(r"\b(TOD[O]|FIXM[E]|XX[X])\b")
MACHINE_PATH = re.compile(r"(?<![\w.~$}])/(hom[e]|User[s]|roo[t]|wor[k])/\w")


def joined(text: str) -> str:
    return text.replace("|", "")


def repository_files() -> list[Path]:
    """Return all files that are tracked or would be; without git, or outside a clone, there is nothing to go by."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, encoding="utf-8").stdout
    except FileNotFoundError:
        pytest.skip("needs git: apt-get install git")
    except subprocess.CalledProcessError:
        pytest.skip("this is not a clone")
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def lines_with(pattern: re.Pattern[str]) -> list[str]:
    found = []
    for path in repository_files():
        content = path.read_bytes()
        if b"\0" not in content:
            for number, line in enumerate(content.decode("utf-8", "replace").splitlines(), 1):
                if pattern.search(line):
                    found.append(f"{path.relative_to(ROOT).as_posix()}:{number}: {line.strip()}")
    return found


def test_nothing_is_left_for_later() -> None:
    assert lines_with(UNFINISHED) == []


def test_no_file_knows_the_machine_it_was_written_on() -> None:
    assert lines_with(MACHINE_PATH) == []


@pytest.mark.parametrize("text", ["# TO|DO: later", "FIX|ME", "a X|XX b"])
def test_unfinished_work_is_recognised(text: str) -> None:
    assert UNFINISHED.search(joined(text))


@pytest.mark.parametrize("text", ["/ho|me/me/soak", "path=/ro|ot/x", "'/Us|ers/me'"])
def test_a_path_of_a_machine_is_recognised(text: str) -> None:
    assert MACHINE_PATH.search(joined(text))


@pytest.mark.parametrize("text", ["$HO|ME/x", "~/wo|rk/x", "docs/ho|me/page", "https://example.org/ho|me/"])
def test_other_paths_are_left_alone(text: str) -> None:
    assert not MACHINE_PATH.search(joined(text))


def test_files_end_their_lines_as_the_editor_settings_say() -> None:
    text_files = [
        path for path in repository_files() if path.suffix in {".py", ".md", ".toml", ".json", ".yaml", ".yml", ".txt"}
    ]
    assert text_files
    ends = {path.relative_to(ROOT).as_posix(): path.read_bytes() for path in text_files}
    assert [name for name, content in ends.items() if b"\r" in content or (content and content[-1:] != b"\n")] == []


def test_the_licence_is_mit() -> None:
    text = " ".join((ROOT / "LICENSE").read_text("utf-8").split())
    assert text.startswith("MIT License Copyright (c) ")
    assert "Permission is hereby granted, free of charge, to any person obtaining a copy" in text
    assert 'THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND' in text
