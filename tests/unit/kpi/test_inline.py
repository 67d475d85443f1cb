from __future__ import annotations

import pytest

from soak_action.errors import UsageError
from soak_action.kpi.inline import parse_inline


@pytest.mark.parametrize(
    ("text", "name", "mapping"),
    [
        (
            'p95_ms=metrics.http_req_duration."p(95)" better=lower hard=400 soft=350 unit=ms',
            "p95_ms",
            {
                "from": '#metrics.http_req_duration."p(95)"',
                "better": "lower",
                "hard": "400",
                "soft": "350",
                "unit": "ms",
            },
        ),
        ("rate=errors.rate", "rate", {"from": "#errors.rate"}),
        (" rate = errors.rate  hard=0.01 ", "rate", {"from": "#errors.rate", "hard": "0.01"}),
        ("x=a[?b==`x`].c | [0]", "x", {"from": "#a[?b==`x`].c | [0]"}),
        ("x=a[?b == 'y z'].c | [0] hard=1", "x", {"from": "#a[?b == 'y z'].c | [0]", "hard": "1"}),
        ("x=a[?b=='hard=1'] | [0] hard=2", "x", {"from": "#a[?b=='hard=1'] | [0]", "hard": "2"}),
        ('x="a b=c" hard=1', "x", {"from": '#"a b=c"', "hard": "1"}),
        ('x="q\\" hard=9" hard=1', "x", {"from": '#"q\\" hard=9"', "hard": "1"}),
        ("x=a range=[0, 60000] hard=1", "x", {"from": "#a", "range": "[0, 60000]", "hard": "1"}),
        ("x=a window=\"last 8\" title='p 95'", "x", {"from": "#a", "window": "last 8", "title": "p 95"}),
        ("x=a sustained={within: soft, at_least: 6}", "x", {"from": "#a", "sustained": "{within: soft, at_least: 6}"}),
        ("x=a hard= unknown=1", "x", {"from": "#a", "hard": "", "unknown": "1"}),
        ("x=a b=c=d", "x", {"from": "#a", "b": "c=d"}),
    ],
)
def test_parse_inline(text: str, name: str, mapping: dict[str, str]) -> None:
    assert parse_inline(text) == (name, mapping)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("p95_ms", "there is no '='; write NAME=PATH"),
        ("", "there is no '='"),
        ("P95-ms=a", "write for example p95_ms=..."),
        ("p__95=a", "write for example p_95=..."),
        ("95=a", "write for example p95_ms="),
        ('metrics."p(95)" hard=3', "is no KPI name"),
        ("=a", "is no KPI name"),
        ("x=", "the PATH is empty; write x=PATH"),
        ("x=  ", "the PATH is empty"),
        ("x= hard=3", "the PATH is empty"),
        ("x=a hard=1 hard=2", "'hard' is given twice"),
        ("x=a from=b", "'from' is the PATH already"),
        ('x=a."b hard=1', 'a quote " is never closed'),
        ("x=a title=it's", "a quote ' is never closed"),
        (
            "x=a window=last 8",
            "'8' after window=last is not key=value; a value with blanks needs quotes: window=\"last ...\"",
        ),
        ("x=a window=last 8 hard=1", "'8' after window=last is not key=value"),
        ("x=metrics.p(95) hard=1", 'write metrics."p(95)"'),
        ("x=metrics.json#a.b hard=1", "write only what follows the '#': a.b"),
        ("x=a better lower", "column 3"),
    ],
)
def test_mistakes_say_what_to_write(text: str, says: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_inline(text)
    assert says in str(caught.value)
    assert str(caught.value).startswith(f"KPI '{text}': ")
    assert "\n" not in str(caught.value)
