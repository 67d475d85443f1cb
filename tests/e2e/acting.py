"""Plays workflows with nektos/act in host mode.

Nothing is fetched: this repository is played from a copy, every action of somebody else is a stand-in from `stubs`, and
home, caches and artifacts lie in directories of the test.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.e2e.act_log import Job, read_log

import devtools

ROOT = Path(__file__).resolve().parents[2]
STUBS = Path(__file__).resolve().parent / "stubs"
TOOL_CACHE = ROOT / ".cache" / "e2e"  # soak's own dependencies, installed once for each lock
OWN = "org/soak-action@v1"
PINNED = re.compile(r"uses: (actions/[\w-]+)@(\S+)")
LABELS = ("ubuntu-latest", "macos-latest", "windows-latest", "self-hosted")
# Where packages come from is this machine's business; a step that installs must be able to.
SETTINGS = re.compile(r"(PIP|UV)_|SSL_CERT|REQUESTS_CA|.*_proxy$", re.IGNORECASE)
IDENTITY = ("-c", "user.name=Somebody", "-c", "user.email=somebody@example.com")


@dataclass(frozen=True)
class Played:
    """What one call of act came to: its exit code, its jobs by `job_key`, the artifacts by their names."""

    code: int
    jobs: dict[str, Job]
    artifacts: Path
    text: str


def copy_repository(target: Path) -> Path:
    """Copy this repository as it is in the working tree, with `$/` rewritten to the name that others call it by."""
    unwanted = shutil.ignore_patterns(".git", ".cache", ".soak", ".venv", "__pycache__", "*.egg-info", ".coverage*")
    shutil.copytree(ROOT, target, ignore=unwanted)
    for path in (target / ".github").rglob("*.yml"):
        text = path.read_text("utf-8")
        path.write_text(tolerate(re.sub(r"uses: \$/(\S*)", own_reference, text)), "utf-8")
    commit(target)
    return target


def tolerate(workflow: str) -> str:
    """Return a workflow of one job with each step allowed to fail if the job is, which is all that act knows of it."""
    if "\n    continue-on-error: true\n" not in workflow:
        return workflow
    return re.sub(r"^(      - name: .*\n)", r"\1        continue-on-error: true\n", workflow, flags=re.MULTILINE)


def own_reference(found: re.Match[str]) -> str:
    """Return what stands for `uses: $/...` where it is not known."""
    repository, version = OWN.split("@")
    return f"uses: {repository}{'/' if found[1] else ''}{found[1]}@{version}"


def commit(folder: Path) -> None:
    """Make a repository of a folder, with one commit that holds everything."""
    for words in (("init", "-q", "-b", "main"), ("add", "-A"), (*IDENTITY, "commit", "-q", "-m", "All")):
        subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True, env=own_environment(folder))
    address = "https://github.com/somebody/something.git"
    subprocess.run(["git", "remote", "add", "origin", address], cwd=folder, check=True, capture_output=True)


def own_environment(folder: Path) -> dict[str, str]:
    """Return an environment with nothing of this machine's user but where programs and packages come from."""
    kept = {name: value for name, value in os.environ.items() if SETTINGS.match(name)}
    for name in ("pip/pip.conf", "uv/uv.toml"):
        settings = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config", name)
        if settings.exists():
            kept.setdefault(f"{name.partition('/')[0].upper()}_CONFIG_FILE", str(settings))
    home = {"HOME": folder / "home", "XDG_CONFIG_HOME": folder / "home", "XDG_CACHE_HOME": folder / "home" / "cache"}
    return {
        **kept,
        **{name: str(path) for name, path in home.items()},
        "PATH": os.environ.get("PATH", os.defpath),
        "LANG": "C.UTF-8",
        "GIT_CEILING_DIRECTORIES": "/",
        "GIT_CONFIG_NOSYSTEM": "1",
    }


@dataclass(frozen=True)
class Actor:
    """A ready act: the program, the copy of this repository, and a scratch directory."""

    program: Path
    copy: Path
    scratch: Path

    def play(
        self,
        workflow: str,
        repository: Path | None = None,
        *,
        event: str = "workflow_dispatch",
        job: str | None = None,
        inputs: Mapping[str, str] | None = None,
        event_data: Mapping[str, Any] | None = None,
        tool_cache: Path = TOOL_CACHE,
        folder: str = "runner",
        options: Sequence[str] = (),
    ) -> Played:
        """Play a workflow of `repository` (the copy unless told otherwise), named relative to its root.

        `folder` names the directory that holds the workspaces; act gets the `options` as well. All jobs run, one after
        the other.
        """
        base = self.scratch / folder / f"{Path(workflow).stem}-{event}-{job or 'all'}"
        for name in ("home", "artifacts", "cache", "programs"):
            (base / name).mkdir(parents=True)
        tool_cache.mkdir(parents=True, exist_ok=True)
        (base / "cache" / "tool_cache").symlink_to(tool_cache)
        (base / "programs" / "python3").symlink_to(base_python())
        (base / "event.json").write_text(json.dumps({"inputs": dict(inputs or {}), **(event_data or {})}), "utf-8")
        variables = own_environment(base)
        variables["PATH"] = os.pathsep.join([str(base / "programs"), variables["PATH"]])
        variables["E2E_ARTIFACTS"] = str(base / "artifacts")
        words = [
            event,
            "--workflows",
            workflow,
            "--directory",
            repository or self.copy,
            "--eventpath",
            base / "event.json",
        ]
        words += [*(["--job", job] if job else []), *options]
        done = subprocess.run(
            [str(word) for word in (self.program, *words, *self._surroundings(base))],
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=600,
            check=False,
        )
        text = done.stdout.decode("utf-8", "replace")
        (base / "log.jsonl").write_text(text, "utf-8")
        return Played(done.returncode, read_log(text), base / "artifacts", text)

    def _surroundings(self, base: Path) -> Sequence[str | Path]:
        words: list[str | Path] = ["--json", "--rm", "--no-cache-server", "--action-offline-mode"]
        words += ["--action-cache-path", base / "cache", "--concurrent-jobs", "1"]
        for label in LABELS:
            words += ["--platform", f"{label}=-self-hosted"]
        for action, place in self._stand_ins().items():
            words += ["--local-repository", f"{action}={place}"]
        return words

    def _stand_ins(self) -> dict[str, Path]:
        """Return what is played instead of each action that anything here uses; a checkout is act's own business."""
        found: dict[str, Path] = {OWN: self.copy}
        for path in (*self.copy.rglob("*.yml"), *STUBS.parent.rglob("*.yml")):
            for name, version in PINNED.findall(path.read_text("utf-8")):
                stub = STUBS / name.rpartition("/")[2]
                if stub.is_dir():
                    found[f"{name}@{version}"] = stub
        return found


def base_python() -> str:
    """Return the interpreter that stands behind the environment of the tests."""
    return str(getattr(sys, "_base_executable", "") or sys.executable)


def prepare(scratch: Path) -> Actor:
    """Return a ready act, with the copy of this repository that it plays in `scratch`, made by the first who asks.

    Raises devtools.ToolsError that begins with "needs" when this machine cannot have act.
    """
    program, copy = devtools.go_tool("act"), scratch / "copy"
    if not copy.exists():
        copy_repository(scratch / "unfinished").rename(copy)
    return Actor(program, copy, scratch)
