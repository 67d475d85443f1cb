"""The harness itself: what it shows of good and bad charts, and of text that tries to be more than text."""

from __future__ import annotations

import math
import struct
import sys

import pytest
from tests.web import browser

import devtools

GOOD = """xychart-beta
  title "Memory"
  x-axis "iteration" [1, 2, 3]
  y-axis "MiB" 0 --> 20
  line [3, 10, 18]"""
BAD = "xychart-beta\n  line [3,,18]"
PALETTE = '%%{init: {"themeVariables": {"xyChart": {"plotColorPalette": "#3b82f6, #e5534b"}}}}%%\n'

HOSTILE = """# Gate <script>window.pwned = 1</script>

<img src="x" onerror="document.title = 'pwned'"> <b onclick="pwn()" style="color:red" class="x">bold</b>
<svg onload="document.title = 'pwned'"><circle/></svg> <iframe src="https://example.org"></iframe>
[js](javascript:alert(1)) [data](data:text/html,x) [vb](vbscript:x) [good](https://example.org/)
<a href="jAvAsCrIpT:alert(1)">raw</a> ![picture](data:image/png;base64,AAAA) ![net](https://example.org/a.png)
<form action="https://example.org"><input type="text"><button>press</button></form> <font color="red">red</font>

<style>body { display: none }</style>

An open <textarea>

## After
"""

KEPT = """<details open><summary>All <b>runs</b></summary>

| run | value |
|:---|---:|
| a \\| b | 1<br>2 |
| `<b>` | **3** |

</details>

<kbd>Ctrl</kbd> H<sub>2</sub>O
"""


def chart(source):
    return f"```mermaid\n{source}\n```\n"


def test_good_and_bad_charts_are_told_apart(rendered):
    good, bad = rendered(chart(GOOD) + "\n" + chart(BAD)).charts

    assert good.parses
    assert good.failure is None
    assert good.drawing.svg.startswith("<svg")
    assert {"Memory", "iteration", "MiB", "1", "2", "3", "20"} <= set(good.drawing.labels)
    assert (good.drawing.width, good.drawing.height) == (700, 500)
    assert good.drawing.flaws() == []
    assert not bad.parses
    assert "line [3,,18]" in bad.error
    assert bad.drawing is None


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_page_shows_its_charts(looked_at, theme):
    looked = looked_at(f"# Report\n\n{chart(PALETTE + GOOD)}", f"page-{theme}", theme, (800, 600))

    (good,) = looked.rendered.charts
    assert looked.rendered.headings == ("Report",)
    assert [line.colour for line in good.drawing.lines] == ["rgb(59, 130, 246)"]
    assert looked.dom.count('<div class="mermaid"><svg') == 1
    assert "Syntax error" not in looked.dom
    picture = looked.picture.read_bytes()
    assert picture.startswith(b"\x89PNG")
    assert struct.unpack(">II", picture[16:24]) == (800, 600)


def test_a_page_keeps_the_source_of_a_bad_chart_and_says_what_is_wrong(looked_at):
    looked = looked_at(chart(BAD), "bad")

    (bad,) = looked.rendered.charts
    assert "Parse error on line 2" in bad.error
    assert '<div class="mermaid">' not in looked.dom
    assert "line [3,,18]" in looked.dom


def test_what_parses_and_cannot_be_drawn_is_a_failure(rendered):
    empty, long = rendered(
        chart('xychart-beta\n  x-axis "iteration" [1, 2]') + "\n" + chart(f"xychart-beta\n  line [{'1.125, ' * 8000}1]")
    ).charts

    assert empty.parses
    assert empty.failure
    assert empty.drawing is None
    assert long.parses
    assert "Maximum text size" in long.failure
    assert long.drawing is None


def test_charts_of_several_texts_come_back_with_their_text(web):
    first, none, last = web.render(chart(GOOD) + chart(BAD), "no chart", chart(PALETTE + GOOD))

    assert [one.parses for one in first.charts] == [True, False]
    assert none.charts == ()
    assert [one.source for one in last.charts] == [PALETTE + GOOD]


def test_charts_are_what_github_draws(rendered):
    other = "```text\nxychart-beta\n```\n\n`mermaid`\n\n"
    raw = '<pre lang="mermaid"><code>xychart-beta\nline [1, 2]</code></pre>'

    sources = [
        one.source for one in rendered(other + "~~~~mermaid\r\nxychart-beta\r\nline [1]\r\n~~~~\n\n" + raw).charts
    ]

    assert sources == ["xychart-beta\nline [1]", "xychart-beta\nline [1, 2]"]


def test_hostile_text_is_stripped(rendered):
    result = rendered(HOSTILE)

    assert set(result.elements) == {"a", "b", "h1", "h2", "img", "input", "p"}
    assert set(result.attributes) == {"alt", "disabled", "href", "src", "type"}
    assert result.links == ("https://example.org/",)
    assert result.images == ("x", "https://example.org/a.png")
    assert result.headings == ("Gate <script>window.pwned = 1</script>", "After")
    assert "<script" not in result.html
    assert "<style" not in result.html


def test_hostile_text_does_nothing_in_a_browser(looked_at):
    assert "<title>page</title>" in looked_at(HOSTILE, "hostile").dom


def test_what_github_keeps_is_kept(rendered):
    result = rendered(KEPT)

    assert {"details", "summary", "table", "kbd", "sub"} <= set(result.elements)
    assert {"align", "open"} <= set(result.attributes)
    assert result.tables == ((("run", "value"), ("a | b", "1\n2"), ("<b>", "3")),)
    assert result.text.startswith("All runs\nrun\nvalue\na | b\n")
    assert result.text.endswith("Ctrl H2O")


def test_plain_text_that_github_would_bring_to_life_is_listed(rendered):
    result = rendered(
        "Ask @octo-org/team of org/repo#12, :tada: at $x^2$.\n\n`@code` a@example.org 12:30:45 $5 &#35;x [@in](/link)"
    )

    assert result.live == ("@octo-org/team", "org/repo#12", ":tada:", "$x^2$")


def test_mermaid_decides_what_a_title_may_hold(rendered):
    shown = ["it's 100% `code` & [x] {y} \\ ; $z$", "é 日本 😀", "a \u2028 b", "```"]
    changed = {"a < b": "a &lt; b", "a <script>x</script> b": "a  b", "a#35;b": "a#b", "a %%{x}%% b": "a  b"}
    rejected = ['a "quote"', 'a \\"quote\\"', "", "50 %%{ off"]
    titles = [*shown, *changed, *rejected]

    charts = dict(zip(titles, rendered(charts_titled(titles)).charts, strict=True))

    for title in shown:
        assert title in charts[title].drawing.labels
    for title, label in changed.items():
        assert label in charts[title].drawing.labels
    assert [title for title in titles if not charts[title].parses] == rejected


def charts_titled(titles):
    return "\n".join(f"````mermaid\n{GOOD.replace('Memory', title)}\n````\n" for title in titles)


def test_flaws_of_a_drawing_are_found(rendered):
    crowded = f"xychart-beta\n  x-axis [{', '.join(map(str, range(1000, 1040)))}]\n  line [{'1, ' * 39} 2]"
    long = GOOD.replace("Memory", "memory " * 30)
    beyond = GOOD.replace("18]", "180]")
    short = GOOD.replace(", 18]", "]")

    charts = rendered("\n".join(map(chart, [crowded, long, beyond, short]))).charts
    crowded, long, beyond, short = (one.drawing for one in charts)

    assert all("overlaps" in flaw for flaw in crowded.flaws())
    assert len(crowded.flaws()) >= 30
    assert all("is cut" in flaw for flaw in long.flaws())
    assert len(long.flaws()) == 1
    assert beyond.flaws() == ["line 1 leaves the chart at point 3"]
    assert short.flaws() == ["line 1 leaves the chart at point 3"]
    assert math.isnan(short.lines[0].points[2][1])


def test_a_program_that_does_not_end_is_ended(monkeypatch):
    monkeypatch.setattr(browser, "SECONDS", 0.2)

    with pytest.raises(TimeoutError, match="did not end"):
        browser.finish([sys.executable, "-c", "import time; time.sleep(60)"])


def test_a_program_that_fails_is_told():
    with pytest.raises(AssertionError, match="no such luck"):
        browser.finish([sys.executable, "-c", "raise SystemExit('no such luck')"])


def test_a_machine_without_a_browser_is_told_what_it_needs(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")

    with pytest.raises(devtools.ToolsError, match=r"^needs chromium"):
        browser.find_web()
