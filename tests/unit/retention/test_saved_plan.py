"""A saved plan says the same when it is loaded, and is refused when it is none or no longer fits."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from tests.unit.retention.runs import NOW, OLD, make_run, output, planned

from soak_action.config.model import Retention
from soak_action.errors import UsageError
from soak_action.retention.saved_plan import load_plan, save_plan

POLICY = Retention(keep_last=1, keep_within=3600.5, max_total=10**8, orphan_age=7200.0)


@pytest.fixture
def root(tmp_path):
    return output(tmp_path / "runs")


def saved(root, tmp_path):
    make_run(root, NOW)
    make_run(root, OLD)
    save_plan(tmp_path / "plan.json", [planned(root, POLICY)])
    return load_plan(tmp_path / "plan.json")


def test_policy_time_and_decisions_come_back(root, tmp_path):
    plan = saved(root, tmp_path)
    assert (plan.policy, plan.created) == (POLICY, NOW)
    (only,) = plan.roots
    assert only.path == root.resolve()
    plan.check(planned(root, POLICY), only)


def test_a_plan_that_leaves_rules_out_comes_back(root, tmp_path):
    policy = Retention(compress_after=None, max_total=None)
    save_plan(tmp_path / "plan.json", [planned(root, policy)])
    assert load_plan(tmp_path / "plan.json").policy == policy


def test_a_change_of_the_inventory_is_refused(root, tmp_path):
    plan = saved(root, tmp_path)
    make_run(root, NOW - timedelta(days=1))
    with pytest.raises(UsageError, match=r"changed since this plan was made; make a new one with --plan"):
        plan.check(planned(root, POLICY), plan.roots[0])


def test_a_plan_that_somebody_edited_is_refused(root, tmp_path):
    saved(root, tmp_path)
    file = tmp_path / "plan.json"
    document = json.loads(file.read_text("utf-8"))
    document["roots"][0]["decisions"][0]["operation"] = "delete"
    file.write_text(json.dumps(document), encoding="utf-8")
    plan = load_plan(file)
    with pytest.raises(UsageError, match="this is not what soak would plan"):
        plan.check(planned(root, POLICY), plan.roots[0])


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b"\xff", b'{"schema_version": 2}', b"{"])
def test_what_is_no_plan_is_refused(tmp_path, content):
    (tmp_path / "plan.json").write_bytes(content)
    with pytest.raises(UsageError, match=r"--apply .*plan\.json"):
        load_plan(tmp_path / "plan.json")


def test_a_plan_that_is_missing_is_refused(tmp_path):
    with pytest.raises(UsageError, match=r"--apply .*plan\.json is missing"):
        load_plan(tmp_path / "plan.json")


def test_a_plan_cannot_lie_in_what_it_is_for(root):
    with pytest.raises(UsageError, match="cannot lie in the directory that it is for"):
        save_plan(root / "plan.json", [planned(root)])
