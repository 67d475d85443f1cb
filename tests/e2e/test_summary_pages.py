"""The summaries of the played workflows, as GitHub would show them."""

from __future__ import annotations

import pytest
from tests.web import browser

import devtools


@pytest.mark.parametrize("workflow", ["root", "gate"])
def test_every_summary_is_shown_whole_and_every_chart_is_drawn(play, workflow):
    jobs = play(workflow).jobs.values()
    texts = sorted({step.summary for job in jobs for step in job.steps.values() if step.summary})
    try:
        pages = browser.find_web().render(*texts)
    except devtools.ToolsError as error:
        pytest.skip(str(error))
    for page in pages:
        assert page.headings[0].split()[1].rstrip(":") in {"PASS", "WARN", "FAIL", "INCONCLUSIVE", "INVALID"}
        assert (page.links, page.images, page.live) == ((), (), ())
    charts = [chart for page in pages for chart in page.charts]
    assert len(charts) >= 3
    for chart in charts:
        assert (chart.error, chart.failure) == (None, None)
        assert chart.drawing.flaws() == []
