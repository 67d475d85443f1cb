"""The directory of one judgement: how it is laid out, how results come into it, what does not belong there."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, Self

from soak_action import canonical
from soak_action.errors import EvidenceError
from soak_action.evidence.compressed import opened
from soak_action.evidence.measurements import Problem
from soak_action.evidence.run_dir import (
    CONFIG,
    RECEIPT,
    SOURCES,
    VERDICT,
    EvidenceDir,
    create_named,
    directory_of,
)
from soak_action.files import digest_of_file, is_temporary, make_directory, surroundings
from soak_action.system import BINARY, NotRegularError, open_regular

GATE = "gate.json"
RESULTS = "results"
DIGESTED = (GATE, CONFIG, SOURCES, VERDICT)
# They can be made again, so they are no evidence.
RENDERINGS = frozenset({"summary.md", "report.html", "junit.xml"})

_BLOCK_BYTES = 1024**2
_MOST_LISTED_FILES = 256


@dataclass(frozen=True)
class ResultCopy:
    """A result file as it was judged: where it was found, what its copy is called, its size in bytes and SHA-256."""

    path: str
    copy: str
    bytes: int
    sha256: str

    @classmethod
    def read(cls, entry: Mapping[str, Any]) -> Self:
        """Return the copy that an entry of gate.json describes, which must keep the schema."""
        return cls(**{name: entry[name] for name in ("path", "copy", "bytes", "sha256")})

    def to_dict(self) -> dict[str, Any]:
        """The copy as it stands in gate.json."""
        return asdict(self)


@dataclass(frozen=True)
class GateDir(EvidenceDir):
    """One judgement's directory."""

    @property
    def gate_id(self) -> str:
        """The judgement's id, which is the directory's name."""
        return self.path.name

    @property
    def results(self) -> Path:
        """The folder of the copies of result files; a judgement of a run has none."""
        return self.path / RESULTS

    def keep(self, number: int, source: Path, shown: str) -> ResultCopy:
        """Copy result file `number`, which people know as `shown`; the copy cannot change any more while it is judged.

        Raises EvidenceError when it is gone or no regular file, SurroundingsError when the system refuses to copy it.
        """
        make_directory(self.results)
        # The names of the originals may mean something to another system; a number is a name everywhere.
        name = f"{number:05d}{source.suffix.lower()}"
        try:
            size, digest = _copy(Path(os.path.realpath(source)), self.results / name)
        except NotRegularError as error:
            raise EvidenceError(f"{shown}: is not a regular file") from error
        except FileNotFoundError as error:
            raise EvidenceError(f"{shown}: was removed before it could be judged") from error
        except OSError as error:
            raise surroundings(error, f"copy {shown} to {self.results}") from error
        return ResultCopy(shown, name, size, digest)


def create(output: Path, started: datetime, random_suffixes: Iterator[str]) -> GateDir:
    """Create a judgement's directory that never existed before, below `output`; its path is free of links.

    `random_suffixes` yields six hexadecimal digits each time. Raises SurroundingsError when the disk refuses.
    """
    return GateDir(create_named(output, started, "gate", random_suffixes))


def find(argument: Path) -> GateDir | None:
    """Return the judgement that `argument` names by its directory, a file of it, or its id; None when it names none.

    A compressed one is unpacked to be read. Raises EvidenceError when its archive is damaged, SurroundingsError when
    there is no room to unpack it.
    """
    path = opened(directory_of(argument, GATE))
    return GateDir(path.resolve()) if (path / GATE).is_file() else None


def digests_of(gate: GateDir, copies: Sequence[ResultCopy]) -> dict[str, str]:
    """Return the SHA-256 of every evidence file that is there, and those of the copies as gate.json lists them.

    More than 256 copies are digested as one, so that a receipt stays small.
    """
    found = {name: digest_of_file(gate.path / name) for name in DIGESTED if (gate.path / name).is_file()}
    listed = {f"{RESULTS}/{copy.copy}": copy.sha256 for copy in copies}
    if len(listed) > _MOST_LISTED_FILES:
        return {**found, f"{RESULTS}/": canonical.digest(listed)}
    return {**found, **listed}


def check_files(gate: GateDir, copies: Sequence[ResultCopy]) -> Iterator[Problem]:
    """Yield which copies are missing or were changed, and what stands in the directory without belonging there."""
    for copy in copies:
        path, place = gate.results / copy.copy, f"{RESULTS}/{copy.copy}"
        if path.is_symlink() or (path.exists() and not path.is_file()):
            yield Problem(place, "is not a file of its own")
        elif not path.exists():
            yield Problem(place, "is missing")
        elif path.stat().st_size != copy.bytes or digest_of_file(path) != copy.sha256:
            yield Problem(place, "was changed after it was judged")
    folder = {RESULTS} if copies else set()
    yield from _strangers(gate.path, {*DIGESTED, RECEIPT, *RENDERINGS, *folder}, "")
    if copies and gate.results.is_symlink():
        yield Problem(RESULTS, "is a link that leads out of the judgement")
    elif copies and gate.results.is_dir():
        yield from _strangers(gate.results, {copy.copy for copy in copies}, f"{RESULTS}/")


def _strangers(folder: Path, known: set[str], place: str) -> Iterator[Problem]:
    for name in sorted(path.name for path in folder.iterdir()):
        # What a killed writer left aside at the top is never read.
        if name not in known and (place or not is_temporary(name)):
            yield Problem(place + canonical.storable_text(name), "does not belong to the judgement: it was added")


def _copy(source: Path, target: Path) -> tuple[int, str]:
    """Copy a regular file to a new one, sync it, and return its size in bytes and its SHA-256; leave nothing half."""
    with open_regular(source) as original:
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | BINARY, 0o666)
        try:
            with os.fdopen(descriptor, "wb") as copy:
                return _pour(original, copy)
        except BaseException:
            with contextlib.suppress(OSError):
                target.unlink()
            raise


def _pour(original: BinaryIO, copy: BinaryIO) -> tuple[int, str]:
    digest = hashlib.sha256()
    size = 0
    while block := original.read(_BLOCK_BYTES):
        size += copy.write(block)
        digest.update(block)
    copy.flush()
    os.fsync(copy.fileno())
    return size, digest.hexdigest()
