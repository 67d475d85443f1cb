"""Resolve five layers with one other library, as often as it is asked to: python peers_program.py LIBRARY

It runs in the environment of peers.py, in a directory of its own. A line of JSON on standard input says what there is
to resolve, the library's version answers it; from then on every line asks for one resolution, and its seconds answer.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

PREFIX = "SOAK"
Resolve = Callable[[], Any]
Tree = dict[str, Any]


def main() -> int:
    """Answer until standard input ends. Raises RuntimeError when the library does not reach soak's values."""
    library = sys.argv[1]
    task = json.loads(sys.stdin.readline())
    resolve, plain = PREPARE[library](task)
    _check(task["expected"], plain(resolve()))
    print(version(library), flush=True)
    for _ in sys.stdin:
        began = time.perf_counter()
        resolve()
        print(time.perf_counter() - began, flush=True)
    return 0


def _check(expected: Mapping[str, Any], found: Mapping[str, Any]) -> None:
    """Compare all of soak's values; `expected` has dotted keys, because no key of the file holds a dot."""
    for key, value in expected.items():
        reached: Any = found
        for step in key.split("."):
            reached = reached.get(step) if isinstance(reached, Mapping) else None
        if reached != value:
            raise RuntimeError(f"{sys.argv[1]} resolves {key} to {reached!r}, soak to {value!r}")


def _nested(settings: Mapping[str, Any]) -> Tree:
    """Return dotted keys as a tree."""
    tree: Tree = {}
    for key, value in settings.items():
        *parents, last = key.split(".")
        place = tree
        for step in parents:
            place = place.setdefault(step, {})
        place[last] = value
    return tree


def _parts(text: str, profile: str) -> tuple[Tree, Tree]:
    """Return the file without its profiles, and the profile."""
    import yaml

    base = yaml.safe_load(text)
    return base, base.pop("profiles")[profile]


def _write(name: str, data: Tree) -> Path:
    import yaml

    path = Path(name).absolute()
    path.write_text(yaml.safe_dump(data, sort_keys=False, default_flow_style=None), encoding="utf-8")
    return path


def _dynaconf(task: Tree) -> tuple[Resolve, Callable[[Any], Tree]]:
    """Defaults as arguments, a settings file with environments that merge, a prefix, and `set` for the words."""
    from dynaconf import Dynaconf  # type: ignore[import-not-found]

    base, profile = _parts(task["text"], task["profile"])
    path = _write("dynaconf.yaml", {"default": base, task["profile"]: profile})
    defaults = _nested(task["defaults"])

    def resolve() -> Any:
        settings = Dynaconf(
            environments=True,
            env=task["profile"],
            settings_files=[str(path)],
            envvar_prefix=PREFIX,
            merge_enabled=True,
            **defaults,
        )
        for key, value in task["settings"].items():
            settings.set(key, value, tomlfy=True)
        return settings

    def plain(settings: Any) -> Tree:
        return {key.lower(): value for key, value in settings.as_dict().items()}

    return resolve, plain


def _omegaconf(task: Tree) -> tuple[Resolve, Callable[[Any], Tree]]:
    """A file and a branch of it, merged with dotlists; it has no prefix of its own for the environment."""
    from omegaconf import OmegaConf  # type: ignore[import-not-found]

    path = Path("omegaconf.yaml").absolute()
    path.write_text(task["text"], encoding="utf-8")
    defaults = OmegaConf.create(_nested(task["defaults"]))
    start = f"{PREFIX}_"

    def resolve() -> Any:
        file = OmegaConf.load(path)
        profile = file.pop("profiles")[task["profile"]]
        variables = [
            f"{name.removeprefix(start).lower().replace('__', '.')}={value}"
            for name, value in os.environ.items()
            if name.startswith(start)
        ]
        words = [f"{key}={value}" for key, value in task["settings"].items()]
        layers = (defaults, file, profile, OmegaConf.from_dotlist(variables), OmegaConf.from_dotlist(words))
        return OmegaConf.to_container(OmegaConf.merge(*layers), resolve=True)

    return resolve, lambda container: container


def _pydantic_settings(task: Tree) -> tuple[Resolve, Callable[[Any], Tree]]:
    """Typed models hold the defaults; files that merge, nested variables, and arguments for the words."""
    from typing import Literal

    from pydantic import BaseModel, ConfigDict, Field  # type: ignore[import-not-found]
    from pydantic_settings import (  # type: ignore[import-not-found]
        BaseSettings,
        SettingsConfigDict,
        YamlConfigSettingsSource,
    )

    class Part(BaseModel):  # type: ignore[misc]
        model_config = ConfigDict(extra="forbid")

    class Workload(Part):
        run: list[str]
        timeout: str = "1h"
        env: dict[str, str] = {}  # noqa: RUF012 - pydantic copies it

    class Schedule(Part):
        iterations: int = 3
        duration: str | None = None
        every: str | None = None
        pause: str = "0s"
        warmup: int = 0
        failures: int = 0
        budget: str | None = None

    class Missing(Part):
        allow: str = "0%"

    class Kpi(Part):
        source: str = Field(alias="from")
        unit: str
        better: Literal["lower", "higher"]
        range: list[float]
        stat: str = "mean"
        window: str = "all"
        hard: float
        soft: float
        sustained: str
        missing: Missing = Missing()
        must_vary: bool = False

    class Gate(Part):
        fail_on: list[Literal["fail", "invalid", "inconclusive", "warn"]] = ["fail", "invalid", "inconclusive"]  # noqa: RUF012
        locked: list[str] = []  # noqa: RUF012

    class Evidence(Part):
        log_limit: str = "1MiB"
        keep_outputs: str = "all"

    base, profile = _parts(task["text"], task["profile"])
    files = [_write("pydantic.yaml", base), _write(f"pydantic.{task['profile']}.yaml", profile)]

    class Settings(BaseSettings):  # type: ignore[misc]
        model_config = SettingsConfigDict(env_prefix=f"{PREFIX}_", env_nested_delimiter="__", yaml_file=files)

        version: Literal[1]
        suite: str
        workload: Workload
        schedule: Schedule = Schedule()
        kpis: dict[str, Kpi] = {}
        gate: Gate = Gate()
        evidence: Evidence = Evidence()

        @classmethod
        def settings_customise_sources(
            cls, settings_cls: Any, init_settings: Any, env_settings: Any, **_others: Any
        ) -> tuple[Any, ...]:
            return init_settings, env_settings, YamlConfigSettingsSource(settings_cls, deep_merge=True)

    def resolve() -> Any:
        return Settings(**_nested(task["settings"]))

    def plain(settings: Any) -> Tree:
        tree: Tree = settings.model_dump(by_alias=True)
        return tree

    return resolve, plain


PREPARE = {"dynaconf": _dynaconf, "omegaconf": _omegaconf, "pydantic-settings": _pydantic_settings}

if __name__ == "__main__":
    sys.exit(main())
