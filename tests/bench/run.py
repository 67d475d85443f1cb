"""Measure what soak costs, always beside something that does the bare minimum: python tests/bench/run.py [NAME...]

A figure is a median with the middle half of the samples around it; a ratio or difference is taken pair by pair, because
both sides run in turns. The targets are those of DESIGN 14. A missed target changes no exit code: machines differ.
"""

from __future__ import annotations

import argparse
import importlib
import json
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from measuring import NeededError, Report
from surroundings import Bench

NAMES = (
    "start_up",
    "action_step",
    "cold_setup",
    "per_iteration",
    "memory",
    "gate_run",
    "gate_jsonl",
    "checkpoints",
    "configuration",
    "sampling",
    "prune",
)


def main(words: Sequence[str] | None = None) -> int:
    """Run the benchmarks that are named, by default all, and return the exit code."""
    arguments = _parser().parse_args(words)
    if unknown := [name for name in arguments.names if name not in NAMES]:
        _parser().error(f"there is no benchmark {unknown[0]}; there are {', '.join(NAMES)}")
    scratch = Path(tempfile.mkdtemp(prefix="soak-bench-"))
    bench = Bench(scratch, arguments.amount or "usual", arguments.turns)
    found = []
    try:
        for name in arguments.names or NAMES:
            outcome = _outcome(name, bench)
            found.append(_data(name, outcome))
            if not arguments.json:
                print(_text(name, outcome), flush=True)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    if arguments.json:
        print(json.dumps(found, indent=2))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(NAMES)}")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--turns", type=_positive, metavar="N", help="take N samples of each side")
    amount = parser.add_mutually_exclusive_group()
    amount.add_argument("--quick", dest="amount", action="store_const", const="quick", help="only see that it works")
    amount.add_argument("--full", dest="amount", action="store_const", const="full", help="the sizes of DESIGN 14")
    return parser


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"'{text}' is no whole number above 0")
    return int(text)


def _outcome(name: str, bench: Bench) -> Report | str:
    """Return what a benchmark found, or what this machine lacks for it."""
    try:
        report: Report = importlib.import_module(name).run(bench)
    except NeededError as error:
        return str(error)
    return report


def _text(name: str, outcome: Report | str) -> str:
    if isinstance(outcome, str):
        return f"== {name}: skipped, {outcome}\n"
    lines = [line for comparison in outcome.comparisons for line in comparison.lines()]
    return "\n".join([f"== {name}", *lines, *outcome.notes, ""])


def _data(name: str, outcome: Report | str) -> dict[str, Any]:
    if isinstance(outcome, str):
        return {"benchmark": name, "skipped": outcome, "comparisons": [], "notes": []}
    comparisons = [comparison.to_dict() for comparison in outcome.comparisons]
    return {"benchmark": name, "skipped": None, "comparisons": comparisons, "notes": list(outcome.notes)}


if __name__ == "__main__":
    sys.exit(main())
