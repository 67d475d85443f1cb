"""Measures the latency that it is told, and breaks when it is told nothing that is a number."""

import json
import os
import sys
from pathlib import Path

number = int(os.environ["SOAK_ITERATION"])
result = {"latency": {"p95": float(sys.argv[1]) + number}}
Path(os.environ["SOAK_OUT"], "metrics.json").write_text(json.dumps(result), "utf-8")
print(f"iteration {number}: {result}")
