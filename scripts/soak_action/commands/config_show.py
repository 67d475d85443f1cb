"""soak config show: every value with its layer, its origin and what it hides."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from soak_action import canonical, resources
from soak_action.commands.columns import aligned
from soak_action.commands.settings import add_configuration_arguments, add_json_argument, configuration
from soak_action.config.keys import leaves_below
from soak_action.config.layers import Leaf
from soak_action.config.masking import mask_leaf
from soak_action.config.schema_tree import settable
from soak_action.config.wording import like_written

SUMMARY = "each value with its layer, its origin and what it hides"
DESCRIPTION = """\
Prints a line for each value: its key, the value, the layer that gave it (cli, env,
profile, file or default, from high to low) and where it stands. Indented below it
are the values that it hides, nearest first. Secrets are masked. With KEY it prints
that value, or all values below that key. A configuration with mistakes is refused."""
EXAMPLE = "soak config show --profile nightly --only-changed"

_LONGEST_VALUE = 60
_UNLIMITED = 1_000_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command."""
    parser.add_argument("key", metavar="KEY", nargs="?", help="a value, or a mapping such as kpis.p95_ms")
    parser.add_argument("--only-changed", action="store_true", help="leave out the values that are a default")
    add_configuration_arguments(parser)
    add_json_argument(parser)


def execute(arguments: argparse.Namespace) -> int:
    """Print the values and return the exit code."""
    loaded = configuration(arguments)
    key: str | None = arguments.key
    chosen: Sequence[Leaf] = loaded.public_leaves
    if key is not None:
        schema = settable(resources.schema("soak"))
        chosen = [mask_leaf(leaf) for leaf in leaves_below(key, schema, loaded.leaves)]
    is_one = [leaf.key for leaf in chosen] == [key]
    if arguments.only_changed and not is_one:
        chosen = [leaf for leaf in chosen if leaf.layer != "default"]
    if arguments.json:
        documents: list[dict[str, Any]] = [leaf.to_dict() for leaf in chosen]
        print(canonical.compact(documents[0] if is_one else documents))
    else:
        for line in aligned(_rows(chosen, _UNLIMITED if is_one else _LONGEST_VALUE)):
            print(line)
    return 0


def _rows(leaves: Iterable[Leaf], longest: int) -> Iterator[tuple[str, ...]]:
    for leaf in leaves:
        yield leaf.key, like_written(leaf.value, longest), leaf.layer, leaf.origin
        for item in leaf.shadowed:
            # What an excluded key said is shown under that key's name.
            other = "" if item.path == leaf.path else f" {'.'.join(item.path)}"
            yield f"  hides{other}", like_written(item.value, longest), item.layer, item.origin
