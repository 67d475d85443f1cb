"""Every key that the schema admits reaches the model: a key that is parsed and ignored cannot exist."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from soak_action import resources
from soak_action.config.load import Request, Setting, load
from soak_action.config.model import Config
from soak_action.config.schema_tree import fixed_leaves, schema_at, settable

BASE = """\
version: 1
workload:
  run: [job]
  service: {start: [server], ready: {http: "http://127.0.0.1:1/ready"}}
kpis:
  v: {from: m.json#v, better: lower, hard: 100, soft: 50, abort: {beyond: 200, for: 2}}
parameters: {values: {p: {initial: 2, min: 0, max: 10}, q: {initial: 2, min: 0, max: 10}}}
tuning: {enabled: true, rules: [{when: v > 1, change: {p: 1}}], command: tuner}
guards:
  cooldown: {iterations: 1}
  freeze: {after: 1, hold: 1, when: v > 1, parameters: [p]}
"""
# For each key a value that is not the one in force.
OTHER: dict[str, Any] = {
    "suite": "another",
    "workload.run": "another job",
    "workload.timeout": "7m",
    "workload.shell": ["bash", "-c"],
    "workload.env.LEVEL": "debug",
    "workload.service.start": "another server",
    "workload.service.ready.http": "http://127.0.0.1:2/ready",
    "workload.service.ready.tcp": "127.0.0.1:2",
    "workload.service.ready.log": "listening",
    "workload.service.ready.command": ["is_ready", "-q"],
    "workload.service.ready.within": "9s",
    "workload.service.restarts": 9,
    "workload.service.grace": "9s",
    "workload.service.window": "9s",
    "schedule.iterations": 9,
    "schedule.duration": "9m",
    "schedule.every": "9s",
    "schedule.pause": "9s",
    "schedule.warmup": 1,
    "schedule.failures": 1,
    "schedule.budget": "9h",
    "schedule.min_active": "1s",
    "resources.interval": "2s",
    "parameters.file": "other.json",
    "parameters.values.p.type": "float",
    "parameters.values.p.initial": 4,
    "parameters.values.p.min": 1,
    "parameters.values.p.max": 8,
    "parameters.values.p.step": 2,
    "parameters.values.p.unit": "ms",
    "parameters.values.p.max_change_per_hour": 1.5,
    "tuning.enabled": False,
    "tuning.rules": [{"when": "v > 2", "change": {"p": 1}}],
    "tuning.command": "another tuner",
    "tuning.timeout": "9s",
    "guards.warmup": 9,
    "guards.oscillation.window": 9,
    "guards.oscillation.tolerance": "9%",
    "guards.cooldown.threshold": 0.9,
    "guards.cooldown.iterations": 9,
    "guards.freeze.after": 9,
    "guards.freeze.hold": 9,
    "guards.freeze.when": "v > 9",
    "guards.freeze.parameters": ["q"],
    "gate.fail_on": ["fail"],
    "gate.locked": ["suite"],
    "evidence.log_limit": "9KiB",
    "evidence.keep_outputs": "last 9",
    "retention.keep_last": 9,
    "retention.keep_within": "9d",
    "retention.keep_hourly": 9,
    "retention.keep_daily": 9,
    "retention.keep_weekly": 9,
    "retention.keep_monthly": 9,
    "retention.compress_after": "9d",
    "retention.max_total": "9GB",
    "retention.orphan_age": "9d",
    "retention.auto": True,
    "kpis.v.from": "m.json#w",
    "kpis.v.title": "Another",
    "kpis.v.unit": "ms",
    "kpis.v.better": "higher",
    "kpis.v.range": [0, 1000],
    "kpis.v.stat": "max",
    "kpis.v.window": "last 2",
    "kpis.v.hard": 90,
    "kpis.v.soft": 40,
    "kpis.v.sustained": "2 of 3",
    "kpis.v.abort.beyond": 300,
    "kpis.v.abort.for": 3,
    "kpis.v.missing.allow": "5%",
    "kpis.v.must_vary": True,
}
# What only makes sense together with another change.
BESIDE = {"kpis.v.better": {"kpis.v.soft": 100}}


def config_of(folder: Path, changed: dict[str, Any]) -> Config:
    """Return the model of the base file with some values changed in the file itself: locks are no matter of --set."""
    settings = tuple(Setting(key, value, "test") for key, value in changed.items() if key != "gate.locked")
    text = BASE + (f"gate: {{locked: {changed['gate.locked']}}}\n" if "gate.locked" in changed else "")
    (folder / "soak.yaml").write_text(text, "utf-8")
    return load(Request(folder, settings=settings), lambda _: None).config


def test_the_list_of_keys_is_that_of_the_schema() -> None:
    schema = settable(resources.schema("soak"))
    top = {".".join(path) for path, _ in fixed_leaves(schema)}
    kpi = fixed_leaves(schema, schema["properties"]["kpis"]["additionalProperties"])
    parameter = schema_at(schema, ("parameters", "values", "p"))
    assert parameter is not None
    of_parameters = {f"parameters.values.p.{'.'.join(path)}" for path, _ in fixed_leaves(schema, parameter)}
    of_kpis = {f"kpis.v.{'.'.join(path)}" for path, _ in kpi}
    expected = {*top, *of_kpis, *of_parameters, "workload.env.LEVEL"}
    assert set(OTHER) == expected


@pytest.mark.parametrize("key", OTHER)
def test_each_key_of_the_schema_changes_the_model(tmp_path: Path, key: str) -> None:
    assert config_of(tmp_path, {**BESIDE.get(key, {}), key: OTHER[key]}) != config_of(tmp_path, BESIDE.get(key, {}))


def test_the_same_values_give_the_same_model(tmp_path: Path) -> None:
    assert config_of(tmp_path, {}) == config_of(tmp_path, {})
