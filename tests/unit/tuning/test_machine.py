"""Hypothesis looks for a course of a run in which the guards let through what they must not, or suppress without cause.

What each guard must say is worked out here a second time, from everything that happened in the run and not from what
the guards remember of it. A second memory only ever sees the records as they come back from a file.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests.conftest import full
from tests.unit.tuning.building import known, kpi, recorded

from soak_action import canonical
from soak_action.config.model import Cooldown, Freeze, Guards, Oscillation, Parameter, Parameters, Tolerance
from soak_action.tuning.deciding import decide
from soak_action.tuning.decision import Decision, decision_of
from soak_action.tuning.memory import Memory
from soak_action.tuning.proposal import Proposal

PARAMETERS = (
    Parameter("whole", 70, 40, 80, step=5, is_integer=True, max_change_per_hour=20.0),
    Parameter("tenths.of_one", 0.3, 0.1, 0.95, step=0.1),
    Parameter("free", 1.0, -3.0, 3.0, max_change_per_hour=0.7),
    Parameter("counted", 2, 0, 4, is_integer=True),
)
KPIS = (kpi("calm"), kpi("errors", hard=1.5))
PROPOSALS = st.builds(
    Proposal,
    st.sampled_from([parameter.name for parameter in PARAMETERS]),
    st.sampled_from(["change", "target"]),
    st.sampled_from([-500, -5, -1, -0.35, -0.1, 0, 0.04, 0.1, 0.2, 0.6, 1, 2, 3.5, 5, 10, 60, 65, 70, 75, 80, 500]),
    st.just("rule 1"),
    st.just("a reason"),
)
GUARDS = st.builds(
    Guards,
    st.integers(0, 3),
    st.builds(
        Oscillation,
        st.integers(1, 6),
        st.builds(Tolerance, st.sampled_from([0, 1e-6, 0.1, 0.25]), st.booleans()),
    ),
    st.none() | st.builds(Cooldown, st.sampled_from([0, 0.1, 0.125, 0.3]), st.integers(1, 4)),
    st.none()
    | st.builds(
        Freeze,
        *(st.integers(1, 3), st.integers(1, 5), st.just("calm >= 1")),
        st.sampled_from([(), ("whole",), ("free", "counted")]),
    ),
)
SEEN = st.fixed_dictionaries(
    {}, optional={"calm": st.sampled_from([0, 1, 1]), "errors": st.sampled_from([0, 0, 0, 1.5, 2])}
)
SECONDS = st.sampled_from([0, 0.25, 60, 1800, 3600, 36000])


def dec(value: float) -> Decimal:
    return Decimal(repr(value))


class Run(RuleBasedStateMachine):
    """A run whose whole past is kept, beside the memory that is looked at."""

    @initialize(guards=GUARDS, wanted=st.sets(st.sampled_from(range(4)), min_size=1))
    def begin(self, guards: Guards, wanted: set[int]) -> None:
        self.guards = guards
        self.parameters = {PARAMETERS[index].name: PARAMETERS[index] for index in sorted(wanted)}
        self.start = {name: parameter.initial for name, parameter in self.parameters.items()}
        self.setup = (Parameters("f", tuple(self.parameters.values())), guards, KPIS, self.start)
        self.memory, self.replica = Memory(*self.setup), Memory(*self.setup)
        self.state = dict(self.start)
        self.applied: dict[str, list[tuple[int, float, float]]] = {name: [] for name in self.parameters}
        self.records: list[dict[str, Any]] = []
        self.now = 0.0

    @rule(proposals=st.lists(PROPOSALS, max_size=4), kpis=SEEN, seconds=SECONDS, crashes=st.booleans())
    def iterate(self, proposals: list[Proposal], kpis: dict[str, float], seconds: float, crashes: bool) -> None:
        iteration = len(self.records) + 1
        proposals = [one for one in proposals if one.parameter in self.parameters]
        frozen, self.now = self.memory.frozen(iteration), self.now + (seconds if self.records else 0)
        assert (frozen is not None) == (iteration in self.frozen_iterations())
        before = known(self.memory)
        decisions = decide(proposals, self.memory, iteration, self.now)
        assert known(self.memory) == before
        assert decide(proposals, self.replica, iteration, self.now) == decisions
        self.check(decisions, proposals, iteration, frozen)
        ledger = [recorded(decision.to_dict()) for decision in decisions]
        if crashes:  # behind the ledger of decisions, before the record of the iteration
            self.resume()
            decisions = list(map(decision_of, ledger))
        self.memory.take(decisions)
        record = {"iteration": iteration, "decisions": ledger, "frozen": frozen, "kpis": kpis}
        self.records.append(recorded({**record, "state_hash": self.memory.state_hash}))
        self.memory.observe(record)
        self.replica.observe(self.records[-1])

    @precondition(lambda self: self.records)
    @rule()
    def resume(self) -> None:
        self.memory = Memory(*self.setup)
        for record in self.records:
            self.memory.observe(record)

    @invariant()
    def nothing_leaves_its_bounds_or_its_steps(self) -> None:
        assert self.memory.state == self.state
        for name, value in self.memory.state.items():
            parameter = self.parameters[name]
            assert type(value) is (int if parameter.is_integer else float)
            assert parameter.minimum <= value <= parameter.maximum
            if parameter.step is not None:
                assert (dec(value) - dec(parameter.minimum)) % dec(parameter.step) == 0

    @invariant()
    def the_records_tell_everything(self) -> None:
        assert known(self.memory) == known(self.replica)

    def check(
        self,
        decisions: Sequence[Decision],
        proposals: Sequence[Proposal],
        iteration: int,
        frozen: dict[str, Any] | None,
    ) -> None:
        assert [decision.proposal for decision in decisions] == proposals
        proposed: set[str] = set()
        for decision in decisions:
            name = decision.proposal.parameter
            assert decision.before == self.state[name]
            assert decision.state_hash_before == canonical.digest(self.state)
            reasons = self.expected(decision, iteration, frozen)
            assert list(decision.reasons) == [*(["conflict"] if name in proposed else []), *reasons]
            proposed.add(name)
            if decision.outcome == "applied":
                assert not decision.reasons
                assert decision.to is not None
                self.state[name] = decision.to
                self.applied[name].append((iteration, self.now, decision.to))
            else:
                assert decision.outcome == ("no_op" if list(decision.reasons) == ["no_op"] else "suppressed")
            assert decision.state_hash_after == canonical.digest(self.state)

    def expected(self, decision: Decision, iteration: int, frozen: dict[str, Any] | None) -> list[str]:
        """The guards, without `conflict`, that must hold."""
        parameter = self.parameters[decision.proposal.parameter]
        moves = decision.to not in (None, decision.before)
        reasons = ["warmup"] if iteration <= self.guards.warmup else []
        reasons += ["freeze"] if frozen is not None and parameter.name in frozen["parameters"] else []
        reasons += ["cooldown"] if self.is_cooling(parameter, iteration) else []
        if moves and decision.to is not None:
            reasons += ["oscillation"] if self.returns(parameter, decision.to) else []
            reasons += ["velocity"] if self.is_too_fast(parameter, decision.before, decision.to) else []
            wanted = dec(decision.proposal.requested)
            wanted += dec(decision.before) if decision.proposal.kind == "change" else 0
            assert (wanted > dec(decision.before)) == (decision.to > decision.before)
            return reasons
        return [*reasons, "bounds" if self.is_out_of_bounds(parameter, decision) else "no_op"]

    def is_out_of_bounds(self, parameter: Parameter, decision: Decision) -> bool:
        requested, before, step = dec(decision.proposal.requested), dec(decision.before), dec(parameter.step or 1)
        if decision.proposal.kind == "target":
            assert (decision.to is None) == (not dec(parameter.minimum) <= requested <= dec(parameter.maximum))
            return decision.to is None
        free = parameter.step is None and not parameter.is_integer
        if requested < 0:
            return before == dec(parameter.minimum) and (free or requested <= -step)
        is_at_the_top = before == dec(parameter.maximum) if free else before + step > dec(parameter.maximum)
        return requested > 0 and is_at_the_top and (free or requested >= step)

    def is_cooling(self, parameter: Parameter, iteration: int) -> bool:
        cooldown = self.guards.cooldown
        if cooldown is None:
            return False
        values = [dec(parameter.initial), *(dec(value) for _, _, value in self.applied[parameter.name])]
        large = dec(cooldown.threshold) * (dec(parameter.maximum) - dec(parameter.minimum))
        return any(
            abs(after - before) > large and changed < iteration <= changed + cooldown.iterations
            for before, after, (changed, _, _) in zip(values, values[1:], self.applied[parameter.name], strict=False)
        )

    def returns(self, parameter: Parameter, value: float) -> bool:
        window, tolerance = self.guards.oscillation.window, self.guards.oscillation.tolerance
        values = [dec(parameter.initial), *(dec(one) for _, _, one in self.applied[parameter.name]), dec(value)]
        recent = values[-window:]
        for position, earlier in enumerate(recent):
            allowed = dec(tolerance.amount) * (abs(earlier) if tolerance.is_share else 1)
            left = any(abs(other - earlier) > allowed for other in recent[position + 1 : -1])
            if left and abs(recent[-1] - earlier) <= allowed:
                return True
        return False

    def is_too_fast(self, parameter: Parameter, before: float, value: float) -> bool:
        if parameter.max_change_per_hour is None:
            return False
        since = self.applied[parameter.name][-1][1] if self.applied[parameter.name] else 0
        elapsed = dec(self.now) - dec(since)
        return elapsed <= 0 or abs(dec(value) - dec(before)) * 3600 > dec(parameter.max_change_per_hour) * elapsed

    def frozen_iterations(self) -> set[int]:
        """The iterations that a freeze holds, up to the next one, told from all the records."""
        freeze, frozen, stable = self.guards.freeze, set[int](), list[str]()
        for record in self.records if freeze is not None else []:
            assert freeze is not None
            iteration, kpis = record["iteration"], record["kpis"]
            if kpis.get("errors", 0) > 1.5:
                frozen = {one for one in frozen if one <= iteration}
                stable = []
            elif iteration in frozen or kpis.get("calm", 0) < 1:
                stable = []
            else:
                stable = [*(one for one in stable if one == record["state_hash"]), record["state_hash"]]
            if len(stable) == freeze.after:
                frozen |= set(range(iteration + 1, iteration + freeze.hold + 1))
        return frozen


Run.TestCase.settings = settings(max_examples=full(2000, 40), stateful_step_count=50)
TestRun = pytest.mark.timeout(full(3600, 300))(Run.TestCase)
