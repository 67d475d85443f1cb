"""What kind of host a run was measured on, and which source tree it tested."""

from __future__ import annotations

import hashlib
import os
import platform
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from soak_action import canonical
from soak_action.canonical import storable_text

_WORKFLOW_VARIABLES = {
    "repository": "GITHUB_REPOSITORY",
    "run_id": "GITHUB_RUN_ID",
    "run_attempt": "GITHUB_RUN_ATTEMPT",
    "workflow_ref": "GITHUB_WORKFLOW_REF",
    "event": "GITHUB_EVENT_NAME",
    "job": "GITHUB_JOB",
    "ref": "GITHUB_REF",
    "sha": "GITHUB_SHA",
}
_GIT_TIMEOUT_SECONDS = 30
_COMMIT = re.compile("[0-9a-f]{40}|[0-9a-f]{64}")


@dataclass(frozen=True)
class SourceTree:
    """The commit under test; all None outside a git repository."""

    commit: str | None
    dirty: bool | None


def host(environ: Mapping[str, str]) -> dict[str, str | int | None]:
    """Return the facts that make two hosts comparable: system, processor, memory in MiB, interpreter, runner image."""
    return {
        "system": platform.system(),
        "release": platform.release(),
        "machine": platform.machine(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_mib": _memory_mib(),
        "python": platform.python_version(),
        "runner_image": storable_text(environ["ImageOS"]) if "ImageOS" in environ else None,
    }


def workflow(environ: Mapping[str, str]) -> dict[str, str]:
    """Return what GitHub says about the workflow run; empty outside of GitHub Actions."""
    known = _WORKFLOW_VARIABLES.items()
    return {name: storable_text(environ[variable]) for name, variable in known if environ.get(variable)}


def source_tree(directory: Path, without: Iterable[Path] = ()) -> SourceTree:
    """Return the commit that is checked out at `directory`, and whether tracked or new files differ from it.

    The files and folders `without`, such as the one where runs are kept, are no part of it.
    """
    command = ["git", "-C", str(directory), "status", "--porcelain=v2", "--branch", "--untracked-files=normal"]
    apart = [path for path in without if path != directory and path.is_relative_to(directory)]
    if apart:
        command += ["--", ":/", *(f":(exclude,literal){path.relative_to(directory).as_posix()}" for path in apart)]
    try:
        done = subprocess.run(command, capture_output=True, timeout=_GIT_TIMEOUT_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return SourceTree(None, None)
    if done.returncode != 0:
        return SourceTree(None, None)
    lines = done.stdout.decode(errors="replace").splitlines()
    commits = [line.split()[2] for line in lines if line.startswith("# branch.oid ")]
    if not commits or commits[0] == "(initial)":
        return SourceTree(None, None)
    return SourceTree(commits[0], any(not line.startswith("#") for line in lines))


def head_commit(environ: Mapping[str, str]) -> str | None:
    """Return the head commit of the pull request that a workflow runs for; None for other events and elsewhere.

    What such a workflow checks out is a merge of that commit, which the branch under test does not know.
    """
    try:
        event = canonical.parse(Path(environ["GITHUB_EVENT_PATH"]).read_bytes(), "the event")
        commit = event["pull_request"]["head"]["sha"]
    except (KeyError, TypeError, OSError, canonical.CanonicalError):
        return None
    return commit if isinstance(commit, str) and _COMMIT.fullmatch(commit) else None


def git_blob(content: bytes) -> str:
    """Return the name that git gives to a file with this content (SHA-1 object format)."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:  # pragma: platform - only Linux has /proc/cpuinfo
        pass
    return platform.processor()


def _memory_mib() -> int:
    if sys.platform == "win32":  # pragma: platform - Windows has no sysconf
        import psutil

        return int(psutil.virtual_memory().total) // 2**20
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
