"""Fetches artifacts into the places that the real action would use."""

import os
import shutil
import sys
from fnmatch import fnmatchcase
from pathlib import Path


def main(variables: dict[str, str]) -> None:
    """Copy the wanted artifacts. Raises SystemExit when the one that is named does not exist."""
    store, target = Path(variables["E2E_ARTIFACTS"]), Path(variables["TARGET"])
    if variables["NAME"]:
        if not (store / variables["NAME"]).is_dir():
            sys.exit(f"::error::unable to download artifact(s): artifact not found for name: {variables['NAME']}")
        shutil.copytree(store / variables["NAME"], target, dirs_exist_ok=True)
        return
    for artifact in sorted(store.iterdir()):
        if fnmatchcase(artifact.name, variables["PATTERN"] or "*"):
            place = target if variables["MERGE"] == "true" else target / artifact.name
            shutil.copytree(artifact, place, dirs_exist_ok=True)


if __name__ == "__main__":
    main(dict(os.environ))
