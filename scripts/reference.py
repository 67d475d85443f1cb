"""Writes the pages of docs/reference from schemas, command line and actions, so that they cannot say anything else.

Without arguments it writes them; with --check it only tells which are stale, and exits with 1 if any is.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from reference_actions import actions_page
from soak_action import canonical, cli
from soak_action.config.environment import variable_name
from soak_action.config.schema_tree import fixed_leaves, resolve, settable
from soak_action.evidence.gate_dir import GATE, RESULTS
from soak_action.evidence.ledger import CHANGES, DECISIONS, ITERATIONS, SEGMENTS
from soak_action.evidence.run_dir import CONFIG, PARAMETERS, RECEIPT, RUN, SOURCES, VERDICT
from soak_action.evidence.samples import SAMPLES
from soak_action.retention.root import LOG, PINS

ROOT = Path(__file__).resolve().parent.parent
REFERENCE = ROOT / "docs" / "reference"
NOTICE = "<!-- Written by scripts/reference.py: do not edit. -->"

Schema = Mapping[str, Any]

# The free maps of soak.yaml, and what stands for the names that the user chooses there.
FREE_NAMES = {
    "kpis": "NAME",
    "env": "VARIABLE",
    "values": "NAME",
    "change": "NAME",
    "target": "NAME",
    "profiles": "PROFILE",
}
# What the configuration reference says once, so that the chapters need not repeat it.
CONFIGURATION = f"""\
# Configuration: soak.yaml

{NOTICE}

`soak` looks for `soak.yaml` and then for `.github/soak.yaml`, in the current directory; `--config FILE` names another
one. The workload runs in the directory of `soak.yaml`; for `.github/soak.yaml` that is the repository's root.

A value comes from the highest of these layers that gives it: command line, environment variable, profile, file,
default. Mappings are merged, lists and single values replaced. `iterations` and `duration` exclude each other, and so
do `every` and `pause`: a layer that gives one takes away the other of the layers below it.

`NAME` stands for the name of a KPI; in the name of an environment variable it is written in capitals. The variable
`SOAK_OVERRIDES` takes a whole YAML or JSON mapping, `SOAK_PROFILE` the name of a profile and `SOAK_CONFIG` the path of
the file. An empty variable counts as not given. In a variable and in `--set` a list is written as JSON or with commas
between its items, and a mapping as JSON.

Durations are written `500ms`, `30s`, `5m`, `1h30m` or `2d`, sizes `512KiB` or `10MB`.
"""
COMMANDS = f"""\
# Commands

{NOTICE}

An installed package brings the command `soak`; in a checkout `python3 scripts/soak.py` is the same. With `--json` a
command prints one JSON document on standard output and everything else on standard error.
"""
EVIDENCE = f"""\
# Evidence: the directory of a run or a judgement

{NOTICE}

Each run has a directory of its own, `.soak/<run id>/` beside the configuration, or `<DIR>/<run id>/` with
`--output DIR`. The id is the start in UTC, the profile and six random hexadecimal digits. JSON files are written with
sorted keys, two spaces, LF and a final newline; each line of a JSONL file is the RFC 8785 form of its record.

A judgement of results that exist already, which `soak gate --output` keeps, has such a directory, too, named
`<start>-gate-<digits>`. It holds `gate.json` and copies of the result files instead of iterations.

`soak verify` needs nothing but these files. It recomputes every digest, the chain of records, the verdict and the
receipt. A judgement of a run needs that run's directory beside its own.
"""
# Every file of such a directory: its name, the schema of its content, and what it is when no schema tells.
OUTPUT = """\
## The directory that runs are kept in

Beside the runs it holds what `soak prune`, `soak pin` and `soak unpin` need; see [Retention](../guide/retention.md).
"""

OUTPUT_FILES: tuple[tuple[str, str, str], ...] = (
    (".soak-artifacts", "", "Marks the directory as one that soak may prune. Nothing without it is ever pruned."),
    (".gitignore", "", "Hides all of it from git."),
    (
        "20261123T005200Z-smoke-ab12cd.tar.gz",
        "",
        "A compressed run: its directory, but for the lock, as a gzipped tar archive. Every command reads it like one.",
    ),
    (LOG, "retention-log", ""),
    (
        "retention-log.1.jsonl",
        "",
        "Older lines of that log: beyond 1 MiB a file is set aside, and four of them are kept.",
    ),
    (f"{PINS}/20261123T005200Z-smoke-ab12cd", "pin", ""),
    (
        ".trash-1-20261123T005200Z-smoke-ab12cd",
        "",
        "What is being removed. The next prune removes what a killed one left.",
    ),
    (".lock", "", "Held by the process that prunes or pins; then empty."),
    ("plan.json", "retention-plan", ""),
)

FILES: tuple[tuple[str, str, str], ...] = (
    (RUN, "run", ""),
    (
        CONFIG,
        "",
        "The configuration in force: the keys of [soak.yaml](configuration.md) with every default, secrets masked.",
    ),
    (SOURCES, "config-sources", ""),
    (ITERATIONS, "iteration", ""),
    (SEGMENTS, "segment", ""),
    (SAMPLES, "sample", ""),
    (CHANGES, "change", ""),
    (DECISIONS, "decision", ""),
    (PARAMETERS, "params", ""),
    (
        "iterations/00001/out/",
        "",
        "What the workload wrote into `SOAK_OUT` in iteration 1. The folder is new and empty for each iteration.",
    ),
    (
        "iterations/00001/stdout.log",
        "",
        "The standard output of iteration 1, up to `evidence.log_limit`; a cut is marked.",
    ),
    ("iterations/00001/stderr.log", "", "The standard error of iteration 1, likewise."),
    ("iterations/00002/tuner/input.json", "tuner-input", ""),
    ("iterations/00002/tuner/stdout.log", "tuner-output", ""),
    (
        "iterations/00002/tuner/stderr.log",
        "",
        "The standard error of the tuner before iteration 2, up to `evidence.log_limit`; a cut is marked.",
    ),
    (GATE, "gate", ""),
    (f"{RESULTS}/00001.json", "", "The first result file as it was judged; it keeps its ending, such as `.csv`."),
    (
        "unrecorded/00001-1/",
        "",
        "What iteration 1 left when soak was killed before it was recorded; it was made again. It is not evidence.",
    ),
    (
        "removed/00001/",
        "",
        "What `evidence.keep_outputs` does not keep, until the system lets it be deleted. It is not evidence.",
    ),
    (VERDICT, "verdict", ""),
    (RECEIPT, "receipt", ""),
    ("summary.md", "", "What an action wrote to the page of the job. It can be made again, so it is not evidence."),
    (
        ".lock",
        "",
        "Held by the process that writes the run, until it ends or dies; then empty. It is not evidence.",
    ),
)


def pages() -> dict[str, str]:
    """Return the content of each page by its name."""
    return {
        "configuration.md": "\n".join(configuration_page(read_schema("soak"))),
        "commands.md": "\n".join(commands_page(cli.parser())),
        "evidence.md": "\n".join(evidence_page()),
        "actions.md": "\n".join(actions_page(NOTICE)),
    }


def read_schema(name: str) -> Schema:
    """Return a schema of this checkout."""
    path = ROOT / "schemas" / f"{name}.schema.json"
    document: Schema = canonical.parse(path.read_bytes(), str(path))
    return document


def configuration_page(schema: Schema) -> Iterator[str]:
    """Yield the lines about each key of soak.yaml."""
    outside = settable(schema)
    one_kpi = outside["properties"]["kpis"]["additionalProperties"]
    names = {path for path, node in fixed_leaves(outside) if not node.get("x-file-only")}
    names |= {("kpis", "NAME", *path) for path, _ in fixed_leaves(outside, one_kpi)}
    yield CONFIGURATION
    for path, node, required in keys_below(schema, schema):
        depth = 2 if len(path) == 1 else 3
        yield f"{'#' * depth} `{'.'.join(path)}`\n"
        yield f"{node['description']}\n"
        yield from facts(path, node, required=required, variable=path in names)
        yield ""
    built_in = schema["properties"]["kpis"]["x-built-in"]
    yield "## Built-in KPIs\n"
    yield "They need no `from`. Their defaults differ from those of other KPIs:\n"
    yield from (f"- `{name}`: `{written(settings)}`" for name, settings in built_in.items())
    yield ""


def keys_below(
    root: Schema, node: Schema, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], Schema, bool]]:
    """Yield path, schema and necessity of every key; what a profile may hold is not told twice."""
    for key, raw in node.get("properties", {}).items():
        child = resolve(root, raw)
        yield (*path, key), child, key in node.get("required", ())
        yield from keys_below(root, child, (*path, key))
        if isinstance(child.get("items"), Mapping):
            yield from keys_below(root, resolve(root, child["items"]), (*path, f"{key}[]"))
        inner = child.get("additionalProperties")
        if isinstance(inner, Mapping):
            named = (*path, key, FREE_NAMES[key])
            yield named, resolve(root, inner), False
            if key != "profiles":
                yield from keys_below(root, resolve(root, inner), named)


def facts(path: tuple[str, ...], node: Schema, *, required: bool, variable: bool) -> Iterator[str]:
    """Yield a line for each thing that one must know to write a key."""
    yield f"- Expects: {expectation(node)}{'; required' if required else ''}"
    if "x-names" in node:
        yield f"- Names: {node['x-names']}"
    if "default" in node:
        yield f"- Default: `{written(node['default'])}`"
    if node.get("examples"):
        yield f"- Example: `{path[-1]}: {written(node['examples'][0])}`"
    if variable:
        yield f"- Environment variable: `{variable_name(path)}`"


def expectation(node: Schema) -> str:
    """Return what may stand as the value, in words."""
    if "x-expects" in node:
        return str(node["x-expects"])
    if "const" in node:
        return f"`{written(node['const'])}`"
    if "enum" in node:
        return one_of(node["enum"])
    kinds = node.get("type", "any")
    kinds = [kinds] if isinstance(kinds, str) else list(kinds)
    return " or ".join(kind_in_words(kind, node) for kind in kinds)


def kind_in_words(kind: str, node: Schema) -> str:
    """Return one JSON type in words, with its bounds."""
    words = {
        "string": "a text",
        "number": "a number",
        "integer": "a whole number",
        "boolean": "`true` or `false`",
        "object": "a mapping",
        "null": "`null`",
        "any": "any value",
    }
    if kind == "array":
        items = node.get("items", {})
        what = f", each {expectation(items)}" if items else ""
        least, most = node.get("minItems"), node.get("maxItems")
        return f"a list{f' of {least}' if least is not None and least == most else ''}{what}"
    values = node.get("additionalProperties")
    if kind == "object" and isinstance(values, Mapping) and values.get("type") != "object":
        return f"{words[kind]}, each value {expectation(values)}"
    low, high = (node.get("minimum"), node.get("maximum")) if kind in {"integer", "number"} else (None, None)
    if low is not None and high is not None:
        return f"{words[kind]} from {low} to {high}"
    return f"{words[kind]}, at least {low}" if low is not None else words[kind]


def one_of(values: Sequence[Any]) -> str:
    """Return the allowed values as people list them."""
    *others, last = [f"`{written(value)}`" for value in values]
    return f"{', '.join(others)} or {last}" if others else last


def written(value: object) -> str:
    """Return a value as one would write it in soak.yaml, on one line."""
    text = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, allow_unicode=True, width=10_000)
    return text.removesuffix("...\n").strip()


def commands_page(parser: argparse.ArgumentParser) -> Iterator[str]:
    """Yield the lines about each command.

    They are made from the parser's actions, as the layout of argparse's own text differs between versions of Python.
    """
    yield COMMANDS
    for name, command in commands_of(parser).items():
        example, _, _ = (command.epilog or "").partition("exit codes:")
        yield f"## soak {name}\n"
        yield f"{' '.join((command.description or '').split())}\n"
        yield f"```text\n{usage(name, command)}\n```\n"
        yield "| argument | meaning |\n|---|---|"
        for action in command._actions:  # noqa: SLF001 - argparse shows its arguments in no other way
            if not isinstance(action, argparse._HelpAction):  # noqa: SLF001 - as above
                yield f"| {cell(invocation(action))} | {help_text(action)} |"
        yield f"\nExample:\n\n```sh\n{' '.join(example.partition(':')[2].split())}\n```\n"
    yield "## Exit codes\n\nThe same for every command:\n\n| code | meaning |\n|---|---|"
    yield from (f"| {' '.join(f'`{code}`' for code in codes)} | {meaning} |" for codes, meaning in exit_codes(parser))
    yield ""


def commands_of(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """Return the parser of each command by its name, those of a subcommand by both: ``config show``."""
    found: dict[str, argparse.ArgumentParser] = {}
    for name, command in subcommands_of(parser).items():
        found[name] = command
        found |= {f"{name} {below}": subcommand for below, subcommand in subcommands_of(command).items()}
    if not found:
        raise LookupError("the command line has no commands")
    return found


def subcommands_of(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """Return the parsers that one parser chooses from, by their names."""
    for action in parser._actions:  # noqa: SLF001 - argparse shows its commands in no other way
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001 - as above
            return dict(action.choices)
    return {}


def exit_codes(parser: argparse.ArgumentParser) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield the exit codes of each line of the help text, and their meaning."""
    for line in (parser.epilog or "").splitlines()[1:]:
        words = line.split()
        codes = tuple(word for word in words if word.isdecimal())
        yield codes, " ".join(words[len(codes) :])


def usage(name: str, command: argparse.ArgumentParser) -> str:
    """Return how the command is called, in one line."""
    if command.usage:
        return command.usage
    places = [invocation(action) for action in command._actions if not action.option_strings]  # noqa: SLF001 - as above
    options = () if subcommands_of(command) else ("[options]",)
    return " ".join(["soak", name, *options, *places])


def invocation(action: argparse.Action) -> str:
    """Return how one argument is written."""
    value = str(
        action.metavar or (f"{{{','.join(map(str, action.choices))}}}" if action.choices else action.dest.upper())
    )
    if not action.option_strings:
        return {"+": f"{value}...", "?": f"[{value}]"}.get(str(action.nargs), value)
    names = ", ".join(action.option_strings)
    return names if action.nargs == 0 else f"{names} {value}"


def help_text(action: argparse.Action) -> str:
    """Return what the argument means, and whether it may be repeated."""
    text = (action.help or "") % {**vars(action), "prog": "soak"}
    again = isinstance(action, argparse._AppendAction) and "repeat" not in text  # noqa: SLF001 - as above
    return f"{text}; may be repeated" if again else text


def cell(text: str) -> str:
    """Return code in a cell of a table."""
    return f"`{text.replace('|', chr(92) + '|')}`"


def evidence_page() -> Iterator[str]:
    """Yield the lines about each file of a run's directory and of the one that runs are kept in."""
    for introduction, files in ((EVIDENCE, FILES), (OUTPUT, OUTPUT_FILES)):
        yield introduction
        yield "| file | what it holds |\n|---|---|"
        for name, schema_name, told in files:
            yield f"| `{name}` | {told or read_schema(schema_name)['description']} |"
        yield ""
    for name, schema_name, _ in (*FILES, *OUTPUT_FILES):
        if schema_name:
            schema = read_schema(schema_name)
            yield f"## {name}\n"
            yield f"{schema['description']} Schema: [{schema_name}](../../schemas/{schema_name}.schema.json).\n"
            if "properties" not in schema:
                continue
            yield "| field | type | meaning |\n|---|---|---|"
            for field, node in fields_below(schema, schema):
                yield f"| `{field}` | {expectation(node)} | {node['description']} |"
            yield ""


def fields_below(root: Schema, node: Schema, place: str = "") -> Iterator[tuple[str, Schema]]:
    """Yield the dotted name and the schema of every field, at any depth."""
    for key, raw in node.get("properties", {}).items():
        child = resolve(root, raw)
        field = f"{place}{key}"
        yield field, child
        yield from fields_below(root, child, f"{field}.")
        items = child.get("items")
        if isinstance(items, Mapping):
            yield from fields_below(root, resolve(root, items), f"{field}[].")
        inner = child.get("additionalProperties")
        if isinstance(inner, Mapping):
            yield from fields_below(root, resolve(root, inner), f"{field}.*.")


def stale(target: Path) -> list[str]:
    """Return the names of the pages that are not what they would be now, and of those that nothing writes."""
    expected = {name: text.encode() for name, text in pages().items()}
    found = {path.name: path.read_bytes() for path in target.glob("*.md")}
    return sorted(name for name in {*expected, *found} if expected.get(name) != found.get(name))


def write(target: Path) -> None:
    """Write every page anew."""
    target.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (target / name).write_bytes(text.encode())


def main(arguments: Sequence[str], target: Path = REFERENCE) -> int:
    """Write or check the pages in `target`, and return the exit code."""
    parser = argparse.ArgumentParser(description="Write docs/reference anew from the schemas and the command line.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 if a page is stale")
    if not parser.parse_args(arguments).check:
        write(target)
        return 0
    names = stale(target)
    for name in names:
        print(f"{target.name}/{name} is stale; to write it anew: {sys.executable} scripts/reference.py")
    return 1 if names else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
