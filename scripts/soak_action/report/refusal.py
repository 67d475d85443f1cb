"""The summary of a step that could not come to a verdict of its own."""

from __future__ import annotations

from collections.abc import Sequence

from soak_action.report.markdown import inert
from soak_action.report.summary import headline

_MOST = 100


def refusal_markdown(mistakes: Sequence[str], exit_code: int) -> str:
    """Return why there is no verdict but `invalid`, at most a hundred reasons of them."""
    listed = "\n".join(f"- {inert(mistake)}" for mistake in mistakes[:_MOST])
    more = f"\n- and {len(mistakes) - _MOST} more" if len(mistakes) > _MOST else ""
    return f"{headline('invalid', 'nothing was judged')}\n\n{listed}{more}\n\nThe exit code is {exit_code}.\n"
