"""What the tests of tuning judge: a parameter, proposals for it, the records of a run, and a run that is only told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from soak_action import canonical
from soak_action.config.model import Guards, JsonSource, Kpi, Parameter, Parameters, Window
from soak_action.tuning.candidate import candidate_of
from soak_action.tuning.case import Case
from soak_action.tuning.deciding import decide
from soak_action.tuning.decision import Decision
from soak_action.tuning.memory import Memory
from soak_action.tuning.past import Past
from soak_action.tuning.proposal import Kind, Proposal

INTERVAL = Parameter("min_interval_ms", 70, 40, 80, step=5, is_integer=True, unit="ms")
RATIO = Parameter("impact.cap_ratio", 0.09, 0.08, 0.12)
FREE = Parameter("free", 1.0, -1000.0, 1000.0)


def kpi(name: str, hard: float | None = None) -> Kpi:
    source = JsonSource("m.json", name)
    return Kpi(name, source, name, None, "lower", None, "mean", Window(), hard, None, None, None, 0.0, must_vary=False)


KPIS = (kpi("risk_ratio", hard=0.9), kpi("net_bps"))


def change(amount: float, parameter: Parameter = INTERVAL, source: str = "rule 1") -> Proposal:
    return Proposal(parameter.name, "change", amount, source, "a reason")


def target(value: float, parameter: Parameter = INTERVAL, source: str = "rule 1") -> Proposal:
    return Proposal(parameter.name, "target", value, source, "a reason")


def case(
    parameter: Parameter,
    held: Sequence[float],
    kind: Kind,
    requested: float,
    guards: Guards = Guards(),  # noqa: B008  # frozen
    **more: Any,
) -> Case:
    """A proposal for a parameter that held these values, before iteration 9 and after 8 hours unless told otherwise."""
    proposal = Proposal(parameter.name, kind, requested, "rule 1", "a reason")
    past = replace(
        Past(tuple(held)), **{name: more.pop(name) for name in ("changed_at", "jumped_before") if name in more}
    )
    candidate = candidate_of(parameter, held[-1], proposal)
    return Case(
        **{
            "proposal": proposal,
            "parameter": parameter,
            "guards": guards,
            "iteration": 9,
            "now": 28800.0,
            "past": past,
            "candidate": candidate,
            **more,
        }
    )


def recorded(value: Any) -> Any:
    """A value as it comes back from a file: keys sorted, 70.0 read as 70."""
    return canonical.parse(canonical.canonical_bytes(value), "test")


class Told:
    """A run whose iterations are told: proposals, KPI values and the seconds since the iteration before."""

    def __init__(self, *parameters: Parameter, guards: Guards | None = None, kpis: tuple[Kpi, ...] = KPIS) -> None:
        self.start = {parameter.name: parameter.initial for parameter in parameters}
        self.setup = (Parameters("soak.params.json", parameters), guards or Guards(), kpis, self.start)
        self.memory = Memory(*self.setup)
        self.records: list[dict[str, Any]] = []
        self.now = 0.0

    def iterate(
        self, *proposals: Proposal, kpis: Mapping[str, float] | None = None, seconds: float = 3600
    ) -> list[Decision]:
        iteration = len(self.records) + 1
        self.now += seconds if self.records else 0
        frozen = self.memory.frozen(iteration)
        decisions = decide(proposals, self.memory, iteration, self.now)
        self.memory.take(decisions)
        record = {
            "iteration": iteration,
            "offset_seconds": self.now,
            "parameters": self.memory.state,
            "state_hash": self.memory.state_hash,
            "decisions": [decision.to_dict() for decision in decisions],
            "frozen": frozen,
            "kpis": dict(kpis or {}),
        }
        self.records.append(recorded(record))
        self.memory.observe(record)
        return decisions

    def outcomes(self, *proposals: Proposal, **more: Any) -> list[tuple[str, list[str]]]:
        return [(decision.outcome, list(decision.reasons)) for decision in self.iterate(*proposals, **more)]

    def replayed(self) -> Memory:
        memory = Memory(*self.setup)
        for record in self.records:
            memory.observe(record)
        return memory


def known(memory: Memory) -> tuple[Any, ...]:
    """Everything that a memory knows."""
    return memory.state, memory.pasts, memory.freezing
