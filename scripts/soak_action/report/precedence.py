"""Where configuration values come from, as Markdown for the page of a job: what is wrong first, then every value."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from soak_action.base_branch import Comparison
from soak_action.config.layers import Leaf
from soak_action.config.wording import like_written
from soak_action.report.gates import gates_markdown
from soak_action.report.markdown import code, details, fitting, in_html, inert, table
from soak_action.units import counted

_MOST_TOLD = 100
_MOST_ROWS = 300


@dataclass(frozen=True)
class View:
    """The configuration under one profile, `profile` being empty for none; secrets in the leaves are masked.

    `mistakes`, `warnings` and `broken` expectations are sentences that begin with their place where they have one;
    `met` counts the other expectations.
    """

    profile: str
    leaves: Sequence[Leaf] = ()
    mistakes: Sequence[str] = ()
    warnings: Sequence[str] = ()
    broken: Sequence[str] = ()
    met: int = 0

    @property
    def name(self) -> str:
        """What the view is called."""
        return f"profile {self.profile}" if self.profile else "without a profile"

    @property
    def given(self) -> list[Leaf]:
        """The values that are no default."""
        return [leaf for leaf in self.leaves if leaf.layer != "default"]


def precedence_markdown(views: Sequence[View], comparison: Comparison | None) -> str:
    """Return what is wrong, how the gates differ from the base branch, and each view with all that its values hide."""
    mistakes = list(dict.fromkeys(told for view in views for told in view.mistakes))
    broken = [f"{view.name}: {told}" for view in views for told in view.broken]
    warnings = list(dict.fromkeys(told for view in views for told in view.warnings))
    parts = {
        "verdict": _headline(mistakes, broken, sum(view.met for view in views)),
        "what is wrong": _listed("\u26d4", mistakes) + _listed("\u274c", broken) + _listed("\u26a0\ufe0f", warnings),
        "gates": gates_markdown(comparison),
    }
    for place, view in enumerate(views):
        parts[view.name] = details(in_html(view.name, 80), _values(view), is_open=place == 0)
    return fitting(parts)


def _headline(mistakes: Sequence[str], broken: Sequence[str], met: int) -> str:
    if mistakes:
        return f"# \u26d4 Configuration: {counted(len(mistakes), 'mistake')}"
    if broken:
        return f"# \u274c Configuration: {counted(len(broken), 'expectation')} broken, {met} met"
    return (
        f"# \u2705 Configuration: {counted(met, 'expectation')} met" if met else "# \u2705 Configuration: no mistakes"
    )


def _listed(sign: str, sentences: Sequence[str]) -> str:
    lines = [f"- {sign} {inert(sentence, 600)}\n" for sentence in sentences[:_MOST_TOLD]]
    more = f"- and {len(sentences) - _MOST_TOLD} more\n" if len(sentences) > _MOST_TOLD else ""
    return "".join(lines) + more


def _values(view: View) -> str:
    rows = list(_rows(view.given))
    more = f" and {len(rows) - _MOST_ROWS} more rows," if len(rows) > _MOST_ROWS else ""
    defaults = len(view.leaves) - len(view.given)
    head = ("key", "value", "layer", "from")
    return f"{table(head, rows[:_MOST_ROWS])}\n\nand{more} {counted(defaults, 'default')}: `soak config show` has all"


def _rows(leaves: Iterable[Leaf]) -> Iterator[tuple[str, ...]]:
    for leaf in leaves:
        yield code(leaf.key, 120), code(like_written(leaf.value, 120), 120), leaf.layer, code(leaf.origin, 120)
        for hidden in leaf.shadowed:
            other = "" if hidden.path == leaf.path else f" {code('.'.join(hidden.path), 120)}"
            yield f"hides{other}", code(like_written(hidden.value, 120), 120), hidden.layer, code(hidden.origin, 120)
