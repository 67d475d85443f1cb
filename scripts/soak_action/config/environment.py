"""The env layer: SOAK_ variables whose names come from the schema, and SOAK_OVERRIDES."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from soak_action.config.check import Mistake
from soak_action.config.coerce import coerce
from soak_action.config.layers import Entry, Path, flatten
from soak_action.config.names import parse_configuration
from soak_action.config.schema_tree import Schema, fixed_leaves, schema_at
from soak_action.config.wording import nearest
from soak_action.config.yaml_source import Document
from soak_action.errors import ConfigurationError

PREFIX = "SOAK_"
PROFILE = "SOAK_PROFILE"
CONFIG = "SOAK_CONFIG"
OVERRIDES = "SOAK_OVERRIDES"
FOR_SOAK = (PROFILE, CONFIG, OVERRIDES)
FOR_THE_WORKLOAD = frozenset(
    {
        "SOAK_OUT",
        "SOAK_ITERATION",
        "SOAK_RUN_DIR",
        "SOAK_PARAMS",
        "SOAK_ACTIVE_PROFILE",
        "SOAK_PYTHON",
        "SOAK_RUN_MARK",
    }
)
_CLOSE = 0.85


@dataclass(frozen=True)
class EnvironmentReading:
    """What the environment says about the configuration; `entries` are those of single variables."""

    entries: tuple[Entry, ...]
    mistakes: tuple[Mistake, ...]
    warnings: tuple[str, ...]


def variable_name(path: Path) -> str:
    """Return the name of the environment variable that sets the value at `path`."""
    return PREFIX + "__".join(path).upper()


def variable_names(schema: Schema, kpi_names: Iterable[str]) -> dict[str, Path]:
    """Return every variable name that is understood when the configuration names these KPIs."""
    kpi_leaves = [path for path, _ in fixed_leaves(schema, schema["properties"]["kpis"]["additionalProperties"])]
    paths: list[Path] = [path for path, _ in fixed_leaves(schema)]
    paths += [("kpis", kpi, *leaf) for kpi in kpi_names for leaf in kpi_leaves]
    return {variable_name(path): path for path in paths}


def reserved(environ: Mapping[str, str]) -> dict[str, str]:
    """Return what the variables for soak itself say, by their upper-case names; empty ones are not given.

    Raises ConfigurationError when one is given twice, in different letter case, with different values.
    """
    found: dict[str, str] = {}
    mistakes = []
    for name, value in sorted(environ.items()):
        upper = name.upper()
        if upper not in FOR_SOAK or not value.strip():
            continue
        if found.setdefault(upper, value) != value:
            mistakes.append(f"env {name}: {upper} is given twice, in different letter case; keep one of them")
    if mistakes:
        raise ConfigurationError(mistakes)
    return found


def parse_overrides(environ: Mapping[str, str]) -> Document | None:
    """Return the mapping in SOAK_OVERRIDES, or None when it is not set or empty.

    Raises ConfigurationError when it is not a YAML or JSON mapping.
    """
    text = reserved(environ).get(OVERRIDES)
    # Bytes that were no text arrive as lone surrogates, and are refused as what they are: not UTF-8.
    return parse_configuration(text.encode(errors="surrogatepass"), f"env {OVERRIDES}") if text else None


def read_environment(
    environ: Mapping[str, str], schema: Schema, kpi_names: Iterable[str], overrides: Document | None
) -> EnvironmentReading:
    """Return what the variables of `environ` set; names are matched case-blind.

    `schema` holds what can be set from outside. What a variable and the already parsed SOAK_OVERRIDES both set is a
    mistake. An empty variable is one that is not given: that is how continuous integration passes an unset variable on.
    """
    names = variable_names(schema, kpi_names)
    entries: list[Entry] = []
    mistakes: list[Mistake] = []
    warnings: list[str] = []
    for name, raw in sorted(environ.items()):
        upper = name.upper()
        if not upper.startswith(PREFIX) or upper in FOR_THE_WORKLOAD or upper in FOR_SOAK or not raw.strip():
            continue
        path, origin = names.get(upper), f"env {name}"
        if path is None:
            if advice := _advice(upper, names):
                mistakes.append(Mistake(origin, (), f"no configuration value has this name{advice}"))
            else:
                warnings.append(f"{origin} is not a setting of soak and is ignored")
            continue
        try:
            entries.append(Entry(path, coerce(raw, schema_at(schema, path) or {}, path), origin))
        except ValueError as error:
            mistakes.append(Mistake(origin, path, f"'{'.'.join(path)}': {error}"))
    given = [*entries, *(flatten(overrides.data, overrides.where) if overrides else ())]
    return EnvironmentReading(tuple(entries), (*mistakes, *_doubles(given)), tuple(warnings))


def _advice(upper: str, names: Mapping[str, Path]) -> str:
    """Return what to write instead of an unknown name, or nothing when it is not meant for the configuration."""
    last = [name for name, path in names.items() if path[0] != "kpis" and upper == variable_name(path[-1:])]
    near = next(iter(last), None) or nearest(upper, (*names, *FOR_SOAK), _CLOSE)
    told = f" - did you mean '{near}'?" if near else ""
    for start in ("SOAK_KPIS__", "SOAK_WORKLOAD__ENV__"):
        if upper.startswith(start):
            return f"{told}; new names below it come from soak.yaml, --set or SOAK_OVERRIDES"
    if told or "__" not in upper:
        return told
    return "; names are made from the keys of soak.yaml, such as SOAK_SCHEDULE__ITERATIONS"


def _doubles(entries: list[Entry]) -> Iterator[Mistake]:
    seen: dict[Path, Entry] = {}
    for entry in entries:
        former = seen.setdefault(entry.path, entry)
        if former is not entry:
            sentence = f"'{'.'.join(entry.path)}' is given twice in the environment, also by {former.origin}"
            yield Mistake(entry.origin, entry.path, sentence)
