"""The retention log: one line for everything that a prune did, in a file that is itself held to a size."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from soak_action import canonical
from soak_action.errors import SurroundingsError
from soak_action.evidence.run_dir import stamp
from soak_action.files import LineWriter, surroundings
from soak_action.retention.root import LOG, is_full

LogOperation = Literal["compress", "delete", "empty_trash", "skip"]
SCHEMA_VERSION = 1
# Beyond this size in bytes a file is set aside, and so many of these are kept.
LARGEST = 1024**2
OLDER = 4


def log_line(  # noqa: PLR0913 - the columns of the log
    time: datetime,
    operation: LogOperation,
    run: str,
    *,
    group: str | None,
    bytes_before: int,
    bytes_after: int,
    reasons: Sequence[str],
    policy_digest: str,
) -> dict[str, Any]:
    """Return one line of the log."""
    return {
        "schema_version": SCHEMA_VERSION,
        "time": stamp(time),
        "operation": operation,
        "run": canonical.storable_text(run),
        "group": group,
        "bytes_before": bytes_before,
        "bytes_after": bytes_after,
        "reasons": [canonical.storable_text(reason) for reason in reasons],
        "policy_digest": policy_digest,
    }


class RetentionLog:
    """Appends to the log of a root while its lock is held."""

    def __init__(self, root: Path, policy_digest: str, now: Callable[[], datetime]) -> None:
        self._root = root
        self._policy_digest = policy_digest
        self._now = now

    def check(self) -> None:
        """Make sure that the log can be written to, before anything is done. Raises SurroundingsError.

        A full disk is no reason: there will be room once something is deleted.
        """
        try:
            LineWriter(self._root / LOG).close()
        except SurroundingsError as error:
            if not is_full(error):
                raise

    def append(
        self,
        operation: LogOperation,
        run: str,
        *,
        group: str | None,
        bytes_before: int,
        bytes_after: int,
        reasons: Sequence[str],
    ) -> None:
        """Write one line; it is on disk when this returns. Raises SurroundingsError."""
        self._rotate()
        line = log_line(
            self._now(),
            operation,
            run,
            group=group,
            bytes_before=bytes_before,
            bytes_after=bytes_after,
            reasons=reasons,
            policy_digest=self._policy_digest,
        )
        with LineWriter(self._root / LOG) as writer:
            writer.append(canonical.canonical_bytes(line))

    def _rotate(self) -> None:
        log = self._root / LOG
        try:
            if not log.is_file() or log.stat().st_size < LARGEST:
                return
            for number in range(OLDER, 0, -1):
                newer = _older(log, number - 1) if number > 1 else log
                if newer.exists():
                    newer.replace(_older(log, number))
        except OSError as error:
            raise surroundings(error, f"set {log} aside") from error


def _older(log: Path, number: int) -> Path:
    return log.with_name(f"{log.stem}.{number}{log.suffix}")
