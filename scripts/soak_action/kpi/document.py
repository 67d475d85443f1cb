"""A JSON document read from a file, or the one sentence that says why it cannot be."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Final

from soak_action import canonical
from soak_action.system import NotRegularError, open_regular
from soak_action.units import format_size

LARGEST_DOCUMENT: Final = 64 * 1024 * 1024
LARGEST_LOG: Final = 256 * 1024 * 1024

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class DocumentError(ValueError):
    """A file that holds no readable JSON document; the message does not repeat its name."""


def read_document(path: Path, largest: int = LARGEST_DOCUMENT) -> object:
    """Return the strict JSON document in a regular file of at most `largest` bytes.

    Raises DocumentError, with ``line:column`` when the JSON is at fault.
    """
    data = _read(path, largest)
    if not data.removeprefix(_BYTE_ORDER_MARK):
        raise DocumentError("the file is empty")
    try:
        return canonical.parse(data, path.name)
    except canonical.CanonicalError as error:
        raise DocumentError(str(error).removeprefix(f"{path.name}:")) from error


def check_regular(mode: int) -> None:
    """Raise DocumentError for the mode of anything but a regular file: to open a pipe might wait for ever."""
    if stat.S_ISDIR(mode):
        raise DocumentError("is a directory, not a file")
    if not stat.S_ISREG(mode):
        raise DocumentError("is not a regular file")


def read_regular(path: Path, largest: int) -> bytes:
    """Return the content of a regular file of at most `largest` bytes, without ever waiting for it.

    Raises DocumentError for anything else, and OSError when the system cannot read it.
    """
    check_regular(path.stat().st_mode)
    try:
        with open_regular(path) as file:
            data = file.read(largest + 1)
    except NotRegularError as error:
        raise DocumentError("is not a regular file") from error
    if len(data) > largest:
        raise DocumentError(f"is larger than {format_size(largest)}")
    return data


def _read(path: Path, largest: int) -> bytes:
    try:
        return read_regular(path, largest)
    except OSError as error:
        raise DocumentError(f"cannot be read: {error.strerror or error}") from error
