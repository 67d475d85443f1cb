"""Everything that a contributor runs: format, lint, types, floors, tests and coverage, in one command.

Needs nothing but Python: the locked development tools go into an environment of this checkout, below `.cache/check`.
"""

from __future__ import annotations

import argparse
import os
import re
import sqlite3
import sys
import tempfile
import time
import tokenize
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import workflow_checks
from devtools import ROOT, Outcome, ToolsError, environment, relative, run, write_locks

TRAPS = ROOT / "tests" / "traps.txt"
TYPED = ("scripts/soak_action", *sorted(relative(path) for path in (ROOT / "scripts").glob("*.py")))
FULLY_COVERED = "scripts/soak_action/config/*,scripts/soak_action/gate/*"
OUTSIDE_TOOL = "needs "  # how the reason of a skip begins when only a missing tool of the machine caused it
# What the surroundings may hold to steer soak or a workflow must not steer its tests.
FOREIGN = ("SOAK_", "GITHUB_", "RUNNER_", "INPUT_", "COVERAGE_", "PYTEST_")


@dataclass
class Session:
    """One call of this script: its options, its tools, and what the tests left for later steps."""

    options: argparse.Namespace
    programs: Path
    scratch: Path
    closing: str = ""
    skipped: list[str] = field(default_factory=list)

    def run(self, *command: str | Path, folder: Path = ROOT) -> Outcome:
        """Run a program of the environment, or one that is named by its whole path, and keep all that it prints."""
        variables = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
        variables["PATH"] = os.pathsep.join([str(self.programs), variables.get("PATH", os.defpath)])
        variables["COVERAGE_FILE"] = str(self.scratch / "coverage")
        if self.options.full:
            variables["SOAK_CHECK_FULL"] = "1"
        return run([self.programs / command[0], *command[1:]], folder, variables)

    def skip(self, outcome: Outcome, reasons: Sequence[str]) -> Outcome:
        """Remember what was skipped and why; a missing tool is a failure under `--require-all`."""
        self.skipped += reasons
        missing = [reason for reason in reasons if reason.startswith(OUTSIDE_TOOL)]
        if not self.options.require_all or not missing:
            return outcome
        told = "\n".join(f"skipped although --require-all: {reason}" for reason in missing)
        return Outcome(passed=False, output=f"{outcome.output}\n{told}")


def check_format(session: Session) -> Outcome:
    """Every Python file is formatted."""
    if session.options.fix:
        session.run("ruff", "check", "--fix", "--exit-zero", ".")
        return session.run("ruff", "format", ".")
    return session.run("ruff", "format", "--check", "--output-format=concise", ".")


def check_lint(session: Session) -> Outcome:
    """The strict rules of pyproject.toml hold."""
    return session.run("ruff", "check", "--output-format=concise", ".")


def check_types(session: Session) -> Outcome:
    """Every function is typed and the types agree, on each system, as their standard libraries differ."""
    files = [path for path in TYPED if (ROOT / path).exists()]
    passed, findings = True, dict[str, str]()
    for system in ("linux", "win32", "darwin"):
        options = ["--strict", "--no-error-summary", f"--platform={system}", f"--cache-dir=.cache/mypy-{system}"]
        if system != "linux":
            options.append("--no-warn-unreachable")  # a file for Linux alone is unreachable there, and should be
        outcome = session.run("mypy", *options, *files)
        passed = passed and outcome.passed
        for line in outcome.output.splitlines():
            findings.setdefault(line, system)
    output = "\n".join(line if system == "linux" else f"[{system}] {line}" for line, system in findings.items())
    return Outcome(passed, output)


def check_floors(session: Session) -> Outcome:
    """No module imports from a floor above its own."""
    options: list[str | Path] = ["--config", ROOT / "pyproject.toml", "--cache-dir", ROOT / ".cache" / "import-linter"]
    return session.run("lint-imports", *options, folder=ROOT / "scripts")


def check_generated(session: Session) -> Outcome:
    """The generated reference and the generated jobs of workflows agree with the code."""
    if not (ROOT / "scripts" / "reference.py").exists():
        return Outcome(passed=True, note="nothing is generated yet")
    written = [session.run("python", f"scripts/{name}.py", "--check") for name in ("slots", "reference")]
    return Outcome(all(one.passed for one in written), "\n".join(filter(None, (one.output for one in written))))


def check_workflows(session: Session) -> Outcome:
    """Actions and workflows are safe, well-formed and consistent by the linters of others."""
    findings = workflow_checks.check(session.run)
    outcome = Outcome(not findings.said, "\n".join(findings.said))
    return session.skip(outcome, findings.missing)


def check_tests(session: Session) -> Outcome:
    """All tests pass, with warnings as errors, measured for coverage."""
    report = session.scratch / "tests.xml"
    workers = min(os.cpu_count() or 1, 8)
    options = ["-q", "--numprocesses", str(workers), "--dist", "worksteal", f"--junitxml={report}"]
    outcome = session.run("python", "-m", "coverage", "run", "-m", "pytest", *options, *session.options.pytest)
    session.closing = next(iter(re.findall(r"^\S.* in [\d.]+s\b.*$", outcome.output, re.MULTILINE)[-1:]), "")
    return session.skip(outcome, list(skip_reasons(report)) if report.exists() else [])


def skip_reasons(report: Path) -> Iterator[str]:
    """Yield the reason of every skipped test of a JUnit report."""
    for skipped in ET.parse(report).iter("skipped"):  # noqa: S314 - written by our own pytest a moment ago
        whole_file = re.search(r"Skipped: (.*)['\"]\)", skipped.text or "")
        yield whole_file.group(1) if whole_file else skipped.get("message", "no reason given")


def check_coverage(session: Session) -> Outcome:
    """Line and branch coverage is 95 % in all, and 100 % where decisions are made."""
    if not session.closing:
        return Outcome(passed=False, output="the tests did not run: add `tests` to --only")
    if session.options.pytest:
        return Outcome(passed=True, note="not judged: a selection of the tests ran")
    combined = session.run("coverage", "combine", "--quiet")
    total = session.run("coverage", "report", "--fail-under=95")
    decisions = session.run("coverage", "report", "--fail-under=100", f"--include={FULLY_COVERED}")
    percent = re.search(r"^TOTAL.*?([\d.]+%)", total.output, re.MULTILINE)
    output = f"{combined.output}{total.output}\nMust be whole:\n{decisions.output}"
    passed = combined.passed and total.passed and decisions.passed
    return Outcome(passed, output, f"{percent.group(1)} of lines and branches" if percent else "")


def check_traps(session: Session) -> Outcome:
    """Every required trap of tests/traps.txt has a test that is named after it."""
    report = session.scratch / "tests.xml"
    if report.exists() and not session.options.pytest:
        collected = Outcome(passed=True, output="\n".join(tests_that_ran(report)))
    else:
        collected = session.run("python", "-m", "pytest", "--collect-only", "-q")
    tested = {int(number) for number in re.findall(r"trap_(\d\d)", collected.output)}
    required, later = read_traps(TRAPS.read_text("utf-8"))
    untested = [
        f"trap {number} has no test named trap_{number:02}: {what}"
        for number, what in required.items()
        if number not in tested
    ]
    open_traps = [f"not required yet: trap {number}: {what}" for number, what in later.items() if number not in tested]
    output = "\n".join([*([] if collected.passed else [collected.output]), *untested, *open_traps])
    note = f"{len(tested)} of {len(required) + len(later)} tested, {len(open_traps)} not required yet"
    return Outcome(collected.passed and not untested, output, note)


def tests_that_ran(report: Path) -> Iterator[str]:
    """Yield the names of the tests of a JUnit report that were not skipped."""
    for case in ET.parse(report).iter("testcase"):  # noqa: S314 - as above
        if case.find("skipped") is None:
            yield case.get("name", "")


def read_traps(text: str) -> tuple[dict[int, str], dict[int, str]]:
    """Return the required and the later traps of a list of lines ``NN required|later what it is``."""
    lists: dict[str, dict[int, str]] = {"required": {}, "later": {}}
    for line in text.splitlines():
        if line and not line.startswith("#"):
            number, when, what = line.split(maxsplit=2)
            lists[when][int(number)] = what
    return lists["required"], lists["later"]


def check_branches(_session: Session) -> Outcome:
    """Every branch that this machine's tests cannot reach says why."""
    found = [
        (f"{relative(path)}:{line}", reason)
        for path in sorted((ROOT / "scripts").rglob("*.py"))
        for line, reason in platform_branches(path)
    ]
    output = "\n".join(f"{place}: {reason or 'gives no reason after `# pragma: platform`'}" for place, reason in found)
    return Outcome(all(reason for _, reason in found), output, f"{len(found)} left out of coverage")


def platform_branches(path: Path) -> Iterator[tuple[int, str]]:
    """Yield line and reason of every comment of `path` that takes a branch out of the coverage."""
    with path.open("rb") as source:
        for token in tokenize.tokenize(source.readline):
            marker = re.search(r"# pragma: platform\b[\s:,-]*(.*)", token.string)
            if token.type == tokenize.COMMENT and marker:
                yield token.start[0], marker.group(1).strip()


STEPS: dict[str, Callable[[Session], Outcome]] = {
    "format": check_format,
    "lint": check_lint,
    "types": check_types,
    "floors": check_floors,
    "generated": check_generated,
    "workflows": check_workflows,
    "tests": check_tests,
    "coverage": check_coverage,
    "traps": check_traps,
    "branches": check_branches,
}


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the command line; what follows ``--`` is pytest's."""
    own, pytest = list(arguments), []
    if "--" in own:
        own, pytest = own[: own.index("--")], own[own.index("--") + 1 :]
    steps = "; ".join(f"{name}: {(step.__doc__ or '').strip().rstrip('.')}" for name, step in STEPS.items())
    parser = argparse.ArgumentParser(
        description="Check everything that a pull request is held to.",
        epilog=f"Steps - {steps}. Example: python3 scripts/check.py --only tests -- tests/unit/kpi -k regex",
        usage="%(prog)s [options] [-- PYTEST_ARGUMENT...]",
    )
    parser.add_argument("--fix", action="store_true", help="format, and repair what the linter can repair")
    parser.add_argument("--full", action="store_true", help="all seeds and repetitions instead of a selection")
    parser.add_argument("--only", metavar="STEP[,STEP]", default=",".join(STEPS), help="run these steps only")
    parser.add_argument("--lock", action="store_true", help="write the lock files anew from pyproject.toml, and stop")
    parser.add_argument("--require-all", action="store_true", help="a test skipped for want of a tool is a failure")
    parser.add_argument("-v", "--verbose", action="store_true", help="show the output of steps that passed, too")
    options = parser.parse_args(own)
    options.pytest = pytest
    options.only = options.only.split(",")
    unknown = [name for name in options.only if name not in STEPS]
    if unknown:
        parser.error(f"unknown step {unknown[0]!r}; there are {', '.join(STEPS)}")
    return options


def run_steps(session: Session) -> list[str]:
    """Run every wanted step, one line each, and return the names of those that failed."""
    failed = []
    for name, step in STEPS.items():
        if name not in session.options.only:
            continue
        print(f"{name:<10} ", end="", flush=True)
        started = time.monotonic()
        outcome = step(session)
        seconds = time.monotonic() - started
        print(f"{'ok' if outcome.passed else 'FAILED':<6} {seconds:6.1f} s  {outcome.note}".rstrip(), flush=True)
        if not outcome.passed:
            failed.append(name)
        if outcome.output.strip() and (session.options.verbose or not outcome.passed):
            print(outcome.output.rstrip(), end="\n\n", flush=True)
    return failed


def main(arguments: Sequence[str]) -> int:
    """Check, and return the exit code: 0 all passed, 1 a step failed, 5 there are no tools to check with."""
    options = parse(arguments)
    started = time.monotonic()
    try:
        if options.lock:
            write_locks()
            return 0
        programs = environment()
    except (ToolsError, OSError, sqlite3.Error) as error:
        print(f"check: {error}", file=sys.stderr)
        return 5
    with tempfile.TemporaryDirectory(prefix="soak-check-") as scratch:
        session = Session(options, programs, Path(scratch))
        failed = run_steps(session)
    for reason, count in sorted(Counter(session.skipped).items()):
        print(f"skipped {count}: {reason}")
    if session.closing:
        print(session.closing)
    wanted = len(options.only)
    verdict = f"{len(failed)} of {wanted} steps failed: {', '.join(failed)}" if failed else f"all {wanted} steps passed"
    print(f"check: {verdict} in {time.monotonic() - started:.0f} s")
    return 1 if failed else 0


if __name__ == "__main__":
    if sys.version_info < (3, 11):  # noqa: UP036 - the reader of this message has an older one
        sys.exit(f"check: needs Python 3.11 or newer, this is {sys.version.split()[0]}")
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8", errors="replace")  # type: ignore[union-attr]
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
