"""The runner of a GitHub Actions job: the inputs that it gives to a step, and what the step gives back.

Everything that a step prints goes through `Runner.stream`, line by line and behind a fence: while the fence stands, the
runner takes no line for a command, so nothing that a workload made up can set an output, mask or annotate.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import secrets
import stat
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO, cast

from soak_action.errors import SurroundingsError, UsageError
from soak_action.github.workflow_commands import Annotation, at_most, command
from soak_action.system import BINARY, NotRegularError

MOST_SUMMARY_BYTES = 900_000
_MOST_OUTPUT_BYTES = 500_000
# A pipe takes 512 bytes whole or not at all. Of a longer text it drops the rest when a signal comes while it is full.
_MOST_AT_ONCE = 80
_SHORTEST_MASK = 4
# soak never writes them, and each step has its own: what they hold at its end comes from the workload.
_NEVER_WRITTEN = ("GITHUB_ENV", "GITHUB_PATH", "GITHUB_STATE")
_LINE_END = re.compile(r"\r\n|\r|\n")
# Never wait for the other end of a pipe that somebody put in the place of a file; Windows has no such flag.
_FOR_REWRITING = os.O_WRONLY | os.O_CREAT | BINARY | getattr(os, "O_NONBLOCK", 0)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


class Inputs:
    """The inputs of a step, which arrive as text in ``INPUT_<NAME>``; an empty one was not given."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    def text(self, name: str) -> str | None:
        """Return the input `name` without the white space around it, or None when it is empty or absent."""
        return self._environ.get(variable(name), "").strip() or None

    def lines(self, name: str) -> tuple[str, ...]:
        """Return the lines of an input that are not empty, without the white space around each."""
        return tuple(line.strip() for line in _LINE_END.split(self.text(name) or "") if line.strip())

    def flag(self, name: str, *, default: bool) -> bool:
        """Return an input that is true or false. Raises UsageError for any other text: 'false' would count as true."""
        text = self.text(name)
        if text is None:
            return default
        if text not in {"true", "false"}:
            raise UsageError(f"input {name}: '{text[:40]}' is neither true nor false; write one of the two words")
        return text == "true"

    def choice(self, name: str, choices: Iterable[str]) -> str | None:
        """Return an input that is one of `choices`, or None. Raises UsageError for any other text."""
        text = self.text(name)
        known = sorted(choices)
        if text is not None and text not in known:
            raise UsageError(f"input {name}: '{text[:40]}' is unknown; write one of {', '.join(known)}")
        return text


def variable(name: str) -> str:
    """Return the name of the environment variable in which action.yml hands over the input `name`."""
    return f"INPUT_{name.replace('-', '_').upper()}"


class Runner:
    """The runner as one step sees it.

    `directory` is the one that the step was started in; the workload may remove it meanwhile.
    """

    def __init__(self, environ: Mapping[str, str], stdout: TextIO) -> None:
        self.directory = _directory()
        self._environ = environ
        self._lines = _Lines(stdout)
        self._token = ""
        self._outputs: dict[str, str] = {}

    def check(self) -> None:
        """Raise UsageError outside of a GitHub Actions job, where nobody would read what a step gives back."""
        for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"):
            if not self._environ.get(name):
                raise UsageError(f"{name} is not set: this is a step of a GitHub Actions job; elsewhere use soak run")

    def check_files(self, *, summary: bool) -> None:
        """Raise SurroundingsError when the outputs, or the `summary` if one is wanted, cannot be written."""
        for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY") if summary else ("GITHUB_OUTPUT",):
            self._rewrite(name, "")

    @property
    def inputs(self) -> Inputs:
        """The step's inputs."""
        return Inputs(self._environ)

    @property
    def stream(self) -> TextIO:
        """The step's log: prints whole lines, one at a time, with control characters made visible."""
        return cast(TextIO, self._lines)

    @property
    def workspace(self) -> Path:
        """The directory that the repository is checked out to."""
        return Path(self._environ.get("GITHUB_WORKSPACE") or self.directory)

    @contextmanager
    def fenced(self) -> Iterator[None]:
        """Take nothing that is printed inside for a command, except those of this class."""
        self._raise_fence()
        try:
            yield
        finally:
            self._lower_fence()

    @contextmanager
    def group(self, title: str) -> Iterator[None]:
        """Fold what is printed inside into one line of the log that says `title`; groups do not nest."""
        self._say(command("group", title))
        try:
            yield
        finally:
            self._say(command("endgroup"))

    def annotate(self, annotations: Iterable[Annotation]) -> None:
        """Show the annotations, at most ten of a level."""
        self._say(*map(str, at_most(annotations)))

    def mask(self, values: Iterable[str]) -> None:
        """Keep these values out of the log from now on, but for lines so short that innocent text would be masked."""
        lines = {line for value in values for line in _LINE_END.split(value) if len(line.strip()) >= _SHORTEST_MASK}
        self._say(*(command("add-mask", line) for line in sorted(lines)))

    def set_outputs(self, values: Mapping[str, str | int | float]) -> None:
        """Set outputs of the step; the last value of a name holds, and what anybody else wrote there is gone.

        Raises SurroundingsError when the runner's file cannot be written, and then no output is set; or when a value is
        too long for an output.
        """
        outputs = {**self._outputs, **{name: str(value) for name, value in values.items()}}
        text = "".join(_output(name, value) for name, value in outputs.items())
        self._outputs = outputs
        self._rewrite("GITHUB_OUTPUT", text)

    def write_summary(self, markdown: str) -> None:
        """Write the step's summary in the place of whatever is there.

        Raises SurroundingsError when it cannot be written, or is over 900 kB.
        """
        size = len(markdown.encode())
        if size > MOST_SUMMARY_BYTES:
            raise SurroundingsError(f"a summary of {size} bytes is too long: GitHub would drop it")
        self._rewrite("GITHUB_STEP_SUMMARY", markdown.rstrip("\n") + "\n")

    def drop_forgeries(self) -> tuple[str, ...]:
        """Empty the runner's files that soak never writes, and return the names of those that held something.

        Raises SurroundingsError when one cannot be emptied.
        """
        found = tuple(name for name in _NEVER_WRITTEN if _holds_something(self._environ.get(name)))
        for name in found:
            self._rewrite(name, "")
        return found

    def _rewrite(self, name: str, text: str) -> None:
        try:
            _rewrite(self._environ[name], text.encode())
        except OSError as error:
            raise SurroundingsError(f"cannot write to {name}: {error.strerror}") from error
        except UnicodeEncodeError as error:
            raise SurroundingsError(f"cannot write to {name}: {error.object!r:.200} is not UTF-8 text") from error

    def _say(self, *commands: str) -> None:
        """Print commands outside of the fence, which is set anew under another name at once."""
        fenced = bool(self._token)
        with self._lines.held():
            self._lower_fence()
            try:
                for text in commands:
                    self._lines.write_raw(text)
            finally:
                if fenced:
                    self._raise_fence()

    def _raise_fence(self) -> None:
        self._token = secrets.token_hex(16)
        self._lines.write_raw(command("stop-commands", self._token))

    def _lower_fence(self) -> None:
        if self._token:
            self._lines.write_raw(command(self._token))
        self._token = ""


class _Lines(io.TextIOBase):
    """Passes on whole lines, so that threads do not write into each other's and a command has a line of its own.

    Nothing is passed on any more once a write failed: nobody is reading, and a fence may be missing.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._is_lost = False
        self._lock = threading.RLock()
        self._mine = threading.local()

    def write(self, text: str) -> int:
        """Print the lines that are complete, and keep the rest of the last one."""
        *lines, self._mine.rest = (getattr(self._mine, "rest", "") + text).split("\n")
        with self._lock:
            for line in lines:
                self.write_raw(_CONTROL.sub(_visible, line.rstrip("\r")))
        return len(text)

    def flush(self) -> None:
        """Do nothing: whole lines were passed on at once, and an unfinished one waits for its end."""

    @contextmanager
    def held(self) -> Iterator[None]:
        """Let nobody else print meanwhile; what this thread began to write gets its line end first."""
        with self._lock:
            if getattr(self._mine, "rest", ""):
                self.write("\n")
            yield

    def write_raw(self, line: str) -> None:
        """Print one line as it is."""
        text = line + "\n"
        with self._lock:
            try:
                for start in range(0, 0 if self._is_lost else len(text), _MOST_AT_ONCE):
                    self._stream.write(text[start : start + _MOST_AT_ONCE])
                    self._stream.flush()
            except (OSError, ValueError):
                self._is_lost = True


def _visible(found: re.Match[str]) -> str:
    code = ord(found.group())
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"


def _directory() -> Path:
    try:
        return Path.cwd()
    except OSError:
        return Path(os.sep)


def _holds_something(path: str | None) -> bool:
    try:
        return bool(path) and Path(path or "").stat().st_size > 0
    except OSError:
        return False


def _rewrite(path: str, content: bytes) -> None:
    """Make `content` the whole of a regular file; when that fails the file is left empty, never cut in the middle."""
    descriptor = os.open(path, _FOR_REWRITING, 0o666)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise NotRegularError(0, "it is not a regular file")
        os.ftruncate(descriptor, 0)
        rest = memoryview(content)
        while rest:
            rest = rest[os.write(descriptor, rest) :]
    except OSError:
        with contextlib.suppress(OSError):
            os.ftruncate(descriptor, 0)
        raise
    finally:
        os.close(descriptor)


def _output(name: str, value: str) -> str:
    if len(value.encode("utf-16-le", "surrogatepass")) > _MOST_OUTPUT_BYTES * 2:
        raise SurroundingsError(f"the output {name} would be longer than GitHub takes; read the files instead")
    delimiter = f"end-{secrets.token_hex(16)}"
    return f"{name}<<{delimiter}\n{value}\n{delimiter}\n"
