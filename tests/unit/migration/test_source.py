from __future__ import annotations

import sys

import pytest

from soak_action.config.yaml_source import MAX_BYTES
from soak_action.errors import ConfigurationError, UsageError
from soak_action.migration.source import parse, read_bytes, read_sources


@pytest.mark.parametrize(
    ("data", "name", "expected"),
    [
        (b'{\r\n\t"a": {"b": 1.5e3}}', "x.json", {"a": {"b": 1500.0}}),
        (b'\xef\xbb\xbf{"a": true}', "x.JSON", {"a": True}),
        (b"\xef\xbb\xbfa: no\r\nb: 1:30\r\n", "x.yaml", {"a": "no", "b": "1:30"}),
        (b'{"a": "no", b: [1, 2]}', "x", {"a": "no", "b": [1, 2]}),
        ('{"ключ": "\\ud83d\\ude00", "b": "\\\\ud83d"}'.encode(), "x.json", {"ключ": "😀", "b": "\\ud83d"}),
    ],
)
def test_json_and_yaml_are_read(data, name, expected):
    assert parse(data, name).data == expected


def test_places_are_known_in_json_too():
    document = parse(b'{\n  "a": "\\ud83d\\ude00",\n  "b": {"c": 1}}', "x.json")
    assert document.where(("b", "c")) == "x.json:3:9"


def test_places_are_lost_where_keys_differ_by_what_yaml_cannot_spell():
    document = parse(b'{"\\ud83d\\ude00": 1, "\\ud83d\\ude01": 2}', "x.json")
    assert document.data == {"😀": 1, "😁": 2}
    assert document.where(("😁",)) == "x.json:1:1"


@pytest.mark.parametrize(
    ("data", "name", "message"),
    [
        (b"", "x.json", "x.json:1:1: nothing here"),
        (b"", "x.yaml", "x.yaml:1:1: there is nothing here"),
        (b"[1]", "x.json", "x.json:1:1: this must be an object"),
        (b"- 1", "x.yaml", "x.yaml:1:1: this must be a mapping"),
        (b'{"a": 1, "a": 2}', "x.json", "x.json:1:10: duplicate key 'a'"),
        (b'{"a": 1,}', "x.json", "x.json:1:9: "),
        (b"a: 1\na: 2", "x.yaml", "x.yaml:2:1: duplicate key 'a', already given at x.yaml:1:1"),
        (b"\xff\xfea", "x.yaml", "x.yaml:1:1: this is not UTF-8 text"),
        (b'{"a": "\\u0000"}', "x.json", "x.json:1:7: the character"),
        (b" " * (MAX_BYTES + 1), "x.json", "larger than 1 MB"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_place(data, name, message):
    with pytest.raises(ConfigurationError) as refused:
        parse(data, name)
    assert message in str(refused.value)


def test_mistakes_of_all_files_are_told_at_once(tmp_path):
    for name in ("default.json", "base.yaml"):
        (tmp_path / name).write_bytes(b"[")
    with pytest.raises(ConfigurationError) as refused:
        read_sources(["default.json", "base.yaml"], tmp_path, tmp_path / "soak.yaml")
    assert [mistake.partition(":")[0] for mistake in refused.value.mistakes] == ["default.json", "base.yaml"]


def test_a_file_is_named_once_and_is_not_the_target(tmp_path):
    (tmp_path / "default.json").write_bytes(b"{}")
    with pytest.raises(UsageError, match="named twice"):
        read_sources(["default.json", "profile:a=./default.json"], tmp_path, tmp_path / "soak.yaml")
    with pytest.raises(UsageError, match="the file that is written"):
        read_sources(["default=soak.yaml"], tmp_path, tmp_path / "soak.yaml")


def test_what_is_no_file_is_refused(tmp_path):
    with pytest.raises(UsageError, match="x: there is no such file"):
        read_bytes(tmp_path / "x", "x")
    with pytest.raises(UsageError, match="x: this is not a file"):
        read_bytes(tmp_path, "x")
    (tmp_path / "file").touch()
    if sys.platform != "win32":
        with pytest.raises(UsageError, match="x: the file cannot be read: Not a directory"):
            read_bytes(tmp_path / "file" / "x", "x")


def test_a_file_that_may_not_be_read_is_told(tmp_path, monkeypatch):
    (tmp_path / "x").touch()

    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.open", refuse)
    with pytest.raises(UsageError, match="x: the file cannot be read: Permission denied"):
        read_bytes(tmp_path / "x", "x")
