"""A JMESPath expression, compiled by jmespath and refused with the place and a repair."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any

from soak_action.kpi.path_hint import hint_for

# Whatever jmespath raises on a bad expression or document is shown with its text; none of our code runs in there.
_FAILURES = (ValueError, TypeError, ArithmeticError, LookupError, AttributeError, RecursionError)

_TEXT_SHOWN = 200

# The kinds of nodes in the syntax trees of jmespath.
_READERS = frozenset({"field", "index", "slice", "current", "identity"})
_CHAINS = frozenset({"subexpression", "index_expression", "pipe"})
_PROJECTIONS = frozenset({"projection", "value_projection", "filter_projection", "flatten"})


class PathError(ValueError):
    """A path that is no JMESPath expression, or one that fails on a document.

    `column` counts from 1 and is None when no single place is to blame; `hint` says what to write instead, or is empty.
    """

    def __init__(self, text: str, what: str, column: int | None = None, hint: str = "") -> None:
        place = "" if column is None else f", column {column}"
        shown = text if len(text) <= _TEXT_SHOWN else f"{text[:_TEXT_SHOWN]}..."
        super().__init__(f"path '{shown}'{place}: {what}" + (f"; {hint}" if hint else ""))
        self.text = text
        self.what = what
        self.column = column
        self.hint = hint


def compile_expression(text: str) -> Callable[[object], object]:
    """Return the search function of an expression; both raise PathError, and what is missing is None."""
    try:
        parsed = _parse(text)
        reads = _depends(parsed.parsed, current=True)
    except _FAILURES as error:
        raise _syntax_error(text, error) from error
    for name, arguments in _calls(parsed.parsed):
        complaint = _complaint(name, arguments)
        if complaint is not None:
            raise _call_error(text, name, complaint)
    if not reads:
        raise PathError(text, "reads nothing of the result", hint="write for example latency.p95")

    def search(document: object) -> object:
        try:
            return parsed.search(document)
        except _FAILURES as error:
            raise PathError(text, _one_line(error)) from error

    return search


def _parse(text: str) -> Any:
    """Parse with jmespath, without its warning about old literals (`x` for a text), which are right to this day."""
    import jmespath

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PendingDeprecationWarning)
        return jmespath.compile(text)


def _is_valid(text: str) -> bool:
    """Whether `text` would compile: a hint must never be wrong itself."""
    try:
        parsed = _parse(text)
        reads = _depends(parsed.parsed, current=True)
    except _FAILURES:
        return False
    return reads and all(_complaint(name, arguments) is None for name, arguments in _calls(parsed.parsed))


def _syntax_error(text: str, error: Exception) -> PathError:
    """Translate what jmespath says about `text`."""
    if isinstance(error, RecursionError):
        return PathError(text, "nested too deeply")
    position = getattr(error, "lex_position", None)
    if position is None:
        return PathError(text, _one_line(error), hint=hint_for(text, _is_valid))
    column = int(position) + 1
    token = text[int(position) : int(position) + 1]
    message = getattr(error, "message", "")
    if "delimiter" in message:
        what = f"the quote {token} is never closed"
    else:
        what = f"unexpected '{token}'" if token else "the path ends too early"
    return PathError(text, what, column, hint_for(text, _is_valid))


def _calls(node: dict[str, Any]) -> Iterator[tuple[str, int]]:
    """Yield name and number of arguments of every function call in a syntax tree."""
    waiting = [node]
    while waiting:
        current = waiting.pop()
        if current["type"] == "function_expression":
            yield current["value"], len(current["children"])
        waiting.extend(child for child in current["children"] if isinstance(child, dict))


def _depends(node: dict[str, Any], *, current: bool) -> bool:
    """Whether the answer can differ from document to document; `current`: what the node is applied to can.

    A literal is always the same, and so is whatever is only read out of a literal or thrown away for one.
    """
    kind, children = node["type"], node["children"]
    if kind in _READERS:
        return current
    if kind in _CHAINS:
        for child in children:
            current = _depends(child, current=current)
        return current
    if kind in _PROJECTIONS:
        return _depends(children[0], current=current)
    # An expression reference (&value) only ever reads the elements of another argument.
    return kind != "expref" and any(_depends(child, current=current) for child in children)


def _complaint(name: str, arguments: int) -> str | None:
    """What is wrong with a call; jmespath itself would only say so once it meets a document."""
    table = _functions()
    if name not in table:
        return f"there is no function {name}()"
    signature = table[name]["signature"]
    variadic = signature[-1].get("variadic", False)
    if arguments == len(signature) or (arguments > len(signature) and variadic):
        return None
    return f"{name}() takes {'at least ' if variadic else ''}{len(signature)} arguments, not {arguments}"


def _call_error(text: str, name: str, complaint: str) -> PathError:
    table = _functions()
    hint = ""
    if name not in table:
        repaired = hint_for(text, _is_valid)
        key = f"; for a key of that name {repaired}" if repaired else ""
        hint = f"the functions are {', '.join(sorted(table))}{key}"
    return PathError(text, complaint, text.find(name) + 1, hint)


def _functions() -> dict[str, Any]:
    from jmespath.functions import Functions

    table: dict[str, Any] = Functions.FUNCTION_TABLE
    return table


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:_TEXT_SHOWN] or type(error).__name__
