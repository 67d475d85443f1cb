"""What the attacks share: a hostile workload, and an editor who chains and claims anew."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.conftest import Done, clean_environment

from soak_action import canonical
from soak_action.evidence import ledger
from soak_action.evidence.run_dir import RunDir
from soak_action.verify import seal as seal_run

Soak = Callable[..., Done]
KPI = ("--set", "kpis.x.from=m.json#x", "--set", "kpis.x.better=lower", "--set", "kpis.x.hard=100")
GOOD = """echo '{"x": 1}' > "$SOAK_OUT/m.json"; """
RUN = [sys.executable, "-m", "soak_action"]


def attack(folder: Path, script: str, *words: str, iterations: int = 2, seconds: float = 30) -> Done:
    """Run the shell script as a workload; TimeoutExpired when soak hangs."""
    command = [*RUN, "run", "--json", "--iterations", str(iterations), *KPI, *words, "--", "/bin/sh", "-c", script]
    done = subprocess.run(
        command, cwd=folder, env=clean_environment(), capture_output=True, check=False, timeout=seconds
    )
    assert b"Traceback" not in done.stderr
    assert b"is a defect" not in done.stderr, done.stderr.decode()
    return Done(done.returncode, done.stdout.decode(), done.stderr.decode())


def only_run(folder: Path) -> Path:
    (run,) = (path for path in (folder / ".soak").glob("2*") if path.is_dir())
    return run


def records(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (only_run(folder) / "iterations.jsonl").read_bytes().splitlines()]


def rechain(
    run: Path, *, record: dict[str, Any] | None = None, segment: dict[str, Any] | None = None, renew: bool = True
) -> None:
    """Change every record, chain them anew and, on `renew`, let soak write verdict and receipt again."""
    head = canonical.digest_of_bytes((run / "run.json").read_bytes())
    for name, change in (("iterations.jsonl", record), ("segments.jsonl", segment)):
        lines = []
        for line in (run / name).read_bytes().splitlines():
            body = {**json.loads(line), **(change or {})}
            del body["digest"], body["previous"]
            sealed, head = ledger.seal(body, head)
            lines.append(sealed + b"\n")
        (run / name).write_bytes(b"".join(lines))
    if renew:
        seal_run(RunDir(run))


def claim(run: Path, name: str, change: dict[str, Any]) -> None:
    """Change a document and make the receipt's digests right again."""
    document = {**json.loads((run / name).read_bytes()), **change}
    (run / name).write_bytes(canonical.pretty(document))
    receipt = json.loads((run / "receipt.json").read_bytes())
    receipt["digests"][name] = canonical.digest_of_bytes((run / name).read_bytes())
    receipt.update({key: value for key, value in change.items() if key in ("mock", "overrides")})
    del receipt["digest"]
    receipt["digest"] = canonical.digest(receipt)
    (run / "receipt.json").write_bytes(canonical.pretty(receipt))
