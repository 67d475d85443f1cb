"""What the actions and workflows are held to by the linters of others, each on the very files that GitHub reads."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from devtools import ROOT, Outcome, ToolsError, go_tool, node_project

Run = Callable[..., Outcome]


@dataclass(frozen=True)
class Files:
    """The files of a repository that GitHub reads, and those that our tests play; relative to `root`."""

    root: Path

    @property
    def actions(self) -> list[str]:
        """The action.yml files of this repository."""
        return self._found("action.yml", ".github/actions/*/action.yml")

    @property
    def workflows(self) -> list[str]:
        """The workflows of this repository."""
        return self._found(".github/workflows/*.yml")

    @property
    def played_actions(self) -> list[str]:
        """The stand-ins for the actions of others."""
        return self._found("tests/e2e/stubs/*/action.yml")

    @property
    def played_workflows(self) -> list[str]:
        """The workflows that tests play, those of the documents among them."""
        return self._found("tests/e2e/workflows/*.yml", "docs/examples/workflows/*.yml")

    @property
    def schemas(self) -> list[str]:
        """The schemas of the files that we write or read."""
        return self._found("schemas/*.json")

    def _found(self, *patterns: str) -> list[str]:
        return [
            path.relative_to(self.root).as_posix() for pattern in patterns for path in sorted(self.root.glob(pattern))
        ]


@dataclass
class Findings:
    """What the linters said, and which of them could not run on this machine and why."""

    said: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)

    def add(self, outcome: Outcome) -> None:
        """Take in what one linter found."""
        if not outcome.passed:
            self.said.append(outcome.output.strip() or "failed without a word")


def check(run: Run, root: Path = ROOT) -> Findings:
    """Run every linter over the repository in `root`; `run` starts a program of the development tools in a folder."""
    files, findings = Files(root), Findings()
    for linter in (zizmor, schemas, actionlint, language_service):
        try:
            for outcome in linter(run, files):
                findings.add(outcome)
        except ToolsError as error:
            findings.missing.append(str(error))
    return findings


def zizmor(run: Run, files: Files) -> Iterator[Outcome]:
    """Yield what is unsafe. The tests' workflows are left out: nobody but a test can start them."""
    options = ("--offline", "--strict-collection", "--persona=pedantic", "--no-progress", "--quiet", "--color=never")
    yield run("zizmor", *options, *files.actions, ".github", folder=files.root)


def schemas(run: Run, files: Files) -> Iterator[Outcome]:
    """Yield what does not have the structure that GitHub expects, and what is wrong in our own schemas."""
    for schema, named in (
        ("vendor.github-actions", [*files.actions, *files.played_actions]),
        ("vendor.github-workflows", [*files.workflows, *files.played_workflows]),
        ("custom.github-workflows-require-timeout", files.workflows),
        ("vendor.dependabot", [".github/dependabot.yml"]),
    ):
        yield run("check-jsonschema", "--builtin-schema", schema, *named, folder=files.root)
    yield run("check-jsonschema", "--check-metaschema", *files.schemas, folder=files.root)


def actionlint(run: Run, files: Files) -> Iterator[Outcome]:
    """Yield mistakes in expressions and references. Raises ToolsError without Go."""
    # What else is installed on a machine must not decide what is found there.
    options: Sequence[str] = ("-no-color", "-shellcheck=", "-pyflakes=", "-config-file", ".github/actionlint.yaml")
    yield run(go_tool("actionlint"), *options, *files.workflows, *files.played_workflows, folder=files.root)


def language_service(run: Run, files: Files) -> Iterator[Outcome]:
    """Yield what GitHub's own editor would underline, such as unknown inputs. Raises ToolsError without Node."""
    script = ROOT / "scripts" / "language_service.mjs"
    everything = (*files.actions, *files.workflows, *files.played_actions, *files.played_workflows)
    stand_ins = ROOT / "tests" / "e2e" / "stubs"
    project, node = node_project(), shutil.which("node") or "node"
    yield run(Path(node), script, project, files.root, stand_ins, *everything, folder=files.root)
