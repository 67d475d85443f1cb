"""soak plan: the slots of a long soak, for whoever starts its jobs."""

from __future__ import annotations

import argparse

from soak_action import canonical
from soak_action.commands.columns import aligned
from soak_action.commands.settings import (
    add_configuration_arguments,
    add_json_argument,
    add_schedule_arguments,
    configuration,
    schedule_settings,
    segment_seconds,
)
from soak_action.config.length import expected_seconds
from soak_action.config.load import Loaded
from soak_action.config.model import Workload
from soak_action.errors import UsageError
from soak_action.github.job_limits import Runners, runners_of
from soak_action.plan import SPARE_SLOTS, Plan, make_plan
from soak_action.units import format_duration

NAME = "plan"
SUMMARY = "the slots of a long soak: how many jobs, how long each, and what they cost"
DESCRIPTION = """\
Spreads a soak over jobs that run one after another, because a job hosted by GitHub
ends after 6 hours: as many slots as it has segments and one to spare, which goes on
where a slot died; 16 at most. Without a duration the schedule's iterations are
counted: by their pace, by the windows of a service, or by workload.timeout if that is
set. The runner-minutes are as GitHub counts them: two for each on Windows, ten for
each on macOS. A workflow reads the document that --json prints with fromJSON.
Nothing is run."""
EXAMPLE = "soak plan --duration 24h --segment 5h --json"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    add_configuration_arguments(parser)
    add_schedule_arguments(parser)
    parser.add_argument("--segment", metavar="D", required=True, help="how long each slot soaks, such as 5h")
    parser.add_argument(
        "--runs-on",
        metavar="LABELS",
        default="ubuntu-latest",
        help="the runners' labels, with commas between or as a JSON list (default: ubuntu-latest)",
    )
    add_json_argument(parser)


def execute(arguments: argparse.Namespace) -> int:
    """Print the plan and return the exit code."""
    segment = segment_seconds(arguments.segment, "--segment")
    runners = runners_of(arguments.runs_on, "--runs-on")
    plan = plan_of(configuration(arguments, schedule_settings(arguments)), segment, runners)
    if arguments.json:
        print(canonical.compact(plan.to_dict()))
    else:
        _print(plan)
    return 0


def plan_of(loaded: Loaded, segment: float, runners: Runners) -> Plan:
    """Return the plan of what is configured, in segments of `segment` seconds. Raises UsageError when none fits."""
    return make_plan(_duration(loaded), segment, runners, _beside_segment(loaded.config.workload))


def _beside_segment(workload: Workload | None) -> float:
    """Return the most seconds that an iteration that began late and the readiness of a service take in a slot."""
    if workload is None:
        return 0.0
    ready = None if workload.service is None else workload.service.ready
    return workload.longest_iteration + (0.0 if ready is None else ready.within)


def _iteration_seconds(loaded: Loaded) -> float | None:
    """Return how long an iteration takes, None when nobody says: the default time-out says nothing of this workload."""
    workload, schedule = loaded.config.workload, loaded.config.schedule
    if workload is None or workload.window is not None:
        return None if workload is None else workload.window
    # With a pace of its own an iteration may take that long, and hardly ever does.
    leaf = loaded.leaves.get(("workload", "timeout"))
    is_chosen = leaf is not None and leaf.layer != "default"
    return workload.timeout if is_chosen and not schedule.every else None


def _duration(loaded: Loaded) -> float:
    seconds = expected_seconds(loaded.config.schedule, _iteration_seconds(loaded))
    if seconds is None:
        raise UsageError(
            "nothing says how long this schedule takes; give --duration, or write schedule.duration, schedule.every or "
            "workload.timeout in soak.yaml"
        )
    return seconds


def _print(plan: Plan) -> None:
    working = len(plan.slots) - SPARE_SLOTS
    multiplier = plan.runners.multiplier
    counted = f", {multiplier} for each" if multiplier > 1 else ""
    rows = [("slot", "soaks", "time-out")]
    for slot in plan.slots:
        told = f"{slot.number} (spare)" if slot.number > working else str(slot.number)
        rows.append((told, format_duration(slot.seconds), f"{slot.timeout_minutes} min"))
    print(f"{format_duration(plan.duration)} of soak in segments of {format_duration(plan.segment)} on {plan.runners}")
    for line in aligned(rows):
        print(line)
    print(f"takes about {format_duration(plan.wall_seconds)} when no slot dies, without waiting for runners")
    print(f"costs about {plan.runner_minutes} runner-minutes{counted}")
