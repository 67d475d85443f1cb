from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soak_action.report.markdown import code, code_block, details, in_html, inert, one_line, table

HOSTILE = (
    "</script><script>alert(1)</script> [a](javascript:x) ![i](http://x) `code` | pipe **bold** _em_ ~~s~~ # h "
    "&lt; $x$ <!-- -- > @somebody #12 https://example.com www.example.com"
)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain words, 3.5 ms (+3.1 %): fine", "plain words, 3.5 ms (+3.1 %): fine"),
        ("a|b`c`*d*_e_[f]~g~", "a\\|b\\`c\\`\\*d\\*\\_e\\_\\[f\\]\\~g\\~"),
        ("<b> & \\", "&lt;b&gt; &amp; \\\\"),
        ("- item", "\\- item"),
        ("1. item", "1\\. item"),
        ("12) item", "12\\) item"),
        ("= heading", "\\= heading"),
        ("costs $3 and $4", "costs <span>$</span>3 and <span>$</span>4"),
        ("@somebody in #12", "@&#8203;somebody in \\#&#8203;12"),
        ("https://x.org WWW.x.org", "https:&#8203;//x.org www&#8203;.x.org"),
        (":tada: 1:2:3 a::b", ":&#8203;tada: 1:&#8203;2:3 a::b"),
        ("two\nlines\r\n\tand more", "two lines and more"),
        ("\x1b[31mred\u202egnp\u2028", "\\\\u001b\\[31mred\\\\u202egnp"),
        ("", ""),
    ],
)
def test_prose_of_others_is_nothing_but_text(text: str, shown: str) -> None:
    assert inert(text) == shown


@given(st.text())
def test_no_text_breaks_out_of_its_line(text: str) -> None:
    for shown in (inert(text), in_html(text), code(text), one_line(text, 50)):
        assert len(shown.splitlines()) <= 1
    assert "<" not in re.sub(r"</?span>", "", inert(text))
    assert not re.search(r"[<>`|\[\]*]", in_html(text).replace("<span>$</span>", ""))


@given(st.text(alphabet="`|a \\"))
def test_code_of_others_is_closed_by_its_own_fence_only(text: str) -> None:
    shown = code(text)
    fence = re.match("`+", shown)[0] if shown else ""  # type: ignore[index]
    inside = shown[len(fence) : -len(fence)]
    assert shown.endswith(fence)
    assert fence not in re.findall("`+", inside)
    assert not re.search(r"(?<!\\)\|", inside)


def test_a_text_that_is_too_long_says_so() -> None:
    assert one_line("x" * 100, 10) == "xxxxxxx..."
    assert one_line("x" * 10, 10) == "xxxxxxxxxx"
    assert inert("x" * 100, 10) == "xxxxxxx..."


def test_a_block_of_code_is_closed_by_its_last_line_only() -> None:
    assert code_block(["a", "````", "b"], "sh") == "`````sh\na\n````\nb\n`````"
    assert code_block(["a"]) == "```text\na\n```"


def test_a_table_has_a_cell_for_everything() -> None:
    assert table(("a", "b"), [("1", "")], right=(1,)) == "| a | b |\n| --- | --: |\n| 1 | \u2013 |"


def test_what_is_folded_away_stays_markdown() -> None:
    assert details("s", "b") == "<details><summary>s</summary>\n\nb\n\n</details>"
    assert details("s", "b", is_open=True).startswith("<details open>")


def test_text_between_tags_is_not_read_as_markdown_either() -> None:
    shown = in_html(HOSTILE)
    assert "script&#62;" in shown
    assert not re.search(r"[<>`|\[\]*_~$@]|://|:[a-z]+:|www\.", shown.replace("<span>$</span>", ""))
