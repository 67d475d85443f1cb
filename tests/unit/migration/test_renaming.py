from __future__ import annotations

import pytest

from soak_action import resources
from soak_action.errors import ConfigurationError
from soak_action.migration.renaming import read_renaming

SCHEMA = resources.schema("soak")


def renaming(tmp_path, text):
    (tmp_path / "names.yaml").write_text(text, "utf-8")
    return read_renaming("names.yaml", tmp_path, SCHEMA)


def test_the_longest_name_speaks_for_what_stands_below_it(tmp_path):
    names = renaming(tmp_path, "limits: kpis\nlimits.p95.max: kpis.p95.hard\nold:\n  gone: null\n")
    assert names.entry_for("limits.p95.max") == "limits.p95.max"
    assert names.new_path("limits.p95.max", "limits.p95.max") == ("kpis", "p95", "hard")
    assert names.entry_for("limits.p95.unit") == "limits"
    assert names.new_path("limits", "limits.p95.unit") == ("kpis", "p95", "unit")
    assert names.new_path("old.gone", "old.gone.really") is None
    assert names.entry_for("old") is None
    assert names.entry_for("limitsx") is None


def test_a_name_may_go_to_a_profile(tmp_path):
    assert renaming(tmp_path, "a: profiles.x.gate").targets == {"a": ("profiles", "x", "gate")}


def test_every_mistake_is_told_with_its_place(tmp_path):
    text = "a: schedule.iteratons\nb: 3\nc: ''\nd.e: gate\nd: {e: gate}\nf: version\n"
    with pytest.raises(ConfigurationError) as refused:
        renaming(tmp_path, text)
    told = "\n".join(refused.value.mistakes)
    assert "names.yaml:1:1: there is no key 'schedule.iteratons' in soak.yaml - did you mean 'iterations'?" in told
    assert "names.yaml:2:1: 3 is not a key; write a key of soak.yaml" in told
    assert "names.yaml:3:1: there is no key '' in soak.yaml" in told
    assert "names.yaml:5:5: 'd.e' is given twice, also at names.yaml:4:1" in told
    assert "names.yaml:6:1: there is no key 'version'" in told
