from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml.error import YAMLError

from soak_action.config.layers import Leaf, tree
from soak_action.config.yaml_source import parse_mapping
from soak_action.errors import UsageError
from soak_action.migration.comment import Remarks
from soak_action.migration.rendering import rendered

FORMER = """\
# head
version: 1   # first

workload:
    run: |
        echo # no comment
        x
    env: {A: "1", 'B': off}   # braces
# about the schedule
schedule:
    iterations: 1e3  # many

    # a thought that ends the schedule

# about the KPIs
kpis:
    a: {}
    b:
        range:
        - 1
        - 2   # two

# about the gate
gate:
    fail_on: [fail,
      invalid]
# tail
"""


def changed(former, changes, remarks=None, *, spaced=False):
    paths = {tuple(key.split(".")): value for key, value in changes.items()}
    notes = {tuple(key.split(".")): remark for key, remark in (remarks or {}).items()}
    data = former if isinstance(former, bytes) else former.encode()
    return rendered(data, parse_mapping(data, "soak.yaml"), paths, notes, spaced=spaced).decode()


def test_only_the_changed_lines_change():
    text = changed(FORMER, {"schedule.iterations": 5, "schedule.pause": "1s", "kpis.b.hard": 4, "gate.x": True})
    expected = FORMER.replace("1e3  # many", "5    # many").replace("[fail,\n      invalid]", "[fail, invalid]")
    expected = expected.replace("# many\n", "# many\n    pause: 1s\n").replace("# two\n", "# two\n        hard: 4\n")
    expected = expected.replace("invalid]\n", "invalid]\n    x: true\n")
    assert text == expected


def test_every_comment_stays_in_its_order_when_keys_are_added_everywhere():
    added = {"schedule.every": "1h", "kpis.c.hard": 1, "workload.shell": ["a b", "c"], "suite": "x", "kpis.a.hard": 2}
    text = changed(FORMER, added)
    comments = [line.partition("#")[2] for line in FORMER.splitlines() if "#" in line]
    assert [line.partition("#")[2] for line in text.splitlines() if "#" in line] == comments
    assert "# about the KPIs\nkpis:\n" in text
    assert "# about the gate\ngate:\n" in text
    assert text.index("    every: 1h\n") < text.index("# about the KPIs")


def test_line_ends_and_byte_order_mark_stay():
    text = changed(b"\xef\xbb\xbfversion: 1\r\n# c\r\na: x\r\n", {"b": "z"})
    assert text == "\ufeffversion: 1\r\n# c\r\na: x\r\nb: z\r\n"


def test_the_layout_of_the_file_is_taken_up():
    assert changed("v:\n- 1\na:\n    b: 1\n", {"a.c.d": 2}) == "v:\n- 1\na:\n    b: 1\n    c:\n        d: 2\n"


def test_comments_are_set():
    remarks = {
        "a": Remarks(["# over a"]),
        "a.b": Remarks(["# 1", "# 2"], "# behind"),
        "a.m": Remarks([], "# behind a block"),
        "v": Remarks(["# never"], "# never"),
        "f.y": Remarks(["# in braces"], "# too"),
    }
    text = changed("f: {x: 1}  # f\nv: 1\n# end\n", {"a.b": 1, "a.m": "x\ny", "f.y": 2}, remarks)
    assert text == (
        "# in braces\n# too\nf: {x: 1, y: 2} # f\nv: 1\na:\n  # 1\n".replace("a:\n", "# over a\na:\n")
        + "  # 2\n  b: 1 # behind\n  # behind a block\n  m: |-\n    x\n    y\n# end\n"
    )


def test_an_empty_line_stands_above_new_top_keys():
    assert changed("v: 1\n", {"a.b": 1, "a.c": 2, "d": 3}, spaced=True) == "v: 1\n\na:\n  b: 1\n  c: 2\n\nd: 3\n"


def test_what_cannot_be_rewritten_is_told(monkeypatch):
    def refuse(*_):
        raise YAMLError("no\nway")

    monkeypatch.setattr("ruamel.yaml.YAML.load", refuse)
    with pytest.raises(
        UsageError, match=r"soak.yaml: the file cannot be rewritten \(no way\); put the values in by hand"
    ):
        changed("a: 1\n", {"b": 1})


def test_a_mapping_or_a_list_is_replaced_and_what_follows_stays():
    former = "a:\n  # inner\n  b: 1 # b\n\n# over c\nc:\n- 1 # one\n\n# over d\nd: 1\n"
    assert changed(former, {"a": 1, "c": 2}) == "a: 1\n\n# over c\nc: 2\n\n# over d\nd: 1\n"
    assert changed(former, {"d.e": 1}) == former.replace("d: 1", "d:\n  e: 1")


KEYS = st.sampled_from(["a", "b", "c d", "ä", "no", "1"])
TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
SCALARS = st.one_of(
    TEXTS, st.booleans(), st.integers(-(2**53) + 1, 2**53 - 1), st.floats(allow_nan=False, allow_infinity=False)
)
VALUES = st.one_of(SCALARS, st.lists(SCALARS, max_size=3))
CHANGES = st.dictionaries(st.lists(KEYS, min_size=1, max_size=3).map(tuple), VALUES, max_size=5)


@given(CHANGES, CHANGES)
def test_what_is_written_is_what_was_meant(first, second):
    def without_overlap(changes):
        return {
            path: value
            for path, value in changes.items()
            if not any(other != path and other[: len(path)] == path for other in changes)
        }

    expected: dict[tuple[str, ...], object] = {("version",): 1}
    text = b"version: 1  # one\n# end\n"
    for changes in (without_overlap(first), without_overlap(second)):
        for path, value in changes.items():
            expected = {
                known: item
                for known, item in expected.items()
                if known[: len(path)] != path and path[: len(known)] != known
            }
            expected[path] = value
        remarks = {path: Remarks([f"# over {number}"], f"# {number}") for number, path in enumerate(changes)}
        text = rendered(text, parse_mapping(text, "soak.yaml"), changes, remarks, spaced=False)
    data = tree(Leaf(path, value, "file", "") for path, value in expected.items())
    assert parse_mapping(text, "soak.yaml").data == data
    assert b"# end" in text
