"""How the parts of a workload are started: its command once per iteration, its service once per segment."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from soak_action.config.model import Config, Workload
from soak_action.errors import SurroundingsError, UsageError
from soak_action.evidence.run_dir import IterationDir, RunDir, TunerDir, digests_below
from soak_action.workload import process
from soak_action.workload.command import find_program, resolve_command
from soak_action.workload.environment import child_environment
from soak_action.workload.process import Watch
from soak_action.workload.readiness import Probe, is_taken, probe_of
from soak_action.workload.service import Ended
from soak_action.workload.stop import StopRequest

_GRACE_OF_A_PROBE = 0.5


@dataclass(frozen=True)
class Surroundings:
    """What the workload is started with: where, with which environment, interpreter, profile, parameters, and by what.

    `parameters` is the file that holds them, None when there are none.
    """

    directory: Path
    environ: Mapping[str, str]
    python: str
    profile: str | None
    parameters: Path | None = None
    start: Callable[..., process.Finished] = process.run

    def variables(self, run: Path, out: Path, iteration: int) -> dict[str, str]:
        """Return the SOAK_ variables of one iteration."""
        return {"SOAK_OUT": str(out), "SOAK_ITERATION": str(iteration), **self.lasting_variables(run)}

    def tuner_variables(self, run: Path, iteration: int) -> dict[str, str]:
        """Return the SOAK_ variables of the tuner before an iteration: it leaves no results."""
        return {"SOAK_ITERATION": str(iteration), **self.lasting_variables(run)}

    def lasting_variables(self, run: Path) -> dict[str, str]:
        """Return the SOAK_ variables that hold for the whole run: those of the service."""
        return {
            "SOAK_RUN_DIR": str(run),
            "SOAK_ACTIVE_PROFILE": self.profile or "",
            "SOAK_PYTHON": self.python,
            **({} if self.parameters is None else {"SOAK_PARAMS": str(self.parameters)}),
        }


def check_workload(config: Config, surroundings: Surroundings) -> Workload:
    """Return the workload, sure that it can be started, and the tuner, too.

    Raises UsageError when there is none, when a program of it does not exist, or when it names an unknown variable.
    """
    workload = config.workload
    if workload is None:
        raise UsageError("nothing to run: give a command after --, or write workload.run in soak.yaml")
    if workload.service is not None:
        lasting = surroundings.lasting_variables(Path("run"))
        _check_command("workload.service.start", workload.service.start, workload, surroundings, lasting)
        ready = workload.service.ready
        if ready is not None and ready.kind == "command":
            _check_command("workload.service.ready.command", ready.target, workload, surroundings, lasting)
    if workload.run is not None:
        variables = surroundings.variables(Path("run"), Path("out"), 1)
        _check_command("workload.run", workload.run, workload, surroundings, variables)
    tuning = config.tuning
    if tuning is not None and tuning.enabled and tuning.command is not None:
        variables = surroundings.tuner_variables(Path("run"), 1)
        _check_command("tuning.command", tuning.command, workload, surroundings, variables)
    return workload


def _check_command(
    key: str,
    command: str | tuple[str, ...],
    workload: Workload,
    surroundings: Surroundings,
    variables: Mapping[str, str],
) -> None:
    try:
        argv = resolve_command(command, workload.shell, variables)
    except ValueError as error:
        raise UsageError(f"{key}: {error}") from None
    environment = child_environment(surroundings.environ, workload.env, variables)
    if problem := find_program(argv, surroundings.directory, environment):
        raise UsageError(f"{key}: {problem}")


class Launcher:
    """Starts the parts of one run's workload; each keeps its output, up to `log_limit` bytes a stream, in the run."""

    def __init__(self, workload: Workload, surroundings: Surroundings, run: RunDir, log_limit: int) -> None:
        self._workload = workload
        self._surroundings = surroundings
        self._run = run
        self._log_limit = log_limit
        self._has_served = False

    def command(
        self, folder: IterationDir, number: int, *, timeout: float, stop: StopRequest, **watch: Watch
    ) -> process.Finished:
        """Run the command of an iteration and return how it ended."""
        workload = self._workload
        assert workload.run is not None  # noqa: S101 - else the iteration is a window
        variables = self._surroundings.variables(self._run.path, folder.out, number)
        return self._start(
            workload.run,
            variables,
            stdout=folder.stdout,
            stderr=folder.stderr,
            timeout=timeout,
            stop=stop,
            mark=self._run.mark(number),
            **watch,
        )

    def tuner(
        self,
        command: str | tuple[str, ...],
        folder: TunerDir,
        number: int,
        *,
        timeout: float,
        stop: StopRequest,
    ) -> process.Finished:
        """Run the tuner's `command` before iteration `number` and return how it ended.

        It reads the input of `folder`, and its output stays there. Raises SurroundingsError when the disk refuses.
        """
        return self._start(
            command,
            self._surroundings.tuner_variables(self._run.path, number),
            stdin=folder.input,
            stdout=folder.stdout,
            stderr=folder.stderr,
            timeout=timeout,
            stop=stop,
            mark=f"{self._run.mark(number)}/tuner",
        )

    def service(self, start: int, stop: StopRequest, watch: Watch) -> process.Finished:
        """Run a start of the service until it ends, or a stop is requested, and return how it ended.

        Raises SurroundingsError when somebody else is in its place before its first start, or the disk refuses.
        """
        service = self._workload.service
        assert service is not None  # noqa: S101 - nobody starts what there is not
        if not self._has_served and is_taken(service.ready):
            assert service.ready is not None  # noqa: S101 - it was asked
            raise SurroundingsError(
                f"{service.ready.target} answers before the service was started; stop the program that does, or give "
                "the service another port (workload.service.ready)"
            )
        self._has_served = True
        folder = self._run.begin_service(start)
        return self._start(
            service.start,
            self._surroundings.lasting_variables(self._run.path),
            stdout=folder.stdout,
            stderr=folder.stderr,
            timeout=None,
            stop=stop,
            grace=service.grace,
            mark=self._run.service_mark(start),
            watch=watch,
        )

    def probe(self, start: int, stop: StopRequest) -> Probe | None:
        """Return how to ask whether a start of the service is ready; None when it says so by being there."""
        service = self._workload.service
        if service is None or service.ready is None:
            return None
        folder = self._run.service(start)

        def failure(command: str | tuple[str, ...], seconds: float) -> str | None:
            finished = self._start(
                command,
                self._surroundings.lasting_variables(self._run.path),
                stdout=folder.path / "ready.stdout.log",
                stderr=folder.path / "ready.stderr.log",
                timeout=seconds,
                stop=stop,
                grace=_GRACE_OF_A_PROBE,
                mark=f"{self._run.service_mark(start)}/ready",
            )
            return None if finished.outcome == "ok" else f"the command {finished.detail}"

        return probe_of(service.ready, (folder.stdout, folder.stderr), failure)

    def _start(self, command: str | tuple[str, ...], variables: Mapping[str, str], **how: Any) -> process.Finished:
        workload = self._workload
        return self._surroundings.start(
            resolve_command(command, workload.shell, variables),
            cwd=self._surroundings.directory,
            env=child_environment(self._surroundings.environ, workload.env, variables),
            log_limit=self._log_limit,
            **how,
        )


def record_of_end(ended: Ended, run: RunDir) -> dict[str, Any]:
    """Return what is recorded of the end of a start of the service."""
    finished = ended.finished
    return {
        "start": ended.start,
        "offset_seconds": ended.offset_seconds,
        "seconds": round(finished.seconds, 6),
        "ready": ended.ready,
        "exit_code": finished.exit_code,
        "signal": finished.signal,
        "detail": finished.detail,
        "leftovers": list(finished.leftovers),
        "peak_rss_mib": finished.peak_rss_mib,
        "results": digests_below(run.service(ended.start)),
    }
