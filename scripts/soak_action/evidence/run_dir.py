"""The directory of one run: how it is laid out, how it begins, what its iterations left behind."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any

from soak_action import canonical
from soak_action.errors import EvidenceError, SoakError, SurroundingsError
from soak_action.evidence.compressed import opened
from soak_action.files import digest_of_file, is_temporary, make_directory, surroundings, write_atomic
from soak_action.system import sync_directory

RUN = "run.json"
CONFIG = "config.json"
SOURCES = "config-sources.json"
PARAMETERS = "params.json"
VERDICT = "verdict.json"
RECEIPT = "receipt.json"
UNRECORDED = "unrecorded"
SERVICE = "service"
OUTPUT_DIRECTORY = ".soak"
RETENTION_MARKER = ".soak-artifacts"

RUN_ID = re.compile(r"[0-9]{8}T[0-9]{6}Z-[a-z0-9-]+-[0-9a-f]{6}")
_MOST_LISTED_FILES = 256
_ATTEMPTS = 20


def stamp(moment: datetime) -> str:
    """Return a moment in UTC as RFC 3339 with milliseconds."""
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


@dataclass(frozen=True)
class OutputDir:
    """A folder that keeps what a process printed: that of a start of the service, for one."""

    path: Path

    @property
    def stdout(self) -> Path:
        """The kept standard output."""
        return self.path / "stdout.log"

    @property
    def stderr(self) -> Path:
        """The kept standard error."""
        return self.path / "stderr.log"


@dataclass(frozen=True)
class TunerDir(OutputDir):
    """The folder of what the tuner was asked before an iteration, and of what it answered."""

    @property
    def input(self) -> Path:
        """The document that it reads on its standard input."""
        return self.path / "input.json"


@dataclass(frozen=True)
class IterationDir(OutputDir):
    """The folder of one iteration: `out` is SOAK_OUT, new and empty."""

    @property
    def out(self) -> Path:
        """The folder that the workload writes its results to."""
        return self.path / "out"

    @property
    def answers(self) -> Path:
        """The folder that keeps what servers answered."""
        return self.path / "answers"

    def answer(self, server: int, moment: str) -> Path:
        """Return the file that keeps what a server, counted from 1, answered at the `begin` or `end`."""
        return self.answers / f"{server}.{moment}"

    @property
    def tuner(self) -> TunerDir:
        """The folder of the tuner's input and output; it need not exist."""
        return TunerDir(self.path / "tuner")


@dataclass(frozen=True)
class EvidenceDir:
    """A directory of evidence: that of a run or of a judgement."""

    path: Path

    def write(self, name: str, document: Any) -> str:
        """Write a JSON document in its readable form, in the place of whatever is there; return its bytes' SHA-256."""
        content = canonical.pretty(document)
        target = self.path / name
        # A workload may have put a link there, which must not lead out of the directory.
        if target.is_symlink():
            target.unlink()
        write_atomic(target, content)
        return canonical.digest_of_bytes(content)


@dataclass(frozen=True)
class RunDir(EvidenceDir):
    """One run's directory."""

    @property
    def run_id(self) -> str:
        """The run's id, which is the directory's name."""
        return self.path.name

    def iteration(self, number: int) -> IterationDir:
        """Return the folder of an iteration; it need not exist."""
        return IterationDir(self.path / "iterations" / f"{number:05d}")

    def service(self, start: int) -> OutputDir:
        """Return the folder of a start of the service; it need not exist."""
        return OutputDir(self.path / SERVICE / f"{start:05d}")

    def begin_service(self, start: int) -> OutputDir:
        """Create the folder of a start of the service. Raises SurroundingsError when it exists or cannot be created."""
        folder = self.service(start)
        make_directory(folder.path.parent)
        try:
            folder.path.mkdir()
        except FileExistsError as error:
            raise SurroundingsError(f"cannot create {folder.path}: somebody else created it") from error
        except OSError as error:
            raise surroundings(error, f"create {folder.path}") from error
        return folder

    def starts(self) -> int:
        """Return how often the service has been started, as the folders tell."""
        return max((int(folder.name) for folder in self._service_folders()), default=0)

    def _service_folders(self) -> list[Path]:
        folders = (self.path / SERVICE).iterdir() if (self.path / SERVICE).is_dir() else ()
        return sorted(folder for folder in folders if folder.name.isdecimal())

    @property
    def service_marks(self) -> str:
        """What the mark of each start of the service begins with, before a slash."""
        return f"{self.run_id}/{SERVICE}"

    def service_mark(self, start: int) -> str:
        """Return what a start of the service carries in SOAK_RUN_MARK, and no other one ever."""
        return f"{self.service_marks}/{start}"

    def mark(self, number: int) -> str:
        """Return what the workload of an iteration carries in SOAK_RUN_MARK, and no other one ever."""
        return f"{self.run_id}/{number}"

    def begin_iteration(self, number: int) -> IterationDir:
        """Create the folder of an iteration, empty. Raises SurroundingsError when it exists or cannot be created."""
        folder = self.iteration(number)
        try:
            folder.path.mkdir()
            folder.out.mkdir()
        except FileExistsError as error:
            raise SurroundingsError(f"cannot create {folder.path}: somebody else created it") from error
        except OSError as error:
            raise surroundings(error, f"create {folder.path}") from error
        return folder

    def unseal(self) -> None:
        """Remove receipt and verdict, so that the run counts as unfinished until it is sealed again.

        What a killed write left is removed too; only the holder of the run's lock may do so. Raises SurroundingsError
        when the disk refuses.
        """
        try:
            # The receipt first: without it nobody believes the verdict.
            for name in (RECEIPT, VERDICT):
                (self.path / name).unlink(missing_ok=True)
                sync_directory(self.path)
            for path in self.path.iterdir():
                if is_temporary(path.name):
                    path.unlink()
        except OSError as error:
            raise surroundings(error, f"remove the receipt of {self.path}") from error

    def set_aside(self, number: int) -> None:
        """Move what an iteration that was never recorded left behind out of the way of the one that repeats it.

        Raises SurroundingsError when the disk refuses.
        """
        self._move_aside(self.iteration(number).path, "")

    def set_aside_starts(self, last: int) -> None:
        """Move what starts of the service after the `last` one that a record tells of left out of the way of new ones.

        Raises SurroundingsError when the disk refuses.
        """
        for folder in self._service_folders():
            if int(folder.name) > last:
                self._move_aside(folder, f"{SERVICE}-")

    def _move_aside(self, folder: Path, kind: str) -> None:
        if not os.path.lexists(folder):
            return
        make_directory(self.path / UNRECORDED)
        names = (self.path / UNRECORDED / f"{kind}{folder.name}-{attempt}" for attempt in count(1))
        try:
            folder.rename(next(name for name in names if not os.path.lexists(name)))
        except OSError as error:
            raise surroundings(error, f"move {folder} to {UNRECORDED}") from error


def create(output: Path, started: datetime, profile: str | None, random_suffixes: Iterator[str]) -> RunDir:
    """Create a run directory that never existed before, below `output`; its path is free of links.

    `random_suffixes` yields six hexadecimal digits each time. Raises SurroundingsError when the disk refuses.
    """
    path = create_named(output, started, profile or "default", random_suffixes)
    make_directory(path / "iterations")
    return RunDir(path)


def create_named(output: Path, started: datetime, name: str, random_suffixes: Iterator[str]) -> Path:
    """Create a directory of evidence below `output` as `create` does; its name holds `name`."""
    prepare_output(output)
    stamp = f"{started:%Y%m%dT%H%M%SZ}-{name}"
    for _ in range(_ATTEMPTS):
        path = output.resolve() / f"{stamp}-{next(random_suffixes)}"
        try:
            path.mkdir()
        except FileExistsError:
            continue
        except OSError as error:
            raise surroundings(error, f"create {path}") from error
        return path
    raise SurroundingsError(f"cannot find an unused name for a run in {output}")


def prepare_output(output: Path) -> None:
    """Create a directory that runs are kept in, hidden from git and marked as one that soak may prune.

    Raises SurroundingsError when the disk refuses.
    """
    make_directory(output)
    marker = b"Runs of soak-action. soak may prune them.\n"
    for beside, content in ((".gitignore", b"*\n"), (RETENTION_MARKER, marker)):
        if not (output / beside).exists():
            write_atomic(output / beside, content)


def digests_below(folder: OutputDir) -> dict[str, str]:
    """Return the SHA-256 of every file that an iteration left, or a start of the service: results and logs.

    A symbolic link counts by where it points to, and what cannot be read is 'unreadable'. More than 256 results are
    digested as one, so that a record stays small.
    """
    found = {}
    for path in _files_below(folder.path):
        found[canonical.storable_text(path.relative_to(folder.path).as_posix())] = _digest(path)
    results = {name: digest for name, digest in found.items() if name.startswith("out/")}
    if len(results) <= _MOST_LISTED_FILES:
        return found
    logs = {name: digest for name, digest in found.items() if name not in results}
    return {**logs, "out/": canonical.digest(results)}


def is_run(directory: Path) -> bool:
    """Whether `directory` holds a run."""
    return (directory / RUN).is_file()


def find(argument: Path) -> RunDir:
    """Return the run that `argument` names: its directory, its receipt or verdict file, or its id if it is below .soak.

    A compressed one is unpacked to be read. Raises EvidenceError when there is no run, SurroundingsError when there is
    no room to unpack it.
    """
    path = opened(directory_of(argument, RUN))
    if not path.exists():
        raise EvidenceError(f"{argument}: there is no such run")
    if not is_run(path):
        raise EvidenceError(f"{argument}: not a run, for it holds no {RUN}")
    return RunDir(path.resolve())


def is_named_otherwise(directory: Path, name: object) -> bool:
    """Whether a directory has the name of another run or judgement than `name`.

    Where evidence was copied or unpacked to does not matter, as long as the directory does not claim to be another's.
    """
    return RUN_ID.fullmatch(directory.name) is not None and directory.name != name


def directory_of(argument: Path, promise: str) -> Path:
    """Return the directory that `argument` names by its path, its receipt, verdict or `promise` file, or its id."""
    if RUN_ID.fullmatch(str(argument)) and not argument.exists():
        return Path(OUTPUT_DIRECTORY) / argument
    return argument.parent if argument.name in {RECEIPT, VERDICT, promise} and argument.is_file() else argument


def _files_below(root: Path) -> Iterator[Path]:
    for directory, names, files in os.walk(root):
        names.sort()
        here = Path(directory)
        links = [name for name in names if _is_link(here / name)]
        for name in sorted([*files, *links]):
            if _is_kept(here / name):
                yield here / name


def _is_link(path: Path) -> bool:
    try:
        return path.is_symlink()
    except OSError:
        return False


def _is_kept(path: Path) -> bool:
    """Whether a path counts as something that the iteration left: a file, a link, or what nobody can look at."""
    try:
        mode = path.lstat().st_mode
    except OSError:
        return True
    return stat.S_ISREG(mode) or stat.S_ISLNK(mode)


def _digest(path: Path) -> str:
    try:
        if path.is_symlink():
            return hashlib.sha256(b"link to " + os.fsencode(path.readlink())).hexdigest()
        return digest_of_file(path)
    except (OSError, SoakError):
        return "unreadable"
