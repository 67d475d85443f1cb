from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.gate.building import KPI, column, promised

from soak_action.claims import kpi_statistics
from soak_action.config.model import Kpi, Window
from soak_action.evidence import receipt
from soak_action.evidence.measurements import Conduct, Incidents, Measurements
from soak_action.evidence.segments import segments_of
from soak_action.gate.case import Case
from soak_action.gate.verdict import judge
from soak_action.report.refusal import refusal_markdown
from soak_action.report.summary import MOST_BYTES, Report, headline, summary_markdown

HOST = {
    "system": "Linux",
    "release": "6.1",
    "machine": "x86_64",
    "processor": "A <b>Processor</b>",
    "cores": 4,
    "memory_mib": 16000,
    "python": "3.12.1",
    "runner_image": "ubuntu24",
}
DOCUMENT = {
    "run_id": "20261123T005200Z-nightly-ab12cd",
    "suite": "shop",
    "profile": "nightly",
    "commit": "c" * 40,
    "head_commit": "d" * 40,
    "tree_dirty": False,
    "started_at": "2026-11-23T00:52:00.000Z",
    "config_digest": "e" * 64,
    "fingerprint": HOST,
    "tool_version": "1.2.3",
}
LATENCY = replace(KPI, title="Latency", soft=350.0)
THROUGHPUT = replace(KPI, name="rps", title="Throughput", unit=None, better="higher", hard=100.0, window=Window())
FREE = replace(KPI, name="free", title="free", unit=None, better=None, hard=None)
OVERRIDE = {
    "key": "schedule.iterations",
    "value": 2,
    "layer": "cli",
    "origin": "input iterations",
    "shadowed": [{"key": "schedule.iterations", "value": 24, "layer": "file", "origin": "soak.yaml:7:3"}],
}


def report(
    values: dict[Kpi, list[float | str]] | None = None,
    *,
    state: str = "finished",
    mock: bool = False,
    overrides: tuple[dict[str, object], ...] = (),
    fail_on: tuple[str, ...] = ("fail", "invalid", "inconclusive"),
    document: dict[str, Any] = DOCUMENT,
    incidents: Incidents = Incidents(),  # noqa: B008 - it is frozen
    changes: tuple[dict[str, object], ...] = (),
    **more: Any,
) -> Report:
    """Return what a run of these values reports, judged and counted by the real rules."""
    columns = {LATENCY: [210.0, 220.0, 230.0]} if values is None else values
    count = max(map(len, columns.values()))
    measured = Measurements(
        numbers=range(1, count + 1),
        outcomes=["ok"] * count,
        segments=[1] * count,
        starts=[float(position) for position in range(count)],
        seconds=[1.0] * count,
        kpis={kpi.name: column(found) for kpi, found in columns.items()},
    )
    conduct = Conduct(state, float(count), float(count), float(count), mock, incidents=incidents)  # type: ignore[arg-type]
    case = Case(
        kpis=tuple(columns),
        promise=promised(count),
        measurements=measured,
        conduct=conduct,
        problems=(),
        origins={"kpis.p95_ms.hard": "soak.yaml:16:5"},
        overrides=overrides,
        reproduce="soak verify x",
        changes=changes,
    )
    verdict = judge(case).to_dict()
    sealed = receipt.build(
        document,
        verdict,
        state=conduct.state,
        finished_at=None,
        coverage=receipt.coverage(case.promise, measured, conduct),
        kpis=kpi_statistics(columns, measured, 0),
        digests={},
    )
    return Report(verdict, sealed, tuple(columns), measured, fail_on, **more)


def test_what_happened_to_the_time_is_told_without_calling_it_wrong() -> None:
    incidents = Incidents(suspends=1, suspended_seconds=60.0, clock_steps=1, largest_step_seconds=-30.0)
    text = summary_markdown(report(incidents=incidents))
    assert "## What is wrong" not in text
    assert "## Worth knowing" in text
    assert "The machine slept 1 time, 1m in all" in text
    assert "The wall clock was set 1 time, back by 30s" in text
    assert "## Worth knowing" not in summary_markdown(report())


def test_what_was_changed_under_way_is_shown_with_its_iterations() -> None:
    change = {
        "key": "workload.run",
        "before": {"value": ["a"], "origin": "soak.yaml:2:3"},
        "now": None,
        "first_iteration": 2,
        "last_iteration": 3,
    }
    text = summary_markdown(report(changes=(change,)))
    assert "## Changed under way" in text
    assert '| `workload.run` | `["a"]` | not given | 2 to 3 |' in text
    assert "CHANGED:" not in text
    assert "and 10 more" in summary_markdown(report(changes=(change,) * 60))
    assert "## Changed under way" not in summary_markdown(report())


def first_line(found: Report) -> str:
    return summary_markdown(found).splitlines()[0]


def row(text: str, name: str) -> list[str]:
    """Return the cells of the line about a KPI in the table."""
    (line,) = [line for line in text.splitlines() if line.startswith("| ") and name in line.split("|")[1]]
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


# ---- the verdict comes first


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ([210.0, 220.0], "# ✅ PASS: `shop`, profile `nightly`"),
        ([360.0, 370.0], "# ⚠️ WARN: `shop`, profile `nightly`"),
        ([500.0, 510.0], "# ❌ FAIL: `shop`, profile `nightly`"),
        (["stale", "stale"], "# ⛔ INVALID: `shop`, profile `nightly`"),
    ],
)
def test_the_first_line_is_the_verdict(values: list[float | str], line: str) -> None:
    assert first_line(report({LATENCY: values})) == line


def test_a_run_that_was_stopped_is_inconclusive() -> None:
    found = report(state="interrupted")
    assert first_line(found).startswith("# ❓ INCONCLUSIVE")
    assert "interrupted" in summary_markdown(found).splitlines()[2]


def test_trap_07_what_was_found_wrong_afterwards_is_invalid_and_told_first() -> None:
    text = summary_markdown(report(problems=("results: was <b>changed</b>",)))
    assert text.startswith("# ⛔ INVALID")
    assert "## What is wrong\n\n- ⛔ **The evidence was changed while it was made**: results: was &lt;b&gt;" in text


def test_a_good_run_has_nothing_wrong() -> None:
    assert "What is wrong" not in summary_markdown(report())


def test_the_facts_tell_what_was_measured() -> None:
    assert summary_markdown(report()).splitlines()[2] == (
        "finished · 3 of 3 planned iterations · 3s of soak · commit `dddddddddd`"
    )
    without = {**DOCUMENT, "commit": None, "head_commit": None, "tree_dirty": None, "profile": None}
    assert summary_markdown(report(document=without)).splitlines()[2].endswith("3s of soak")
    assert first_line(report(document=without)) == "# ✅ PASS: `shop`"


def test_a_mock_says_so_under_the_verdict_and_a_real_run_does_not() -> None:
    assert "**MOCK**" in summary_markdown(report(mock=True)).split("\n\n")[1]
    assert "MOCK" not in summary_markdown(report())


def test_loosening_fail_on_is_a_banner_and_tightening_it_is_none() -> None:
    text = summary_markdown(report({LATENCY: [500.0, 500.0]}, fail_on=("invalid",)))
    assert "**OVERRIDE**: `gate.fail_on` leaves out fail; this bars a release" in text.split("\n\n")[1]
    assert "OVERRIDE" not in summary_markdown(report(fail_on=("fail", "invalid", "inconclusive", "warn")))


# ---- what is wrong


def test_a_broken_rule_is_told_with_its_reason_and_its_line() -> None:
    text = summary_markdown(report({LATENCY: [500.0, 510.0]}))
    assert "- ❌ **Latency** `p95_ms.hard` (`soak.yaml:16:5`): mean over 2 iterations is 505 ms, limit 400 ms" in text


def test_the_worst_is_told_first_and_the_rest_is_counted() -> None:
    kpis = {replace(LATENCY, name=f"k{number}", title=f"k{number}"): [360.0, 360.0] for number in range(40)}
    text = summary_markdown(report({**kpis, replace(LATENCY, name="worst", title="worst"): [500.0, 500.0]}))
    wrong = text.partition("## What is wrong\n\n")[2].partition("## KPIs")[0].splitlines()
    assert "`worst.hard`" in wrong[0]
    assert len([line for line in wrong if line.startswith(("- ❌", "- ⚠️"))]) == 30
    assert "- and 12 more: all of them are in `verdict.json`" in wrong


def test_a_verdict_without_a_broken_rule_has_its_reason() -> None:
    text = summary_markdown(report({FREE: [1.0, 2.0]}))
    assert "- ❓ nothing hard was asked of any KPI" in text


def test_the_first_missing_values_are_folded_away() -> None:
    found = report({LATENCY: ["stale", "stale"]}, notes=("a.json: *no* value",))
    assert "<summary>the first values that are missing</summary>\n\n- a.json: \\*no\\* value" in summary_markdown(found)


# ---- the table of KPIs


def test_a_kpi_has_value_limits_margin_and_trend() -> None:
    text = summary_markdown(report())
    assert row(text, "Latency") == [
        *("Latency `p95_ms`", "✅ pass", "220 ms <sub>mean, all</sub>", "350 ms", "400 ms", "45 % left", "▁▅█"),
    ]


@pytest.mark.parametrize(
    ("kpi", "values", "margin"),
    [
        (LATENCY, [500.0, 500.0], "25 % over"),
        (LATENCY, [400.0, 400.0], "0 % left"),
        (THROUGHPUT, [150.0, 150.0], "50 % left"),
        (THROUGHPUT, [90.0, 90.0], "10 % short"),
        (replace(LATENCY, hard=0.0, soft=None), [3.0, 3.0], "3 ms over"),
        (replace(LATENCY, hard=0.0, soft=None), [0.0, 0.0], "0 ms left"),
        (replace(LATENCY, hard=None), [175.0, 175.0], "50 % left"),
        (FREE, [1.0, 2.0], "\u2013"),
    ],
)
def test_the_margin_tells_which_side_of_the_limit(kpi: Kpi, values: list[float], margin: str) -> None:
    assert row(summary_markdown(report({kpi: values})), kpi.title)[5] == margin


def test_what_is_missing_is_counted_and_never_zero() -> None:
    cells = row(summary_markdown(report({LATENCY: [210.0, "stale", 230.0]})), "Latency")
    assert cells[2] == "not measured <sub>1 missing</sub>" or cells[2].endswith("<sub>1 missing</sub>")
    assert cells[6] == "▁·█"
    assert row(summary_markdown(report({LATENCY: ["stale", "stale"]})), "Latency")[2].startswith("not measured")


def test_a_kpi_without_a_limit_shows_its_median() -> None:
    assert row(summary_markdown(report({LATENCY: [1.0, 2.0], FREE: [3.0, 5.0]})), "free")[2] == ("4 <sub>median</sub>")


# ---- charts


def test_the_worst_kpis_are_drawn_and_the_first_two_are_open() -> None:
    kpis = {replace(LATENCY, name=f"k{number}", title=f"k{number}"): [1.0, 2.0] for number in range(9)}
    text = summary_markdown(report({**kpis, replace(LATENCY, name="bad", title="bad"): [500.0, 600.0]}))
    assert re.findall(r"<details( open)?><summary>((?:k\d|bad))</summary>", text) == [
        *((" open", "bad"), (" open", "k0"), ("", "k1"), ("", "k2"), ("", "k3"), ("", "k4")),
    ]


def test_one_value_is_no_course() -> None:
    assert "mermaid" not in summary_markdown(report({LATENCY: [210.0]}))


# ---- overrides and evidence


def test_overrides_say_who_gave_them_instead_of_what() -> None:
    text = summary_markdown(report(overrides=(OVERRIDE,)))
    assert "<summary>Overrides in force: 1</summary>" in text
    assert "| `schedule.iterations` | `2` | `input iterations` | `24` of `soak.yaml:7:3` |" in text
    assert "Overrides" not in summary_markdown(report())


def test_the_evidence_names_what_can_be_checked() -> None:
    text = summary_markdown(report(artifact="soak-x"))
    assert "| artifact | `soak-x` |" in text
    assert "| artifact | not uploaded |" in summary_markdown(report())
    assert "soak verify 20261123T005200Z-nightly-ab12cd" in text
    assert "A &lt;b&gt;Processor&lt;/b&gt;" in text
    assert "changes that are not committed" in summary_markdown(report(document={**DOCUMENT, "tree_dirty": True}))


# ---- bounds


def test_a_summary_of_the_worst_kind_is_within_the_bounds() -> None:
    text = "$|<" * 1000
    kpis = {
        replace(LATENCY, name=f"k{number}", title=text, unit=text[:200]): [500.0 + step for step in range(300)]
        for number in range(150)
    }
    overrides = tuple({**OVERRIDE, "value": text, "origin": text, "key": text} for _ in range(200))
    found = summary_markdown(report(kpis, overrides=overrides, notes=(text,) * 100, problems=(text,) * 500))
    assert len(found.encode()) <= MOST_BYTES
    assert found.startswith("# ⛔ INVALID")
    assert "and 50 more KPIs" in found


def test_what_does_not_fit_is_named() -> None:
    text = summary_markdown(report(), most_bytes=1100)
    assert len(text.encode()) <= 1100
    assert text.startswith("# ✅ PASS")
    assert text.endswith("Left out, because GitHub drops a summary that is too long: charts, evidence.\n")
    assert "Left out" not in summary_markdown(report())


def test_trap_07_the_same_evidence_gives_the_same_summary() -> None:
    assert summary_markdown(report()) == summary_markdown(report())


@given(st.text(max_size=60), st.text(max_size=20))
@settings(max_examples=200)
def test_names_of_others_never_become_markup(title: str, unit: str) -> None:
    text = summary_markdown(report({replace(LATENCY, title=title or "x", unit=unit): [500.0, 510.0]}))
    outside = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    assert set(re.findall(r"<(/?[a-z]+)", outside)) <= {
        *("details", "/details", "summary", "/summary", "sub", "/sub", "span", "/span"),
    }
    assert [line for line in text.splitlines() if line.startswith("#")] == [
        *("# ❌ FAIL: `shop`, profile `nightly`", "## What is wrong", "## KPIs", "## Charts"),
    ]
    assert len([line for line in text.splitlines() if line.startswith("| ") and "`p95_ms`" in line]) == 1


# ---- refusals


def test_a_refusal_lists_at_most_a_hundred_mistakes() -> None:
    text = refusal_markdown([f"soak.yaml:{number}:1: <b>" for number in range(150)], 2)
    assert text.splitlines()[0] == headline("invalid", "nothing was judged")
    assert text.count("\n- soak.yaml") == 100
    assert "\n- and 50 more\n" in text
    assert "<b>" not in text
    assert "more" not in refusal_markdown(["one"], 2)


def test_the_gaps_of_a_run_in_segments_are_told_in_the_headline_and_one_by_one() -> None:
    ends = [
        {
            "segment": number,
            "started_at": f"2026-11-23T{10 + number}:00:00.000Z",
            "ended_at": f"2026-11-23T{10 + number}:40:00.000Z",
            "state": "interrupted" if number == 2 else "paused",
            "reason": "killed" if number == 2 else "*time*",
            "iterations": 10 * number,
            "measured_seconds": 2400.0,
        }
        for number in (1, 2, 3)
    ]
    whole = report()
    coverage = {
        **whole.receipt["coverage"],
        "segments": 3,
        "gap_seconds": 2400.0,
        "longest_segment_seconds": 2400.0,
    }
    told = summary_markdown(replace(whole, receipt={**whole.receipt, "coverage": coverage}, segments=segments_of(ends)))
    assert "3 segments, the longest 40m, 40m between them" in told.split("##")[0]
    assert "<summary>Segments: 3</summary>" in told
    rows = [line for line in told.splitlines() if line.startswith("| ") and "2026-11-23 1" in line]
    assert [row.count("20m") for row in rows] == [0, 1, 1]
    assert "interrupted: killed" in rows[1]
    assert "\\*time\\*" in rows[0]


def test_a_run_in_one_piece_tells_of_no_gap() -> None:
    assert "segment" not in summary_markdown(report()).lower()
