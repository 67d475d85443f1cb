"""Holding the files of a run against each other: promise and configuration, records and what iterations left."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from soak_action import canonical
from soak_action.config.model import SAMPLED, BuiltInSource, Config, HttpSource, JsonSource
from soak_action.config.names import path_of
from soak_action.evidence.documents import schema_check
from soak_action.evidence.ledger import CHANGES, DECISIONS, ITERATIONS, SEGMENTS, Chain
from soak_action.evidence.measurements import Problem
from soak_action.evidence.outputs import keeps_output, last_recorded
from soak_action.evidence.reading import Promise, read_document
from soak_action.evidence.run_dir import CONFIG, PARAMETERS, RECEIPT, RUN, SOURCES, IterationDir, RunDir, digests_below
from soak_action.evidence.sample_check import SampleCheck
from soak_action.evidence.service_check import ServiceCheck
from soak_action.evidence.slots import SlotCheck
from soak_action.kpi.extract import IterationOutput, extract
from soak_action.tuning.parameters import problem_of_snapshot
from soak_action.tuning_verification import TuningCheck
from soak_action.workload.servers import kept_answers

_MOST_DIGITS = 20


@dataclass(frozen=True)
class Scrutiny:
    """What comparing records with files found, and how many files there were."""

    problems: tuple[Problem, ...]
    files: int
    notes: tuple[str, ...] = ()


def contradictions(promise: Promise, config: Config) -> Iterator[Problem]:
    """Yield where run.json, config.json and config-sources.json do not say the same."""
    run = promise.run
    claimed = run.get("schedule")
    for key, value in config.schedule.to_dict().items():
        if not isinstance(claimed, Mapping) or claimed.get(key) != value:
            yield Problem(RUN, f"promises another {key} than {CONFIG}")
    if sorted(map(str, run["kpis"])) != sorted(kpi.name for kpi in config.kpis):
        yield Problem(RUN, f"lists other KPIs than {CONFIG}")
    started = str(run.get("started_at")).replace("-", "").replace(":", "").partition(".")[0]
    if not str(run.get("run_id")).startswith(f"{started}Z-{run.get('profile') or 'default'}-"):
        yield Problem(RUN, "its started_at or profile is not the one that the run is named after")
    yield from other_sources(promise.sources, promise.config)


def other_sources(sources: Sequence[Mapping[str, Any]], config: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield when the leaves of config-sources.json do not spell config.json."""
    spelled: dict[str, Any] = {}
    for leaf in sources:
        node, keys = spelled, path_of(str(leaf.get("key")))
        for key in keys[:-1]:
            below = node.setdefault(key, {})
            node = below if isinstance(below, dict) else {}
        node[keys[-1]] = leaf.get("value")
    if canonical.digest(spelled) != canonical.digest(config):
        yield Problem(SOURCES, f"gives other values than {CONFIG}")


def check_records(run: RunDir, promise: Promise, config: Config, *, sealing: bool = False) -> Scrutiny:
    """Check every record against its schema and the files of its iteration, and its values against their content.

    In a sealed run, or one that is about to be, nothing may be there that no record tells of.
    """
    is_sealed = sealing or (run.path / RECEIPT).exists()
    problems: list[Problem] = [
        *schema_check("run")(promise.run, RUN),
        *schema_check("config-sources")(read_document(run, SOURCES, []), SOURCES),
    ]
    check_iteration, check_segment, check_change = map(schema_check, ("iteration", "segment", "change"))
    check_decision = schema_check("decision")
    chain = Chain(run.path, promise.genesis)
    samples = SampleCheck(run.path)
    slots = SlotCheck(config.schedule)
    service = ServiceCheck(run, config, is_sealed=is_sealed)
    tuning = TuningCheck(config, promise.run)
    files = 0
    last = removed = 0
    state: str | None = None
    recorded_iterations = last_recorded(run)
    for line, record in chain.records():
        malformed = list(check_iteration(record, f"{ITERATIONS}:{line}"))
        problems.extend(malformed)
        for place, decision in chain.decisions:
            problems.extend(check_decision(decision, f"{DECISIONS}:{place}"))
        samples.add(record)
        state = record.get("state_hash", state)
        problems.extend(slots.add(record, line))
        recorded, number = record.get("results"), record.get("iteration")
        if not isinstance(recorded, dict) or not isinstance(number, int):
            continue
        folder = run.iteration(number)
        last = max(last, number)
        found = digests_below(folder)
        files += len(found)
        tuning.add(record, line, folder if found else None, chain.pending_decisions)
        if found or malformed or keeps_output(record, config, recorded_iterations):
            problems.extend(_differences(f"iterations/{folder.path.name}", recorded, found))
            problems.extend(_other_values(record, folder, config, f"{ITERATIONS}:{line}"))
        else:
            removed += 1
        problems.extend(_other_samples(record, config, f"{ITERATIONS}:{line}"))
        service.add_iteration(record, f"{ITERATIONS}:{line}")
    for position, segment in enumerate(chain.segments, 1):
        problems.extend(check_segment(segment, f"{SEGMENTS}:{position}"))
        service.add_segment(segment, f"{SEGMENTS}:{position}")
    for position, change in enumerate(chain.changes, 1):
        problems.extend(check_change(change, f"{CHANGES}:{position}"))
    for place, decision in chain.decisions:
        problems.extend(check_decision(decision, f"{DECISIONS}:{place}"))
    problems.extend(_other_snapshot(run, state, chain))
    problems.extend(slots.check_ends(chain.segments))
    problems.extend(_strangers(run, last, is_sealed=is_sealed))
    problems.extend(service.problems())
    problems.extend(tuning.problems)
    samples.finish(is_sealed=is_sealed)
    problems.extend(samples.problems)
    notes = (*samples.notes, *((_told(removed),) if removed else ()))
    return Scrutiny(tuple(problems), files, notes)


def _told(removed: int) -> str:
    what = "the output of 1 iteration was" if removed == 1 else f"the outputs of {removed} iterations were"
    return f"{what} removed, as evidence.keep_outputs says: values that were read from there are only in the records"


def _differences(folder: str, recorded: Mapping[str, Any], found: Mapping[str, str]) -> Iterator[Problem]:
    for name in sorted({*recorded, *found}):
        if name not in found:
            yield Problem(f"{folder}/{name}", "is missing")
        elif name not in recorded:
            yield Problem(f"{folder}/{name}", "was added after the iteration was recorded")
        elif recorded[name] != found[name]:
            yield Problem(f"{folder}/{name}", "was changed after the iteration was recorded")


def _other_values(record: Mapping[str, Any], folder: IterationDir, config: Config, where: str) -> Iterator[Problem]:
    """Yield the KPIs whose recorded value is not the one in the file that it was read from."""
    kpis = [kpi for kpi in config.kpis if isinstance(kpi.source, JsonSource | HttpSource)]
    recorded = record.get("kpis")
    if record.get("outcome") != "ok" or not isinstance(recorded, dict):
        return
    output = IterationOutput(
        folder.out,
        folder.stdout,
        folder.stderr,
        stdout_cut=False,
        stderr_cut=False,
        not_before_ns=0,
        answers=kept_answers(kpis, folder),
    )
    found = extract(kpis, output, {}, workload_ok=True)
    missing = record.get("missing")
    for kpi in kpis:
        stale = isinstance(missing, dict) and missing.get(kpi.name) == "stale"
        if recorded.get(kpi.name) != found.values.get(kpi.name) and not stale:
            yield Problem(where, f"the value of {kpi.name} is not the one in the files of the iteration")


def _other_samples(record: Mapping[str, Any], config: Config, where: str) -> Iterator[Problem]:
    """Yield the sampled KPIs whose recorded value is not the one that the samples of the iteration came to."""
    recorded, resources = record.get("kpis"), record.get("resources")
    if not isinstance(recorded, dict):
        return
    values = resources.get("values") if isinstance(resources, dict) else None
    sampled = values if isinstance(values, dict) else {}
    for kpi in config.kpis:
        is_sampled = isinstance(kpi.source, BuiltInSource) and kpi.source.name in SAMPLED
        if is_sampled and kpi.name in recorded and recorded[kpi.name] != sampled.get(kpi.name):
            yield Problem(where, f"the value of {kpi.name} is not the one in the resources of the iteration")
    if config.resources is not None and resources is None:
        yield Problem(where, "has no resources, although the configuration has them sampled")


def _other_snapshot(run: RunDir, state: str | None, chain: Chain) -> Iterator[Problem]:
    """Yield when the snapshot does not hold the parameters of the last iteration, or those decided for the next."""
    if state is None:
        return
    states = [state, *(str(decision.get("state_hash_after")) for decision in chain.pending_decisions)]
    wrong = problem_of_snapshot(run.path / PARAMETERS, states)
    if wrong is not None:
        yield Problem(PARAMETERS, wrong)


def _strangers(run: RunDir, last: int, *, is_sealed: bool) -> Iterator[Problem]:
    """Yield what stands among the iterations without being one of those that were recorded, 1 to `last`."""
    iterations = run.path / "iterations"
    if iterations.is_symlink():
        yield Problem("iterations", "is a link that leads out of the run")
        return
    if not iterations.is_dir():
        return
    strange = {}
    with os.scandir(iterations) as entries:
        for entry in entries:
            if entry.is_symlink():
                strange[entry.name] = "is a link that leads out of the run"
            elif is_sealed and not _is_recorded(run, entry.name, last):
                strange[entry.name] = "belongs to no iteration that was recorded"
    for name, what in sorted(strange.items()):
        yield Problem(f"iterations/{name}", what)


def _is_recorded(run: RunDir, name: str, last: int) -> bool:
    number = int(name) if name.isascii() and name.isdigit() and len(name) < _MOST_DIGITS else 0
    return 1 <= number <= last and run.iteration(number).path.name == name
