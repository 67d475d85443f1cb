"""The command line: which command, then that command's own arguments; errors become one clear line and an exit code."""

from __future__ import annotations

import argparse
import contextlib
import errno
import os
import sys
from collections.abc import Iterable, Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, NoReturn

from soak_action import __version__, canonical
from soak_action.errors import ExitCode, SoakError, UsageError, defect

_COMMANDS = ("run", "gate", "verify", "prune", "pin", "unpin", "plan", "doctor", "config", "mock", "stress", "action")
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
    _prepare_streams()
    return _deliver(_run(sys.argv[1:] if argv is None else argv))


def _run(words: Sequence[str]) -> int:
    options, workload = _split(words)
    as_json = "--json" in options
    try:
        _check_text(words)
        # Only the command that is called is loaded: the mock is started thousands of times and needs little.
        called = [name for name in _COMMANDS if options[:1] == [name]]
        arguments = _parser(called or _COMMANDS, options[1:2]).parse_args(options)
        if workload and called != ["run"]:
            raise UsageError("only soak run takes a command after --; remove the dashes or what follows them")
        arguments.words, arguments.workload, arguments.call = list(words), workload, _run
        return int(arguments.execute(arguments))
    except SoakError as error:
        return _report(str(error), error.exit_code, as_json=as_json)
    except KeyboardInterrupt:
        return _report("interrupted before anything was measured", ExitCode.INTERRUPTED, as_json=as_json)
    except Exception as error:  # noqa: BLE001 - the last resort: one line with the place, never a traceback
        if _reader_is_gone(error):
            return int(ExitCode.SURROUNDINGS)
        return _report(str(defect(error)), ExitCode.SURROUNDINGS, as_json=as_json)


class _Parser(argparse.ArgumentParser):
    """Raises UsageError, so that a mistake on the command line is reported like every other one."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}; see {self.prog} --help")


if TYPE_CHECKING:
    # argparse gives the type of its commands no public name.
    _Parsers = argparse._SubParsersAction[_Parser]  # noqa: SLF001


def parser() -> argparse.ArgumentParser:
    """Return the parser of all commands, for whoever documents them."""
    return _parser(_COMMANDS)


def _parser(names: Iterable[str], below: Sequence[str] = ()) -> argparse.ArgumentParser:
    """Return the parser of the commands `names`; of their subcommands only the one in `below`, if it is one."""
    top = _Parser(
        prog="soak",
        description="Soak tests and release gates that cannot lie.",
        epilog=_EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    top.add_argument("--version", action="version", version=f"soak {__version__}")
    commands = top.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for name in names:
        module = import_module(f"soak_action.commands.{name}")
        command = _add(commands, name, module)
        subcommands: tuple[str, ...] = getattr(module, "SUBCOMMANDS", ())
        if subcommands:
            told = f"one of {', '.join(subcommands)}"
            inner = command.add_subparsers(title="commands", required=True, metavar="COMMAND", help=told)
            for subcommand in [word for word in below if word in subcommands] or subcommands:
                _add(inner, subcommand, import_module(f"soak_action.commands.{name}_{subcommand}"))
    return top


def _add(commands: _Parsers, name: str, module: ModuleType) -> _Parser:
    """Add the command, or subcommand, that `module` describes; what only has subcommands does nothing itself."""
    command = commands.add_parser(
        name,
        help=module.SUMMARY,
        description=module.DESCRIPTION,
        epilog=f"example:\n  {module.EXAMPLE}\n\n{_EXIT_CODES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    if hasattr(module, "execute"):
        module.add_arguments(command)
        command.set_defaults(execute=module.execute, json=False)
    return command


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


def _report(message: str, code: ExitCode, *, as_json: bool) -> int:
    text = canonical.storable_text(message)
    # The exit code still tells what happened when nobody can read the words.
    with contextlib.suppress(OSError, ValueError):
        for line in text.splitlines():
            print(f"soak: {line}", file=sys.stderr)
    with contextlib.suppress(OSError, ValueError):
        if as_json:
            print(canonical.compact({"error": text, "exit_code": int(code)}))
    return int(code)


def _deliver(code: int) -> int:
    """Return `code`, or 5 when the results could not be delivered to whoever reads standard output."""
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.flush()
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        # Python would complain about it once more when it flushes at exit.
        sys.stdout = None
        return code or int(ExitCode.SURROUNDINGS)
    return code


def _reader_is_gone(error: Exception) -> bool:
    """Whether nobody reads our output any more; Windows then calls the write an invalid argument."""
    windows_says_so = os.name == "nt" and isinstance(error, OSError) and error.errno == errno.EINVAL
    return isinstance(error, BrokenPipeError) or (windows_says_so and getattr(error, "filename", None) is None)


def _prepare_streams() -> None:
    """Print the same bytes on every system, escape what a narrow code page lacks, and do without a closed stream."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115 - open as long as we are
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace", newline="\n")
