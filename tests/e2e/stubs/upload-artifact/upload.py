"""Stores an artifact as the real action would: the same names, the same choice of files, the same refusals."""

import os
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

FORBIDDEN_IN_A_NAME = re.compile(r'[\\/":<>|*?\r\n]')
FORBIDDEN_IN_A_PATH = re.compile(r'[":<>|*?\r\n]')


def files_of(path: Path, *, hidden: bool) -> Iterator[Path]:
    """Yield the files at or below `path`; what lies below a name with a leading dot only when `hidden`."""
    if path.is_file():
        yield path
        return
    for child in sorted(path.iterdir()) if path.is_dir() else ():
        if hidden or not child.name.startswith("."):
            yield from files_of(child, hidden=hidden)


def main(variables: dict[str, str]) -> None:
    """Store the artifact. Raises SystemExit with what the real action would complain about."""
    name, when_empty = variables["NAME"], variables["WHEN_EMPTY"]
    if not name or FORBIDDEN_IN_A_NAME.search(name):
        sys.exit(f"::error::the artifact name {name!r} is empty or has a forbidden character")
    if when_empty not in {"warn", "error", "ignore"}:
        sys.exit(f"::error::unrecognized if-no-files-found input: {when_empty!r}")
    if variables["RETENTION"] and not variables["RETENTION"].isdecimal():
        sys.exit(f"::error::invalid retention-days: {variables['RETENTION']!r}")
    roots = [Path(line.strip()).absolute() for line in variables["PATHS"].splitlines() if line.strip()]
    found = [file for root in roots for file in files_of(root, hidden=variables["HIDDEN"] == "true")]
    if not found:
        print(f"no files were found at {variables['PATHS']!r}")
        sys.exit(1 if when_empty == "error" else 0)
    shared = roots[0] if len(roots) == 1 and roots[0].is_dir() else Path(os.path.commonpath([f.parent for f in found]))
    target = Path(variables["E2E_ARTIFACTS"], name)
    if target.exists():
        if variables["OVERWRITE"] != "true":
            sys.exit(f"::error::an artifact with the name {name} already exists on the associated workflow run")
        shutil.rmtree(target)
    for file in found:
        place = file.relative_to(shared).as_posix()
        if FORBIDDEN_IN_A_PATH.search(place):
            sys.exit(f"::error::the path {place!r} has a forbidden character")
        (target / place).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target / place)
    print(f"stored {len(found)} files as {name}")


if __name__ == "__main__":
    main(dict(os.environ))
