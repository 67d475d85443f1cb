from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import pytest

from soak_action.doctor.sleep import ask_system, examine_sleep
from soak_action.workload.awake import NOT_NEEDED, Awake

POWERCFG = """\
Power Scheme GUID: 381b4222-f694-41f0-9685-ff5bb260df2e  (Balanced)
  Subgroup GUID: 238c9fa8-0aad-41ed-83f4-97be242c8f20  (Sleep)
    Power Setting GUID: 29f6c1db-86da-48c5-9fdb-f2b67b1f44da  (Sleep after)
      GUID Alias: STANDBYIDLE
      Minimum Possible Setting: 0x00000000
      Maximum Possible Setting: 0xffffffff
      Possible Settings increment: 0x00000001
      Possible Settings units: Seconds
    Current AC Power Setting Index: 0x%08x
    Current DC Power Setting Index: 0x00000384
"""
PMSET = """\
System-wide power settings:
Currently in use:
 standby              1
 displaysleep         10
 disksleep            10
 sleep                %d (sleep prevented by powerd)
"""
REFUSED = Awake("failed", "refused")
MASKED, MIXED = "masked\nmasked\nmasked-runtime\nmasked\n", "masked\nstatic\nmasked\nmasked\n"


def answering(**answers: str | None):
    def ask(argv: Sequence[str]) -> str | None:
        return answers.get(argv[0].replace("-", "_"))

    return ask


@pytest.mark.parametrize(
    ("systemd", "answers", "status", "told", "advice"),
    [
        (True, {"systemctl": MASKED}, "ok", "are masked", ""),
        (True, {"systemctl": MIXED}, "warning", "are not masked", "mask them: systemctl mask sleep.target"),
        (
            True,
            {"systemctl": MIXED, "systemd_inhibit": "systemd 255"},
            "warning",
            "are not masked",
            "run systemd-inhibit --what=sleep:idle soak run, or mask them",
        ),
        (True, {"systemctl": ""}, "unknown", "systemctl does not say", "make sure"),
        (True, {}, "unknown", "systemctl does not say", "make sure"),
        (False, {"systemctl": MASKED}, "unknown", "systemd does not run this machine", "make sure"),
    ],
)
def test_linux_sleeps_unless_its_sleep_targets_are_masked(systemd, answers, status, told, advice):
    finding = examine_sleep("linux", answering(**answers), None, systemd=systemd, awake=NOT_NEEDED)
    assert (finding.id, finding.status) == ("sleep", status)
    assert told in finding.sentence
    assert finding.advice.startswith(advice)
    assert bool(finding.advice) == bool(advice)


@pytest.mark.parametrize("system", ["win32", "darwin"])
@pytest.mark.parametrize(
    ("minutes", "run", "status", "told"),
    [
        (0, None, "ok", "never sleeps by itself"),
        (30, 60.0, "ok", "sleeps after 30m without a user, and the run takes about 1m"),
        (30, 1800.0, "problem", "sleeps after 30m without a user, before the run ends"),
        (30, None, "warning", "how long the run takes is not known"),
    ],
)
def test_a_machine_that_sleeps_before_the_run_ends_is_a_problem(system, minutes, run, status, told):
    ask = answering(powercfg=POWERCFG % (minutes * 60), pmset=PMSET % minutes)
    finding = examine_sleep(system, ask, run, systemd=False, awake=REFUSED)
    assert finding.status == status
    assert told in finding.sentence
    assert bool(finding.advice) == (status != "ok")


@pytest.mark.parametrize("system", ["win32", "darwin"])
def test_a_machine_that_soak_keeps_awake_may_be_set_to_sleep(system):
    ask = answering(powercfg=POWERCFG % 60, pmset=PMSET % 1)
    finding = examine_sleep(system, ask, 86400.0, systemd=False, awake=Awake("held"))
    assert (finding.status, finding.advice) == ("ok", "")
    assert "soak keeps this machine awake" in finding.sentence


@pytest.mark.parametrize(
    ("system", "answers"),
    [
        ("win32", {}),
        ("win32", {"powercfg": "Power Scheme GUID: 381b4222"}),
        ("win32", {"powercfg": POWERCFG.rpartition("    Current DC")[0] % 0}),
        ("darwin", {}),
        ("darwin", {"pmset": " displaysleep 10\n"}),
        ("freebsd14", {}),
    ],
)
def test_settings_that_cannot_be_read_are_unknown_and_never_guessed(system, answers):
    finding = examine_sleep(system, answering(**answers), 60.0, systemd=True, awake=REFUSED)
    assert finding.status == "unknown"
    assert finding.advice


def test_a_command_is_asked_whatever_its_exit_code_and_one_that_is_not_there_says_nothing():
    program = "import os, sys; print(os.environ['LC_ALL'], len(sys.stdin.read())); sys.exit(3)"
    assert ask_system([sys.executable, "-c", program], {**os.environ, "LC_ALL": "de"}) == "C 0\n"
    assert ask_system(["no-such-program-of-anybody"], {}) is None
