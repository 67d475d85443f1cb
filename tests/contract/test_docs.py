"""What the documents say is so: commands, outputs, examples, exit codes, files and links."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import dropwhile
from pathlib import Path

import pytest
from tests.conftest import clean_environment

import reference
from soak_action import cli
from soak_action.errors import UsageError

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text("utf-8")
GUIDE = (ROOT / "docs" / "guide" / "first-soak.md").read_text("utf-8")
DOCUMENTS = {
    path.relative_to(ROOT).as_posix(): path.read_text("utf-8")
    for path in sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
}
COMMANDS = reference.commands_of(cli.parser())
OPTIONS = {
    name: {option for action in command._actions for option in action.option_strings}
    for name, command in COMMANDS.items()
}
# The commands that only hold others.
GROUPS = {name for name in COMMANDS if any(other.startswith(f"{name} ") for other in COMMANDS)}

ASSIGNMENT = re.compile(r"[A-Z_]+=")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
FILE = re.compile(r"(?<![\w./-])(?:\.ci|scripts|docs|schemas|tests)/[\w./*-]*[\w*/]")
RUN_ID = re.compile(r"\d{8}T\d{6}Z-[a-z0-9-]+-[0-9a-f]{6}")
PLACE = "/path/to/orders"

# Features that do not exist yet. A document that speaks of one promises what nobody can use.
UNBUILT = re.compile(
    r"\bsoak (init|report|compare|selftest|comment|release|history|merge)\b"
    r"|--(baseline|html|junit|markdown)\b"
    r"|\b(drift|regression)"
)


def blocks(text: str, *languages: str) -> list[str]:
    return [content for language, content in BLOCK.findall(text) if language in languages]


def calls(text: str) -> Iterator[list[str]]:
    """Yield the arguments of every call of soak in the blocks for a shell."""
    for block in blocks(text, "sh", "console"):
        for line in block.splitlines():
            words = without_variables(shlex.split(line.removeprefix("$ "), comments=True))
            if words[:1] == ["soak"]:
                yield words[1:]
            elif len(words) > 1 and words[0] == "python3" and words[1].endswith("scripts/soak.py"):
                yield words[2:]


def without_variables(words: list[str]) -> list[str]:
    """Return a command without the ``NAME=VALUE`` that a shell takes for its environment."""
    return list(dropwhile(ASSIGNMENT.match, words))


def mistaken(words: list[str]) -> bool:
    try:
        cli.parser().parse_args(cli._split(words)[0])
    except UsageError:
        return True
    except SystemExit as stopped:
        return stopped.code != 0
    return False


def mistaken_mentions(text: str) -> list[str]:
    """Return each mention of a command in running text that does not exist, or not with that option."""
    found = []
    for mention in INLINE.findall(text):
        words = mention.partition(" -- ")[0].split()
        if words[:1] == ["soak"] and len(words) > 1:
            options = {word for word in words[2:] if word.startswith("--")}
            name = next((name for name in (" ".join(words[1:3]), words[1]) if name in COMMANDS), None)
            if name is None or not options <= OPTIONS[name] or (name in GROUPS and len(words) > 2):
                found.append(mention)
    return found


def broken_links(name: str, text: str) -> list[str]:
    places = [link.partition("#")[0] for link in LINK.findall(text) if "://" not in link]
    return [place for place in places if place and not (ROOT / name).parent.joinpath(place).exists()]


def missing_files(text: str) -> list[str]:
    return [name for name in FILE.findall(text) if not list(ROOT.glob(name.rstrip("/")))]


def exit_codes(text: str) -> list[tuple[tuple[str, ...], str]]:
    rows = re.findall(r"^\| ((?:`\d+` ?)+) \| (.*) \|$", text, re.MULTILINE)
    return [(tuple(re.findall(r"\d+", codes)), meaning) for codes, meaning in rows]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_call_in_a_document_is_understood(name: str) -> None:
    assert [words for words in calls(DOCUMENTS[name]) if mistaken(words)] == []


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_command_in_running_text_exists(name: str) -> None:
    assert mistaken_mentions(DOCUMENTS[name]) == []


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_relative_link_leads_somewhere(name: str) -> None:
    assert broken_links(name, DOCUMENTS[name]) == []


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_file_of_this_repository_that_is_named_exists(name: str) -> None:
    assert missing_files(DOCUMENTS[name]) == []


@pytest.mark.parametrize("name", DOCUMENTS)
def test_no_document_promises_what_is_not_built(name: str) -> None:
    assert [found.group() for found in UNBUILT.finditer(DOCUMENTS[name])] == []


def test_mistakes_in_documents_are_seen() -> None:
    block = "```sh\nsoak run --iteration-count 3\npython3 scripts/soak.py verify  # no path\nsoak verify x\nls\n```\n"
    assert [mistaken(words) for words in calls(block)] == [True, True, False]
    nested = "```sh\nsoak config show x\nA=1 soak config shw\nB=2 soak config\n```\n"
    assert [mistaken(words) for words in calls(nested)] == [False, True, True]
    text = (
        "`soak gate x`, `soak selftest`, `soak run --dry`, `soak run -- tool --dry`, `soak config env`, `soak config`"
    )
    assert mistaken_mentions(text) == ["soak selftest", "soak run --dry"]
    text = "`soak config shw`, `soak config env --expect`, `soak config show KEY --json`"
    assert mistaken_mentions(text) == ["soak config shw", "soak config env --expect"]
    assert broken_links("docs/x.md", "[a](../README.md#try-it) [b](nowhere.md) [c](https://example.org)") == [
        "nowhere.md"
    ]
    assert missing_files("run scripts/soak.py, scripts/none.py. See `schemas/`.") == ["scripts/none.py"]
    assert [found.group() for found in UNBUILT.finditer("`soak selftest --html` and drift: 3")] == [
        *("soak selftest", "--html", "drift")
    ]


def test_the_first_commands_of_the_readme_are_the_promised_ones() -> None:
    shell = "".join(blocks(README, "sh")).splitlines()
    assert shell[:2] == ["python3 scripts/soak.py run", "python3 scripts/check.py"]


def test_the_readme_lists_the_commands_that_exist() -> None:
    named = re.findall(r"^\| `soak (\w+)` \|", README, re.MULTILINE)
    assert named == [name for name in COMMANDS if " " not in name]


def test_the_exit_codes_of_the_readme_are_those_of_the_help_text() -> None:
    documented = exit_codes(README)
    assert documented == list(reference.exit_codes(cli.parser()))
    assert [code for codes, _ in documented for code in codes] == ["0", "1", "2", "3", "4", "5", "130", "143"]


@pytest.mark.parametrize(("p95", "verdict", "code"), [(212.4, "pass", 0), (360.0, "warn", 0), (400.5, "fail", 1)])
def test_the_configuration_of_the_readme_works_as_told(soak, tmp_path: Path, p95, verdict, code) -> None:
    configuration = blocks(README, "yaml")[-1]
    (metrics,) = blocks(README, "json")
    assert len(configuration.splitlines()) <= 10
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    if shutil.which("python3", path=path) is None:
        pytest.skip("needs python3: a program of this name on PATH")
    (tmp_path / "soak.yaml").write_text(configuration, "utf-8")
    content = metrics.replace("212.4", str(p95))
    program = (
        f"import os, pathlib\npathlib.Path(os.environ['SOAK_OUT'], 'metrics.json').write_text({content!r}, 'utf-8')\n"
    )
    (tmp_path / "job.py").write_text(program, "utf-8")
    done = soak("run", "--json", env={"PATH": path})
    assert (done.code, done.json["verdict"], done.json["iterations"]) == (code, verdict, 5), done.err


@dataclass
class Replay:
    """Does in `folder` what a guide tells its reader to do, and keeps what really happened beside what it shows."""

    folder: Path
    code: int = 0
    runs: dict[str, str] = field(default_factory=dict)  # the run ids of the guide, and what they are here
    shown: list[tuple[str, list[str]]] = field(default_factory=list)
    happened: list[tuple[str, list[str]]] = field(default_factory=list)

    def follow(self, text: str) -> None:
        for language, content in BLOCK.findall(text):
            named = re.match(r"# (\S+\.\w+)\n", content)
            if named:
                (self.folder / named.group(1)).write_text(content, "utf-8")
            elif language == "diff":
                self.edit("job.py", *re.findall(r"^[-+](.*)$", content, re.MULTILINE))
            elif language == "console":
                self.enter(content)

    def enter(self, content: str) -> None:
        for part in re.split(r"^\$ ", content, flags=re.MULTILINE)[1:]:
            command, _, output = part.partition("\n")
            printed = self.call(self.here(command))
            for documented, actual in zip(RUN_ID.findall(output), RUN_ID.findall(printed), strict=False):
                self.runs.setdefault(documented, actual)
            self.shown.append((command, comparable(self.here(output))))
            place = str(self.folder).replace("\\", "/")
            self.happened.append((command, comparable(printed.replace("\\", "/").replace(place, PLACE))))

    def here(self, text: str) -> str:
        return RUN_ID.sub(lambda found: self.runs.get(found.group(), found.group()), text)

    def call(self, command: str) -> str:
        if command == "echo $?":
            return str(self.code)
        given = shlex.split(command)
        words = without_variables(given)
        variables = dict(word.split("=", 1) for word in given[: len(given) - len(words)])
        if words[:2] == ["sed", "-i"]:
            _, old, new, _ = words[2].split("/")
            self.edit(words[3], old, new)
            return ""
        assert words[0] == "soak", command
        done = subprocess.run(
            [sys.executable, "-m", "soak_action", *words[1:]],
            cwd=self.folder,
            env=clean_environment(**variables),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            check=False,
        )
        self.code = done.returncode
        return re.sub(r"python3? -m soak_action", "soak", done.stdout)

    def edit(self, name: str, old: str, new: str) -> None:
        path = self.folder / name
        content = path.read_bytes()
        assert content.count(old.encode()) == 1, f"{name}: {old}"
        path.write_bytes(content.replace(old.encode(), new.encode()))


def comparable(output: str) -> list[str]:
    """Return the lines without what differs from machine to machine: times, and the columns that follow from them."""
    output = re.sub(r"\d[\d.]*(e-\d+)? ?(ms|s)\b", "TIME", output)
    return [" ".join(line.split()) for line in output.strip().splitlines()]


@pytest.fixture(scope="module")
def replay(tmp_path_factory) -> Replay:
    followed = Replay(tmp_path_factory.mktemp("orders").resolve())
    followed.follow(GUIDE)
    return followed


def exit_codes_shown(followed: Replay) -> set[str]:
    return {" ".join(output) for command, output in followed.shown if command == "echo $?"}


def test_the_guide_shows_what_really_happens(replay: Replay) -> None:
    assert replay.happened == replay.shown
    assert exit_codes_shown(replay) == {"0", "1", "2", "4"}


def test_the_guide_to_the_configuration_shows_what_really_happens(tmp_path: Path) -> None:
    followed = Replay(tmp_path.resolve())
    followed.follow(DOCUMENTS["docs/guide/configuration.md"])
    assert followed.happened == followed.shown
    assert exit_codes_shown(followed) == {"0", "1", "2"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["soak.yaml"]


def test_the_page_about_operations_shows_what_really_happens(tmp_path: Path) -> None:
    followed = Replay(tmp_path.resolve())
    followed.follow(DOCUMENTS["docs/operations.md"])
    assert followed.shown
    assert followed.happened == followed.shown


def test_the_rule_in_the_guide_stands_in_the_evidence(replay: Replay) -> None:
    (text,) = blocks(GUIDE, "json")
    shown = json.loads(replay.here(text))
    run = next(actual for documented, actual in replay.runs.items() if f"verify .soak/{documented}" in GUIDE)
    verdict = json.loads((replay.folder / ".soak" / run / "verdict.json").read_text("utf-8"))
    assert shown in verdict["rules"]


def test_the_files_of_a_run_are_the_documented_ones(replay: Replay) -> None:
    run = replay.folder / ".soak" / next(iter(replay.runs.values()))
    found = {path.relative_to(run).as_posix() for path in run.rglob("*") if path.is_file()}
    names = {re.sub(r"/out/.*", "/out/", re.sub(r"iterations/\d+/", "iterations/00001/", name)) for name in found}
    documented = {name for name, _, _ in reference.FILES} - {
        *("gate.json", "results/00001.json", "removed/00001/", "samples.jsonl", "changes.jsonl", "summary.md"),
        *("decisions.jsonl", "params.json"),
        *(f"iterations/00002/tuner/{name}" for name in ("input.json", "stdout.log", "stderr.log")),
        "unrecorded/00001-1/",
    }
    assert names == documented
    listed = "".join(blocks(GUIDE, "text"))
    assert {name.split("/")[0] for name in documented - {".lock"}} == set(re.findall(r"^[\w.-]+", listed, re.MULTILINE))
