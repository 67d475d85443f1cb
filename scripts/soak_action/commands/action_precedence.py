"""The step `precedence` of an action: what every configuration value is, where it comes from, and whether it should."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from soak_action import canonical
from soak_action.base_branch import Comparison, compare
from soak_action.commands.columns import aligned
from soak_action.commands.settings import problem_of_source
from soak_action.config import layers
from soak_action.config.env_file import parse_env_file
from soak_action.config.expect import Outcome
from soak_action.config.load import Examined, Loaded, Request, examine, loaded
from soak_action.config.loosening import Change, in_order
from soak_action.config.masking import mask_leaf, secret_values
from soak_action.config.report import examine_all
from soak_action.config.wording import like_written
from soak_action.errors import ExitCode, UsageError
from soak_action.files import surroundings
from soak_action.github.runner import Runner
from soak_action.report.annotations import of_mistakes
from soak_action.report.precedence import View, precedence_markdown

_NO_PROFILE = ""
_OF_A_PROFILE = re.compile(r"([\w-]+):\s+(\S.*)")


def precedence_step(runner: Runner) -> int:
    """Resolve the profiles that the inputs name, hold them against the expectations, and return the exit code."""
    named = runner.inputs.text("env-file")
    request = Request(
        directory=runner.directory,
        environ={**os.environ, **(_variables(runner.directory / named, named) if named else {})},
        config=runner.inputs.text("config"),
    )
    first = examine(request, problem_of_source)
    profiles = runner.inputs.lines("profiles") or (_NO_PROFILE, *_profiles_of(first))
    expected = _expectations(runner.inputs.lines("expect"), profiles)
    views, resolved = [], {}
    for profile in profiles:
        asked = replace(request, profile=profile or None)
        examined = examine(asked, problem_of_source)
        runner.mask(secret_values(examined.resolution.leaves))
        views.append(_view(profile, examined, asked, expected[profile]))
        if examined.resolution.config is not None:
            resolved[profile] = loaded(examined)
    for line in _lines(views):
        print(line)
    comparison = _compared(resolved)
    _tell(runner, views)
    if runner.inputs.flag("summary", default=True):
        runner.write_summary(precedence_markdown(views, comparison))
    code = _code(views)
    runner.set_outputs(
        {
            "ok": "true" if code == ExitCode.DONE else "false",
            "exit-code": int(code),
            "resolved": canonical.compact({view.profile: layers.tree(view.leaves) for view in views}),
        }
    )
    return int(code)


def _variables(path: Path, name: str) -> Mapping[str, str]:
    try:
        return parse_env_file(path.read_bytes(), name)
    except (FileNotFoundError, IsADirectoryError):
        raise UsageError(f"input env-file: there is no file {name}") from None
    except OSError as error:
        raise surroundings(error, f"read {name}") from error


def _profiles_of(examined: Examined) -> tuple[str, ...]:
    document = examined.given.document
    profiles = None if document is None else document.data.get("profiles")
    return tuple(profiles) if isinstance(profiles, Mapping) else ()


def _expectations(lines: Sequence[str], profiles: Sequence[str]) -> Mapping[str, list[str]]:
    """Return the expectations of each profile: ``nightly: schedule.every=1m``, or of the first one without a name."""
    found = defaultdict[str, list[str]](list)
    for line in lines:
        of_profile = _OF_A_PROFILE.fullmatch(line)
        profile, expectation = of_profile.groups() if of_profile else (profiles[0], line)
        if profile not in profiles:
            known = ", ".join(filter(None, profiles)) or "none"
            raise UsageError(f"input expect: there is no profile '{profile}' to look at; there are: {known}")
        found[profile].append(expectation)
    return found


def _view(profile: str, examined: Examined, request: Request, expectations: Sequence[str]) -> View:
    report = examine_all(request, problem_of_source, expectations, "input expect")
    leaves = examined.resolution.leaves
    return View(
        profile,
        leaves=[mask_leaf(leaves[path]) for path in sorted(leaves)],
        # What is wrong with another profile is told there.
        mistakes=[str(finding) for finding in report.mistakes if finding.profile is None],
        warnings=[str(finding) for finding in report.warnings if finding.profile is None],
        broken=[_placed(outcome) for outcome in report.outcomes if not outcome.ok],
        met=sum(outcome.ok for outcome in report.outcomes),
    )


def _placed(outcome: Outcome) -> str:
    return str(outcome) if outcome.leaf is None else f"{outcome.leaf.origin}: {outcome}"


def _compared(resolved: Mapping[str, Loaded]) -> Comparison | None:
    """Return what differs from the base branch under any profile; what several of them say alike is told once."""
    found: dict[tuple[str, str], Change] = {}
    for profile, configuration in resolved.items():
        comparison = compare(configuration, os.environ)
        if comparison is None or comparison.note is not None:
            return comparison
        for change in comparison.changes:
            place = ("profiles", profile) if profile else ()
            what = (change.key, canonical.compact([change.before, change.after]))
            found.setdefault(what, replace(change, path=(*place, *change.path)))
    return Comparison(tuple(in_order(found.values()))) if resolved else None


def _code(views: Sequence[View]) -> ExitCode:
    if any(view.mistakes for view in views):
        return ExitCode.USAGE
    return ExitCode.FAIL if any(view.broken for view in views) else ExitCode.DONE


def _lines(views: Sequence[View]) -> Iterator[str]:
    for view in views:
        yield f"== {view.name}"
        rows = [(leaf.key, like_written(leaf.value, 60), leaf.layer, leaf.origin) for leaf in view.given]
        yield from aligned(rows)
        yield from (f"MISTAKE  {told}" for told in view.mistakes)
        yield from (f"BROKEN   {told}" for told in view.broken)
        yield from (f"warning  {told}" for told in view.warnings)


def _tell(runner: Runner, views: Sequence[View]) -> None:
    here, workspace = runner.directory, runner.workspace
    mistakes = dict.fromkeys(told for view in views for told in view.mistakes)
    warnings = dict.fromkeys(told for view in views for told in view.warnings)
    broken = [told for view in views for told in view.broken]
    runner.annotate(
        [
            *of_mistakes(mistakes, here, workspace, "configuration"),
            *of_mistakes(broken, here, workspace, "broken expectation"),
            *of_mistakes(warnings, here, workspace, "configuration", "warning"),
        ]
    )
