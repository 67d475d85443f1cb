"""Beginning a run: a directory of its own, and in it everything that is promised before anything is measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from soak_action import __version__, canonical
from soak_action.config.load import Loaded
from soak_action.config.masking import mask_words
from soak_action.evidence import fingerprint
from soak_action.evidence.run_dir import CONFIG, RUN, SOURCES, RunDir, create, stamp
from soak_action.files import surroundings
from soak_action.tuning.parameters import own_files

SCHEMA_VERSION = 1


def begin_run(
    loaded: Loaded,
    output: Path,
    *,
    argv: Sequence[str],
    environ: Mapping[str, str],
    now: datetime,
    random_suffixes: Iterator[str],
    parameters: Mapping[str, Any] | None = None,
) -> tuple[RunDir, str]:
    """Create the run's directory, write what it promises, and return it with the digest that its first record follows.

    `parameters` is what run.json says of the parameters that the run begins with. Raises SurroundingsError when the
    disk refuses.
    """
    run = create(output, now, loaded.profile, random_suffixes)
    sources = {"schema_version": SCHEMA_VERSION, "leaves": [leaf.to_dict() for leaf in loaded.public_leaves]}
    tree = fingerprint.source_tree(loaded.base, not_of_the_tree(loaded))
    run.write(CONFIG, loaded.public_tree)
    run.write(SOURCES, sources)
    return run, run.write(
        RUN,
        {
            "schema_version": SCHEMA_VERSION,
            "run_id": run.run_id,
            "suite": loaded.config.suite,
            "profile": loaded.profile,
            "started_at": stamp(now),
            "tool_version": __version__,
            "argv": mask_words(argv, loaded.secrets),
            "config_file": config_file(loaded),
            "config_digest": canonical.digest(loaded.public_tree),
            "config_sources_digest": canonical.digest(sources),
            "kpis": [kpi.name for kpi in loaded.config.kpis],
            "schedule": loaded.config.schedule.to_dict(),
            "parameters": parameters,
            "commit": tree.commit,
            "head_commit": fingerprint.head_commit(environ) or tree.commit,
            "tree_dirty": tree.dirty,
            "workflow": fingerprint.workflow(environ),
            "fingerprint": fingerprint.host(environ),
        },
    )


def not_of_the_tree(loaded: Loaded) -> list[Path]:
    """Return the files that a run writes beside the configuration: they are no part of what is soaked."""
    parameters = loaded.config.parameters
    if parameters is None:
        return []
    return own_files(loaded.base / parameters.file)


def config_file(loaded: Loaded) -> dict[str, Any]:
    """Return which configuration file was used, for run.json. Raises SurroundingsError when it cannot be read again."""
    blob = None
    if loaded.file is not None:
        try:
            blob = fingerprint.git_blob((loaded.base / loaded.file).read_bytes())
        except OSError as error:
            raise surroundings(error, f"read {loaded.file} again") from error
    return {"path": loaded.file, "git_blob": blob, "absent": list(loaded.absent)}
