"""Writes that survive a kill at every step, full disks and busy files."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import soak_action
from soak_action import files
from soak_action.errors import EvidenceError, ExitCode, SurroundingsError
from soak_action.files import DirectoryLock, LineWriter, read_lines, write_atomic

SCRIPTS = str(Path(soak_action.__file__).parents[1])
posix = pytest.mark.skipif(os.name != "posix", reason="POSIX modes, links, limits and signals")

PRELUDE = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from soak_action import files
path, fatal = Path(sys.argv[2]), sys.argv[3]
def kill(name):
    if name == fatal:
        os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))
files.observe(kill)
"""


def in_child(body: str, path: Path, fatal: str = "") -> subprocess.CompletedProcess[str]:
    """Run `body` in a new interpreter that kills itself at the step `fatal`."""
    return subprocess.run(
        [sys.executable, "-c", PRELUDE + body, SCRIPTS, str(path), fatal],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env=unmeasured(),
    )


def unmeasured() -> dict[str, str]:
    """An environment in which coverage does not start: a killed process would leave broken data behind."""
    return {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}


def names(directory: Path) -> list[str]:
    """The names in a directory, hidden ones too."""
    return sorted(entry.name for entry in directory.iterdir())


@contextlib.contextmanager
def largest_file(size: int) -> Iterator[None]:
    """The system refuses writes beyond `size` bytes of any file, as it does on a full disk."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.fixture
def steps() -> Iterator[list[str]]:
    """The names of the steps that this process takes during a test."""
    seen: list[str] = []
    end = files.observe(seen.append)
    yield seen
    end()


def steps_of(protocol: str) -> list[str]:
    """The named steps of one protocol, in order."""
    return [name for name in files.STEPS if name.startswith(f"{protocol}:")]


# Atomic writes


def test_an_atomic_write_replaces_the_whole_content(tmp_path: Path, steps: list[str]) -> None:
    path = tmp_path / "a.json"
    for data in (b"old content, longer", b"new\r\n\x00", b""):
        write_atomic(path, data)
        assert path.read_bytes() == data
    assert names(tmp_path) == ["a.json"]
    assert steps == steps_of("atomic") * 3


@pytest.mark.parametrize("fatal", steps_of("atomic"))
@pytest.mark.parametrize("old", [b"old", None])
def test_a_kill_during_an_atomic_write_leaves_old_or_new(fatal: str, old: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    if old is not None:
        path.write_bytes(old)
    child = in_child('files.write_atomic(path, b"new" * 100_000)', path, fatal)
    assert child.returncode != 0
    assert child.stderr == ""
    new = b"new" * 100_000
    renamed = fatal in ("atomic:renamed", "atomic:directory-synced")
    assert (path.read_bytes() if path.exists() else None) == (new if renamed else old)
    left = [name for name in names(tmp_path) if name != "a.json"]
    assert len(left) == (0 if renamed else 1)
    assert all(files.is_temporary(name) for name in left)
    assert not files.is_temporary("a.json")
    write_atomic(path, b"again")
    assert path.read_bytes() == b"again"


@posix
@pytest.mark.parametrize("mode", [0o600, 0o644, 0o755])
def test_an_atomic_write_keeps_the_mode(mode: int, tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")
    path.chmod(mode)
    write_atomic(path, b"new")
    assert stat.S_IMODE(path.stat().st_mode) == mode


@posix
def test_an_atomic_write_goes_through_a_symbolic_link(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "there" / "a")
    write_atomic(link, b"new")
    assert link.is_symlink()
    assert (tmp_path / "there" / "a").read_bytes() == b"new"
    assert names(tmp_path / "there") == ["a"]


class BusyFile:
    """os.replace on a system where another program holds the target for a while."""

    def __init__(self, refusals: int, winerror: int | None) -> None:
        self.refusals = refusals
        self.winerror = winerror
        self.waits: list[float] = []

    def replace(self, source: Path, target: Path) -> None:
        """Refuse as often as told, then rename."""
        if self.refusals:
            self.refusals -= 1
            error: Any = PermissionError(errno.EACCES, "Access is denied")
            error.winerror = self.winerror
            raise error
        source.replace(target)


@pytest.mark.parametrize("winerror", sorted(files.BUSY))
def test_a_busy_file_is_waited_for(winerror: int, tmp_path: Path) -> None:
    busy = BusyFile(refusals=8, winerror=winerror)
    write_atomic(tmp_path / "a", b"new", replace=busy.replace, sleep=busy.waits.append)
    assert (tmp_path / "a").read_bytes() == b"new"
    assert sum(busy.waits) == pytest.approx(2.55)
    assert names(tmp_path) == ["a"]


def test_a_file_that_stays_busy_keeps_the_new_content_aside(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")
    busy = BusyFile(refusals=100, winerror=32)
    with pytest.raises(SurroundingsError, match="another program holds it open; the new content is kept in") as caught:
        write_atomic(path, b"new", replace=busy.replace, sleep=busy.waits.append)
    assert path.read_bytes() == b"old"
    assert Path(str(caught.value).rpartition(" ")[2]).read_bytes() == b"new"


@pytest.mark.parametrize("winerror", [None, 19])
def test_another_refusal_is_not_waited_for(winerror: int | None, tmp_path: Path) -> None:
    busy = BusyFile(refusals=1, winerror=winerror)
    with pytest.raises(SurroundingsError, match="permission is missing"):
        write_atomic(tmp_path / "a", b"new", replace=busy.replace, sleep=busy.waits.append)
    assert busy.waits == []
    assert names(tmp_path) == []


def test_what_a_killed_write_left_under_a_given_name_is_removed_by_the_next(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"old")
    for fatal in ("atomic:written", "atomic:created"):
        child = in_child("files.write_atomic(path, b'lost' * 9, aside='a.new')", tmp_path / "a", fatal)
        assert child.returncode < 0 or os.name == "nt"
        assert names(tmp_path) == ["a", "a.new"]
        assert (tmp_path / "a").read_bytes() == b"old"
    write_atomic(tmp_path / "a", b"new", aside="a.new")
    assert names(tmp_path) == ["a"]
    assert (tmp_path / "a").read_bytes() == b"new"


def test_an_interrupted_atomic_write_leaves_nothing(tmp_path: Path) -> None:
    def interrupt(source: Path, target: Path) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_atomic(tmp_path / "a", b"new", replace=interrupt)
    assert names(tmp_path) == []


@posix
def test_an_atomic_write_beyond_the_size_limit_keeps_the_old_content(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")
    with largest_file(1000), pytest.raises(SurroundingsError, match="the file would be larger than the system allows"):
        write_atomic(path, b"new" * 1000)
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["a"]


# Failures of the surroundings, on real paths


def writes(path: Path) -> None:
    """An atomic write that has nothing to say."""
    write_atomic(path, b"x")


def locks(path: Path) -> None:
    """A lock that nobody disputes."""
    with DirectoryLock(path, "me"):
        pass


@pytest.mark.parametrize(
    "act",
    [
        writes,
        LineWriter,
        files.make_directory,
        files.digest_of_file,
        lambda path: DirectoryLock(path, "me").__enter__(),
    ],
)
def test_a_path_below_a_file_is_explained(act: Callable[[Path], object], tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises((SurroundingsError, EvidenceError)) as caught:
        act(tmp_path / "file" / "below")
    if os.name == "posix":
        assert str(caught.value).endswith("below: something above it is a file, not a directory")
        assert caught.value.exit_code == ExitCode.SURROUNDINGS


@pytest.mark.parametrize("act", [writes, LineWriter])
def test_a_missing_directory_is_explained(act: Callable[[Path], object], tmp_path: Path) -> None:
    with pytest.raises(SurroundingsError, match=r"absent.a: it, or a directory above it, does not exist"):
        act(tmp_path / "absent" / "a")


@pytest.mark.parametrize("act", [writes, LineWriter, files.make_directory])
def test_a_name_that_is_too_long_is_explained(act: Callable[[Path], object], tmp_path: Path) -> None:
    with pytest.raises(SurroundingsError, match=r"^cannot \w+ "):
        act(tmp_path / ("n" * 300))
    assert names(tmp_path) == []


def test_a_directory_cannot_be_written_as_a_file(tmp_path: Path) -> None:
    with pytest.raises(SurroundingsError, match=r"^cannot write "):
        write_atomic(tmp_path, b"x")


@posix
@pytest.mark.parametrize("act", ["write_atomic(path, b'')", "LineWriter(path)", "make_directory(path)"])
def test_a_missing_permission_is_explained(act: str, tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0)
    # Permissions do not bind root, so a child of root becomes nobody first.
    child = in_child(
        "if os.geteuid() == 0: os.setuid(65534)\n"
        f"try: files.{act}\n"
        "except files.SurroundingsError as error: print(error)",
        closed / "a",
    )
    closed.chmod(0o700)
    assert child.stdout.endswith("a: permission is missing; check its owner and mode\n")
    assert names(closed) == []


@pytest.mark.skipif(sys.platform != "linux", reason="/proc and /dev/full")
def test_a_file_system_that_refuses_is_explained() -> None:
    for act in (writes, LineWriter):
        with pytest.raises(SurroundingsError, match=r"^cannot (write|open) /proc/soak: "):
            act(Path("/proc/soak"))


def test_directories_are_made_once_and_all(tmp_path: Path) -> None:
    for _ in range(2):
        files.make_directory(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(SurroundingsError, match="something that is not a directory already has that name"):
        files.make_directory(tmp_path / "file")


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (errno.ENOSPC, "cannot write x: the disk is full; free some space or choose another directory"),
        (errno.EROFS, "cannot write x: the file system is read-only; choose another directory"),
        (errno.ENAMETOOLONG, "cannot write x: the name is too long for this system"),
        (errno.ECHILD, f"cannot write x: {os.strerror(errno.ECHILD)}"),
    ],
)
def test_the_surroundings_are_put_into_words(code: int, text: str) -> None:
    assert str(files.surroundings(OSError(code, os.strerror(code)), "write x")) == text


def test_an_error_without_a_number_is_put_into_words() -> None:
    assert str(files.surroundings(OSError("odd"), "write x")) == "cannot write x: odd"


# Appended lines


def test_appended_lines_are_read_back(tmp_path: Path, steps: list[str]) -> None:
    path = tmp_path / "a.jsonl"
    with LineWriter(path) as writer:
        writer.append(b"one")
        writer.append("z\u00fcri\r".encode())
    with LineWriter(path) as writer:
        writer.append(b"")
        writer.close()
    lines = read_lines(path)
    assert list(lines) == [(1, b"one"), (2, "z\u00fcri\r".encode()), (3, b"")]
    assert lines.torn_tail is None
    assert steps == steps_of("append") * 3


def test_a_line_with_a_newline_is_a_mistake(tmp_path: Path) -> None:
    with LineWriter(tmp_path / "a") as writer, pytest.raises(ValueError, match="newline"):
        writer.append(b"one\ntwo")
    assert (tmp_path / "a").read_bytes() == b""


@pytest.mark.parametrize("fatal", steps_of("append"))
def test_a_kill_during_an_append_tears_nothing(fatal: str, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"old\n")
    child = in_child("files.LineWriter(path).append(b'new' * 10_000)", path, fatal)
    assert child.returncode != 0
    assert child.stderr == ""
    lines = read_lines(path)
    assert list(lines) == [(1, b"old"), (2, b"new" * 10_000)]
    assert lines.torn_tail is None


@pytest.mark.parametrize("tail", [b"torn", b"\xc3", b"t" * 200_000])
@pytest.mark.parametrize("whole", [b"", b"one\n", b"one\n" * 50_000])
def test_a_torn_tail_is_moved_aside(tail: bytes, whole: bytes, tmp_path: Path, steps: list[str]) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(whole + tail)
    (tmp_path / "a.jsonl.torn-1").write_bytes(b"earlier")
    lines = read_lines(path)
    assert [line for _, line in lines] == whole.splitlines()
    assert lines.torn_tail == tail
    with LineWriter(path) as writer:
        assert writer.torn == tmp_path / "a.jsonl.torn-2"
        writer.append(b"next")
    assert path.read_bytes() == whole + b"next\n"
    assert (tmp_path / "a.jsonl.torn-1").read_bytes() == b"earlier"
    assert (tmp_path / "a.jsonl.torn-2").read_bytes() == tail
    assert steps == steps_of("torn") + steps_of("append")


def test_a_whole_file_has_no_torn_tail(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"one\n")
    with LineWriter(path) as writer:
        assert writer.torn is None
    assert names(tmp_path) == ["a.jsonl"]


@pytest.mark.parametrize("fatal", steps_of("torn"))
def test_a_kill_while_moving_a_torn_tail_loses_nothing(fatal: str, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"one\ntorn")
    child = in_child("files.LineWriter(path)", path, fatal)
    assert child.returncode != 0
    assert child.stderr == ""
    with LineWriter(path) as writer:
        writer.append(b"next")
    assert path.read_bytes() == b"one\nnext\n"
    assert (tmp_path / "a.jsonl.torn-1").read_bytes() == b"torn"


@pytest.mark.parametrize("taken", [0, 1, 3])
def test_a_short_write_is_taken_back(taken: int, tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old\n")
    with LineWriter(path, write=lambda descriptor, data: os.write(descriptor, data[:taken])) as writer:
        with pytest.raises(SurroundingsError, match=f"it took {taken} of 4 bytes"):
            writer.append(b"new")
        assert path.read_bytes() == b"old\n"


def test_a_full_disk_is_taken_back_and_later_appends_work(tmp_path: Path) -> None:
    path = tmp_path / "a"
    full = [True]

    def write(descriptor: int, data: bytes) -> int:
        if full[0]:
            os.write(descriptor, data[:2])
            raise OSError(errno.ENOSPC, "No space left on device")
        return os.write(descriptor, data)

    with LineWriter(path, write=write) as writer:
        with pytest.raises(SurroundingsError, match=r"append to .*: the disk is full; free some space"):
            writer.append(b"lost")
        assert path.read_bytes() == b""
        full[0] = False
        writer.append(b"kept")
    assert path.read_bytes() == b"kept\n"


@posix
def test_an_append_beyond_the_size_limit_keeps_whole_records(tmp_path: Path) -> None:
    path = tmp_path / "a"
    with LineWriter(path) as writer, largest_file(1000):
        for _ in range(3):
            writer.append(b"x" * 299)
        with pytest.raises(SurroundingsError, match="it took 100 of 300 bytes; the disk is probably full"):
            writer.append(b"y" * 299)
    assert path.read_bytes() == (b"x" * 299 + b"\n") * 3


@posix
def test_a_torn_tail_that_cannot_be_saved_stays_where_it_is(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"one\n" + b"t" * 3000)
    with largest_file(1000), pytest.raises(SurroundingsError, match=r"^cannot repair .*/a: the file would be larger"):
        LineWriter(path)
    assert path.read_bytes() == b"one\n" + b"t" * 3000


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full")
def test_a_device_without_space_is_explained() -> None:
    full = pytest.raises(SurroundingsError, match="append to /dev/full: the disk is full")
    with LineWriter(Path("/dev/full")) as writer, full:
        writer.append(b"x")


def test_a_line_may_be_as_long_as_the_limit_and_not_longer(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"short\n" + b"x" * 10 + b"\n")
    assert list(read_lines(path, limit=10)) == [(1, b"short"), (2, b"x" * 10)]
    with pytest.raises(EvidenceError, match=r"a:2: the line is longer than 9 bytes"):
        list(read_lines(path, limit=9))


def test_a_missing_file_is_missing_evidence(tmp_path: Path) -> None:
    for read in (lambda path: list(read_lines(path)), files.digest_of_file):
        with pytest.raises(EvidenceError, match="absent is missing"):
            read(tmp_path / "absent")


@pytest.mark.parametrize("command", ["mkdir", "mkfifo", "ln -s /etc/hosts"])
@posix
def test_what_is_no_regular_file_is_no_evidence_and_nobody_waits_for_it(tmp_path: Path, command: str) -> None:
    subprocess.run([*command.split(), tmp_path / "x"], check=True)
    for read in (lambda path: list(read_lines(path)), files.digest_of_file, files.read_evidence):
        with pytest.raises(EvidenceError, match="x is not a regular file"):
            read(tmp_path / "x")


def test_a_document_is_read_up_to_a_limit(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"123")
    assert files.read_evidence(tmp_path / "x", limit=3) == b"123"
    with pytest.raises(EvidenceError, match="x is larger than 2 bytes"):
        files.read_evidence(tmp_path / "x", limit=2)


@posix
def test_a_file_that_was_removed_takes_no_more_lines(tmp_path: Path) -> None:
    with files.LineWriter(tmp_path / "x") as writer:
        writer.append(b"1")
        (tmp_path / "x").unlink()
        with pytest.raises(EvidenceError, match="removed while it was being written"):
            writer.append(b"2")


def test_lines_can_be_read_again(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"one\ntorn")
    lines = read_lines(path)
    assert list(lines) == list(lines) == [(1, b"one")]
    assert lines.torn_tail == b"torn"


# Digests


@pytest.mark.parametrize("data", [b"", b"abc\r\n", b"x" * 3_000_000])
def test_the_digest_of_a_file(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(data)
    assert files.digest_of_file(tmp_path / "a") == hashlib.sha256(data).hexdigest()


def test_every_step_has_been_named() -> None:
    assert {name.partition(":")[0] for name in files.STEPS} == {"atomic", "append", "torn"}
    assert len(set(files.STEPS)) == len(files.STEPS)
