"""The words of a condition, and whether they stand in an order that can be read.

Everything that is not a word of the language is refused here, with its column and what to write instead, before
Python's own parser sees the text: its messages differ from version to version, and it reads more than is allowed here.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from math import isfinite
from typing import Literal

from soak_action.config.wording import did_you_mean, nearest, shortened

LONGEST = 1000
MOST_OPERATORS = 100
FUNCTIONS = {"abs": 1, "isnan": 1, "max": 2, "min": 2}

Kind = Literal["number", "kpi", "function", "operator", "(", ")", ","]

_TEXT_SHOWN = 200
_TOKEN = re.compile(
    r"(?P<space>[ \t]+)"
    r"|(?P<number>(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?(?P<rest>[A-Za-z0-9_.%]*))"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<symbol>===|!==|\*\*|//|<<|>>|<=|>=|==|!=|<>|=<|=>|&&|\|\||:=|.)",
    re.DOTALL,
)
_OPERATORS = frozenset({"and", "or", "not", "<", "<=", ">", ">=", "==", "!=", "+", "-", "*", "/"})
_BRACKETS: dict[str, Kind] = {"(": "(", ")": ")", ",": ","}
_INSTEAD = {
    **dict.fromkeys(("=", "===", ":="), "=="),
    **dict.fromkeys(("!==", "<>", "\N{NOT EQUAL TO}"), "!="),
    **dict.fromkeys(("=<", "\N{LESS-THAN OR EQUAL TO}"), "<="),
    **dict.fromkeys(("=>", "\N{GREATER-THAN OR EQUAL TO}"), ">="),
    **dict.fromkeys(("&&", "&"), "and"),
    **dict.fromkeys(("||", "|"), "or"),
    "!": "not",
    "\N{MINUS SIGN}": "-",
    "\N{MULTIPLICATION SIGN}": "*",
    "**": "a product, for example x * x",
    **dict.fromkeys(("\n", "\r"), "the condition in one line"),
    "#": "a comment of soak.yaml behind the condition, outside its quotes",
    **dict.fromkeys("'\"`", "numbers and names of KPIs without quotes"),
    **dict.fromkeys("[]{}", "( and )"),
}
_ONLY = "a condition has names of KPIs, numbers, ( ) + - * / < <= > >= == != and or not, abs isnan max min"


class ConditionError(ValueError):
    """A condition that cannot be read; `column` counts from 1 and `hint` says what to write instead, or is empty."""

    def __init__(self, text: str, column: int, what: str, hint: str = "") -> None:
        super().__init__(
            f"condition '{shortened(text, _TEXT_SHOWN)}', column {column}: {what}" + (f"; {hint}" if hint else "")
        )
        self.text = text
        self.column = column
        self.what = what
        self.hint = hint


@dataclass(frozen=True)
class Token:
    """A word of a condition, and the column at which it begins, counted from 1."""

    kind: Kind
    text: str
    column: int


def tokens_of(text: str, names: Collection[str] | None) -> list[Token]:
    """Return the words of a condition over the KPIs `names` (None: whatever they are called).

    They stand in an order that can be read and are few enough for whatever reads them. Raises ConditionError.
    """
    if len(text) > LONGEST:
        raise ConditionError(text, LONGEST + 1, f"longer than {LONGEST} characters", "use several rules")
    tokens = list(_tokens(text, names))
    if not tokens:
        raise ConditionError(text, 1, "there is nothing in it", "write for example error_rate > 0.01")
    _check_size(text, tokens)
    _check_order(text, tokens)
    return tokens


def _tokens(text: str, names: Collection[str] | None) -> Iterator[Token]:
    for match in _TOKEN.finditer(text):
        column = match.start() + 1
        if match["number"]:
            yield _number(text, match, column)
        elif match["name"]:
            is_call = text[match.end() :].lstrip(" \t").startswith("(")
            yield _name(text, match[0], column, names, is_call=is_call)
        elif match["symbol"]:
            yield _symbol(text, match[0], column)


def _number(text: str, match: re.Match[str], column: int) -> Token:
    written, rest = match["number"], match["rest"]
    if rest:
        digits = written.removesuffix(rest)
        hint = f"write {digits} without a unit" if rest.isalpha() else "write digits only, for example 350 or 0.6"
        raise ConditionError(text, column, f"'{shortened(written)}' is not a number", hint)
    if not isfinite(float(written)):
        raise ConditionError(text, column, f"{shortened(written)} is too large a number")
    return Token("number", written, column)


def _name(text: str, name: str, column: int, names: Collection[str] | None, *, is_call: bool) -> Token:
    if name in _OPERATORS:
        return Token("operator", name, column)
    if name in FUNCTIONS and is_call:
        return Token("function", name, column)
    if name.lower() in _OPERATORS:
        raise ConditionError(text, column, f"unexpected '{name}'", f"write {name.lower()}")
    if is_call:
        near = nearest(name.lower(), list(FUNCTIONS))
        hint = f" - did you mean '{near}'?" if near else f"; the functions are {', '.join(FUNCTIONS)}"
        raise ConditionError(text, column, f"there is no function {shortened(name)}(){hint}")
    if names is not None and name not in names:
        near = nearest(name.lower(), list(names))
        hint = f" - did you mean '{near}'?" if near else did_you_mean(name, list(names))
        raise ConditionError(text, column, f"there is no KPI '{shortened(name)}'{hint}")
    return Token("kpi", name, column)


def _symbol(text: str, symbol: str, column: int) -> Token:
    if symbol in _OPERATORS:
        return Token("operator", symbol, column)
    if symbol in _BRACKETS:
        return Token(_BRACKETS[symbol], symbol, column)
    what = "a line break" if symbol in "\r\n" else f"unexpected '{shortened(symbol)}'"
    raise ConditionError(text, column, what, f"write {_INSTEAD[symbol]}" if symbol in _INSTEAD else _ONLY)


def _check_size(text: str, tokens: list[Token]) -> None:
    """Refuse what would nest too deeply for a parser: without operators and brackets nothing nests."""
    nesting = [token for token in tokens if token.kind in ("operator", "(")]
    if len(nesting) > MOST_OPERATORS:
        what = f"more than {MOST_OPERATORS} operators and opening brackets"
        raise ConditionError(text, nesting[MOST_OPERATORS].column, what, "use several rules")


def _check_order(text: str, tokens: list[Token]) -> None:
    """Refuse words that are no sentence: an operand stands where one is due, and every bracket is closed."""
    opened: list[Token] = []
    before: Token | None = None
    for token in tokens:
        if not _may_follow(before, token) or (token.kind == ")" and not opened):
            raise ConditionError(text, token.column, f"unexpected '{token.text}'")
        if token.kind == "(":
            opened.append(token)
        elif token.kind == ")":
            opened.pop()
        before = token
    if not _ends_operand(before):
        raise ConditionError(text, tokens[-1].column, f"something is missing behind '{tokens[-1].text}'")
    if opened:
        raise ConditionError(text, opened[-1].column, "this bracket is never closed", "write )")


def _ends_operand(token: Token | None) -> bool:
    return token is not None and token.kind in ("number", "kpi", ")")


def _may_follow(before: Token | None, token: Token) -> bool:
    """Whether `token` may stand behind `before`, or at the beginning."""
    if before is not None and before.kind == "function":
        return token.kind == "("
    if _ends_operand(before):
        return token.kind in (")", ",") or (token.kind == "operator" and token.text != "not")
    if token.kind == "operator":
        # A minus is a sign here; `not` binds too weakly to stand behind anything but these.
        begins = before is None or before.kind in ("(", ",") or before.text in ("and", "or", "not")
        return token.text == "-" or (token.text == "not" and begins)
    return token.kind in ("number", "kpi", "function", "(")
