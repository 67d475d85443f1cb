"""How soak tells people to start it once more."""

from __future__ import annotations

import os

import pytest

from soak_action.commands.run import program_words

PYTHON = "python" if os.name == "nt" else "python3"


@pytest.mark.parametrize(
    ("started", "words"),
    [
        ("/opt/soak/scripts/soak.py", f"{PYTHON} /opt/soak/scripts/soak.py"),
        ("/lib/soak_action/__main__.py", f"{PYTHON} -m soak_action"),
        ("/usr/bin/soak", "soak"),
    ],
)
def test_the_words_are_those_that_it_was_started_with(started: str, words: str) -> None:
    assert program_words(started) == words


def test_a_path_with_blanks_is_one_word() -> None:
    quoted = '"so ak/soak.py"' if os.name == "nt" else "'so ak/soak.py'"
    assert program_words("so ak/soak.py") == f"{PYTHON} {quoted}"
