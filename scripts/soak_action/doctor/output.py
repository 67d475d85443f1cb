"""Whether evidence can be written where runs are kept: tried out there, and nothing of it remains."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from soak_action.doctor.finding import Finding
from soak_action.errors import SurroundingsError
from soak_action.files import surroundings, write_atomic

Write = Callable[[Path, bytes], None]
_ADVICE = "give yourself the permission to write there, or choose another directory with soak run --output"


def existing_directory(output: Path) -> Path:
    """Return `output`, or the nearest directory above it that exists already."""
    return next(path for path in (output, *output.parents) if path.exists())


def examine_output(output: Path, write: Write = write_atomic) -> Finding:
    """Write a file where runs will be kept, and replace it, by `write`."""
    here = existing_directory(output)
    if not here.is_dir():
        return Finding("output", "problem", f"{here} is not a directory", "move the file away")
    try:
        place = Path(tempfile.mkdtemp(prefix=".soak-doctor-", dir=here))
    except OSError as error:
        return Finding("output", "problem", str(surroundings(error, f"write in {here}")), _ADVICE)
    try:
        problem = _problem_of_writing(place / "file", write)
    except (SurroundingsError, OSError) as error:
        problem = str(error)
    finally:
        shutil.rmtree(place, ignore_errors=True)
    if problem is not None:
        return Finding("output", "problem", problem, _ADVICE)
    return Finding("output", "ok", f"{here} can be written, and files in it are replaced at once")


def _problem_of_writing(file: Path, write: Write) -> str | None:
    for content in (b"old", b"new"):
        write(file, content)
        if file.read_bytes() != content:
            return f"a file in {file.parent.parent} does not hold what was just written to it"
    return None
