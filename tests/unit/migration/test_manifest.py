from __future__ import annotations

import json

import pytest

from soak_action.errors import UsageError
from soak_action.migration.manifest import FOLDER, Item, Manifest, State, folders, parse_manifest

ITEMS = (
    Item("soak.yaml", None, State.of(b"new"), None),
    Item("a/ö.json", State.of(b"old", 0o640), None, "0002-_.json"),
)
MANIFEST = Manifest("2026-11-26T00:00:00+00:00", ITEMS)


def test_a_manifest_comes_back_as_it_was_written():
    data = MANIFEST.to_bytes()
    assert parse_manifest(data, "m") == MANIFEST
    assert json.loads(data)["files"][1]["before"] == {
        "sha256": "cba06b5736faf67e54b07b561eae94395e774c517a7d910a54369e1263ccfbd4",
        "size": 3,
        "mode": "0640",
    }


def broken(**change):
    document = json.loads(MANIFEST.to_bytes())
    document["files"][1].update(change)
    return json.dumps(document).encode()


@pytest.mark.parametrize(
    "data",
    [
        b"[]",
        b"{}",
        b"3",
        b'{"version": 1, "created_at": "x", "files": {"a": 1}}',
        broken(backup=None),
        broken(backup="../../etc/passwd"),
        broken(backup="0001-a/b"),
        broken(before={"sha256": "x"}),
        broken(before={"sha256": "x", "size": "x", "mode": None}),
        broken(before={"sha256": "x", "size": 1, "mode": "9"}),
        broken(path=""),
    ],
)
def test_what_is_no_manifest_is_refused(data):
    with pytest.raises(UsageError, match="m: this is not the manifest of a migration"):
        parse_manifest(data, "m")


def test_bad_json_and_a_newer_version_are_told():
    with pytest.raises(UsageError, match="m:1:1: "):
        parse_manifest(b"x", "m")
    with pytest.raises(UsageError, match="this soak reads version 1"):
        parse_manifest(b'{"version": 2}', "m")


def test_a_file_is_touched_when_its_content_changes():
    old, new = State.of(b"old", 0o600), State.of(b"new")
    cases = [(None, new), (old, None), (old, new), (old, State.of(b"old"))]
    assert [Item("x", *states, None).is_touched for states in cases] == [True, True, True, False]


def test_folders_are_in_the_order_of_their_numbers(tmp_path):
    assert folders(tmp_path) == []
    for name in ("20261126T000000Z-10", "20261126T000001Z-9", "other", ".lock"):
        (tmp_path / FOLDER / name).mkdir(parents=True)
    assert [folder.name for folder in folders(tmp_path)] == ["20261126T000001Z-9", "20261126T000000Z-10"]
    (tmp_path / "file").write_bytes(b"")
    assert folders(tmp_path / "file") == []
