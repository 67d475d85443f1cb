"""One copy of the repository for all workflows, and each workflow played once, whatever number of tests looks at it."""

from __future__ import annotations

import os
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.e2e import acting

import devtools


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory of this test run that all of its processes share."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@pytest.fixture(scope="session")
def actor(shared: Path) -> acting.Actor:
    """A ready act, with a copy of this repository that all processes of the run share."""
    if os.name == "nt":
        pytest.skip("act's host mode is played on Linux and macOS")
    if not shutil.which("git"):
        pytest.skip("needs git: apt-get install git")
    scratch = shared / "e2e"
    scratch.mkdir(exist_ok=True)
    with devtools.only_one(scratch / "lock"):
        try:
            return acting.prepare(scratch)
        except devtools.ToolsError as error:
            pytest.skip(str(error))


@pytest.fixture(scope="session")
def play(actor: acting.Actor) -> Callable[[str], acting.Played]:
    """Play a workflow of tests/e2e/workflows once, and return what it came to to every test that asks."""

    def played(name: str) -> acting.Played:
        kept = actor.scratch / f"{name}.pickle"
        with devtools.only_one(actor.scratch / f"{name}.lock"):
            if not kept.exists():
                kept.write_bytes(pickle.dumps(actor.play(f"tests/e2e/workflows/{name}.yml")))
        return pickle.loads(kept.read_bytes())

    return played
