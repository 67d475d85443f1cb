"""Services that misbehave, and users in a hurry: soak ends in time, leaves nothing running and stays verifiable."""

from __future__ import annotations

import json
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import Done, clean_environment, full
from tests.faults.attacking import rechain
from tests.integration.watching import STUBBORN, alive, wait_for
from tests.unit.workload.serving import answered, serving

pytestmark = [
    pytest.mark.usefixtures("unmeasured"),
    pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals and forks"),
]

LONG = "2m"
# A server that takes its port from a file, or chooses one and writes it there, and does with a request what TALK says.
SERVER = """
import http.server, os, pathlib, sys, time
class Handler(http.server.BaseHTTPRequestHandler):
    count = 0
    def do_GET(self):
        Handler.count += 1
        TALK
    def give(self, body, status=200):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_):
        pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler)
print("up", flush=True)
BEFORE
server.serve_forever()
"""
COUNTING = 'self.give(f"# TYPE seen_total counter\\nseen_total {Handler.count}\\n".encode())'


def server(talk: str = COUNTING, before: str = "") -> str:
    return SERVER.replace("TALK", talk).replace("BEFORE", before)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def is_free(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) != 0


class Bench:
    """A folder whose name is no easy one, with a configuration of a service in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        folder.mkdir()

    def configure(self, text: str, ready: str | None = "{log: '^up$', within: 2m}", **more: Any) -> None:
        """Write the configuration of the Python text `text`, which is given its port."""
        (self.folder / "service.py").write_text(text, "utf-8")
        settings: dict[str, Any] = {
            "version": 1,
            "schedule": {"iterations": 2, **more.pop("schedule", {})},
            "kpis": more.pop("kpis", {"service_exits": {"hard": 0}}),
            "workload": {
                "service": {
                    "start": [sys.executable, "-S", "service.py", str(self.port)],
                    "window": "200ms",
                    "grace": "1s",
                    **({} if ready is None else {"ready": "READY"}),
                    **more.pop("service", {}),
                },
                **more,
            },
        }
        (self.folder / "soak.yaml").write_text(json.dumps(settings).replace('"READY"', str(ready)), "utf-8")

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        # A killed process leaves a broken measurement of the coverage behind, so none is taken of it.
        environ = {name: value for name, value in clean_environment().items() if not name.startswith("COVERAGE")}
        command = [sys.executable, "-m", "soak_action", "run", "--json", *words]
        return subprocess.Popen(command, cwd=self.folder, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def soak(self, *words: str) -> Done:
        return finish(self.start(*words))

    @property
    def run(self) -> Path:
        (found,) = (path for path in (self.folder / ".soak").glob("2*") if path.is_dir())
        return found

    def records(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.run / "iterations.jsonl").read_bytes().splitlines()]

    def segments(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.run / "segments.jsonl").read_bytes().splitlines()]

    def verify(self) -> Done:
        command = [sys.executable, "-m", "soak_action", "verify", str(self.run)]
        done = subprocess.run(command, cwd=self.folder, env=clean_environment(), capture_output=True, check=False)
        assert b"Traceback" not in done.stderr
        return Done(done.returncode, done.stdout.decode(), done.stderr.decode())

    def survivors(self) -> list[str]:
        """The processes that carry the mark of this run."""
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                environ = (folder / "environ").read_bytes().split(b"\0")
                state = (folder / "stat").read_text().rpartition(")")[2].split()[0]
            except OSError:
                continue
            if state != "Z" and any(word.startswith(f"SOAK_RUN_MARK={self.run.name}/".encode()) for word in environ):
                found.append(folder.name)
        return found


def finish(process: subprocess.Popen[bytes]) -> Done:
    out, err = process.communicate(timeout=300)
    assert b"Traceback" not in err, err.decode()
    assert b"is a defect" not in err, err.decode()
    return Done(process.returncode, out.decode(), err.decode())


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    yield Bench(tmp_path / "a wéird földer; $HOME & more")
    shutil.rmtree(tmp_path, ignore_errors=True)


def metric(port: int, path: str = "seen_total", **more: Any) -> dict[str, Any]:
    source = {"http": f"http://127.0.0.1:{port}/metrics", "format": "prometheus", "path": path, **more}
    return {"seen": {"from": source, "better": "higher", "hard": 1}}


def test_a_well_behaved_service_passes_in_a_folder_with_an_odd_name(bench: Bench) -> None:
    bench.configure(server(), kpis=metric(bench.port))
    done = bench.soak()
    assert done.code == 0, done.err
    assert [record["kpis"] for record in bench.records()] == [{"seen": 1.0}, {"seen": 1.0}]
    assert bench.verify().code == 0
    assert is_free(bench.port)


def test_a_service_that_floods_its_output_is_drained_and_cut(bench: Bench) -> None:
    flood = "data = b'x' * (1 << 20)\nfor _ in range(200): os.write(1, data)\nprint('done', flush=True)"
    bench.configure(server(before=flood), kpis=metric(bench.port))
    assert bench.soak().code == 0
    log = bench.run / "service" / "00001" / "stdout.log"
    assert log.stat().st_size < 20 << 20
    assert b"bytes cut here" in log.read_bytes()
    assert bench.verify().code == 0


def test_a_service_that_closes_its_output_lives_on(bench: Bench) -> None:
    bench.configure(server(before="os.close(1); os.close(2)"), kpis=metric(bench.port))
    assert bench.soak().code == 0
    assert [record["kpis"]["seen"] for record in bench.records()] == [1.0, 1.0]


def test_a_service_that_forks_itself_away_has_ended_and_so_has_its_daemon(bench: Bench) -> None:
    away = "\nif os.fork(): sys.exit(0)\nos.setsid()\nif os.fork(): os._exit(0)\nos.environ.clear()\n"
    bench.configure(server(before=away))
    done = bench.soak()
    assert done.code == 1 or done.json["verdict"] in {"fail", "invalid"}, done.out
    ends = [end for part in (*bench.records(), *bench.segments()) for end in part["service"]["exits"]]
    assert [end["detail"].split(";")[0] for end in ends] == ["exited with 0"]
    assert is_free(bench.port)
    assert "VERIFIED" in bench.verify().out


def test_a_service_that_says_it_is_ready_and_dies_is_no_service(bench: Bench) -> None:
    bench.configure("print('up', flush=True)", service={"restarts": 2})
    done = bench.soak()
    assert done.json["verdict"] in {"fail", "invalid"}
    ends = [end for part in (*bench.records(), *bench.segments()) for end in part["service"]["exits"]]
    assert [end["start"] for end in ends] == [1, 2, 3]
    rules = {rule["id"]: rule for rule in json.loads((bench.run / "verdict.json").read_text())["rules"]}
    assert rules["service.restarts"]["reason"].startswith("3 unplanned exits of the service, tolerated 2; the first: ")
    assert "VERIFIED" in bench.verify().out


HUGE = """
        self.send_response(200)
        self.end_headers()
        for _ in range(100):
            self.wfile.write(b"x 1\\n" * (1 << 18))
"""


@pytest.mark.parametrize(
    ("talk", "words"),
    [
        (HUGE, "the answer is larger than 16.0 MiB"),
        ("time.sleep(600)", "no whole answer within 5 s"),
        ("self.give(b'\\xff' * 1000)", "not the text format of Prometheus"),
        ("self.give(b'x{' + b'a=\"1\",' * 1000000 + b'} 1\\n')", "a line is longer than"),
        ("self.give(b'gone', 410)", "status 410"),
        ("os._exit(3)", "the workload failed"),
    ],
    ids=["huge", "never", "binary", "long line", "gone", "dies"],
)
def test_a_server_that_does_not_answer_as_it_should_leaves_no_value(bench: Bench, talk: str, words: str) -> None:
    bench.configure(server(talk), kpis=metric(bench.port, "x"), schedule={"iterations": 1})
    done = bench.soak()
    (record,) = bench.records()
    assert record["kpis"] == {}
    assert words in record["details"]["seen"]
    assert done.json["verdict"] in {"fail", "invalid"}
    assert "VERIFIED" in bench.verify().out


PLANTS = {
    "answers folder": "(here / 'answers').mkdir(); (here / 'answers' / '1.end').mkdir()",
    "answers link": "(here / 'answers').symlink_to(pathlib.Path.cwd())",
    "answer pipe": "(here / 'answers').mkdir(); os.mkfifo(here / 'answers' / '1.end')",
}


@pytest.mark.parametrize("plant", PLANTS)
def test_what_is_put_in_the_place_of_the_answers_is_removed(bench: Bench, plant: str) -> None:
    load = f"import os, pathlib; here = pathlib.Path(os.environ['SOAK_OUT']).parent; {PLANTS[plant]}"
    bench.configure(server(), kpis=metric(bench.port), run=[sys.executable, "-S", "-c", load])
    done = bench.soak()
    assert done.code == 0, done.out
    assert [record["kpis"] for record in bench.records()] == [{"seen": 1.0}, {"seen": 1.0}]
    assert not (bench.folder / "1.end").exists()
    assert bench.verify().code == 0


CHANGES = {
    "an answer": "(run / 'iterations/00001/answers/1.end').write_text('seen_total 999\\n')",
    "all answers": "shutil.rmtree(run / 'iterations/00001/answers')",
    "a log": "(run / 'service/00001/stdout.log').write_text('all is well\\n')",
    "its folder": "(run / 'service/00001').rename(run / 'service/00009')",
    "a start": "(run / 'service/00007').mkdir()",
    "a link": "(run / 'service/00007').symlink_to('/tmp')",
    "a record": "(run / 'iterations.jsonl').write_text('{}\\n')",
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_workload_that_changes_what_was_recorded_makes_the_run_invalid(bench: Bench, change: str) -> None:
    load = f"""
import os, pathlib, shutil
run = pathlib.Path(os.environ['SOAK_RUN_DIR'])
if os.environ['SOAK_ITERATION'] == '2':
    {CHANGES[change]}
"""
    bench.configure(server(), kpis=metric(bench.port), run=[sys.executable, "-S", "-c", load])
    done = bench.soak()
    assert done.code != 0, done.out
    assert bench.verify().code != 0
    assert is_free(bench.port)


def test_a_folder_in_the_place_of_the_next_start_stops_the_soak_with_a_clear_word(bench: Bench) -> None:
    plant = "import os, pathlib; (pathlib.Path(os.environ['SOAK_RUN_DIR']) / 'service' / '00002').mkdir()"
    bench.configure(f"print('up', flush=True); {plant}", service={"restarts": 5})
    done = bench.soak()
    assert done.code not in {0, 1}
    assert "somebody else created it" in done.err
    assert bench.segments()[-1]["state"] == "interrupted"


@pytest.mark.parametrize("kind", ["http", "tcp"])
def test_somebody_else_at_the_port_is_told_and_not_soaked(bench: Bench, kind: str) -> None:
    with serving(answered(b"ok")) as address:
        target = f"http://{address}/healthz" if kind == "http" else address
        bench.configure("import time; time.sleep(600)", f"{{{kind}: '{target}'}}")
        done = bench.soak()
    assert done.code not in {0, 1}
    assert f"{target} answers before the service was started" in done.err
    assert bench.records() == [] if (bench.run / "iterations.jsonl").exists() else True


def test_two_soaks_with_a_service_each_do_not_touch_each_other(bench: Bench, tmp_path: Path) -> None:
    other = Bench(tmp_path / "other")
    for place in (bench, other):
        place.configure(server(), kpis=metric(place.port), schedule={"iterations": 4})
    processes = [bench.start(), other.start()]
    assert [finish(process).code for process in processes] == [0, 0]
    for place in (bench, other):
        assert [record["kpis"]["seen"] for record in place.records()] == [1.0] * 4
        assert place.verify().code == 0


STUBBORN_SERVICE = STUBBORN.replace('print("it runs", flush=True)', 'print("up", flush=True)')


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="reads /proc")
@pytest.mark.parametrize("seed", range(full(20, 1)))
def test_a_signal_at_a_random_moment_ends_a_stubborn_service(bench: Bench, seed: int) -> None:
    bench.configure(STUBBORN_SERVICE, schedule={"iterations": 1000}, service={"grace": "1h"})
    process = bench.start()
    wait_for(lambda: any(bench.folder.glob(".soak/2*/run.json")))
    time.sleep(random.Random(seed).uniform(0, 1.5))
    sent = time.monotonic()
    process.send_signal(signal.SIGTERM)
    done = finish(process)
    took = time.monotonic() - sent
    assert done.code == 143, done.err
    assert took < 30, "the stop has a limit of 5 seconds; this bound only tells a hang apart on a slow machine"
    pids = bench.folder / "pids"
    assert not [pid for pid in (map(int, pids.read_text().split()) if pids.exists() else ()) if alive(pid)]
    assert bench.survivors() == []
    assert "VERIFIED" in bench.verify().out


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="reads /proc")
@pytest.mark.parametrize("seed", range(full(20, 1)))
def test_a_kill_at_a_random_moment_can_be_resumed(bench: Bench, seed: int) -> None:
    ready = f"{{http: 'http://127.0.0.1:{bench.port}/', within: 2m}}"
    bench.configure(server(), ready, kpis=metric(bench.port), schedule={"iterations": 6})
    process = bench.start()
    wait_for(lambda: any(bench.folder.glob(".soak/2*/service/00001")))
    time.sleep(random.Random(seed).uniform(0, 1.5))
    process.kill()
    process.communicate()
    done = bench.soak("--resume", str(bench.run))
    assert done.code in {0, 3}, done.err
    assert [record["iteration"] for record in bench.records()] == list(range(1, 7))
    assert {record["kpis"]["seen"] for record in bench.records()} <= {1.0, 2.0}
    assert "VERIFIED" in bench.verify().out
    assert bench.survivors() == []
    assert is_free(bench.port)


def test_a_stop_ends_a_readiness_command_with_the_service(bench: Bench) -> None:
    slow = [sys.executable, "-S", "-c", "import os, time; open('asking', 'w').close(); time.sleep(600)"]
    bench.configure("import time; time.sleep(600)", json.dumps({"command": slow, "within": LONG}))
    process = bench.start()
    wait_for((bench.folder / "asking").exists)
    process.send_signal(signal.SIGINT)
    assert finish(process).code == 130
    assert bench.survivors() == []
    assert "VERIFIED" in bench.verify().out


END = {"start": 1, "seconds": 1.0, "ready": True, "detail": "x", "results": {}}
FORGED: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"service": None}, {}),
    ({"service": {"start": 1, "exits": [END]}}, {}),
    ({"service": {"start": 1, "exits": [{**END, "seconds": 1e308}]}}, {}),
    ({"service": {"start": 1, "exits": [{**END, "start": 2**53 - 1}]}}, {}),
    ({"service": {"start": "1", "exits": "none"}}, {}),
    ({}, {"service": None}),
    ({}, {"service": {"exits": [], "not_ready": None, "stop": None}}),
    ({}, {"service": {"exits": [], "not_ready": 3, "stop": [3]}}),
    ({}, {"service": {"exits": {}, "not_ready": [], "stop": {**END, "start": -1}}}),
]


def test_what_is_forged_about_a_service_is_invalid_and_never_a_traceback(bench: Bench) -> None:
    bench.configure(server(), kpis=metric(bench.port), schedule={"duration": "1m"}, service={"window": "100ms"})
    (bench.folder / "soak.yaml").write_text((bench.folder / "soak.yaml").read_text().replace('"iterations": 2, ', ""))
    assert bench.soak("--segment", "1s").code == 0
    assert bench.segments()[-1]["state"] == "paused"
    whole = bench.folder.parent / "whole"
    shutil.copytree(bench.run, whole)
    for record, segment in FORGED:
        shutil.rmtree(bench.run)
        shutil.copytree(whole, bench.folder / ".soak" / json.loads((whole / "run.json").read_bytes())["run_id"])
        rechain(bench.run, record=record, segment=segment, renew=False)
        assert bench.verify().code == 4, (record, segment)
        assert bench.soak("--resume", str(bench.run), "--segment", "1s").code not in {0, 3}, (record, segment)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a limit on the size of files")
def test_a_service_whose_output_finds_no_room_ends_the_soak_with_a_clear_word(bench: Bench) -> None:
    flood = "import time\nfor _ in range(300): print('x' * 999, flush=True)\nprint('up', flush=True); time.sleep(600)"
    bench.configure(flood, "{log: '^up$', within: 3s}", schedule={"iterations": 3})
    limited = ["/bin/sh", "-c", 'ulimit -f 100; exec "$@"', "sh", sys.executable, "-m", "soak_action", "run", "--json"]
    # A measurement of the coverage has no room either.
    environ = {name: value for name, value in clean_environment().items() if not name.startswith("COVERAGE")}
    done = subprocess.run(limited, cwd=bench.folder, env=environ, capture_output=True, check=False, timeout=300)
    assert b"Traceback" not in done.stderr, done.stderr.decode()
    assert done.returncode not in {0, 1}, done.stderr.decode()
    assert b"the workload's output cannot be written" in done.stderr
    assert bench.survivors() == []
