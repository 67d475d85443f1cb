"""kill -9 at every step of applying a decision, two appliers at once, full disks: one change, one state, on record."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from tests.conftest import clean_environment, full
from tests.unit.test_files import largest_file

from soak_action import files
from soak_action.errors import SurroundingsError
from soak_action.evidence.ledger import DECISIONS, Chain, Ledger
from soak_action.file_locks import FileLock
from soak_action.stress import EXAMPLE, decide
from soak_action.tuning import parameters
from soak_action.tuning.apply import Applier
from soak_action.tuning.parameters import ParametersFile, state_hash

pytestmark = [
    pytest.mark.skipif(os.name != "posix", reason="kills with SIGKILL, and POSIX limits and modes"),
    pytest.mark.timeout(600),
]

GENESIS = "0" * 64
BEFORE = {parameter.name: parameter.initial for parameter in EXAMPLE.values}
DECISION = decide(EXAMPLE, BEFORE)
AFTER = {**BEFORE, "pool.size": 75}

# Takes up the work in a directory, applies the decision so many times and tells what it saw; kills itself at the step
# with that number. Without the lock it comes back to try again.
APPLIER = """
import os, signal, sys, time
from pathlib import Path
from soak_action import files
from soak_action.evidence.ledger import Chain, Ledger
from soak_action.file_locks import FileLock, LockedError
from soak_action.stress import EXAMPLE, decide
from soak_action.tuning.apply import Applier
from soak_action.tuning.parameters import ParametersFile

folder, times, fatal, seen = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), []
def reach(step):
    seen.append(step)
    if len(seen) == fatal:
        os.kill(os.getpid(), signal.SIGKILL)
files.observe(reach)
decision = decide(EXAMPLE, {parameter.name: parameter.initial for parameter in EXAMPLE.values})

def work():
    chain = Chain(folder / "run", "0" * 64)
    assert not list(chain.records()) and not chain.problems
    file = ParametersFile(folder / "soak.params.json", EXAMPLE)
    with Ledger(folder / "run", chain.head) as ledger:
        applier = Applier(file, ledger, folder / "run", 1, chain.pending_decisions)
        for _ in range(times):
            applier.apply(decision)

refused = 0
while True:
    try:
        with FileLock(folder / "soak.params.json", f"pid {os.getpid()}"):
            work()
        break
    except LockedError as error:
        assert "soak.params.json is in use: held by pid " in str(error), error
        refused += 1
        time.sleep(0.01)
print(refused, *seen)
"""


def environment() -> dict[str, str]:
    # A killed process leaves a broken measurement behind, so none is taken of it.
    return {name: value for name, value in clean_environment().items() if not name.startswith("COVERAGE")}


def start(folder: Path, times: int, fatal: int = 0) -> subprocess.Popen[str]:
    words = [sys.executable, "-c", APPLIER, str(folder), str(times), str(fatal)]
    return subprocess.Popen(words, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def steps_of(process: subprocess.Popen[str]) -> list[str]:
    """Wait for an applier that gets to its end and return the steps that it told."""
    out, err = process.communicate(timeout=300)
    assert (process.returncode, err) == (0, "")
    return out.split()[1:]


class Place:
    """A folder with a parameters file and the directory of a run."""

    def __init__(self, folder: Path, form: bytes | None = None) -> None:
        self.folder = folder
        self.run = folder / "run"
        self.run.mkdir(parents=True)
        self.path = folder / "soak.params.json"
        self.file = ParametersFile(self.path, EXAMPLE)
        if form is None:
            self.file.create(BEFORE)
        else:
            self.path.write_bytes(form)

    def state(self) -> tuple[bytes, int, int]:
        status = self.path.stat()
        return self.path.read_bytes(), status.st_mtime_ns, status.st_ino

    def records(self) -> list[dict[str, object]]:
        """The decisions on record, having checked that their chain is whole but for a last line that was cut off."""
        chain = Chain(self.run, GENESIS)
        assert list(chain.records()) == []
        assert chain.problems == []
        return [dict(record) for record in chain.pending_decisions]

    def check_applied_once(self, times: int) -> None:
        """Assert that file, snapshot and records tell of one change, and of nothing but repetitions besides."""
        records = self.records()
        assert [record["outcome"] for record in records] == ["applied", *["no_op"] * (times - 1)]
        assert {record["reason"] for record in records[1:]} <= {"already_applied"}
        assert {record["state_hash_after"] for record in records} == {DECISION.state_hash_after}
        assert self.file.read().values == AFTER
        snapshot = ParametersFile(self.run / "params.json", EXAMPLE).read()
        assert state_hash(snapshot.values) == DECISION.state_hash_after == state_hash(AFTER)


def test_every_step_of_the_protocol_is_named_and_in_order(tmp_path):
    steps = steps_of(start(Place(tmp_path / "a").folder, 1))
    atomic = [step for step in files.STEPS if step.startswith("atomic:")]
    append = [step for step in files.STEPS if step.startswith("append:")]
    assert steps == [
        *(*atomic, "params:snapshot"),
        *(*append, "params:decided"),
        *(*atomic, "params:read-back"),
        *(*atomic, "params:snapshot"),
    ]
    assert set(parameters.STEPS) < set(steps)


@pytest.mark.parametrize("form", [None, b'{"pool": {"idle_ratio": 1e-1}, "pool.size": 70.0}'], ids=["new", "own"])
def test_a_kill_at_every_step_and_a_hundred_applications_make_one_change(tmp_path, form):
    steps = steps_of(start(Place(tmp_path / "whole", form).folder, 1))
    counted = Counter()
    for fatal in range(1, len(steps) + 1):
        place = Place(tmp_path / str(fatal), form)
        killed = start(place.folder, 1, fatal)
        killed.communicate(timeout=300)
        assert killed.returncode == -signal.SIGKILL
        # Old or new, and never anything between.
        assert place.file.read().values in (BEFORE, AFTER)
        recorded = len(place.records())
        assert recorded == (steps[:fatal].count("append:written") > 0)
        if not recorded:
            assert place.file.read().values == BEFORE
        # The first of the hundred is the application, or already a repetition of what was on record.
        steps_of(start(place.folder, 1))
        first = place.state()
        place.check_applied_once(recorded + 1)
        steps_again = steps_of(start(place.folder, 99))
        place.check_applied_once(recorded + 100)
        assert set(steps_again) == {"append:written", "append:synced"}
        assert place.state() == first
        counted[recorded] += 1
        # Lock and half-written file of the killed one are gone, too: git would count them as changes.
        assert {path.name for path in place.folder.iterdir()} == {"run", "soak.params.json"}
    # Before the record the application itself is lost, from then on it is made up for.
    assert counted == {False: 6, True: len(steps) - 6}


def test_a_hundred_applications_are_one_change_and_99_without_effect(tmp_path):
    place = Place(tmp_path / "with space" / "ünïcödé 日本")
    steps_of(start(place.folder, 1))
    first = place.state()
    os.utime(place.path, ns=(10**9, 10**9))
    steps_of(start(place.folder, 99))
    place.check_applied_once(100)
    assert place.state() == (first[0], 10**9, first[2])


def test_a_record_that_was_cut_off_was_never_applied(tmp_path):
    place = Place(tmp_path / "a")
    steps_of(start(place.folder, 1))
    whole = (place.run / DECISIONS).read_bytes()
    for length in range(1, len(whole), full(1, 97)):
        cut = Place(tmp_path / str(length))
        (cut.run / DECISIONS).write_bytes(whole[:length])
        steps_of(start(cut.folder, 2))
        cut.check_applied_once(2)
        assert (cut.run / f"{DECISIONS}.torn-1").read_bytes() == whole[:length]


def test_two_appliers_at_once_are_one_after_the_other(tmp_path):
    place = Place(tmp_path / "a")
    times = full(100, 20)
    appliers = [start(place.folder, times) for _ in range(2)]
    steps = [steps_of(applier) for applier in appliers]
    place.check_applied_once(2 * times)
    assert sorted(told.count("params:decided") for told in steps) == [0, 1]
    assert not place.path.with_name("soak.params.json.lock").exists()


def test_an_applier_whose_file_is_held_waits_for_the_lock(tmp_path):
    place = Place(tmp_path / "a")
    with FileLock(place.path, "pid 0"):
        waiting = start(place.folder, 1)
        with pytest.raises(subprocess.TimeoutExpired):
            waiting.communicate(timeout=1)
        assert place.file.read().values == BEFORE
        assert place.records() == []
    steps_of(waiting)
    place.check_applied_once(1)


# Surroundings that fail


@contextmanager
def applier_of(place: Place) -> Iterator[Applier]:
    """The applier of a place, in this process."""
    with Ledger(place.run, GENESIS) as ledger:
        yield Applier(place.file, ledger, place.run, 1)


def test_a_disk_that_is_full_before_the_record_changes_nothing(tmp_path):
    place = Place(tmp_path / "a")
    before = place.state()
    refused = pytest.raises(SurroundingsError, match=r"^cannot append to .*: the file would be larger|the disk is prob")
    with applier_of(place) as applier, largest_file(100), refused:
        applier.apply(DECISION)
    assert (place.records(), place.state()) == ([], before)
    steps_of(start(place.folder, 100))
    place.check_applied_once(100)


def test_a_disk_that_is_full_after_the_record_is_made_up_for(tmp_path):
    place = Place(tmp_path / "a")
    before = place.state()
    with applier_of(place) as applier, ExitStack() as stack:

        def fill(step: str) -> None:
            if step == "params:decided":
                stack.enter_context(largest_file(0))

        stack.callback(files.observe(fill))
        with pytest.raises(SurroundingsError, match=r"^cannot write .*: the file would be larger"):
            applier.apply(DECISION)
    assert place.state() == before
    assert {path.name for path in place.folder.iterdir()} == {"run", "soak.params.json"}
    assert [record["outcome"] for record in place.records()] == ["applied"]
    steps_of(start(place.folder, 99))
    place.check_applied_once(100)


@pytest.mark.skipif(sys.platform != "linux", reason="/dev/full")
def test_a_ledger_on_a_full_device_changes_nothing(tmp_path):
    place = Place(tmp_path / "a")
    before = place.state()
    (place.run / DECISIONS).symlink_to("/dev/full")
    with pytest.raises(SurroundingsError), Ledger(place.run, GENESIS) as ledger:
        Applier(place.file, ledger, place.run, 1).apply(DECISION)
    assert place.state() == before


# Permissions do not bind root, so a child of root becomes nobody, once everything that it needs is loaded.
NOBODY = """
from soak_action import canonical
canonical.digest({"a": 1})
if os.geteuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
"""


def as_nobody(folder: Path, times: int) -> tuple[str, bool]:
    """Apply the decision as somebody whom permissions bind; return the last line said, and whether it went."""
    prepared, _, rest = APPLIER.partition("folder, times")
    words = [sys.executable, "-c", f"{prepared}{NOBODY}folder, times{rest}", str(folder), str(times), "0"]
    done = subprocess.run(words, env=environment(), capture_output=True, text=True, check=False, timeout=300)
    return (done.stderr or done.stdout).splitlines()[-1], done.returncode == 0


def open_up(place: Place) -> None:
    for path in (place.folder, *place.folder.rglob("*")):
        path.chmod(0o777 if path.is_dir() else 0o666)


@pytest.mark.parametrize(
    ("harmed", "mode", "recorded"),
    [("soak.params.json", 0o444, 1), (".", 0o555, 0), ("soak.params.json", 0, 0), ("run", 0o555, 0)],
)
def test_what_is_not_permitted_is_told_and_goes_on_once_it_is(harmed, mode, recorded):
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)
        place = Place(Path(folder) / "a")
        open_up(place)
        before = place.state()
        (place.folder / harmed).chmod(mode)
        said, went = as_nobody(place.folder, 1)
        open_up(place)
        assert not went
        assert said.startswith("soak_action.errors.SurroundingsError: cannot ")
        assert said.endswith("permission is missing; check its owner and mode")
        assert (place.state(), len(place.records())) == (before, recorded)
        said, went = as_nobody(place.folder, 100)
        assert went, said
        place.check_applied_once(recorded + 100)


def test_the_command_line_proves_the_same(soak):
    done = soak("stress", "--apply", "100", "--json")
    assert done.code == 0
    hashes = [DECISION.state_hash_after]
    assert done.json == {"applied": 1, "no_op": 99, "state_hashes": hashes, "file_unchanged": True}
