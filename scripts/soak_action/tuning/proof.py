"""What the workload says of the parameters that it read."""

from __future__ import annotations

import re
from pathlib import Path

from soak_action.errors import SoakError
from soak_action.evidence.tuning_conduct import UNREADABLE
from soak_action.files import read_evidence

PROOF = "params.sha256"
_DIGEST = re.compile(rb"\s*([0-9a-fA-F]{64})(?:\s.*)?", re.DOTALL)
_LONGEST = 4096


def digest_read(out: Path) -> str | None:
    """Return the SHA-256 that the workload wrote to params.sha256 below SOAK_OUT; None when it wrote no such file.

    What stands behind the digest, such as the name that ``sha256sum`` prints, is ignored. A file that begins with no
    digest, or cannot be read, is 'unreadable'.
    """
    path = out / PROOF
    if not path.is_symlink() and not path.exists():
        return None
    try:
        found = _DIGEST.fullmatch(read_evidence(path, limit=_LONGEST))
    except SoakError:
        return UNREADABLE
    return found[1].decode().lower() if found else UNREADABLE
