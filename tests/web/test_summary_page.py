"""Summaries as GitHub shows them: each chart is drawn, what is hostile is text, a reader finds what is wrong."""

from __future__ import annotations

import math
import re
from dataclasses import replace

import pytest
from tests.unit.report.test_summary import FREE, LATENCY, OVERRIDE, THROUGHPUT, report
from tests.unit.report.tuned import decision, record, reported, saw
from tests.unit.tuning.building import INTERVAL
from tests.web.browser import Rendered, Web

from soak_action.base_branch import Comparison
from soak_action.config.layers import Leaf, Shadowed
from soak_action.config.loosening import Change
from soak_action.report.precedence import View, precedence_markdown
from soak_action.report.refusal import refusal_markdown
from soak_action.report.summary import summary_markdown
from soak_action.report.tuning import TuningReport

HOSTILE = (
    "</script><script>alert(1)</script><img src=x onerror=alert(2)> `code` ```",
    '"]; click [b](javascript:alert(3)) | pipe <!-- --> ${{ github.token }} $x$',
    "one\n::error::two%0A::error::three\r\n# four\n\n<textarea> @somebody #12 :tada:",
    "</summary></details></sub></table> https://evil.example www.evil.example a@evil.example",
    '%%{init: {"theme": "dark"}}%% #quot; #35; \\" \u2028 \x1b[31m \u202e',
    "</code></pre><h1>forged</h1>",
)
WAVE = [200 + 50 * math.sin(number / 5) for number in range(300)]
SHAPES = {
    "three values": [210.0, 250.0, 240.0],
    "two values": [1.0, 2.0],
    "all the same": [5.0] * 4,
    "all zero": [0.0] * 12,
    "negative": [-3.0, -1.0, -2.0] * 4,
    "nine": [float(number) for number in range(9)],
    "with gaps": [210.0, "stale", 240.0, 250.0] * 3,
    "long": WAVE,
    "very long": [number % 97 + number / 1000 for number in range(10_000)],
    "huge": [1e300, 2e300, 1.5e300],
    "tiny": [1e-300, 2e-300, 1.5e-300],
    "at both ends": [-1.7e308, 1.7e308, 0.0],
    "a large number and small changes": [1_000_000_000 + number for number in range(20)],
    "close to one another": [0.52692, 0.52716],
    "close to one another and larger": [106.716, 106.7605],
    "negative and close": [-964757.5, -964733.4],
    "as many lines of the axis as there can be": [80.0025, 106.505],
    "bytes": [5.5e9 + number * 1e7 for number in range(60)],
}


def hostile_kpis() -> dict[object, list[float]]:
    return {
        replace(LATENCY, name=f"h{number}", title=text, unit=text[:30]): [500.0 + number, 510.0]
        for number, text in enumerate(HOSTILE)
    }


def hostile_tuning() -> TuningReport:
    """Return what is reported of a run whose parameters, tuner and guards say what nobody should."""
    held = {text: float(number) for number, text in enumerate(HOSTILE)}
    frozen = {"parameters": HOSTILE, "since": 2, "until": 3, "signature": HOSTILE[0]}
    told = [
        decision(2, 1, 2, outcome, parameter=text, source=text, because=text, details={text: text})
        for text in HOSTILE
        for outcome in ("applied", "suppressed")
    ]
    records = [
        record(1, held, kpis=dict.fromkeys(HOSTILE, 2.0)),
        record(2, {**held, HOSTILE[0]: 5}, *told, frozen=frozen, tuner={"problem": HOSTILE[1]}, state_hash=HOSTILE[2]),
        record(3, {**held, HOSTILE[0]: 6}, kpis=dict.fromkeys(HOSTILE, 2.0), frozen=frozen),
        record(4, held),
    ]
    kpis = [replace(LATENCY, name=text, hard=1.0) for text in HOSTILE]
    return reported(records, parameters=[replace(INTERVAL, name=text, unit=text[:30]) for text in HOSTILE], kpis=kpis)


@pytest.fixture(scope="module")
def pages(web: Web) -> dict[str, Rendered]:
    """Every kind of summary that the tests know, rendered at once."""
    texts = {
        "hostile": summary_markdown(
            report(
                hostile_kpis(),
                overrides=tuple({**OVERRIDE, "key": text, "value": text, "origin": text} for text in HOSTILE),
                notes=HOSTILE,
                problems=HOSTILE,
                artifact=HOSTILE[0],
                tuning=hostile_tuning(),
            )
        ),
        "tuned": summary_markdown(report({LATENCY: WAVE}, tuning=reported(saw(300)))),
        "refusal": refusal_markdown(HOSTILE, 2),
        "precedence": precedence_markdown(
            [
                View(
                    text,
                    leaves=[Leaf(("kpis", text), text, "env", text, (Shadowed((text,), text, "file", text),))],
                    mistakes=HOSTILE,
                    warnings=HOSTILE,
                    broken=HOSTILE,
                )
                for text in HOSTILE
            ],
            Comparison((*(Change((text,), text, [text], "loosened") for text in HOSTILE),)),
        ),
        "green": summary_markdown(report({LATENCY: WAVE, THROUGHPUT: [150.0] * 300, FREE: [1.0, "stale"] * 150})),
        "plain": summary_markdown(report()),
    }
    for name, values in SHAPES.items():
        texts[name] = summary_markdown(report({replace(LATENCY, title=name): values}))
    return dict(zip(texts, web.render(*texts.values()), strict=True))


@pytest.mark.parametrize("name", [*SHAPES, "hostile", "green", "plain", "tuned"])
def test_every_chart_is_drawn_without_a_flaw(pages: dict[str, Rendered], name: str) -> None:
    assert pages[name].charts
    for chart in pages[name].charts:
        assert (chart.error, chart.failure) == (None, None)
        assert chart.drawing is not None
        assert chart.drawing.flaws() == []
        assert len({line.colour for line in chart.drawing.lines}) == len(chart.drawing.lines)


@pytest.mark.parametrize("name", ["hostile", "refusal", "precedence"])
def test_what_others_wrote_is_text_and_nothing_else(pages: dict[str, Rendered], name: str) -> None:
    page = pages[name]
    assert page.links == ()
    assert page.images == ()
    assert page.live == ()
    assert set(page.elements) <= {
        *("h1", "h2", "h3", "p", "ul", "li", "strong", "code", "pre", "br", "span", "sub", "blockquote"),
        *("table", "thead", "tbody", "tr", "th", "td", "details", "summary"),
    }
    assert not [heading for heading in page.headings if "four" in heading or "forged" in heading]
    assert "<script>alert(1)</script>" in page.text.replace("\u200b", "")
    assert "\x1b" not in page.text


def test_the_text_of_others_is_shown_as_they_wrote_it(pages: dict[str, Rendered]) -> None:
    shown = pages["hostile"].text.replace("\u200b", "")
    for text in (
        "<img src=x onerror=alert(2)> `code` ```",
        "click [b](javascript:alert(3)) | pipe <!-- --> ${{ github.token }} $x$",
        "one ::error::two%0A::error::three # four <textarea> @somebody #12",
    ):
        assert text in shown


def test_each_table_has_all_its_cells(pages: dict[str, Rendered]) -> None:
    for page in pages.values():
        for rows in page.tables:
            assert len({len(cells) for cells in rows}) == 1


def test_a_reader_sees_what_was_decided_and_what_the_kpis_were(pages: dict[str, Rendered]) -> None:
    page = pages["tuned"]
    assert page.headings[1:] == ("KPIs", "Parameters", "What was decided", "The KPIs meanwhile", "Charts")
    _, decided, effect, *_ = page.tables
    assert decided[1][:5] == ("2", "2m", "min_interval_ms", "40 → 50 ms +5", "applied")
    assert len(decided) == 61
    assert effect[0] == ("iterations", "state", "parameters", "Latency (ms)")
    assert effect[1][:3:2] == ("1-8", "min_interval_ms 40 ms, min_interval_ms 40 → 80 ms")
    assert effect[1][1].endswith(" the last of 8 in turn")
    assert len(effect) == 31


def test_a_reader_sees_verdict_and_reason_first(web: Web) -> None:
    (page,) = web.render(summary_markdown(report({LATENCY: [500.0, 510.0]})))
    assert page.headings[:2] == ("❌ FAIL: shop, profile nightly", "What is wrong")
    assert page.text.index("What is wrong") < page.text.index("limit 400 ms") < page.text.index("KPIs")
    (kpis, *_) = page.tables
    assert kpis[1][0] == "Latency p95_ms"
    assert re.search(r"505 ms", kpis[1][2])
