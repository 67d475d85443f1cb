"""soak mock: the reproducible synthetic workload."""

from __future__ import annotations

import argparse
import os
import re
from pathlib import Path

from soak_action.errors import UsageError
from soak_action.workload.mock import FAULTS, MODES, MOST_ITERATIONS, run_mock

NAME = "mock"
SUMMARY = "a reproducible made-up workload, with faults on demand"
DESCRIPTION = """\
Writes metrics.json into SOAK_OUT for the iteration SOAK_ITERATION, as any workload
would. Without SOAK_OUT it prints one JSON object a line. The same mode, seed and
iteration give the same bytes everywhere.

When SOAK_PARAMS names a JSON file, it reacts to the parameters min_interval_ms
(70 when it is not there) and impact_cap_ratio (0.09), and writes the SHA-256 of
the bytes that it read to params.sha256 in SOAK_OUT. Each 10 ms more and each 0.01
less lower net_bps by 0.1, adverse_bps by 0.15 and risk_ratio by 0.03, up to 50 ms
and 0.05 either way; the draws stay the same."""
EXAMPLE = "soak run --iterations 10 -- soak mock --mode volatile --seed 7"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument("--mode", choices=sorted(MODES), default="calm", help="how the numbers behave (default: calm)")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="the seed (default: 1)")
    parser.add_argument(
        "--fault", choices=sorted(FAULTS), action="append", default=[], help="what goes wrong; may be repeated"
    )
    parser.add_argument(
        "--fault-from", type=int, default=2, metavar="N", help="the first iteration with the fault (default: 2)"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON list instead of a line per iteration")
    parser.add_argument(
        "--iterations", type=int, default=1, metavar="N", help="how many lines to print without SOAK_OUT"
    )


def execute(arguments: argparse.Namespace) -> int:
    """Perform one iteration, or print the lines."""
    out = os.environ.get("SOAK_OUT")
    parameters = os.environ.get("SOAK_PARAMS")
    number = os.environ.get("SOAK_ITERATION", "1") if out else "1"
    if not re.fullmatch("[0-9]{1,8}", number) or not 1 <= int(number) <= MOST_ITERATIONS:
        raise UsageError(f"SOAK_ITERATION is '{number[:40]}': write a whole number from 1 to {MOST_ITERATIONS}")
    lines = run_mock(
        arguments.mode,
        arguments.seed,
        int(number),
        faults=arguments.fault,
        fault_from=arguments.fault_from,
        out_dir=Path(out) if out else None,
        iterations=arguments.iterations,
        parameters_file=Path(parameters) if parameters else None,
    )
    if arguments.json:
        print(f"[{','.join(lines)}]")
        return 0
    for line in lines:
        print(line, flush=True)
    return 0
