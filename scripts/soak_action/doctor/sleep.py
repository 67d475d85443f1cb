"""Whether the machine may fall asleep during the soak, as far as its settings can be read."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Mapping, Sequence

from soak_action.doctor.finding import Finding
from soak_action.units import format_duration
from soak_action.workload.awake import Awake

Ask = Callable[[Sequence[str]], str | None]

_TARGETS = ("sleep.target", "suspend.target", "hibernate.target", "hybrid-sleep.target")
_POWERCFG = ("powercfg", "/query", "SCHEME_CURRENT", "SUB_SLEEP", "STANDBYIDLE")
_INDEXES = re.compile(r"0x([0-9a-fA-F]{8})\s")
_PMSET = re.compile(r"^\s*sleep\s+([0-9]{1,9})\b", re.MULTILINE)
_PATIENCE_SECONDS = 20.0


def examine_sleep(system: str, ask: Ask, run_seconds: float | None, *, systemd: bool, awake: Awake) -> Finding:
    """Judge the sleep settings of `system` (sys.platform) by what `ask` returns for a command's standard output.

    `run_seconds` is how long the run takes, None when that is unknown; `systemd` tells whether it runs the machine,
    `awake` what came of a try to keep the machine awake. Where that holds, no setting matters.
    """
    if awake.state == "held":
        return Finding("sleep", "ok", "soak keeps this machine awake for as long as it runs")
    if system == "linux":
        return _linux(ask, systemd=systemd)
    if system == "win32":
        return _windows(ask, run_seconds)
    if system == "darwin":
        return _macos(ask, run_seconds)
    return _unknown(f"soak cannot read the sleep settings of {system}")


def ask_system(argv: Sequence[str], environ: Mapping[str, str]) -> str | None:
    """Return what a command prints, whatever its exit code says; None when it cannot be run."""
    try:
        done = subprocess.run(
            argv,
            env={**environ, "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PATIENCE_SECONDS,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.decode("utf-8", "replace").replace(os.linesep, "\n")


def _linux(ask: Ask, *, systemd: bool) -> Finding:
    if not systemd:
        return _unknown("systemd does not run this machine, and soak cannot read what else may send it to sleep")
    states = (ask(["systemctl", "is-enabled", *_TARGETS]) or "").split()
    if len(states) != len(_TARGETS):
        return _unknown("systemctl does not say whether the sleep targets are masked")
    if all(state.startswith("masked") for state in states):
        return Finding("sleep", "ok", "the sleep targets of systemd are masked")
    advice = f"mask them: systemctl mask {' '.join(_TARGETS)}"
    if ask(["systemd-inhibit", "--version"]):
        advice = f"run systemd-inhibit --what=sleep:idle soak run, or {advice}"
    return Finding(
        "sleep", "warning", "systemd may send this machine to sleep: its sleep targets are not masked", advice
    )


def _windows(ask: Ask, run_seconds: float | None) -> Finding:
    # In every language: smallest, largest and step, then what is in force on mains and on battery.
    indexes = _INDEXES.findall(f"{ask(_POWERCFG) or ''}\n")
    if len(indexes) != 5:
        return _unknown("powercfg does not say when this machine sleeps")
    return _idle(int(indexes[3], 16), run_seconds, "powercfg /change standby-timeout-ac 0")


def _macos(ask: Ask, run_seconds: float | None) -> Finding:
    found = _PMSET.search(ask(("pmset", "-g")) or "")
    if found is None:
        return _unknown("pmset does not say when this machine sleeps")
    return _idle(int(found[1]) * 60, run_seconds, "caffeinate -i soak run")


def _idle(after: int, run_seconds: float | None, command: str) -> Finding:
    if after == 0:
        return Finding("sleep", "ok", "this machine never sleeps by itself")
    told = f"this machine sleeps after {format_duration(after)} without a user"
    if run_seconds is None:
        return Finding("sleep", "warning", f"{told}, and how long the run takes is not known", f"run {command}")
    if run_seconds < after:
        return Finding("sleep", "ok", f"{told}, and the run takes about {format_duration(round(run_seconds, 1))}")
    return Finding("sleep", "problem", f"{told}, before the run ends", f"run {command}")


def _unknown(told: str) -> Finding:
    return Finding("sleep", "unknown", told, "make sure that it stays awake for as long as the soak takes")
