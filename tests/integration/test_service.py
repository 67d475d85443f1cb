"""Services through the real command: ready or not, loaded, scraped, lost, restarted, and gone at the end."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from tests.conftest import clean_environment
from tests.integration.watching import alive, wait_for

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
GUIDE = Path(__file__).resolve().parents[2] / "docs" / "guide" / "services.md"
SOAK = [sys.executable, "-m", "soak_action"]
# Counts its requests, shows them to Prometheus, leaks and dies when told to.
SERVER = """
import http.server, os, pathlib, signal, sys
asked, held = 0, []
settings = dict(part.split("=") for part in sys.argv[2:])
if "stubborn" in settings:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        global asked
        if self.path == "/metrics":
            body = f'# TYPE requests_total counter\\nrequests_total{{code="200"}} {asked}\\n'
            body += "# TYPE load gauge\\nload 0.5\\n" + "# filling\\n" * (int(settings.get("bulk", 0)) << 10)
        elif self.path == "/state":
            body = f'{{"asked": {asked}}}'
        elif self.path == "/healthz":
            body = "ok"
        else:
            asked += 1
            held.append(bytearray(int(settings.get("leak", 0)) << 20))
            if asked == int(settings.get("dies_at", -1)):
                os._exit(3)
            body = "hello"
        self.send_response(503 if self.path == "/healthz" and "never" in settings else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())
    def log_message(self, *_):
        pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler)
pathlib.Path("pids").open("a").write(f"{os.getpid()}\\n")
print("listening", flush=True)
server.serve_forever()
"""
LOAD = """
import sys, urllib.request
for _ in range(3):
    urllib.request.urlopen(f"http://127.0.0.1:{sys.argv[1]}/", timeout=20).read()
"""


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def project(tmp_path: Path, port: int) -> Path:
    (tmp_path / "server.py").write_text(SERVER)
    (tmp_path / "load.py").write_text(LOAD)
    metrics = {"http": f"http://127.0.0.1:{port}/metrics", "format": "prometheus"}
    config = {
        "version": 1,
        "workload": {
            "service": {
                "start": ["${SOAK_PYTHON}", "-S", "server.py", str(port)],
                "ready": {"http": f"http://127.0.0.1:{port}/healthz", "within": "60s"},
            },
            "run": ["${SOAK_PYTHON}", "-S", "load.py", str(port)],
        },
        "schedule": {"iterations": 6},
        "kpis": {
            "requests": {"from": {**metrics, "path": 'requests_total{code="200"}'}, "better": "higher", "hard": 3},
            "load": {"from": {**metrics, "path": "load"}},
            "asked": {"from": {"http": f"http://127.0.0.1:{port}/state", "format": "json", "path": "asked"}},
            "service_exits": {"hard": 0},
        },
    }
    (tmp_path / "soak.yaml").write_text(json.dumps(config))
    return tmp_path


def records(run: str | Path, name: str = "iterations.jsonl") -> list[dict]:
    return [json.loads(line) for line in Path(run, name).read_bytes().splitlines()]


def started_with(port: int, *more: str) -> str:
    """Return the setting that starts the server with more words."""
    command = ["${SOAK_PYTHON}", "-S", "server.py", str(port), *more]
    return f"workload.service.start={json.dumps(command)}"


def rules(run: str) -> Mapping[str, dict]:
    return {rule["id"]: rule for rule in json.loads(Path(run, "verdict.json").read_bytes())["rules"]}


def survivors(project: Path) -> list[int]:
    return [pid for pid in map(int, (project / "pids").read_text().split()) if alive(pid)]


def test_a_service_under_load_is_measured_and_stopped(soak, project):
    done = soak("run", "--json")
    assert (done.code, done.json["verdict"], done.json["iterations"]) == (0, "pass", 6), done.err
    found = records(done.json["run_dir"])
    assert [record["kpis"]["requests"] for record in found] == [3] * 6
    assert [record["kpis"]["asked"] for record in found] == [3, 6, 9, 12, 15, 18]
    assert {record["service"]["start"] for record in found} == {1}
    (segment,) = records(done.json["run_dir"], "segments.jsonl")
    assert segment["service"]["stop"]["ready"] is True
    assert segment["service"]["exits"] == []
    assert "listening" in Path(done.json["run_dir"], "service", "00001", "stdout.log").read_text()
    assert survivors(project) == []
    assert soak("verify", done.json["run_dir"]).code == 0


def test_a_window_is_an_iteration_without_a_command(soak, project):
    text = json.loads((project / "soak.yaml").read_text())
    del text["workload"]["run"], text["kpis"]
    text["workload"]["service"]["window"] = "300ms"
    (project / "soak.yaml").write_text(json.dumps(text))
    done = soak("run", "--json", "--iterations", "2")
    assert (done.code, done.json["verdict"]) == (0, "pass"), done.err
    for record in records(done.json["run_dir"]):
        assert (record["outcome"], record["exit_code"], record["detail"]) == ("ok", None, "a window of 300ms")
        assert record["seconds"] >= 0.3
        assert record["kpis"]["rss_mib"] > 1
    assert soak("verify", done.json["run_dir"]).code == 0


def test_memory_beyond_its_hard_limit_fails(soak, project, port):
    limited = ("--set", "kpis.rss_mib.hard=90")
    assert soak("run", "--json", "--iterations", "2", *limited).json["verdict"] == "pass"
    done = soak("run", "--json", "--iterations", "2", *limited, "--set", started_with(port, "leak=40"))
    assert (done.code, done.json["verdict"], done.json["failed_rules"]) == (1, "fail", ["rss_mib.hard"]), done.err


def test_a_service_that_crashes_in_iteration_5_fails_in_words(soak, project, port):
    done = soak("run", "--json", "--set", started_with(port, "dies_at=14"))
    assert (done.code, done.json["verdict"], done.json["state"]) == (1, "fail", "aborted"), done.err
    found = rules(done.json["run_dir"])
    assert found["service.restarts"]["result"] == "fail"
    assert found["service.restarts"]["first_breach"] == 5
    assert (
        "1 unplanned exit of the service, tolerated 0; the first: exited with 3 after"
        in (found["service.restarts"]["reason"])
    )
    assert found["service.ready"]["result"] == "pass"
    last = records(done.json["run_dir"])[-1]
    assert (last["iteration"], last["outcome"], last["kpis"]) == (5, "crashed", {"service_exits": 1})
    assert "service" in last["detail"]
    assert soak("verify", done.json["run_dir"]).code == 1
    told = soak("run", "--set", started_with(port, "dies_at=14")).out
    assert "service.restarts: 1 unplanned exit of the service, tolerated 0; the first: exited with 3 after" in told


def test_a_tolerated_exit_is_recorded_and_the_service_started_again(soak, project, port):
    tolerant = ("--set", "workload.service.restarts=1", "--set", "schedule.failures=1")
    told = ("--set", started_with(port, "dies_at=14"), "--set", "kpis.service_exits.hard=1", "--iterations", "5")
    done = soak("run", "--json", *tolerant, *told)
    assert done.json["verdict"] == "pass", done.err
    found = records(done.json["run_dir"])
    (ended,) = [ended for record in found for ended in record["service"]["exits"]]
    assert (ended["start"], ended["exit_code"], ended["ready"]) == (1, 3, True)
    wait_for(lambda: survivors(project) == [])
    assert soak("verify", done.json["run_dir"]).code == 0


def test_a_service_that_is_never_ready_fails_in_words(soak, project, port):
    settings = ("--set", started_with(port, "never=1"), "--set", "workload.service.ready.within=500ms")
    done = soak("run", "--json", *settings)
    assert (done.code, done.json["verdict"], done.json["iterations"]) == (1, "fail", 0), done.err
    assert rules(done.json["run_dir"])["service.ready"]["reason"] == (
        f"the service was not ready within 500ms: http://127.0.0.1:{port}/healthz answers with 503"
    )
    assert survivors(project) == []
    assert soak("verify", done.json["run_dir"]).code == 1


@pytest.mark.parametrize(
    "ready",
    ['{"log": "^listen"}', '{"tcp": "127.0.0.1:PORT"}', '{"command": ["${SOAK_PYTHON}", "-S", "load.py", "PORT"]}'],
)
def test_each_way_to_be_ready(soak, project, port, ready):
    text = json.loads((project / "soak.yaml").read_text())
    text["workload"]["service"]["ready"] = json.loads(ready.replace("PORT", str(port)))
    (project / "soak.yaml").write_text(json.dumps(text))
    done = soak("run", "--json", "--iterations", "1")
    assert (done.code, done.json["verdict"]) == (0, "pass"), done.err


def test_a_program_that_does_not_exist_is_told_before_anything_starts(soak, project):
    done = soak("run", "--set", 'workload.service.start=["no-such-server"]')
    assert (done.code, done.out) == (2, "")
    assert "workload.service.start: the program 'no-such-server' was not found on PATH" in done.err
    assert not (project / ".soak").exists()


def test_a_metric_that_is_not_there_is_no_zero(soak, project):
    done = soak("run", "--json", "--iterations", "1", "--set", "kpis.requests.from.path=errors_total")
    assert (done.code, done.json["verdict"]) == (4, "invalid"), done.err
    (record,) = records(done.json["run_dir"])
    assert record["missing"]["requests"] == "path_missing"
    assert "there is no metric errors_total" in record["details"]["requests"]


def test_the_service_starts_afresh_in_each_segment(soak, project):
    first = soak("run", "--json", "--segment", "1ms")
    assert first.json["state"] == "paused"
    assert survivors(project) == []
    done = soak("run", "--json", "--resume", first.json["run_dir"])
    assert (done.code, done.json["verdict"]) == (0, "pass"), done.err
    found = records(done.json["run_dir"])
    assert [record["service"]["start"] for record in found] == [1, 2, 2, 2, 2, 2]
    # Nothing spans the boundary: the second start has counted from zero.
    assert [record["kpis"]["requests"] for record in found] == [3] * 6
    assert [record["kpis"]["asked"] for record in found] == [3, 3, 6, 9, 12, 15]
    receipt = json.loads(Path(done.json["receipt"]).read_bytes())
    assert 0 < receipt["coverage"]["longest_segment_seconds"] < receipt["coverage"]["seconds_measured"]


def test_exits_of_earlier_segments_count(soak, project, port):
    dying = ("--set", started_with(port, "dies_at=2"), "--set", "workload.service.restarts=1")
    first = soak("run", "--json", "--segment", "1ms", *dying)
    assert first.json["state"] == "paused", first.err
    done = soak("run", "--json", "--resume", first.json["run_dir"])
    assert (done.code, done.json["verdict"], done.json["state"]) == (1, "fail", "aborted"), done.err
    assert rules(done.json["run_dir"])["service.restarts"]["value"] == 2


@POSIX
@pytest.mark.parametrize("stubborn", [(), ("stubborn=1",)])
def test_a_signal_stops_load_and_service(soak, project, port, stubborn):
    (project / "load.py").write_text("import time; print('loading', flush=True); time.sleep(300)")
    process = subprocess.Popen(
        [*SOAK, "run", "--set", started_with(port, *stubborn)],
        cwd=project,
        env=clean_environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    wait_for(lambda: any(path.stat().st_size for path in project.glob(".soak/*/iterations/00001/stdout.log")))
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 143
    assert survivors(project) == []
    (run,) = project.glob(".soak/2*")
    assert [record["outcome"] for record in records(run)] == ["cancelled"]
    assert soak("verify", run).code == 4, "nothing was measured"


@POSIX
def test_the_service_of_a_killed_soak_is_stopped_before_the_next_segment(soak, project, port):
    (project / "load.py").write_text("import time; print('loading', flush=True); time.sleep(300)")
    process = subprocess.Popen(
        [*SOAK, "run", "--set", started_with(port, "stubborn=1")],
        cwd=project,
        env={name: value for name, value in clean_environment().items() if not name.startswith("COVERAGE")},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    wait_for(lambda: any(path.stat().st_size for path in project.glob(".soak/*/iterations/00001/stdout.log")))
    process.kill()
    process.wait()
    assert len(survivors(project)) == 1
    (project / "load.py").write_text(LOAD)
    (run,) = project.glob(".soak/2*")
    done = soak("run", "--json", "--resume", run)
    assert (done.code, done.json["verdict"], done.json["iterations"]) == (0, "pass", 6), done.err
    assert {record["service"]["start"] for record in records(run)} == {1}
    assert [path.name for path in sorted((run / "unrecorded").iterdir())] == ["00001-1", "service-00001-1"]
    assert survivors(project) == []
    assert soak("verify", run).code == 0


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("service/00001/stdout.log", b"listening", b"LISTENING"),
        ("iterations/00002/answers/1.end", b"load 0.5", b"load 0.4"),
        ("iterations.jsonl", b'"exits":[],"start":1', b'"exits":[],"start":2'),
    ],
)
def test_edited_evidence_of_a_service_is_found(soak, project, name, old, new):
    done = soak("run", "--json", "--iterations", "2")
    file = Path(done.json["run_dir"], name)
    content = file.read_bytes()
    assert old in content
    file.write_bytes(content.replace(old, new))
    assert soak("verify", done.json["run_dir"]).code == 4


def test_the_doctor_tries_the_service(soak, project, port):
    done = soak("doctor", "--json")
    findings = {finding["id"]: finding for finding in done.json["findings"]}
    assert findings["kpi.requests"]["status"] == "ok", done.out
    done = soak("doctor", "--json", "--set", started_with(port, "never=1"), "--set", "workload.service.ready.within=1s")
    findings = {finding["id"]: finding for finding in done.json["findings"]}
    assert findings["workload"]["status"] == "problem"
    assert "not ready within 1s" in findings["workload"]["sentence"]


def test_the_doctor_says_how_long_a_window_takes(soak, project):
    config = json.loads((project / "soak.yaml").read_text())
    config["workload"]["service"]["window"] = "300ms"
    del config["workload"]["run"]
    (project / "soak.yaml").write_text(json.dumps(config))
    assert soak("doctor", "--json").err == "soak: one dry iteration, of at most 300ms\n"


def test_the_guide_works_as_it_stands(soak, tmp_path, port):
    text = GUIDE.read_text("utf-8").replace("18080", str(port)).replace("python3,", '"${SOAK_PYTHON}",')
    for language, content in re.findall(r"^```(yaml|python)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        name = "soak.yaml" if language == "yaml" else content.partition("\n")[0].removeprefix("# ")
        (tmp_path / name).write_text(content)
    done = soak("run", "--json", "--iterations", "2")
    assert (done.code, done.json["verdict"]) == (0, "pass"), done.err
    assert [record["kpis"]["requests"] for record in records(done.json["run_dir"])] == [100, 100]


def test_the_answers_go_and_stay_with_the_output_of_their_iteration(soak, project):
    run = Path(soak("run", "--json", "--set", "evidence.keep_outputs=last 2").json["run_dir"])
    assert sorted(path.parent.name for path in run.glob("iterations/*/answers")) == ["00005", "00006"]
    assert [record["kpis"]["requests"] for record in records(run)] == [3] * 6
    done = soak("verify", run)
    assert done.code == 0, done.err
    assert "the outputs of 4 iterations were removed" in done.out
    (run / "iterations" / "00006" / "answers" / "1.end").unlink()
    done = soak("verify", run)
    assert done.code == 4
    assert "iterations/00006/answers/1.end: is missing" in done.out


def test_the_iteration_that_loses_the_service_is_kept_as_a_failed_one(soak, project, port):
    dies = ("--set", started_with(port, "dies_at=8"), "--set", "evidence.keep_outputs=failed")
    run = Path(soak("run", "--json", *dies).json["run_dir"])
    assert [record["outcome"] for record in records(run)] == ["ok", "ok", "crashed"]
    assert [path.name for path in (run / "iterations").iterdir()] == ["00003"]
    assert soak("verify", run).code == 1


def test_the_cpu_time_is_that_of_the_service_and_not_of_its_load(soak, project):
    burns = "import time\nwhile time.process_time() < 2: pass\n"
    (project / "load.py").write_text(burns)
    done = soak("run", "--json", "--iterations", "1", "--set", "kpis.requests.hard=0", "--set", "kpis.cpu_seconds={}")
    assert done.code == 0, done.err
    (record,) = records(done.json["run_dir"])
    assert record["seconds"] >= 2
    assert record["kpis"]["cpu_seconds"] < 1
    assert record["resources"]["values"]["cpu_seconds"] == record["kpis"]["cpu_seconds"]


def test_doctor_reckons_with_the_room_that_answers_take(soak, project, port):
    # An answer has 10 MiB, and a counter is asked for at the beginning, too.
    told = soak("doctor", "--set", started_with(port, "bulk=1024")).out
    found = re.search(r"one iteration took .* and wrote ([0-9.]+) MiB", told)
    assert found is not None, told
    assert float(found[1]) > 18


def test_windows_do_not_become_a_command_under_way_nor_a_command_windows(soak, project):
    text = (project / "soak.yaml").read_text()
    config = json.loads(text)
    config["workload"]["service"]["window"] = "100ms"
    del config["workload"]["run"]
    (project / "soak.yaml").write_text(json.dumps(config))
    run = Path(soak("run", "--json", "--segment", "1ms", "--set", "kpis.requests.hard=0").json["run_dir"])
    (project / "soak.yaml").write_text(text)
    done = soak("run", "--resume", run, "--allow-change")
    assert done.code == 2
    assert "no run may change this under way" in done.err
    assert "workload.run was not given" in done.err
    assert soak("verify", run).code == 3
