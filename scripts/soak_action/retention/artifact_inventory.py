"""What there is at GitHub in the words of the policy: artifacts that belong together are one item."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from operator import attrgetter
from typing import Literal

from soak_action.config.model import Retention
from soak_action.retention.artifact import Artifact, Label, label_of
from soak_action.retention.item import Group, Item, Kind
from soak_action.retention.policy import Decision, Plan, make_plan

Verdict = Literal["pass", "fail"]
# An artifact takes as many bytes as before when it is compressed once more.
_AS_IT_IS = attrgetter("bytes")


@dataclass(frozen=True)
class RunState:
    """What GitHub says of a workflow run: passing when it succeeded, failing when it failed or ran out of time."""

    verdict: Verdict | None
    is_running: bool


@dataclass(frozen=True)
class Surroundings:
    """What decides beside the artifacts themselves: the runs by their numbers, and what was released."""

    default_branch: str
    runs: Mapping[int, RunState] = field(default_factory=dict)
    released_commits: frozenset[str] = frozenset()
    released_tags: frozenset[str] = frozenset()

    def is_released(self, artifact: Artifact) -> bool:
        """Whether the artifact is of a commit that was released, or of a run for the tag of a release."""
        return artifact.commit in self.released_commits or artifact.branch in self.released_tags


@dataclass(frozen=True)
class Bundle:
    """An item of the policy with its artifacts, the oldest first."""

    item: Item
    artifacts: tuple[Artifact, ...]
    is_of_fork: bool = False


@dataclass(frozen=True)
class Inventory:
    """The artifacts that retention looks after, and how many there are that it leaves alone.

    An expired artifact takes no room any more, and GitHub removes it by itself.
    """

    bundles: tuple[Bundle, ...]
    expired: int = 0
    others: int = 0

    def plan(self, policy: Retention, now: float) -> Plan:
        """Return what becomes of everything at the time `now`, in seconds since 1970 UTC. Raises UsageError.

        GitHub has compressed artifacts already. Those of forks are planned for apart, by count and age alone: whatever
        a stranger uploads in the name of a soak, however large, costs no artifact of this repository.
        """
        own = replace(policy, compress_after=None)
        policies = {False: own, True: replace(own, max_total=None)}
        plans = [
            make_plan([each.item for each in self.bundles if each.is_of_fork is of_fork], policy, now, _AS_IT_IS)
            for of_fork, policy in policies.items()
        ]
        decisions = [decision for plan in plans for decision in plan.decisions]
        decisions.sort(key=_age, reverse=True)
        return Plan(tuple(decisions), sum(plan.over_budget for plan in plans))

    def bundle(self, decision: Decision) -> Bundle:
        """Return the bundle of a decision about this inventory."""
        return self._by_id[decision.item.id]

    @cached_property
    def _by_id(self) -> Mapping[str, Bundle]:
        return {bundle.item.id: bundle for bundle in self.bundles}


def take_inventory(artifacts: Iterable[Artifact], prefix: str, surroundings: Surroundings) -> Inventory:
    """Return the artifacts whose names begin with `prefix`, bundled, the newest bundle first."""
    mine: dict[int, Artifact] = {}
    expired, others = set[int](), set[int]()
    for artifact in artifacts:
        if not artifact.name.startswith(prefix):
            others.add(artifact.id)
        elif artifact.is_expired:
            expired.add(artifact.id)
        else:
            mine[artifact.id] = artifact
    parts: defaultdict[tuple[object, ...], list[Artifact]] = defaultdict(list)
    suites: dict[tuple[int | None, str], str] = {}
    for artifact in sorted(mine.values(), key=lambda artifact: (artifact.created, artifact.id)):
        label = label_of(artifact.name)
        # What GitHub ties to no run, or what no name ties together, stands for itself.
        parts[(artifact.run, label.key) if artifact.run and label.key else (artifact.id,)].append(artifact)
        if label.part == "receipt":
            suites[artifact.run, label.key.removeprefix("receipt ")] = label.series[0]
    bundles = [_bundle(members, suites, surroundings) for members in parts.values()]
    bundles.sort(key=lambda bundle: bundle.item.order, reverse=True)
    return Inventory(tuple(bundles), len(expired), len(others))


def _bundle(
    artifacts: Sequence[Artifact], suites: Mapping[tuple[int | None, str], str], surroundings: Surroundings
) -> Bundle:
    newest = artifacts[-1]
    label = label_of(newest.name)
    origin = newest.origin(surroundings.default_branch)
    suite, profile = label.series if origin != "forks" else ("forks", "artifacts")
    suite = suite or suites.get((newest.run, label.key), "soak")
    if origin != "forks":
        profile += " receipts" if label.part == "receipt" else ""
        profile += " of other branches" if origin == "other branches" else ""
    state = surroundings.runs.get(newest.run or 0, RunState(None, is_running=False))
    is_baseline = label.part == "receipt" and origin == "default branch"
    item = Item(
        id=f"{newest.name}#{newest.id}" if len(artifacts) == 1 else f"{label.key}#run-{newest.run}",
        group=Group(suite, profile, label.is_judgement),
        started=newest.created,
        bytes=sum(artifact.bytes for artifact in artifacts),
        kind=_kind(label, surroundings, artifacts, is_baseline=is_baseline),
        verdict=state.verdict,
        is_running=state.is_running,
    )
    return Bundle(item, tuple(artifacts), origin == "forks")


def _kind(label: Label, surroundings: Surroundings, artifacts: Sequence[Artifact], *, is_baseline: bool) -> Kind:
    if any(surroundings.is_released(artifact) for artifact in artifacts) and not artifacts[0].is_of_fork:
        return "release"
    if is_baseline:
        return "baseline"
    return "judgement" if label.is_judgement else "run"


def _age(decision: Decision) -> tuple[float, str]:
    return decision.item.order
