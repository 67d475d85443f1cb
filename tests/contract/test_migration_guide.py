"""What the guide to migration shows is what really happens."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

from tests.conftest import clean_environment

GUIDE = (Path(__file__).resolve().parents[2] / "docs" / "guide" / "migration.md").read_text("utf-8")
FILE = re.compile(r"^`([^`\n]+)`:\n\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CONSOLE = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LEFT_OUT = re.escape("...\n")


def test_the_guide_to_migration_shows_what_really_happens(tmp_path: Path) -> None:
    for name, content in FILE.findall(GUIDE):
        (tmp_path / name).write_bytes(content.encode())
    replayed = 0
    for block in CONSOLE.findall(GUIDE):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, shown = part.partition("\n")
            words = shlex.split(command)
            assert words[0] == "soak"
            done = subprocess.run(
                [sys.executable, "-m", "soak_action", *words[1:]],
                cwd=tmp_path,
                env=clean_environment(),
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                encoding="utf-8",
                check=False,
            )
            pattern = re.escape(shown).replace(LEFT_OUT, "(?s:.*)")
            assert re.fullmatch(pattern, done.stdout), done.stdout
            replayed += 1
    assert replayed == 4
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == sorted(
        name for name, _ in FILE.findall(GUIDE)
    )
