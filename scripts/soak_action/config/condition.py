"""A condition on KPIs, such as ``risk_ratio >= 0.6 and not isnan(net_bps)``: checked once, evaluated again and again.

Python's parser tells what binds how; only the few kinds of nodes named here are understood, and nothing is executed. A
KPI without a value is unknown, and so is whatever depends on it: Kleene's three-valued logic, where False and unknown
is False.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite

from soak_action.config.condition_tokens import FUNCTIONS, ConditionError, Token, tokens_of

__all__ = ["Condition", "ConditionError", "compile_condition"]

Values = Mapping[str, float]
_Number = Callable[[Values], float | None]
_Truth = Callable[[Values], bool | None]

# A KPI may be called like a word of Python, such as `yield`: the parser sees it with this in front.
_MARK = "_"
_ARITHMETIC: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
_COMPARISONS: dict[type[ast.cmpop], Callable[[float, float], bool]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
_NUMERIC: dict[str, Callable[..., float]] = {"abs": abs, "max": max, "min": min}


@dataclass(frozen=True)
class Condition:
    """A condition that was checked; `names` are the KPIs in it, in the order in which they first appear."""

    text: str
    names: tuple[str, ...]
    _truth: _Truth = field(repr=False, compare=False)

    def evaluate(self, values: Values) -> bool | None:
        """Whether it holds for these values of KPIs; None when that depends on what is unknown.

        Unknown are a KPI that is not in `values`, a division by zero, and numbers that are not finite.
        """
        return self._truth(values)


def compile_condition(text: str, names: Collection[str] | None) -> Condition:
    """Return the condition that `text` says about the KPIs `names`; None: it was checked against them before.

    Raises ConditionError.
    """
    tokens = tokens_of(text, names)
    used = dict.fromkeys(token.text for token in tokens if token.kind == "kpi")
    code, columns = _code(tokens)
    return Condition(text, tuple(used), _Compiler(text, columns).truth(ast.parse(code, mode="eval").body))


def _code(tokens: Sequence[Token]) -> tuple[str, dict[int, int]]:
    """Return the words as Python reads them, and which column of the condition each offset in them stands for."""
    code = ""
    columns = {}
    for token in tokens:
        columns[len(code)] = token.column
        code += {"number": _literal, "kpi": _MARK.__add__}.get(token.kind, str)(token.text) + " "
    return code, columns


def _literal(text: str) -> str:
    return repr(float(text))  # Python refuses 007


@dataclass(frozen=True)
class _Compiler:
    """Turns the nodes of a syntax tree into functions of the KPIs' values, and knows numbers from truths."""

    text: str
    columns: Mapping[int, int]

    def truth(self, node: ast.expr) -> _Truth:
        match node:
            case ast.BoolOp(op=ast.And()):
                return _decided_by([self.truth(value) for value in node.values], decisive=False)
            case ast.BoolOp():
                return _decided_by([self.truth(value) for value in node.values], decisive=True)
            case ast.UnaryOp(op=ast.Not()):
                return _negation(self.truth(node.operand))
            case ast.Compare():
                return self._comparisons(node)
            case ast.Call(func=ast.Name(id="isnan")):
                (argument,) = self._arguments(node, "isnan")
                return lambda values: argument(values) is None
        name = node.id.removeprefix(_MARK) if isinstance(node, ast.Name) else "x"
        raise self._error(node, "a number stands where something true or false is due", f"compare it: {name} > 0.6")

    def number(self, node: ast.expr) -> _Number:
        match node:
            case ast.Constant(value=float(value)):
                return lambda _: value
            case ast.Name(id=name):
                return _kpi(name.removeprefix(_MARK))
            case ast.UnaryOp(op=ast.USub()):
                return _result(operator.neg, [self.number(node.operand)])
            case ast.BinOp(op=op):
                return _result(_ARITHMETIC[type(op)], [self.number(node.left), self.number(node.right)])
            case ast.Call(func=ast.Name(id=name)) if name in _NUMERIC:
                return _result(_NUMERIC[name], self._arguments(node, name))
        raise self._error(node, "something true or false stands where a number is due")

    def _comparisons(self, node: ast.Compare) -> _Truth:
        numbers = [self.number(operand) for operand in (node.left, *node.comparators)]
        pairs = zip(node.ops, numbers, numbers[1:], strict=False)
        return _decided_by([_comparison(_COMPARISONS[type(op)], a, b) for op, a, b in pairs], decisive=False)

    def _arguments(self, node: ast.Call, name: str) -> list[_Number]:
        due = FUNCTIONS[name]
        if len(node.args) < due or (due == 1 and len(node.args) > due):
            takes = "one number" if due == 1 else "at least two numbers"
            raise self._error(node, f"{name}() takes {takes}, not {len(node.args)}")
        return [self.number(argument) for argument in node.args]

    def _error(self, node: ast.expr, what: str, hint: str = "") -> ConditionError:
        if isinstance(node, ast.Tuple):
            what, hint = "several values where one is due", "a comma separates arguments, as in min(x, y)"
        return ConditionError(self.text, self.columns[node.col_offset], what, hint)


def _kpi(name: str) -> _Number:
    def number(values: Values) -> float | None:
        return _finite(float, [values[name]]) if name in values else None

    return number


def _result(function: Callable[..., float], operands: Sequence[_Number]) -> _Number:
    def number(values: Values) -> float | None:
        known = [value for operand in operands if (value := operand(values)) is not None]
        return _finite(function, known) if len(known) == len(operands) else None

    return number


def _finite(function: Callable[..., float], operands: Sequence[float]) -> float | None:
    try:
        value = function(*operands)
    except ArithmeticError:  # division by zero, or an integer too large for a double
        return None
    return value if isfinite(value) else None


def _comparison(function: Callable[[float, float], bool], left: _Number, right: _Number) -> _Truth:
    def truth(values: Values) -> bool | None:
        a, b = left(values), right(values)
        return None if a is None or b is None else function(a, b)

    return truth


def _negation(operand: _Truth) -> _Truth:
    def truth(values: Values) -> bool | None:
        value = operand(values)
        return None if value is None else not value

    return truth


def _decided_by(operands: Sequence[_Truth], *, decisive: bool) -> _Truth:
    """Kleene's `and` (decided by False) and `or` (by True): unknown where no operand decides and one is unknown."""

    def truth(values: Values) -> bool | None:
        truths = [operand(values) for operand in operands]
        if decisive in truths:
            return decisive
        return None if None in truths else not decisive

    return truth
