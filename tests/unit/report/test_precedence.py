from __future__ import annotations

from soak_action.base_branch import Comparison
from soak_action.config.layers import Leaf, Shadowed
from soak_action.config.loosening import Change
from soak_action.report.gates import gates_markdown
from soak_action.report.markdown import MOST_BYTES
from soak_action.report.precedence import View, precedence_markdown

HARD = Leaf(
    ("kpis", "p95_ms", "hard"),
    500,
    "env",
    "env SOAK_KPIS__P95_MS__HARD",
    (Shadowed(("kpis", "p95_ms", "hard"), 400, "file", "soak.yaml:8:3"),),
)
EVERY = Leaf(
    ("schedule", "every"),
    "1m",
    "profile",
    "profile nightly soak.yaml:20:5",
    (Shadowed(("schedule", "pause"), "0s", "default", "schema default"),),
)
WARMUP = Leaf(("schedule", "warmup"), 0, "default", "schema default")
VIEW = View("nightly", leaves=[HARD, EVERY, WARMUP], met=2)


def test_the_first_line_tells_whether_all_is_as_expected() -> None:
    assert precedence_markdown([VIEW], None).startswith("# ✅ Configuration: 2 expectations met\n")
    assert precedence_markdown([View("")], None).startswith("# ✅ Configuration: no mistakes\n")
    broken = View("", broken=["soak.yaml:8:3: expected <b>"], met=1)
    text = precedence_markdown([VIEW, broken], None)
    assert text.startswith("# ❌ Configuration: 1 expectation broken, 3 met\n")
    assert "- ❌ without a profile: soak.yaml:" in text
    assert "<b>" not in text
    wrong = View("", mistakes=["soak.yaml:1:1: one", "soak.yaml:2:1: two"], broken=["x"])
    text = precedence_markdown([wrong, wrong], None)
    assert text.startswith("# ⛔ Configuration: 2 mistakes\n"), "what is wrong in several profiles is told once"


def test_every_value_that_is_no_default_is_shown_with_what_it_hides() -> None:
    text = precedence_markdown([VIEW], None)
    assert "| `kpis.p95_ms.hard` | `500` | env | `env SOAK_KPIS__P95_MS__HARD` |\n| hides | `400` | file |" in text
    assert "| hides `schedule.pause` | `0s` | default | `schema default` |" in text
    assert "schedule.warmup" not in text
    assert "and 1 default: `soak config show` has all" in text


def test_a_huge_configuration_stays_within_the_bounds() -> None:
    leaves = [Leaf(("kpis", f"k{number}", "title"), "|$" * 500, "file", "soak.yaml:1:1") for number in range(2000)]
    view = View("", leaves=leaves, mistakes=["$" * 900] * 3000, warnings=[f"{n}<" for n in range(3000)])
    text = precedence_markdown([view] * 8, None)
    assert len(text.encode()) <= MOST_BYTES
    assert "1700 more rows" in text


def test_gates_that_differ_are_listed_the_looser_ones_first() -> None:
    changes = (
        Change(("kpis", "p95_ms", "hard"), 400, 800, "loosened"),
        Change(("gate", "locked"), [], ["gate"], "tightened"),
        Change(("kpis", "rps"), "judged", None, "loosened"),
    )
    text = gates_markdown(Comparison(changes))
    assert "| ⚠️ loosened | `kpis.p95_ms.hard` | `400` | `800` |" in text
    assert '| ✅ tightened | `gate.locked` | `[]` | `["gate"]` |' in text
    assert "| ⚠️ loosened | `kpis.rps` | `judged` | \u2013 |" in text
    assert text in precedence_markdown([VIEW], Comparison(changes))


def test_nothing_to_compare_is_said_and_no_difference_is_too() -> None:
    assert gates_markdown(None) == ""
    assert gates_markdown(Comparison()) == "No gate, limit or lock differs from the base branch."
    assert "not compared with the base branch: there is no soak.yaml" in gates_markdown(
        Comparison(note="there is no soak.yaml")
    )
