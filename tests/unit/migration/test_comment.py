from __future__ import annotations

from pathlib import Path

from soak_action.migration.comment import remarks_of
from soak_action.migration.role import Role
from soak_action.migration.source import Source, parse
from soak_action.migration.value import Value, values_of

TEXT = """\
# head

# about a
a:  # behind a
  # about b
  b: "x # no comment"  # behind b
  # about the list
  c: [1,  # in the list
      2]
  d: |
    # no comment
  e: it's # behind e
# about f
f.g: 1 # behind f.g
h: {i: 1, j: 2}  # behind j
# tail
"""


def remarks(text, *, only=None, taken=(), name="x.yaml", prefix=()):
    document = parse(text.encode(), name)
    moved = {}
    for value in values_of(document):
        if only is None or value.name in only:
            path = (*prefix, *value.name.split("."))
            moved[path] = Value(path, value.value, value.origin, name, value.raw)
    source = Source(name, Path(name), Role(), text.encode(), document)
    found = remarks_of([source], moved, taken)
    return {".".join(path): (remark.above, remark.behind) for path, remark in found.items()}


def test_each_comment_finds_its_key():
    assert remarks(TEXT) == {
        "a": (["# head", "# about a", "# behind a"], None),
        "a.b": (["# about b"], "# behind b"),
        "a.c": (["# about the list"], "# in the list"),
        "a.e": ([], "# behind e"),
        "f.g": (["# about f"], "# behind f.g"),
        "h.j": (["# tail"], "# behind j"),
    }


def test_a_comment_about_a_mapping_that_is_there_already_goes_to_the_value():
    found = remarks(TEXT, taken=[("a",)])
    assert found["a.b"] == (["# head", "# about a", "# behind a", "# about b"], "# behind b")


def test_comments_of_values_that_stay_behind_go_to_the_next_one_that_moves():
    found = remarks(TEXT, only={"a.e"})
    assert "# head" in found["a"][0]
    assert found["a.e"][1] == "# behind e"
    assert found["a.e"][0][-1] == "# tail"
    assert sum(len(above) + bool(behind) for above, behind in found.values()) == TEXT.count("# ") - 2


def test_a_profile_s_comments_stand_below_the_profile():
    assert remarks("# s\ns:\n  i: 1\n", prefix=("profiles", "x")) == {"profiles.x.s": (["# s"], None)}


def test_what_does_not_move_has_no_comments():
    assert remarks(TEXT, only=set()) == {}


def test_json_has_no_comments():
    assert remarks('{"a": "# x"}', name="x.json") == {}


def test_line_ends_and_wide_characters_do_not_shift_anything():
    assert remarks("a: '😀 # no' # 😀\r\nb: 1 # b\r\n") == {"a": ([], "# 😀"), "b": ([], "# b")}
