"""Keeping what is private private: a copy of a file is never readable by more people than the file was."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

PRIVATE = 0o600


@contextmanager
def no_wider_than(mode: int) -> Iterator[None]:
    """Create files with the permissions of `mode` at most, from their first moment on."""
    former = os.umask(0o777)
    os.umask(former | (0o777 & ~mode))
    try:
        yield
    finally:
        os.umask(former)
