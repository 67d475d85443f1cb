"""A run that is spread over several calls: each goes on with the best checkpoint that the earlier ones left."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from soak_action import running
from soak_action.checkpoints import PassedOver, bring, choose
from soak_action.config.load import Loaded
from soak_action.errors import UsageError
from soak_action.evidence.run_dir import OUTPUT_DIRECTORY
from soak_action.resuming import differences_from
from soak_action.verify import Judged, judge_run


@dataclass(frozen=True)
class Chained:
    """A run after one more call; `is_old` when it had come to its end before, so that nothing was run."""

    judged: Judged
    is_old: bool


def run_chained(
    folder: Path,
    loaded: Loaded,
    output: Path | None,
    means: running.Means,
    *,
    argv: Sequence[str],
    segment: float | None,
    tell: Callable[[str, Sequence[PassedOver]], None],
) -> Chained:
    """Go on with the best checkpoint below `folder`, or begin a run when there is none; `loaded` must be its own.

    `tell` is told what is done, and which checkpoints are passed over. Raises what `running.run` and `running.resume`
    do.
    """
    choice = choose(folder)
    output = output or loaded.base / OUTPUT_DIRECTORY
    if choice.run is None:
        tell(f"no checkpoint in {folder} can be used, so the run begins", choice.passed_over)
        judged = running.run(
            loaded, output, means, argv=argv, environ=os.environ, python=sys.executable, segment=segment
        )
        return Chained(judged, is_old=False)
    differences_from(choice.run, loaded, allow_change=False)
    if choice.has_ended:
        tell(f"the run of checkpoint {choice.run.path} has come to its end, so nothing is run", choice.passed_over)
        means.configured(loaded)
        return Chained(judge_run(choice.run), is_old=True)
    tell(f"going on with checkpoint {choice.run.path}", choice.passed_over)
    judged = running.resume(
        bring(choice.run, output, means.clock.now()),
        means,
        environ=os.environ,
        python=sys.executable,
        directory=loaded.base,
        segment=segment,
        loaded=loaded,
    )
    return Chained(judged, is_old=False)


def checkpoint_folder(argument: str, source: str, resumed: str | None) -> Path:
    """Return the folder that `source` (``--checkpoints``, ``input checkpoints``) names. Raises UsageError."""
    if not argument.strip():
        raise UsageError(f"{source}: the value is empty; name the folder that the checkpoints are in")
    if resumed is not None:
        raise UsageError(f"{source} cannot stand beside resume: either one run is named, or the best one is chosen")
    return Path(argument).absolute()
