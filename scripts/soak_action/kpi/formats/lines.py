"""The lines of a file of any length, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

from soak_action.kpi.document import DocumentError, check_regular

LONGEST_LINE: Final = 16 * 1024 * 1024

BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"


def lines_of(path: Path, longest: int = LONGEST_LINE) -> Iterator[bytes]:
    """Yield every line with its line end, the first one without a byte order mark.

    Raises DocumentError for a file that cannot be read, is not regular or is empty, and for a line of `longest` bytes
    or more.
    """
    try:
        check_regular(path.stat().st_mode)
        with path.open("rb") as file:
            yield from _bounded(file, longest)
    except OSError as error:
        raise DocumentError(f"cannot be read: {error.strerror or error}") from error


def _bounded(file: BinaryIO, longest: int) -> Iterator[bytes]:
    if file.read(len(BYTE_ORDER_MARK)) != BYTE_ORDER_MARK:
        file.seek(0)
    line = file.readline(longest)
    if not line:
        raise DocumentError("the file is empty")
    while line:
        if len(line) == longest and line[-1:] != b"\n":
            raise DocumentError(f"has a line of {longest} bytes or more")
        yield line
        line = file.readline(longest)
