"""What our rules keep, and why, against `restic forget` on random histories of many groups."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest
from tests.conftest import full
from tests.oracle.restic_repository import PASSWORD, Repository, encrypt_block

from soak_action.config.model import Retention
from soak_action.retention.item import Group, Item
from soak_action.retention.policy import make_plan

GROUPS = 10
NOW = datetime(2026, 11, 1, tzinfo=UTC)
DAY = 86_400
COUNTS = ("keep_last", "keep_hourly", "keep_daily", "keep_weekly", "keep_monthly")
OPTIONS = {name: f"--{name.replace('_', '-')}" for name in COUNTS}
# What a reason of ours begins with, and what one of restic's does.
SAME = {
    "pinned": "has tags",
    "keep_within": "within",
    "keep_last": "last",
    "keep_hourly": "hourly",
    "keep_daily": "daily",
    "keep_weekly": "weekly",
    "keep_monthly": "monthly",
}

needs_restic = pytest.mark.skipif(shutil.which("restic") is None, reason="needs restic: apt-get install restic")


def moments(random: Random) -> list[datetime]:
    """Return when the snapshots of one group were made: close together or far apart, once in a while in the future."""
    span = random.choice([2 * 3600, 2 * DAY, 20 * DAY, 200 * DAY, 1500 * DAY])
    begin = NOW - timedelta(seconds=span + random.randrange(900 * DAY))
    chosen = {begin + timedelta(seconds=random.randrange(span)) for _ in range(random.randrange(1, 30))}
    if random.random() < 0.15:
        chosen |= {datetime(2300, 1, random.randrange(1, 20), tzinfo=UTC) for _ in range(random.randrange(1, 4))}
    return sorted(chosen)


def policy(random: Random) -> Retention:
    counts = {name: random.choice([0, 0, 1, 2, 3, 7]) for name in COUNTS}
    within = random.choice([None, None, 3600.0, 30 * 3600.0, 3.0 * DAY, 60.0 * DAY])
    if not any(counts.values()) and within is None:
        counts["keep_last"] = 2
    return Retention(**counts, keep_within=within, compress_after=None, max_total=None)


def ours(history: list[Item], chosen: Retention) -> dict[str, set[str]]:
    plan = make_plan(history, chosen, NOW.timestamp(), lambda _: "is not to be compressed")
    return {one.item.id: {reason.split()[0] for reason in one.reasons} for one in plan.of("keep")}


def restics(repository: Path, chosen: Retention) -> dict[str, set[str]]:
    options = [word for name in COUNTS if getattr(chosen, name) for word in (OPTIONS[name], str(getattr(chosen, name)))]
    if chosen.keep_within is not None:
        hours = int(chosen.keep_within // 3600)
        options += ["--keep-within", f"{hours // 24}d{hours % 24}h"]
    done = subprocess.run(
        ["restic", "forget", "--dry-run", "--json", "--no-cache", "--group-by", "host", "--keep-tag", "pin", *options],
        env={**os.environ, "RESTIC_PASSWORD": PASSWORD, "RESTIC_REPOSITORY": str(repository), "TZ": "UTC"},
        capture_output=True,
        check=True,
    )
    kept = [reason for group in json.loads(done.stdout) for reason in group["reasons"]]
    kinds = {theirs: mine for mine, theirs in SAME.items()}
    return {
        entry["snapshot"]["tree"]: {
            next(mine for theirs, mine in kinds.items() if match.startswith(theirs)) for match in entry["matches"]
        }
        for entry in kept
    }


@needs_restic
@pytest.mark.parametrize("seed", range(full(30, 5)))
def test_the_same_is_kept_for_the_same_reasons(tmp_path, seed):
    random = Random(seed)
    repository = Repository(tmp_path / "repository")
    history = []
    for number in range(GROUPS):
        for moment in moments(random):
            pinned = random.random() < 0.1
            tree = repository.add(f"host-{number}", f"{moment:%Y-%m-%dT%H:%M:%SZ}", ["pin"] if pinned else [])
            group = Group(f"host-{number}", "default")
            history.append(Item(tree, group, moment.timestamp(), 1, is_pinned=pinned))
    random.shuffle(history)
    for _ in range(3):
        chosen = policy(random)
        assert ours(history, chosen) == restics(repository.path, chosen), chosen


def test_the_cipher_is_aes():
    """The examples of FIPS 197, appendix C."""
    block = bytes.fromhex("00112233445566778899aabbccddeeff")
    assert encrypt_block(bytes(range(16)), block).hex() == "69c4e0d86a7b0430d8cdb78070b4c55a"
    assert encrypt_block(bytes(range(32)), block).hex() == "8ea2b7ca516745bfeafc49904b496089"
