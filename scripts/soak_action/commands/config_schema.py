"""soak config schema: the JSON Schema of soak.yaml, for editors."""

from __future__ import annotations

import argparse

from soak_action import canonical, resources
from soak_action.commands.settings import add_json_argument

SUMMARY = "the JSON Schema of soak.yaml, for editors"
DESCRIPTION = """\
Prints the JSON Schema (2020-12) that soak.yaml is checked against. Editors with a
YAML language server complete keys and show mistakes when soak.yaml begins with the
line: # yaml-language-server: $schema=soak.schema.json"""
EXAMPLE = "soak config schema"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    add_json_argument(parser)


def execute(arguments: argparse.Namespace) -> int:
    """Print the schema, in one line with --json, and return the exit code."""
    schema = resources.schema("soak")
    if arguments.json:
        print(canonical.compact(schema))
    else:
        print(resources.path("schemas", "soak.schema.json").read_text("utf-8"), end="")
    return 0
