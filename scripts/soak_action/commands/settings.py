"""Arguments that several commands share, and the configuration request that they add up to."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from soak_action.config.load import Loaded, Request, Setting, load
from soak_action.config.model import HttpSource, JsonSource, RegexSource, Source
from soak_action.errors import EvidenceError, SurroundingsError, UsageError
from soak_action.evidence.compressed import archive_of
from soak_action.evidence.gate_dir import find as find_judgement
from soak_action.evidence.run_dir import RUN, RunDir, directory_of
from soak_action.evidence.run_dir import find as find_run
from soak_action.units import UnitError, parse_duration

_MOST_OF_A_KEY = 60


def add_configuration_arguments(parser: argparse.ArgumentParser) -> None:
    """Add --profile, --config and --set."""
    parser.add_argument("--profile", metavar="P", help="use this profile of the configuration")
    parser.add_argument(
        "--config", metavar="F", help="the configuration file (default: soak.yaml, then .github/soak.yaml)"
    )
    parser.add_argument(
        "--set", metavar="K=V", action="append", default=[], help="set one value, such as kpis.p95_ms.hard=400"
    )


def add_schedule_arguments(parser: argparse.ArgumentParser) -> None:
    """Add --iterations and --duration."""
    parser.add_argument("--iterations", metavar="N", help="run this many iterations, such as 24")
    parser.add_argument("--duration", metavar="D", help="soak for this long, such as 90s, 30m or 24h")


def schedule_settings(arguments: argparse.Namespace) -> list[Setting]:
    """Return the settings that --iterations and --duration gave. Raises UsageError."""
    settings = []
    for key in ("iterations", "duration"):
        value = getattr(arguments, key)
        if value is not None:
            if not value.strip():
                raise UsageError(f"--{key}: the value is empty; leave the option out or give it a value")
            settings.append(Setting(f"schedule.{key}", value, f"--{key}"))
    return settings


def add_json_argument(parser: argparse.ArgumentParser) -> None:
    """Add --json."""
    parser.add_argument("--json", action="store_true", help="print one JSON document on standard output")


def current_directory() -> Path:
    """Return the directory that the command was started in. Raises SurroundingsError when it is gone."""
    try:
        return Path.cwd()
    except FileNotFoundError:
        raise SurroundingsError("the current directory no longer exists; change to one that does") from None


def configuration(arguments: argparse.Namespace, more: Sequence[Setting] = ()) -> Loaded:
    """Return the configuration that the arguments ask for and print its warnings.

    Raises ConfigurationError or UsageError.
    """
    return load_and_warn(request_of(arguments, more))


def request_of(arguments: argparse.Namespace, more: Sequence[Setting] = ()) -> Request:
    """Return what --config, --profile and --set ask for, with `more` settings on top. Raises UsageError."""
    return Request(
        directory=current_directory(),
        environ=os.environ,
        config=arguments.config,
        profile=arguments.profile,
        settings=(*read_settings(arguments.set, "--set"), *more),
    )


def load_and_warn(request: Request) -> Loaded:
    """Return the configuration and print its warnings. Raises ConfigurationError or UsageError."""
    loaded = load(request, problem_of_source)
    for warning in loaded.warnings:
        print(f"soak: warning: {warning}", file=sys.stderr)
    return loaded


def problem_of_source(source: Source) -> str | None:
    """Return what is wrong with where a KPI's value comes from, or None."""
    # Each kind loads its own library only: most configurations need one of them.
    if isinstance(source, JsonSource) or (isinstance(source, HttpSource) and source.format == "json"):
        from soak_action.kpi.path import PathError, compile_path

        try:
            compile_path(source.path)
        except PathError as error:
            return str(error)
        return _problem_of_file(source.file) if isinstance(source, JsonSource) else None
    if isinstance(source, RegexSource):
        from soak_action.kpi.log_match import PatternError, compile_pattern

        try:
            compile_pattern(source.pattern)
        except PatternError as error:
            return str(error)
    if isinstance(source, HttpSource):
        from soak_action.kpi.formats.prometheus import ExpositionError, compile_selector

        try:
            compile_selector(source.path)
        except ExpositionError as error:
            return str(error)
    return None


def _problem_of_file(file: str) -> str | None:
    if "\\" in file:
        return f"'{file}' holds a backslash; write the path with forward slashes on every system"
    if file.startswith("/") or ":" in file or ".." in file.split("/"):
        return f"'{file}' must be relative to SOAK_OUT and stay inside it"
    return None


def read_settings(words: Sequence[str], source: str) -> list[Setting]:
    """Return the settings ``KEY=VALUE`` that `source` (``--set``, ``input set``) gave. Raises UsageError."""
    settings = []
    for word in words:
        key, equals, value = word.partition("=")
        if not equals or not key.strip():
            # Whatever follows may be a secret.
            shown = word.partition(":")[0][:_MOST_OF_A_KEY]
            raise UsageError(f"{source} {shown}: write KEY=VALUE, such as schedule.iterations=6")
        settings.append(Setting(key.strip(), value, f"{source} {key.strip()}"))
    return settings


def read_segment(text: str | None, source: str) -> float | None:
    """Return the seconds that `source` (``--segment``, ``input segment``) gave, or None. Raises UsageError."""
    return None if text is None else segment_seconds(text, source)


def segment_seconds(text: str, source: str) -> float:
    """Return the seconds of a segment that `source` gave. Raises UsageError."""
    try:
        seconds = parse_duration(text.strip())
    except UnitError as error:
        raise UsageError(f"{source}: {error}") from None
    if seconds <= 0:
        raise UsageError(f"{source}: a segment has to last longer than {text.strip()}; write 5h, for example")
    return seconds


def run_to_resume(argument: str, source: str) -> RunDir:
    """Return the run that `source` (``--resume``, ``input resume``) names. Raises UsageError when there is none."""
    if not argument.strip():
        raise UsageError(f"{source}: the value is empty; name the directory of a run")
    packed = archive_of(directory_of(Path(argument), RUN))
    if packed is not None:
        raise UsageError(
            f"{source} {argument}: this run is compressed, and going on would leave its archive behind; unpack it "
            f"first: tar -xzf {packed} -C {packed.parent}"
        )
    if find_judgement(Path(argument)) is not None:
        raise UsageError(f"{source} {argument}: this is a judgement of soak gate, not a run")
    try:
        return find_run(Path(argument))
    except EvidenceError as error:
        raise UsageError(f"{source} {error}") from None
