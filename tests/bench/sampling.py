"""What sampling a workload's processes costs, against psutil doing the same, and how much it slows the workload."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from measuring import Comparison, Report, in_turns, seconds_of
from surroundings import Bench, make_package_importable

if TYPE_CHECKING:
    from soak_action.workload.process_tree import ProcessTree

PROCESSES = 10
DISCOVER_EVERY, USS_EVERY = 5, 10  # seconds, at one sample a second
# A program that does a fixed amount of work, some of it in the kernel's memory management, which sampling disturbs.
WORK = """
import sys
total = 0
for number in range(int(sys.argv[1])):
    total += len(bytearray(number % 65536)) ^ number
"""
FAMILY = (
    "import os, time\nfor _ in range({children}):\n    if os.fork() == 0: break\nprint(flush=True)\ntime.sleep(600)"
)


def run(bench: Bench) -> Report:
    """Compare the cost of a second of sampling, then whole workloads with and without it."""
    make_package_importable()
    tree = _tree()
    with _family() as main:
        tree.started(main)
        ours, beside = in_turns(
            bench.turns or bench.of(2, 41, 201), lambda: _our_second(tree), lambda: _psutil_second(main)
        )
    tree.close()
    target = f"at most 0.3 % of a core for {PROCESSES} processes, once a second"
    name = f"a second of sampling {PROCESSES} processes"
    cost = Comparison(name, ours, beside, "psutil", kind="amount", limit=0.003, target=target)
    folder, amount = bench.folder("sampling"), bench.of(1000, 3_000_000, 10_000_000)
    turns = bench.turns or bench.of(2, 15, 41)
    sampled, bare = in_turns(
        turns, lambda: _work(folder, amount, is_sampled=True), lambda: _work(folder, amount, is_sampled=False)
    )
    target = "slower by less than 0.5 %"
    slowdown = Comparison("a busy workload", sampled, bare, "not sampled", limit=1.005, target=target)
    return Report([cost, slowdown], [f"searched every {DISCOVER_EVERY} s, USS every {USS_EVERY} s"])


@contextmanager
def _family() -> Iterator[int]:
    """Start the processes in a session of their own and yield the main one's pid."""
    if sys.platform == "win32":
        command = [sys.executable, "-S", "-c", "import time; print(flush=True); time.sleep(600)"]
        count = PROCESSES
    else:
        command, count = [sys.executable, "-S", "-c", FAMILY.format(children=PROCESSES - 1)], 1
    with ExitStack() as stack:
        started = []
        for _ in range(count):
            process = subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True)
            stack.callback(_end, process)
            started.append(process)
        for process in started:
            assert process.stdout is not None
            for _ in range(PROCESSES // count):
                process.stdout.readline()
        yield started[0].pid


def _end(process: subprocess.Popen[bytes]) -> None:
    if sys.platform == "win32":
        process.kill()
    else:
        os.killpg(process.pid, 9)
    process.wait()
    assert process.stdout is not None
    process.stdout.close()


def _share(discover: Callable[[], object], read: Callable[[bool], object]) -> float:
    """Return the mean seconds that a second of sampling takes; each part is measured alone and then weighed."""
    cheap, whole, search = seconds_of(lambda: read(False)), seconds_of(lambda: read(True)), seconds_of(discover)
    return search / DISCOVER_EVERY + cheap * (1 - 1 / USS_EVERY) + whole / USS_EVERY


def _tree() -> ProcessTree:
    from soak_action.workload.process import _open_tree

    return _open_tree(secrets.token_hex(8))


def _our_second(tree: ProcessTree) -> float:
    from soak_action.workload.resource_record import _system_reader

    reader, members = _system_reader(), tree.present()
    return _share(tree.present, lambda uss: [reader.read(member, uss=uss) for member in members])


def _psutil_second(main: int) -> float:
    import psutil

    def discover() -> list[psutil.Process]:
        return [psutil.Process(main), *psutil.Process(main).children(recursive=True)]

    def read(uss: bool) -> None:
        for process in processes:
            with process.oneshot():
                process.memory_info(), process.cpu_times(), process.num_threads()
                _ = process.num_handles() if sys.platform == "win32" else process.num_fds()
                if uss:
                    process.memory_full_info()

    processes = discover()
    return _share(discover, read)


def _work(folder: Path, amount: int, *, is_sampled: bool) -> float:
    """Return how long the busy program took under soak."""
    from soak_action.config.model import Resources
    from soak_action.workload import process
    from soak_action.workload.resource_record import Watched
    from soak_action.workload.stop import StopRequest

    watched = Watched(Resources(1.0) if is_sampled else None)
    began = time.perf_counter()
    done = process.run(
        [sys.executable, "-S", "-c", WORK, str(amount)],
        cwd=folder,
        env=os.environ,
        stdout=folder / "stdout.log",
        stderr=folder / "stderr.log",
        log_limit=1000,
        timeout=None,
        stop=StopRequest(),
        mark=f"bench-{secrets.token_hex(8)}",
        **watched.arguments(),
    )
    assert done.outcome == "ok", done.detail
    assert time.perf_counter() >= began + done.seconds
    return done.seconds
