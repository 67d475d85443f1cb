"""What a verdict or a refusal says beside the lines of the configuration, rendered from nothing else."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from soak_action.github.workflow_commands import Annotation, Level

_PLACE = re.compile(r"(?:profile \S+ )?(?P<file>.+?):(?P<line>[0-9]{1,9}):(?P<column>[0-9]{1,9})")
_WORST_FIRST = ("fail", "invalid", "inconclusive", "warn")


def of_verdict(
    verdict: Mapping[str, Any], fail_on: Collection[str], directory: Path, workspace: Path
) -> Iterator[Annotation]:
    """Yield an annotation for every rule that is not good, the worst first, on the line that gave its limit.

    What turns the job red by `fail_on` is an error, else a warning. Origins are relative to `directory`, and
    annotations to the repository in `workspace`.
    """
    bad = [rule for rule in verdict["rules"] if rule["result"] in _WORST_FIRST]
    for rule in sorted(bad, key=lambda rule: _WORST_FIRST.index(rule["result"])):
        level: Level = "error" if rule["result"] in fail_on else "warning"
        title = f"{rule['id']}: {rule['result']}"
        message = f"{rule['reason']}\nreproduce: {rule['reproduce']}" if rule["reproduce"] else rule["reason"]
        found = _PLACE.fullmatch(rule["origin"] or "")
        yield _placed(Annotation(level, title, message), found, directory, workspace)
    if not bad and verdict["verdict"] not in {"pass", "warn"}:
        level = "error" if verdict["verdict"] in fail_on else "warning"
        yield Annotation(level, verdict["verdict"], "\n".join(verdict["reasons"]))


def of_mistakes(
    mistakes: Iterable[str], directory: Path, workspace: Path, title: str, level: Level = "error"
) -> Iterator[Annotation]:
    """Yield a `title` for each mistake, on the line that it begins with (``soak.yaml:3:5: unknown key ...``)."""
    for mistake in mistakes:
        place, separator, message = mistake.partition(": ")
        found = _PLACE.fullmatch(place)
        placed = _placed(Annotation(level, title, message), found if separator else None, directory, workspace)
        # Where it does not stand on its line, its place stays in the text.
        yield placed if placed.file else Annotation(level, title, mistake)


def _placed(annotation: Annotation, found: re.Match[str] | None, directory: Path, workspace: Path) -> Annotation:
    if found is None:
        return annotation
    file = Path(os.path.normpath(directory / found["file"]))
    if not file.is_relative_to(workspace):
        # One of the two may be written with a link in it.
        file, workspace = Path(os.path.realpath(file)), Path(os.path.realpath(workspace))
    if not file.is_relative_to(workspace):
        return annotation
    return Annotation(
        annotation.level,
        annotation.title,
        annotation.message,
        file.relative_to(workspace).as_posix(),
        int(found["line"]),
        int(found["column"]),
    )
