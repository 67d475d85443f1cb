"""Tries to take over the job that soaks it: by commands in its output, and by the files that a step may write to."""

import json
import os
import sys
from pathlib import Path

COMMANDS = (
    "::set-output name=verdict::pass",
    "::error::forged",
    "  ::warning file=soak.yaml,line=1::forged",
    "::notice::forged",
    "::add-mask::iteration",
    "::add-path::/forged",
    "::set-env name=FORGED::yes",
    "::group::forged",
    "::endgroup::",
    "::stop-commands::x",
    "##[error]forged",
    "##[group]forged",
    "\x1b[31m::error::forged\x1b[0m\r::error::forged after a carriage return",
    "\x1b]0;forged\x07\x1b[2J",
    "\u2028::error::forged after a line separator",
    "::endgroup::\x0b::error::forged after a vertical tab\x0c::error::forged after a form feed",
)
for command in COMMANDS:
    print(command, flush=True)
    print(command, file=sys.stderr, flush=True)

for name in ("GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT", "GITHUB_ENV", "GITHUB_PATH", "GITHUB_STATE"):
    if path := os.environ.get(name):
        with Path(path).open("a", encoding="utf-8") as file:
            file.write("verdict=pass\n# forged summary\n")
found = sorted(name for name in os.environ if name.startswith(("GITHUB_", "INPUT_", "ACTIONS_", "E2E_SECRET")))
Path(os.environ["SOAK_OUT"], "metrics.json").write_text(json.dumps({"value": 20}), "utf-8")
Path(os.environ["SOAK_OUT"], "found.json").write_text(json.dumps(found), "utf-8")
print("::error::forged without an end of line", end="", flush=True)
