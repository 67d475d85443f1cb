from __future__ import annotations

from pathlib import Path

import pytest

from soak_action.config.model import EvidenceSettings, KeepOutputs
from soak_action.doctor.disk import free_bytes, judge_disk
from soak_action.doctor.dry_run import DryRun

MIB = 1 << 20
# 1 MiB of results and 1 MiB of logs, while the streams may take 10 MiB each.
DRY = DryRun({"outcome": "ok"}, MIB, MIB, 0)
FAILED = DryRun({"outcome": "failed"}, MIB, MIB, 0)
LIMIT = EvidenceSettings(10 * MIB)
# The same with a record of 1 MiB, which always stays.
RECORDED = DryRun({"outcome": "ok"}, MIB, MIB, MIB)
LAST = KeepOutputs("last", 4)
FAILING = KeepOutputs("failed")


@pytest.mark.parametrize(
    ("free", "iterations", "dry", "status", "told"),
    [
        (2100 * MIB, 100, DRY, "ok", "2.1 GiB are free, and 100 iterations like the dry one take 200.0 MiB"),
        (2099 * MIB, 100, DRY, "warning", "take 200.0 MiB, with full logs 2.1 GiB"),
        (200 * MIB, 100, DRY, "warning", "with full logs"),
        (199 * MIB, 100, DRY, "problem", "199.0 MiB are free, and 100 iterations like the dry one take 200.0 MiB"),
        (200 * MIB, None, DRY, "unknown", "the free space takes 100 like the dry one"),
        (200 * MIB, None, None, "unknown", "200.0 MiB are free, but how many iterations there will be is not known"),
        (2000 * MIB, 100, None, "unknown", "what the results take is only known after a dry iteration"),
        (1999 * MIB, 100, None, "warning", "the logs of 100 iterations may take 2.0 GiB"),
        (199 * MIB, 100, FAILED, "warning", "the logs of 100 iterations may take 2.0 GiB"),
        (2000 * MIB, None, FAILED, "unknown", "is not known"),
        (None, 100, DRY, "unknown", "the system does not tell how much space is free"),
    ],
)
def test_the_disk_is_judged_by_what_a_whole_soak_writes(free, iterations, dry, status, told):
    finding = judge_disk(free, iterations, dry, LIMIT)
    assert (finding.id, finding.status) == ("disk", status)
    assert told in finding.sentence
    assert bool(finding.advice) == (status != "ok")


@pytest.mark.parametrize(
    ("free", "iterations", "dry", "keep", "status", "told"),
    [
        (205 * MIB, 100, RECORDED, LAST, "ok", "100 iterations like the dry one take 110.0 MiB"),
        (204 * MIB, 100, RECORDED, LAST, "warning", "take 110.0 MiB, with full logs 205.0 MiB"),
        (109 * MIB, 100, RECORDED, LAST, "problem", "take 110.0 MiB"),
        (66 * MIB, 3, RECORDED, LAST, "ok", "3 iterations like the dry one take 9.0 MiB"),
        (99 * MIB, 100, None, LAST, "warning", "the logs of 5 iterations may take 100.0 MiB"),
        (100 * MIB, 100, None, LAST, "unknown", "only known after"),
        (110 * MIB, None, RECORDED, LAST, "unknown", "the free space takes 100 like the dry one"),
        (MIB, None, RECORDED, LAST, "unknown", "the free space takes 0 like the dry one"),
        (2200 * MIB, 100, RECORDED, FAILING, "ok", "take 102.0 MiB"),
        (102 * MIB, 100, RECORDED, FAILING, "warning", "take 102.0 MiB, with full logs 2.1 GiB when all of them fail"),
        (101 * MIB, 100, RECORDED, FAILING, "problem", "take 102.0 MiB"),
        (1999 * MIB, 100, None, FAILING, "warning", "the logs of 100 iterations may take 2.0 GiB"),
        (102 * MIB, None, RECORDED, FAILING, "unknown", "the free space takes 100 like the dry one"),
    ],
)
def test_only_outputs_that_stay_are_counted(free, iterations, dry, keep, status, told):
    finding = judge_disk(free, iterations, dry, EvidenceSettings(10 * MIB, keep))
    assert finding.status == status, finding.sentence
    assert told in finding.sentence


def test_an_iteration_that_leaves_nothing_is_no_division_by_zero():
    assert judge_disk(MIB, None, DryRun({"outcome": "ok"}, 0, 0, 0), LIMIT).status == "unknown"


def test_the_free_space_is_the_system_s_or_unknown(tmp_path: Path):
    def refuse(_):
        raise PermissionError

    assert (free_bytes(tmp_path) or 0) > 0
    assert free_bytes(tmp_path, refuse) is None
