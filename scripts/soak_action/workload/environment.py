"""The environment that the workload gets."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping

# What would let a workload set outputs, forge annotations, use the job's rights or take soak's settings for its own.
_WITHHELD = re.compile(
    r"SOAK_.*|INPUT_.*|GITHUB_(ARTIFACTS|OUTPUT|ENV|PATH|STATE|STEP_SUMMARY|TOKEN)|GH_TOKEN"
    r"|ACTIONS_RUNTIME_(TOKEN|URL)|ACTIONS_ID_TOKEN_REQUEST_(TOKEN|URL)",
    re.DOTALL,
)


def child_environment(
    base: Mapping[str, str],
    settings: Mapping[str, str],
    soak: Mapping[str, str],
    *,
    windows: bool = sys.platform == "win32",
) -> dict[str, str]:
    """The caller's environment `base` without soak's, the action's and the job's secrets, plus `settings`, plus `soak`.

    `settings` (workload.env) win over `base`, so that a token can be given on purpose; `soak` variables win over all.
    Names are compared case-blind on Windows.
    """
    kept = {name: value for name, value in base.items() if not _WITHHELD.fullmatch(name.upper() if windows else name)}
    for layer in (settings, soak):
        if windows:
            new = {name.upper() for name in layer}
            kept = {name: value for name, value in kept.items() if name.upper() not in new}
        kept |= layer
    return kept
