"""soak config env: the environment variables that this configuration understands."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable, Iterator
from dataclasses import replace

from soak_action import canonical, resources
from soak_action.commands.columns import aligned
from soak_action.commands.settings import (
    add_configuration_arguments,
    add_json_argument,
    problem_of_source,
    request_of,
)
from soak_action.config import environment
from soak_action.config.load import examine
from soak_action.config.masking import secret_values
from soak_action.config.schema_tree import settable
from soak_action.config.variables import Variable, variables
from soak_action.config.wording import shortened
from soak_action.errors import ConfigurationError

SUMMARY = "the environment variables that this configuration understands"
DESCRIPTION = """\
Prints a table of the environment variables that are understood: name, key, type and
the present value, secrets masked. Names are made from the keys; there are some for
each KPI that the configuration names. It answers even if one of them is wrong."""
EXAMPLE = "soak config env"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    add_configuration_arguments(parser)
    add_json_argument(parser)


def execute(arguments: argparse.Namespace) -> int:
    """Print the table and return the exit code."""
    request = request_of(arguments)
    # Only what names the file, the profile and further KPIs: a mistake in the others is no reason to keep silent.
    examined = examine(replace(request, environ=environment.reserved(os.environ)), problem_of_source)
    resolution = examined.resolution
    if resolution.stack.mistakes:
        raise ConfigurationError(list(dict.fromkeys(map(str, resolution.stack.mistakes))))
    schema = settable(resources.schema("soak"))
    table = tuple(variables(schema, resolution.stack.kpis, os.environ, secret_values(resolution.leaves)))
    if arguments.json:
        print(canonical.compact([variable.to_dict() for variable in table]))
    else:
        for line in aligned(_rows(table)):
            print(line)
    return 0


def _rows(table: Iterable[Variable]) -> Iterator[tuple[str, ...]]:
    yield "variable", "key", "type", "value"
    for variable in table:
        value = "" if variable.value is None else shortened(variable.value)
        yield variable.name, variable.key or "", variable.type, value
