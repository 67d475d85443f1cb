"""The file of the parameters while a run uses it: held for this run alone, and what a run begins or goes on with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from soak_action.config.model import Config, Parameters
from soak_action.errors import UsageError
from soak_action.evidence.ledger import Ledger
from soak_action.evidence.reading import read_promise
from soak_action.evidence.run_dir import PARAMETERS, RunDir
from soak_action.evidence.standing import Standing
from soak_action.file_locks import FileLock
from soak_action.tuner import Tuner
from soak_action.tuning.apply import Applier
from soak_action.tuning.parameters import Held, ParametersFile, state_hash


def path_of_parameters(config: Config, base: Path) -> Path | None:
    """Return the file that SOAK_PARAMS names, below the directory of the configuration; None without parameters."""
    return None if config.parameters is None else base / config.parameters.file


@contextmanager
def parameters_in_use(config: Config, base: Path, owner: str) -> Iterator[ParametersFile | None]:
    """Hold the file of the parameters for this process; None without parameters.

    Raises LockedError when another run uses it, UsageError when there is no directory for it, SurroundingsError when
    the disk refuses.
    """
    path = path_of_parameters(config, base)
    if config.parameters is None or path is None:
        yield None
        return
    if not path.parent.is_dir():
        raise UsageError(f"parameters.file: there is no directory {path.parent}; create it, or name another file")
    with FileLock(path, owner):
        yield ParametersFile(path, config.parameters)


def values_to_begin_with(config: Config, base: Path) -> Mapping[str, float] | None:
    """Return the values that a run would begin with; None without parameters.

    Raises UsageError when the file of the parameters holds something else than values for them.
    """
    path = path_of_parameters(config, base)
    if config.parameters is None or path is None:
        return None
    file = ParametersFile(path, config.parameters)
    return file.read().values if file.exists() else _initial(config.parameters)


def copy_of_parameters(config: Config, base: Path, folder: Path) -> Path | None:
    """Return a new file in `folder` with the values that a run would begin with; None without parameters.

    Raises UsageError as values_to_begin_with does, SurroundingsError when the disk refuses.
    """
    values = values_to_begin_with(config, base)
    if config.parameters is None or values is None:
        return None
    copy = folder / PARAMETERS
    ParametersFile(copy, config.parameters).create(values)
    return copy


def begin_with(config: Config, file: ParametersFile | None) -> Mapping[str, Any] | None:
    """Return what run.json says of the parameters that a run begins with; a file that is not there is created.

    None without parameters. Raises UsageError when the file holds something else than values for them.
    """
    if config.parameters is None or file is None:
        return None
    held = file.read() if file.exists() else file.create(_initial(config.parameters))
    values = dict(held.values)
    return {
        "file": config.parameters.file,
        "values": values,
        "state_hash": state_hash(values),
        "digest": held.digest,
    }


def go_on_with(file: ParametersFile | None, run: RunDir, standing: Standing) -> None:
    """Make the file hold what the last iteration ran with, if it is not there or holds what the run began with.

    On another machine it is one or the other. Raises UsageError when it holds something else.
    """
    if file is None:
        return
    began = _promised(run)
    values = began["values"] if standing.parameters is None else standing.parameters
    if not file.exists():
        file.create(values)
        return
    held = file.read()
    states = {decision["state_hash_after"] for decision in standing.decided} | {state_hash(values)}
    if state_hash(held.values) in states:
        return
    # By its values: a checkout may write the line ends of its own system.
    if state_hash(held.values) != began["state_hash"]:
        raise UsageError(_differs(file, run, held, values))
    file.write(values, held)


def tuner_of(
    config: Config, file: ParametersFile | None, run: RunDir, standing: Standing, ledger: Ledger
) -> Tuner | None:
    """Return the tuner of the segment to come, once what was decided for it is in the file; None without parameters.

    Raises UsageError or EvidenceError when the file is not as it should be, SurroundingsError when the disk refuses.
    """
    if file is None:
        return None
    applier = Applier(file, ledger, run.path, standing.next_segment, standing.decided)
    return Tuner(config, file, applier, _promised(run)["values"], standing.decided)


def _initial(parameters: Parameters) -> dict[str, float]:
    return {parameter.name: parameter.initial for parameter in parameters.values}


def _promised(run: RunDir) -> Mapping[str, Any]:
    parameters: Mapping[str, Any] = read_promise(run).run["parameters"]
    return parameters


def _differs(file: ParametersFile, run: RunDir, held: Held, values: Mapping[str, float]) -> str:
    now = held.values
    other = [f"{name} is {now[name]} and was {value}" for name, value in values.items() if now[name] != value]
    return (
        f"{file.path}: not the parameters that the run was made with: {', '.join(other)}; put those of "
        f"{run.path / PARAMETERS} back, or begin a new run"
    )
