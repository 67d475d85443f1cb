"""What a summary tells of the parameters of a run: counts, what was decided, and the KPIs meanwhile."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.unit.report.test_summary import LATENCY, report
from tests.unit.report.tuned import configuration, decision, measured, record, reported, saw, section
from tests.unit.tuning.building import FREE, INTERVAL, KPIS, RATIO, Told, change, kpi, target

from soak_action.config.model import Cooldown, Freeze, Guards
from soak_action.report.summary import summary_markdown
from soak_action.report.tuning import tuning_markdown, tuning_report

HELD = {"min_interval_ms": 70, "impact.cap_ratio": 0.09}
MOVED = {**HELD, "min_interval_ms": 75}
PROVEN = "The workload proved in {0} of {0} iterations that it read the parameters in force."


def records_of(told: Told):
    """The records of a run that is told, with what a real one knows besides."""
    return [record(**{**one, "decisions": ()}) | {"decisions": one["decisions"]} for one in told.records]


# ---- the counts


def test_trap_09_the_section_begins_with_what_became_of_the_proposals():
    records = [
        record(1, HELD),
        record(2, MOVED, decision(2, 70, 75)),
        record(3, MOVED, decision(3, 75, 80, "suppressed", details={"cooldown": "rests"})),
        record(4, MOVED, decision(4, 75, 75, "no_op", details={"no_op": "as it is"})),
    ]
    assert section(records)[:3] == [
        "## Parameters",
        "",
        f"**3 proposals: 1 applied, 1 suppressed, 1 without effect.** {PROVEN.format(4)}",
    ]


def test_trap_29_that_nothing_was_ever_applied_is_said_and_not_called_convergence():
    nothing = "Nothing was ever applied, which is not convergence."
    suppressed = decision(2, 70, 75, "suppressed", details={"warmup": "too early"})
    lines = section([record(1, HELD), record(2, HELD, suppressed)])
    assert lines[2] == f"**1 proposal: 0 applied, 1 suppressed, 0 without effect.** {nothing} {PROVEN.format(2)}"
    assert nothing not in section([record(1, HELD), record(2, MOVED, decision(2, 70, 75))])[2]
    assert section([record(1, HELD)]) == [
        "## Parameters",
        "",
        (
            f"**Nobody proposed anything.** {nothing} "
            "The workload proved in 1 of 1 iteration that it read the parameters in force."
        ),
    ]


@pytest.mark.parametrize(
    ("read", "told"),
    [
        ((True, True, True), PROVEN.format(3)),
        (
            (True, False, False),
            "The workload proved in 1 of 3 iterations that it read the parameters in force; 2 unconfirmed.",
        ),
        (
            (False, False, False),
            "Unconfirmed: in none of 3 iterations did the workload prove that it read the parameters in force.",
        ),
    ],
)
def test_iterations_without_proof_are_unconfirmed(read, told):
    records = [
        record(number, HELD, parameters_file={"digest": "x", "digest_read": "x" if proven else None, "edited": False})
        for number, proven in enumerate(read, 1)
    ]
    assert section(records)[2].endswith(told)


def test_failures_of_the_tuner_are_told_with_the_first_one():
    failed = {"problem": "tuning.command `crashed` | twice"}
    records = [record(1, HELD), record(2, HELD, tuner=failed), record(3, HELD, tuner={"problem": None})]
    told = "Asking the tuner was in vain 1 time; the first time, before iteration 2: "
    assert section(records)[2].endswith(f"{told}tuning.command \\`crashed\\` \\| twice")
    assert "The tuner" not in section([record(1, HELD), record(2, HELD, tuner={"problem": None})])[2]


def test_a_run_without_parameters_has_no_section():
    assert tuning_report(configuration(parameters=()), iter([record(1, HELD)])) is None
    assert tuning_report(configuration(), iter([{"iteration": 1}, {}])) is None
    assert tuning_markdown(None, KPIS, measured({})) == ""
    assert "## Parameters" not in summary_markdown(report())


# ---- what was decided


HEAD = [
    "### What was decided",
    "",
    "| iteration | soak | parameter | from, to | outcome | because | suppressed by |",
    "| --- | --: | --- | --- | --- | --- | --- |",
]


def timeline(records, **settings):
    """The rows of the timeline, and what stands below it."""
    lines = section(records, **settings)
    assert lines[4:8] == HEAD
    end = lines.index("### The KPIs meanwhile") if "### The KPIs meanwhile" in lines else len(lines) + 1
    return [line.replace("\N{EN DASH}", "-") for line in lines[8 : end - 1]]


def test_a_row_tells_what_when_why_and_suppressed_by_what():
    records = [
        record(1, HELD),
        record(2, MOVED, decision(2, 70, 75, because="risk >= 0.6 (risk 0.72)")),
        record(
            3,
            MOVED,
            decision(3, 75, 45, "suppressed", kind="target", requested=45, details={"cooldown": "1", "velocity": "2"}),
            decision(3, 0.09, None, "suppressed", parameter="impact.cap_ratio", kind="target", requested=0.5,
                     source="command", details={"bounds": "0.5 is above 0.12"}),
            decision(3, 75, 75, "no_op", requested=-0.5, details={"no_op": "less than a step"}),
        ),
    ]  # fmt: skip
    assert timeline(records) == [
        (
            "| 2 | 2m | `min_interval_ms` | 70 → 75 ms <sub>+5</sub> | **applied** "
            "| rule 1: risk &gt;= 0.6 (risk 0.72) | - |"
        ),
        "| 3 | 3m | `min_interval_ms` | 75 → 45 ms <sub>=45</sub> | suppressed | rule 1: a reason | cooldown: 1 |",
        (
            "| 3 | 3m | `impact.cap_ratio` | 0.09 <sub>=0.5</sub> | suppressed | command: a reason "
            "| bounds: 0.5 is above 0.12 |"
        ),
        (
            "| 3 | 3m | `min_interval_ms` | 75 → 75 ms <sub>-0.5</sub> | no effect | rule 1: a reason "
            "| no\\_op: less than a step |"
        ),
    ]


def test_equal_suppressed_decisions_without_a_gap_are_one_row():
    def again(number, **more):
        return decision(number, 70, 75, "suppressed", **{"details": {"freeze": "frozen"}, **more})

    def other(number):
        return decision(number, 0.09, 0.1, "suppressed", parameter="impact.cap_ratio", details={"freeze": "frozen"})

    records = [
        record(1, HELD),
        *(record(number, HELD, again(number), other(number)) for number in range(2, 5)),
        record(5, HELD, again(5)),
        record(6, HELD),
        record(7, HELD, again(7)),
        record(8, HELD, again(8, details={"cooldown": "rests"})),
        record(9, HELD, again(9, details={"cooldown": "rests"}, requested=6)),
    ]
    assert [row.split(" | ")[0:3] for row in timeline(records)] == [
        ["| 2-5", "2m", "`min_interval_ms`"],
        ["| 2-4", "2m", "`impact.cap_ratio`"],
        ["| 7", "7m", "`min_interval_ms`"],
        ["| 8", "8m", "`min_interval_ms`"],
        ["| 9", "9m", "`min_interval_ms`"],
    ]


def test_joined_rows_say_where_only_the_first_one_speaks():
    def rows(**others):
        first = {"because": "risk 1", "details": {"velocity": "too fast"}}
        return timeline(
            [record(2, HELD, decision(2, 70, 75, "suppressed", **first)),
             record(3, HELD, decision(3, 70, 75, "suppressed", **{**first, **others}))]
        )  # fmt: skip

    mark = " <sub>the first of 2</sub>"
    shared = "| 2-3 | 2m | `min_interval_ms` | 70 → 75 ms <sub>+5</sub> | suppressed | rule 1: risk 1"
    assert rows() == [f"{shared} | velocity: too fast |"]
    assert rows(because="risk 2") == [f"{shared}{mark} | velocity: too fast |"]
    assert rows(details={"velocity": "faster"}) == [f"{shared} | velocity: too fast{mark} |"]


def test_applied_decisions_are_never_joined():
    records = [record(2, HELD, decision(2, 70, 75)), record(3, HELD, decision(3, 70, 75))]
    assert len(timeline(records)) == 2


def test_a_freeze_and_its_thaw_have_rows_of_their_own():
    told = Told(INTERVAL, RATIO, guards=Guards(freeze=Freeze(after=2, hold=3, when="net_bps > 1", parameters=())))
    for net, risk in [(2, 0.1), (2, 0.1), (0, 0.1), (0, 0.95), (2, 0.1), (2, 0.1), (0, 0), (0, 0), (0, 0), (0, 0)]:
        told.iterate(kpis={"net_bps": net, "risk_ratio": risk})
    rows = [row for row in timeline(records_of(told)) if "frozen**" in row or "thawed**" in row]
    both = "`impact.cap_ratio`, `min_interval_ms`"
    state = told.records[5]["state_hash"][:8]
    assert rows == [
        (
            f"| 3 | - | {both} | - | **frozen** | iterations with the state `{told.records[1]['state_hash'][:8]}` were "
            "stable; until iteration 5 | - |"
        ),
        f"| 5 | - | {both} | - | **thawed** | iteration 4 was beyond the hard limit of risk\\_ratio | - |",
        f"| 7 | - | {both} | - | **frozen** | iterations with the state `{state}` were stable; until iteration 9 | - |",
        f"| 10 | - | {both} | - | **thawed** | it was held to its end, iteration 9 | - |",
    ]


def test_a_thaw_that_no_limit_explains_is_told_all_the_same():
    frozen = {"parameters": ["free"], "since": 1, "until": 9, "signature": "s" * 64}
    lines = timeline([record(1, HELD, frozen=frozen), record(2, HELD)])
    assert lines[1] == "| 2 | - | `free` | - | **thawed** | iteration 1 was beyond the hard limit of a KPI | - |"


def test_what_was_applied_is_kept_before_what_was_not():
    records = [record(1, HELD)]
    for number in range(2, 202):
        suppressed = decision(number, 70, 75, "suppressed", requested=number, details={"velocity": "too fast"})
        applied = [decision(number, 70, 75, because=f"move {number}")] if number % 5 == 0 else []
        records.append(record(number, HELD, suppressed, *applied))
    *rows, blank, more = timeline(records)
    assert (len(rows), blank) == (60, "")
    assert [f"move {number}" for number in range(5, 202, 5) if not any(f"move {number} " in row for row in rows)] == []
    assert more == "and 180 rows more with 180 decisions: every decision is in `decisions.jsonl`"
    others = [int(row.split(" | ")[0][2:]) for row in rows if "suppressed" in row]
    assert others == [*range(2, 12), *range(192, 202)]


def test_of_too_many_applied_decisions_the_first_and_the_last_are_kept():
    *rows, _, more = timeline(saw(1000))
    assert [row.split(" | ")[0] for row in rows] == [f"| {n}" for n in (*range(2, 32), *range(971, 1001))]
    assert all("**applied**" in row for row in rows)
    assert more == "and 1938 rows more with 1938 decisions: every decision is in `decisions.jsonl`"


def test_joined_decisions_that_are_left_out_are_counted_one_by_one():
    records = [record(1, HELD)]
    for number in range(2, 302):
        value = 40 + number // 3
        records.append(record(number, HELD, decision(number, 70, value, "suppressed", details={"velocity": "fast"})))
    *rows, _, more = timeline(records)
    assert len(rows) == 60
    assert more == "and 41 rows more with 123 decisions: every decision is in `decisions.jsonl`"


# ---- the KPIs meanwhile


CAVEAT = (
    "Each row is the iterations with one state of the parameters, and the median of each KPI over them, without the "
    "warm-up. This compares different times of one run: it does not prove that the parameters made the difference."
)


def effect(records, values, **settings):
    lines = section(records, values, **settings)
    start = lines.index("### The KPIs meanwhile")
    assert lines[start + 1 : start + 4] == ["", CAVEAT, ""]
    return [line.replace("\N{EN DASH}", "-") for line in lines[start + 4 :]]


def test_each_state_of_the_parameters_stands_beside_the_kpis_that_it_saw():
    states = [HELD, HELD, HELD, MOVED, MOVED, HELD]
    values = {"risk_ratio": [9.0, 0.5, 0.7, 0.1, "stale", "stale"], "net_bps": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]}
    records = [record(number, state) for number, state in enumerate(states, 1)]
    kpis = (KPIS[0], replace(KPIS[1], unit="bps", title="Net|gain"))
    first, second = (record(1, state)["state_hash"][:8] for state in (HELD, MOVED))
    assert effect(records, values, kpis=kpis, warmup=1) == [
        "| iterations | state | parameters | risk\\_ratio | Net\\|gain (bps) |",
        "| --- | --- | --- | --: | --: |",
        f"| 1-3 | `{first}` | `min_interval_ms` 70 ms, `impact.cap_ratio` 0.09 | 0.6 | 2.5 |",
        f"| 4-5 | `{second}` | `min_interval_ms` 70 → 75 ms | 0.1 <sub>1 missing</sub> | 4.5 |",
        f"| 6 | `{first}` | `min_interval_ms` 75 → 70 ms | <sub>1 missing</sub> | 6 |",
    ]


def test_a_cancelled_iteration_and_a_span_of_warm_up_say_nothing_of_a_kpi():
    found = measured({"risk_ratio": [0.1, 0.2, 0.3]})
    cancelled = replace(found, outcomes=["ok", "ok", "cancelled"])
    tuning = reported([record(1, HELD), record(2, MOVED), record(3, MOVED)], warmup=1)
    rows = tuning_markdown(tuning, KPIS[:1], cancelled).replace("\N{EN DASH}", "-").splitlines()[-2:]
    assert [row.split(" | ")[-1] for row in rows] == ["- |", "0.2 |"]


def test_a_kpi_that_the_judgement_does_not_know_has_no_values():
    rows = effect([record(1, HELD), record(2, MOVED)], {"net_bps": [1.0, 2.0]})
    assert [row.split(" | ")[-2:] for row in rows[2:]] == [["-", "1 |"], ["-", "2 |"]]


def test_parameters_that_never_changed_have_no_effect_to_show():
    assert "### The KPIs meanwhile" not in section([record(1, HELD), record(2, HELD)], {"risk_ratio": [1.0, 2.0]})


def test_the_kpis_with_a_limit_come_first_and_the_others_are_counted():
    kpis = [*(kpi(f"k{number}") for number in range(6)), kpi("hard", hard=1.0), replace(kpi("soft"), soft=1.0)]
    lines = effect([record(1, HELD), record(2, MOVED)], {"k0": [1.0, 2.0]}, kpis=kpis)
    assert lines[0] == "| iterations | state | parameters | hard | soft | k0 | k1 | k2 | k3 |"
    assert lines[-1] == "and 2 KPIs more"


def test_a_long_list_of_parameters_is_cut():
    held = {f"p{number}": number for number in range(20)}
    lines = effect([record(1, held), record(2, dict.fromkeys(held, 1))], {})
    assert lines[2].endswith("`p6` 6, `p7` 7, and 12 more | - | - |")
    assert lines[3].endswith("`p7` 7 → 1, `p8` 8 → 1, and 11 more | - | - |")


# ---- the whole


def test_the_section_stands_in_the_summary_and_stays_small_however_long_the_run():
    tuning = reported(saw(5000))
    text = summary_markdown(replace(report({LATENCY: [300.0] * 5000}), tuning=tuning))
    assert text.index("## KPIs") < text.index("## Parameters") < text.index("## Charts")
    assert len(tuning.effect.spans) == 30
    assert len(text.encode()) < 60_000


@pytest.mark.parametrize(
    "broken",
    [
        {"iteration": "1"},
        {"iteration": True},
        {"parameters": []},
        {"parameters": {"x": "1"}},
        {"parameters": {"x": 10**400}},
        {"state_hash": None},
        {"decisions": None},
        {"decisions": [1]},
        {"decisions": [{**decision(2, 70, 75), "because": 1}]},
        {"decisions": [{**decision(2, 70, 75), "outcome": ["applied"]}]},
        {"decisions": [{**decision(2, 70, 75), "outcome": "done"}]},
        {"decisions": [{**decision(2, 70, 75), "kind": "wish"}]},
        {"decisions": [{**decision(2, 70, 75), "from": None}]},
        {"decisions": [{**decision(2, 70, 75), "to": "75"}]},
        {"decisions": [{**decision(2, 70, 75), "reasons": ["velocity"]}]},
        {"frozen": 1},
        {"frozen": {"parameters": "x", "since": 1.5, "until": 2, "signature": ""}},
        {"kpis": {"x": None}},
        {"tuner": 1},
        {"parameters_file": None},
    ],
)
def test_a_record_of_another_shape_is_left_out(broken):
    good = [record(1, HELD), record(2, MOVED, decision(2, 70, 75))]
    with_broken = [good[0], {**record(2, MOVED), **broken}, good[1]]
    assert section(with_broken) == section(good)
    assert tuning_report(configuration(), iter([{**record(1, HELD), **broken}])) is None


def test_a_run_of_the_real_guards_is_told_as_it_went():
    told = Told(INTERVAL, FREE, guards=Guards(cooldown=Cooldown(0.1, 2)))
    told.iterate()
    told.iterate(change(5))
    told.iterate(change(5), target(1.0, FREE))
    told.iterate(change(5), change(3, source="command"))
    rows = timeline(records_of(told), parameters=(INTERVAL, FREE))
    cells = [[cell.strip() for cell in row.split("|")[1:-1]] for row in rows]
    assert [(cell[0], cell[2], cell[4], cell[6].partition(":")[0]) for cell in cells] == [
        ("2", "`min_interval_ms`", "**applied**", "-"),
        ("3-4", "`min_interval_ms`", "suppressed", "cooldown"),
        ("3", "`free`", "no effect", "no\\_op"),
        ("4", "`min_interval_ms`", "suppressed", "conflict"),
    ]
