"""What a checkpoint costs: a segment of one iteration more, resumed, verified and sealed, against reading its files."""

from __future__ import annotations

import json
import sys
from functools import partial
from pathlib import Path

from measuring import Comparison, Report, in_turns, run_quietly, seconds_of, trivial_command
from surroundings import Bench

LIMIT = 10.0
# Enough for any number of segments; the run is never meant to come to its end.
ITERATIONS = "1000000"
READ = """
import hashlib, pathlib, sys
for path in pathlib.Path(sys.argv[1]).rglob("*"):
    if path.is_file():
        hashlib.file_digest(path.open("rb"), "sha256")
"""


def run(bench: Bench) -> Report:
    """Soak for a while, then add segments of one iteration to that run, in turns with hashing all of its files."""
    folder = bench.folder("checkpoint")
    environ = bench.module_environ()
    length = bench.of("1s", "15s", "2m")
    begin = bench.module("run", "--json", "--iterations", ITERATIONS, "--segment", length, "--", *trivial_command())
    paused = json.loads(run_quietly(begin, folder, environ))
    directory = Path(paused["run_dir"])
    resume = bench.module("run", "--json", "--resume", directory, "--segment", "1ms")
    read = [sys.executable, "-c", READ, directory]
    ours, beside = in_turns(
        bench.turns or bench.of(2, 9, 25),
        partial(seconds_of, partial(run_quietly, resume, folder, environ)),
        partial(seconds_of, partial(run_quietly, read, folder, environ)),
    )
    name = f"one more segment of a run of {paused['iterations']} iterations"
    target = f"at most {LIMIT:.0f} times reading what is verified"
    return Report([Comparison(name, ours, beside, "sha256 of every file", limit=LIMIT, target=target)])
