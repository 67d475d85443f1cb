"""The command line: which command, then that command's own arguments; errors become one clear line and an exit code."""

from __future__ import annotations

import argparse
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from soak_action import __version__, canonical
from soak_action.commands import gate, mock, run, verify
from soak_action.errors import ExitCode, SoakError, UsageError

_COMMANDS = (run, gate, verify, mock)
_EXIT_CODES = """\
exit codes:
  0        done, or the verdict is not in gate.fail_on
  1        fail: a hard limit is not met
  2        usage or configuration error; nothing ran
  3        inconclusive: measured, but not enough to decide
  4        invalid: evidence missing, stale, impossible or edited
  5        the surroundings failed: full disk, no permission, dependencies not installable
  130 143  interrupted; what was measured is saved and verifiable
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; `argv` defaults to the process's arguments."""
    words = list(sys.argv[1:] if argv is None else argv)
    for stream in (sys.stdout, sys.stderr):
        _print_everywhere(stream)
    options, command = _split(words)
    arguments = _parser().parse_args(options)
    arguments.words, arguments.workload = words, command
    try:
        _check_text(words)
        return int(arguments.execute(arguments))
    except SoakError as error:
        return _report(arguments, str(error), error.exit_code)
    except KeyboardInterrupt:
        return _report(arguments, "interrupted before anything was measured", ExitCode.INTERRUPTED)
    except BrokenPipeError:
        # The reader is gone. Python would complain about it once more when it flushes at exit.
        sys.stdout = None
        return int(ExitCode.SURROUNDINGS)
    except Exception as error:  # noqa: BLE001 - the last resort: one line with the place, never a traceback
        return _report(arguments, _defect(error), ExitCode.SURROUNDINGS)


def parser() -> argparse.ArgumentParser:
    """Return the parser of all commands, for whoever documents them."""
    return _parser()


def _parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(
        prog="soak",
        description="Soak tests and release gates that cannot lie.",
        epilog=_EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"soak {__version__}")
    commands = top.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for module in _COMMANDS:
        command = commands.add_parser(
            module.NAME,
            help=module.SUMMARY,
            description=module.DESCRIPTION,
            epilog=f"example:\n  {module.EXAMPLE}\n\n{_EXIT_CODES}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        module.add_arguments(command)
        command.set_defaults(execute=module.execute, json=False)
    return top


def _split(words: Sequence[str]) -> tuple[list[str], tuple[str, ...]]:
    """Return the words before the first ``--`` and those after it; each Python's argparse treats ``--`` differently."""
    if "--" not in words:
        return list(words), ()
    place = list(words).index("--")
    return list(words[:place]), tuple(words[place + 1 :])


def _check_text(words: Sequence[str]) -> None:
    for number, word in enumerate(words, 1):
        if not word.isascii() and any(0xD800 <= ord(character) <= 0xDFFF for character in word):
            raise UsageError(f"argument {number} is not UTF-8 text, so it could not be recorded; rename what it names")


def _report(arguments: argparse.Namespace, message: str, code: ExitCode) -> int:
    for line in message.splitlines():
        print(f"soak: {line}", file=sys.stderr)
    if arguments.json:
        print(canonical.compact({"error": message, "exit_code": int(code)}))
    return int(code)


def _defect(error: Exception) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}"
    return f"this is a defect of soak-action, please report it: {type(error).__name__} at {place}: {error}"


def _print_everywhere(stream: TextIO) -> None:
    """Print the same bytes on every system, and let a narrow code page show an escape instead of stopping the run."""
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="backslashreplace", newline="\n")
