"""Everything that there is to say about a configuration: mistakes, warnings, and what became of expectations."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from soak_action.config import coherence
from soak_action.config.check import Mistake, in_order
from soak_action.config.expect import ExpectationError, Outcome, outcome_of, parse_expectation
from soak_action.config.load import Examined, Request, examine
from soak_action.config.model import Source
from soak_action.config.resolve import Resolution, resolve
from soak_action.config.schema_tree import settable
from soak_action.config.wording import shortened
from soak_action.errors import ConfigurationError


@dataclass(frozen=True)
class Finding:
    """A mistake or a warning, and the profile under which alone it was found; None for the profile asked for."""

    about: Mistake
    profile: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """The finding as it stands in the JSON document."""
        about = self.about
        key = ".".join(about.path) or None
        return {"place": about.place, "key": key, "reason": about.sentence, "profile": self.profile}

    def __str__(self) -> str:
        is_told = self.profile is None or self.about.place.startswith(f"profile {self.profile} ")
        under = "" if is_told else f"under the profile {self.profile}: "
        return f"{self.about.place}: {under}{self.about.sentence}"


@dataclass(frozen=True)
class Report:
    """What was found; `subject` says what was checked."""

    subject: str
    mistakes: tuple[Finding, ...]
    warnings: tuple[Finding, ...] = ()
    outcomes: tuple[Outcome, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The report as a JSON document."""
        return {
            "ok": not self.mistakes and all(outcome.ok for outcome in self.outcomes),
            "mistakes": [finding.to_dict() for finding in self.mistakes],
            "warnings": [finding.to_dict() for finding in self.warnings],
            "expectations": [outcome.to_dict() for outcome in self.outcomes],
        }


def examine_all(
    request: Request,
    check_source: Callable[[Source], str | None],
    expectations: Iterable[str],
    expected_by: str = "--expect",
) -> Report:
    """Return what there is to say about the configuration that `request` asks for, and about each profile of its file.

    `expected_by` is how messages call the place where the expectations were given. Raises UsageError when the file that
    is named cannot be read.
    """
    try:
        examined = examine(request, check_source)
    except ConfigurationError as error:
        return Report("", tuple(Finding(_from_text(text)) for text in error.mistakes))
    asked = examined.resolution
    outcomes, malformed = _outcomes(expectations, examined, expected_by)
    mistakes = [Finding(one) for one in (*in_order(_mistakes(asked)), *malformed)]
    warnings = [Finding(one) for one in (*_warnings_of_layers(asked), *in_order(_warnings(asked)))]
    for profile, resolution in _other_profiles(examined):
        mistakes += _news(_mistakes(resolution), mistakes, profile)
        warnings += _news(_warnings(resolution), warnings, profile)
    return Report(_subject(examined), tuple(dict.fromkeys(mistakes)), tuple(dict.fromkeys(warnings)), outcomes)


def _mistakes(resolution: Resolution) -> Iterator[Mistake]:
    yield from resolution.mistakes
    if case := _case(resolution):
        yield from coherence.errors(case)


def _warnings(resolution: Resolution) -> Iterator[Mistake]:
    if case := _case(resolution):
        yield from coherence.warnings(case)


def _case(resolution: Resolution) -> coherence.Case | None:
    if resolution.config is None:
        return None
    return coherence.Case(resolution.config, resolution.leaves, resolution.stack.locks, resolution.where)


def _warnings_of_layers(resolution: Resolution) -> Iterator[Mistake]:
    """Yield what reading the environment warned of: sentences that begin with ``env NAME``."""
    for warning in resolution.stack.warnings:
        env, name, rest = warning.split(" ", 2)
        yield Mistake(f"{env} {name}", (), rest)


def _other_profiles(examined: Examined) -> Iterator[tuple[str, Resolution]]:
    """Yield each profile of the file that was not asked for, without environment and command line."""
    given = examined.given
    profiles = {} if given.document is None else given.document.data.get("profiles")
    for name in profiles if isinstance(profiles, Mapping) else ():
        if name != given.profile:
            alone = replace(given, profile=name, environ={}, overrides=None, settings=())
            yield name, resolve(alone, examined.rules)


def _news(found: Iterable[Mistake], told: Sequence[Finding], profile: str) -> list[Finding]:
    """Return what was not already told of the configuration asked for, or of a profile before."""
    known = {finding.about for finding in told}
    return [Finding(one, profile) for one in in_order(found) if one not in known]


def _outcomes(
    expectations: Iterable[str], examined: Examined, expected_by: str
) -> tuple[tuple[Outcome, ...], list[Mistake]]:
    schema, leaves = settable(examined.rules.schema), examined.resolution.leaves
    outcomes: list[Outcome] = []
    malformed: list[Mistake] = []
    for text in expectations:
        try:
            outcomes.append(outcome_of(parse_expectation(text, schema, leaves), schema, leaves))
        except ExpectationError as error:
            malformed.append(Mistake(f"{expected_by} {shortened(text.partition('=')[0])}", (), str(error)))
    return tuple(outcomes), malformed


def _subject(examined: Examined) -> str:
    name = examined.found.shown or "no configuration file, only defaults"
    profile = examined.given.profile
    return f"{name} with the profile {profile}" if profile else name


def _from_text(text: str) -> Mistake:
    place, _, sentence = text.partition(": ")
    return Mistake(place, (), sentence)
