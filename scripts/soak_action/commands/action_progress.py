"""How a run goes on in the log of a job: a line per iteration, and what the workload printed, folded away."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from soak_action.commands.action_report import announce
from soak_action.commands.progress import Lines, open_lines
from soak_action.commands.tracker import Tracker
from soak_action.config.load import Loaded
from soak_action.config.model import Config
from soak_action.evidence.reading import read_promise
from soak_action.evidence.run_dir import RunDir
from soak_action.github.runner import Runner
from soak_action.loop import Progress, Segment
from soak_action.system import open_regular

_MOST_SHOWN = 10
_MOST_BYTES = 16 * 1024
_MOST_LINES = 100


class LogProgress:
    """Prints a line per iteration, and the end of the workload's output of the first one and of those that fail.

    `loaded` is the configuration once it is known.
    """

    def __init__(self, runner: Runner) -> None:
        self.loaded: Loaded | None = None
        self._run: RunDir | None = None
        self._runner = runner
        self._lines: Lines | None = None
        self._shown = 0

    def configured(self, loaded: Loaded) -> None:
        """Keep the secrets of the configuration out of the log."""
        self.loaded = loaded
        self._runner.mask(loaded.secrets)

    def began(self, run: RunDir) -> None:
        """Say at once what to upload: a job that is cancelled or killed still uploads what was measured until then."""
        self._run = run
        announce(self._runner, run.path, read_promise(run).run["run_id"])

    @contextmanager
    def opened(self, config: Config, segment: Segment, past: Iterable[Mapping[str, Any]]) -> Iterator[Progress]:
        """Print a heartbeat, too, for as long as the run lasts."""
        with open_lines(Tracker(config, segment, past), config, self._runner.stream) as self._lines:
            yield self

    def begin_iteration(self, number: int) -> None:
        """Remember what is running."""
        if self._lines is not None:
            self._lines.begin_iteration(number)

    def end_iteration(self, record: Mapping[str, Any], soak_seconds: float) -> None:
        """Print the iteration's line, and show what the workload printed when that tells something new."""
        if self._lines is not None:
            self._lines.end_iteration(record, soak_seconds)
        first = record["iteration"] == 1
        if self._run is not None and (first or (record["outcome"] != "ok" and self._shown < _MOST_SHOWN)):
            self._shown += not first
            self._show(self._run, record)

    def _show(self, run: RunDir, record: Mapping[str, Any]) -> None:
        folder = run.iteration(record["iteration"])
        for name, path in (("standard output", folder.stdout), ("standard error", folder.stderr)):
            end, cut = _end_of(path)
            if end:
                with self._runner.group(
                    f"iteration {record['iteration']}, {record['outcome']}: {name} of the workload"
                ):
                    if cut:
                        print("(the beginning is in the evidence)", file=self._runner.stream)
                    print(end, file=self._runner.stream)


def _end_of(path: Path) -> tuple[str, bool]:
    """Return the last lines of a log, and whether there are more; nothing when the workload replaced or removed it."""
    try:
        with open_regular(path) as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - _MOST_BYTES))
            lines = file.read(_MOST_BYTES).decode(errors="replace").rstrip().splitlines()
    except OSError:
        return "", False
    return "\n".join(lines[-_MOST_LINES:]), size > _MOST_BYTES or len(lines) > _MOST_LINES
