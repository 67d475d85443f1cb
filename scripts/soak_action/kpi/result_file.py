"""The result file of one iteration, found below SOAK_OUT and nowhere else."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from soak_action.kpi.document import DocumentError, check_regular
from soak_action.units import format_duration

_NAMES_SHOWN = 5
_NANOSECONDS = 1e9
_JUNCTION = 0xA0000003  # IO_REPARSE_TAG_MOUNT_POINT: the link to a directory that Windows grants to everybody


class UnusableError(ValueError):
    """A result that does not count: `reason` is the code, `detail` the clause."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


def locate(out_dir: Path, file: str, not_before_ns: int) -> Path:
    """Return the real path of `file` below `out_dir`, which is absolute and was made without any link on its way.

    Raises UnusableError: `file_missing`, `stale` (modified before `not_before_ns`), or `import_error` for a directory,
    a device, a name or link that leads out of `out_dir`, or an `out_dir` that was replaced by a link.
    """
    if not file or Path(file).anchor or ".." in Path(file).parts:
        raise UnusableError("import_error", f"'{file}' does not name a file inside SOAK_OUT")
    if is_behind_link(out_dir):
        raise UnusableError("import_error", "SOAK_OUT was replaced by a link")
    try:
        root = Path(os.path.realpath(out_dir, strict=True))
        real = Path(os.path.realpath(out_dir / file, strict=True))
        status = real.stat()
    except (FileNotFoundError, NotADirectoryError):
        raise UnusableError("file_missing", f"{file} was not written ({_contents(out_dir)})") from None
    except (OSError, ValueError) as error:
        raise UnusableError("import_error", f"{file} cannot be reached: {error}") from error
    if not real.is_relative_to(root):
        raise UnusableError("import_error", f"{file} is a link that leads out of SOAK_OUT")
    try:
        check_regular(status.st_mode)
    except DocumentError as error:
        raise UnusableError("import_error", f"{file} {error}") from error
    if status.st_mtime_ns < not_before_ns:
        age = format_duration((not_before_ns - status.st_mtime_ns) / _NANOSECONDS)
        raise UnusableError("stale", f"{file} was written {age} before this iteration began")
    return real


def is_behind_link(path: Path) -> bool:
    """Whether a link stands in the place of the absolute `path`, or of a directory above it.

    A different spelling is no link: Windows also knows a file by its short name and by any case.
    """
    if os.path.normcase(os.path.realpath(path)) == os.path.normcase(path):
        return False
    return any(_is_link(place) for place in (path, *path.parents))


def _is_link(path: Path) -> bool:
    try:
        status = path.lstat()
    except OSError:
        return False
    return stat.S_ISLNK(status.st_mode) or getattr(status, "st_reparse_tag", 0) == _JUNCTION


def _contents(out_dir: Path) -> str:
    """Say what is there instead: the usual cause is a slightly different name."""
    try:
        names = sorted(entry.name for entry in out_dir.iterdir())
    except OSError:
        return "SOAK_OUT cannot be listed"
    if not names:
        return "SOAK_OUT is empty"
    more = len(names) - _NAMES_SHOWN
    return f"SOAK_OUT holds {', '.join(names[:_NAMES_SHOWN])}" + (f" and {more} more" if more > 0 else "")
