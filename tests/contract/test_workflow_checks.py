"""Each linter of the actions and workflows finds a planted mistake of the kind that it is there for."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

import devtools
import workflow_checks

ROOT = Path(__file__).resolve().parents[2]
PLACES = (".github", "action.yml", "schemas", "tests/e2e/workflows", "tests/e2e/stubs", "docs/examples/workflows")
CI = ".github/workflows/ci.yml"
SMOKE = ".github/workflows/smoke.yml"

Linter = Callable[[workflow_checks.Run, workflow_checks.Files], Iterable[devtools.Outcome]]


def run(*command: str | Path, folder: Path) -> devtools.Outcome:
    """Run a program of the environment that these tests run in."""
    return devtools.run([Path(sys.executable).parent / command[0], *command[1:]], folder)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A copy of what GitHub reads of this repository."""
    for place in PLACES:
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        copy = shutil.copytree if (ROOT / place).is_dir() else shutil.copy
        copy(ROOT / place, tmp_path / place)
    return tmp_path


def said(linter: Linter, repository: Path) -> Iterator[str]:
    """Yield what the linter found fault with."""
    try:
        for outcome in linter(run, workflow_checks.Files(repository)):
            if not outcome.passed:
                yield outcome.output
    except devtools.ToolsError as error:
        pytest.skip(str(error))


LINTERS = [
    workflow_checks.zizmor,
    workflow_checks.schemas,
    workflow_checks.actionlint,
    workflow_checks.language_service,
]


@pytest.mark.parametrize("linter", LINTERS, ids=lambda linter: linter.__name__)
def test_a_linter_has_nothing_to_say_of_this_repository(linter: Linter, repository: Path) -> None:
    assert list(said(linter, repository)) == []


# linter, file, what stands there, what is planted instead, what the linter must say
PLANTED = [
    ("zizmor", CI, "3d3c42e5aac5ba805825da76410c181273ba90b1", "v7", "unpinned-uses"),
    ("zizmor", CI, "persist-credentials: false", "fetch-depth: 1", "artipacked"),
    ("zizmor", CI, "contents: read # to check the repository out", "contents: write", "undocumented-permissions"),
    ("zizmor", CI, 'print(os.environ["FOUND"])', "print('${{ github.head_ref }}')", "template-injection"),
    ("zizmor", CI, "uses: $/.github/actions/internal", "uses: ./.github/actions/internal", "self-repository"),
    ("zizmor", ".github/dependabot.yml", "cooldown: {default-days: 7}", "labels: []", "dependabot-cooldown"),
    ("schemas", "action.yml", "using: composite", "using: composit", "action.yml"),
    ("schemas", SMOKE, "runs-on: ${{ fromJSON(inputs.runs-on) }}", "runs-at: here", "smoke.yml"),
    ("schemas", CI, "timeout-minutes: 40", "env: {}", "timeout-minutes"),
    ("schemas", ".github/dependabot.yml", "interval: monthly", "interval: sometimes", "dependabot.yml"),
    ("schemas", "schemas/soak.schema.json", '"type": "object"', '"type": "objekt"', "soak.schema.json"),
    ("actionlint", CI, "${{ matrix.os }}", "${{ matrix.so }}", 'property "so" is not defined'),
    ("actionlint", CI, "needs: action", "needs: actoin", "actoin"),
    ("actionlint", SMOKE, "fromJSON(inputs.runs-on)", "fromJson5(inputs.runs-on)", "undefined function"),
    ("language_service", CI, "profile: slow", "profil: slow", "Invalid action input 'profil'"),
    ("language_service", CI, "mock: calm", "moc: calm", "Invalid input, moc is not defined"),
    ("language_service", CI, "command: verify", "comand: verify", "Missing required input `command`"),
    ("language_service", CI, "persist-credentials: false", "persist: false", "Invalid action input 'persist'"),
    ("language_service", SMOKE, "jobs.smoke.outputs.run-id", "jobs.smoke.outputs.runid", "runid"),
    ("language_service", "action.yml", "using: composite", "using: composit", "composit"),
]


@pytest.mark.parametrize(("name", "file", "there", "planted", "told"), PLANTED, ids=lambda text: str(text)[:24])
def test_a_linter_finds_a_planted_mistake(
    name: str, file: str, there: str, planted: str, told: str, repository: Path
) -> None:
    text = (repository / file).read_text("utf-8")
    assert there in text
    (repository / file).write_text(text.replace(there, planted, 1), "utf-8")
    assert told in next(said(getattr(workflow_checks, name), repository), "")


def test_a_broken_file_is_not_passed_over(repository: Path) -> None:
    (repository / CI).write_text("on: [\n", "utf-8")
    for linter in LINTERS:
        assert next(said(linter, repository), ""), linter.__name__


def test_what_is_missing_is_told_and_the_others_go_on(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(*_: object) -> Path:
        raise devtools.ToolsError("needs something")

    (repository / ".github" / "dependabot.yml").write_text("version: 3\nupdates: []\n", "utf-8")
    monkeypatch.setattr(workflow_checks, "go_tool", absent)
    monkeypatch.setattr(workflow_checks, "node_project", absent)
    findings = workflow_checks.check(run, repository)
    assert findings.missing == ["needs something", "needs something"]
    assert any("dependabot.yml" in text for text in findings.said)
