"""What every benchmark is given: a scratch directory, how much to do, and how to call soak."""

from __future__ import annotations

import importlib.util
import os
import sys
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Literal, TypeVar

from measuring import NeededError, run_quietly

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
LAUNCHER = SCRIPTS / "soak.py"
LOCK = SCRIPTS / "requirements.lock"
Choice = TypeVar("Choice")
Amount = Literal["quick", "usual", "full"]
FOREIGN = ("SOAK_", "GITHUB_", "RUNNER_", "INPUT_", "GIT_", "COVERAGE_", "PYTHONDONTWRITEBYTECODE", "PYTHONPATH")


@dataclass(frozen=True)
class Bench:
    """One call of the benchmarks."""

    scratch: Path
    amount: Amount
    turns: int | None

    def of(self, quick: Choice, usual: Choice, full: Choice) -> Choice:
        """Choose by how much is to be done."""
        return {"quick": quick, "usual": usual, "full": full}[self.amount]

    def folder(self, name: str) -> Path:
        """Return a new, empty directory."""
        return Path(tempfile.mkdtemp(prefix=f"{name}-", dir=self.scratch))

    def environ(self, **more: str) -> dict[str, str]:
        """Return this process's environment without what would steer soak.

        Compiled modules go to the scratch directory: the first call warms up, and the others are warm even where the
        checkout cannot be written.
        """
        kept = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
        return {**kept, "PYTHONPYCACHEPREFIX": str(self.scratch / "compiled"), **more}

    def module_environ(self) -> dict[str, str]:
        """Return the environment in which ``python -m soak_action`` finds the package and its dependencies."""
        return self.environ(PYTHONPATH=os.pathsep.join([str(SCRIPTS), *_site_of_the_launcher()]))

    def module(self, *words: str | Path) -> list[str | Path]:
        """Return the command of soak as an installed package is called."""
        return [sys.executable, "-m", "soak_action", *words]

    def launcher(self, *words: str | Path, scripts: Path = SCRIPTS) -> list[str | Path]:
        """Return the command of soak as a checkout or the action is called."""
        return [sys.executable, scripts / "soak.py", *words]

    def ready_launcher(self) -> None:
        """Have the launcher install the dependencies unless it has them. Raises NeededError when it cannot."""
        try:
            run_quietly(self.launcher("--version"), self.scratch, self.environ())
        except RuntimeError as error:
            raise NeededError(f"needs the locked dependencies: {error}") from None


def make_package_importable() -> None:
    """Let this process import soak_action and its dependencies. Raises NeededError when they cannot be had."""
    for place in (str(SCRIPTS), *_site_of_the_launcher()):
        if place not in sys.path:
            sys.path.insert(0, place)


def launcher_module() -> ModuleType:
    """Return scripts/soak.py as a module."""
    spec = importlib.util.spec_from_file_location("soak_launcher", LAUNCHER)
    if spec is None or spec.loader is None:
        raise NeededError(f"needs {LAUNCHER}")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@cache
def _site_of_the_launcher() -> list[str]:
    """Return where the dependencies are that this interpreter lacked at first; later it may have been given them."""
    if importlib.util.find_spec("jsonschema") and importlib.util.find_spec("rfc8785"):
        return []
    launcher = launcher_module()
    try:
        return [launcher.provide_site(str(LOCK), dict(os.environ), str(Path.home()))]
    except (launcher.CannotInstallError, OSError) as error:
        raise NeededError(f"needs the locked dependencies: {error}") from None
