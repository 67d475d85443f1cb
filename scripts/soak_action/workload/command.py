"""The command of the workload: from the configuration to what the system starts."""

from __future__ import annotations

import ntpath
import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

_VARIABLE = re.compile(r"\$\$\{|\$\{(SOAK_[^{}]*)\}")
_SHELL = ("/bin/sh", "-c")
_WINDOWS_SHELL = ("cmd", "/d", "/s", "/c")
_EXTENSIONS = ".COM;.EXE;.BAT;.CMD"
_WINDOWS = sys.platform == "win32"


def resolve_command(
    run: str | tuple[str, ...],
    shell: tuple[str, ...] | None,
    variables: Mapping[str, str],
    *,
    windows: bool = _WINDOWS,
) -> list[str]:
    """The argument list of ``workload.run``.

    In a list each ``${SOAK_NAME}`` is replaced from `variables`, and ``$${`` means ``${``; a text goes to `shell` as it
    is (default: ``/bin/sh -c``, ``cmd /d /s /c`` on Windows). Raises ValueError for an unknown SOAK_ variable.
    """
    if isinstance(run, str):
        return [*(shell or (_WINDOWS_SHELL if windows else _SHELL)), run]
    return [_VARIABLE.sub(lambda match: _value(match, variables), argument) for argument in run]


def _value(match: re.Match[str], variables: Mapping[str, str]) -> str:
    name = match[1]
    if name is None:
        return "${"
    if name in variables:
        return variables[name]
    import difflib

    close = difflib.get_close_matches(name, variables, n=1)
    hint = f"did you mean '${{{close[0]}}}'?" if close else f"write '$${{{name}}}' for the text itself"
    raise ValueError(f"unknown variable '${{{name}}}' - {hint}")


def find_program(argv: Sequence[str], cwd: Path, env: Mapping[str, str], *, windows: bool = _WINDOWS) -> str | None:
    """What is wrong with the program of `argv` before anything runs, in one sentence; None when it can be started."""
    if not argv or not argv[0]:
        return "the command is empty"
    if not cwd.is_dir():
        return f"the working directory '{cwd}' does not exist"
    program = argv[0]
    candidates = _candidates(program, cwd, env, windows=windows)
    if any(_is_executable(candidate) for candidate in candidates):
        return None
    for candidate in candidates:
        if candidate.is_dir() and _has_directory(program, windows=windows):
            return f"'{program}' is a directory, not a program"
        if candidate.is_file():
            return f"'{candidate}' is not executable - run: chmod +x '{candidate}'"
    if _has_directory(program, windows=windows):
        where = "" if Path(program).is_absolute() else f" in '{cwd}'"
        return f"the program '{program}' does not exist{where}"
    return f"the program '{program}' was not found on PATH"


def popen_arguments(
    argv: Sequence[str], cwd: Path, env: Mapping[str, str], *, windows: bool = _WINDOWS
) -> list[str] | str:
    """`argv` in the form that the system starts correctly.

    Windows looks for programs on the caller's PATH, for ``.exe`` only, so the program is found by the workload's
    environment first; and cmd wants the text behind ``/c`` between one pair of quotes and otherwise as it is.
    """
    if not windows or not argv:
        return list(argv)
    program = next((str(path) for path in _candidates(argv[0], cwd, env, windows=True) if path.is_file()), argv[0])
    is_cmd = ntpath.basename(argv[0]).lower() in ("cmd", "cmd.exe")
    if is_cmd and len(argv) > 2 and argv[-2].lower() == "/c":
        return f'{subprocess.list2cmdline([program, *argv[1:-1]])} "{argv[-1]}"'
    return [program, *argv[1:]]


def program_file(argv: Sequence[str], cwd: Path, env: Mapping[str, str], *, windows: bool = _WINDOWS) -> str | None:
    """The file that POSIX finds on the workload's PATH for the program; None where nothing is to be looked for.

    CPython 3.11 keeps about 140 bytes for ever whenever it looks for a program itself.
    """
    if windows or not argv or not argv[0] or _has_directory(argv[0], windows=windows):
        return None
    candidates = _candidates(argv[0], cwd, env, windows=windows)
    return next((str(path) for path in candidates if path.is_absolute() and _is_executable(path)), None)


def _has_directory(program: str, *, windows: bool) -> bool:
    return "/" in program or (windows and bool("\\" in program or ntpath.splitdrive(program)[0]))


def _candidates(program: str, cwd: Path, env: Mapping[str, str], *, windows: bool) -> list[Path]:
    """The files that `program` may mean, in the order in which they are tried."""
    if windows:
        env = {name.upper(): value for name, value in env.items()}
    directories = [cwd]
    if not _has_directory(program, windows=windows):
        path = env.get("PATH", os.defpath)
        # The search happens after the change to `cwd`: an empty or relative entry means a directory there.
        directories = [cwd / entry for entry in path.split(";" if windows else ":")]
    names = _names(program, env) if windows else [program]
    return [directory / name for directory in directories for name in names]


def _names(program: str, env: Mapping[str, str]) -> list[str]:
    extensions = [extension for extension in env.get("PATHEXT", _EXTENSIONS).split(";") if extension]
    if any(program.lower().endswith(extension.lower()) for extension in extensions):
        return [program]
    return [program + extension for extension in extensions]


def _is_executable(path: Path) -> bool:
    # Windows has no such permission; there every file that exists counts.
    return path.is_file() and os.access(path, os.X_OK)
