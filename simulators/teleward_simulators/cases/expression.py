"""Conditions of a case, such as ``SBP < 90 and not oxygen``: parsed, never evaluated as code.

    or      = and { "or" and }
    and     = not { "and" not }
    not     = "not" not | compare
    compare = sum [ ("<" | "<=" | ">" | ">=" | "==" | "!=") sum ]
    sum     = term { ("+" | "-") term }        term = factor { ("*" | "/") factor }
    factor  = NUMBER | NAME | "-" factor | "(" or ")"

Names of rhythms stand for themselves (``rhythm == vf``). Truth is 1 or 0.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

Value = float | str
Lookup = Callable[[str], Value]
Node = Callable[[Lookup], Value]

_TOKEN = re.compile(r"\s*(?:(\d+\.?\d*|\.\d+)|([A-Za-z_][A-Za-z_0-9]*)|(<=|>=|==|!=|[-<>+*/()]))")
_WORDS = ("and", "or", "not")
DEEPEST = 20
"""Brackets and signs nested deeper than this are a mistake."""


class ExpressionError(ValueError):
    """A condition that cannot be read; the message says where."""


@dataclass(frozen=True, slots=True)
class Expression:
    """A parsed condition; ``names`` are the variables it reads."""

    text: str
    names: frozenset[str]
    _node: Node

    def value(self, lookup: Lookup) -> Value:
        """Return the value; ``lookup`` gives variables by name."""
        return self._node(lookup)

    def holds(self, lookup: Lookup) -> bool:
        """Say whether the condition is true."""
        value = self._node(lookup)
        return bool(value) if isinstance(value, float) else value != ""


def parse(text: str, words: frozenset[str] = frozenset()) -> Expression:
    """Return the expression; ``words`` are names that stand for themselves (rhythms)."""
    return _Parser(text, words).whole()


class _Parser:
    def __init__(self, text: str, words: frozenset[str]) -> None:
        self.text, self.words = text, words
        self.tokens: list[str] = []
        self.at = 0
        self.depth = 0
        self.names: set[str] = set()
        position = 0
        stripped = text.rstrip()
        while position < len(stripped):
            match = _TOKEN.match(stripped, position)
            if match is None:
                wrong = stripped[position:].lstrip()[:1]
                raise ExpressionError(f"{text!r}: unexpected {wrong!r} at column {position + 1}")
            self.tokens.append(match.group(match.lastindex or 0))
            position = match.end()

    def whole(self) -> Expression:
        node = self._or()
        if self.at < len(self.tokens):
            raise ExpressionError(f"{self.text!r}: unexpected {self.tokens[self.at]!r}")
        return Expression(self.text, frozenset(self.names), node)

    def _peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def _take(self, *wanted: str) -> str:
        token = self._peek()
        if token and token in wanted:
            self.at += 1
            return token
        return ""

    def _or(self) -> Node:
        node = self._and()
        while self._take("or"):
            node = _either(node, self._and())
        return node

    def _and(self) -> Node:
        node = self._not()
        while self._take("and"):
            node = _both(node, self._not())
        return node

    def _not(self) -> Node:
        if self._take("not"):
            node = self._nested(self._not)
            return lambda lookup: float(not node(lookup))
        return self._compare()

    def _compare(self) -> Node:
        left = self._sum()
        operator = self._take("<", "<=", ">", ">=", "==", "!=")
        if not operator:
            return left
        return _comparison(operator, left, self._sum())

    def _sum(self) -> Node:
        node = self._term()
        while operator := self._take("+", "-"):
            node = _arithmetic(operator, node, self._term())
        return node

    def _term(self) -> Node:
        node = self._factor()
        while operator := self._take("*", "/"):
            node = _arithmetic(operator, node, self._factor())
        return node

    def _factor(self) -> Node:
        if self._take("-"):
            inner = self._nested(self._factor)
            return lambda lookup: -_number(inner(lookup))
        if self._take("("):
            inner = self._nested(self._or)
            if not self._take(")"):
                raise ExpressionError(f"{self.text!r}: a bracket is not closed")
            return inner
        token = self._peek()
        if not token or token in _WORDS or not (token[0].isalnum() or token[0] in "._"):
            raise ExpressionError(f"{self.text!r}: expected a value, found {token or 'the end'!r}")
        self.at += 1
        if token[0].isdigit() or token[0] == ".":
            number = float(token)
            return lambda lookup: number
        if token in self.words:
            return lambda lookup: token
        self.names.add(token)
        return lambda lookup: lookup(token)

    def _nested(self, rule: Callable[[], Node]) -> Node:
        self.depth += 1
        if self.depth > DEEPEST:
            raise ExpressionError(f"{self.text!r}: nested deeper than {DEEPEST}")
        node = rule()
        self.depth -= 1
        return node


def _number(value: Value) -> float:
    if isinstance(value, str):
        raise ExpressionError(f"the word {value!r} is no number")
    return value


def _either(left: Node, right: Node) -> Node:
    return lambda lookup: float(bool(left(lookup)) or bool(right(lookup)))


def _both(left: Node, right: Node) -> Node:
    return lambda lookup: float(bool(left(lookup)) and bool(right(lookup)))


def _comparison(operator: str, left: Node, right: Node) -> Node:
    if operator == "==":
        return lambda lookup: float(left(lookup) == right(lookup))
    if operator == "!=":
        return lambda lookup: float(left(lookup) != right(lookup))
    tests: dict[str, Callable[[float, float], bool]] = {
        "<": lambda a, b: a < b,
        "<=": lambda a, b: a <= b,
        ">": lambda a, b: a > b,
        ">=": lambda a, b: a >= b,
    }
    test = tests[operator]
    return lambda lookup: float(test(_number(left(lookup)), _number(right(lookup))))


def _arithmetic(operator: str, left: Node, right: Node) -> Node:
    operations: dict[str, Callable[[float, float], float]] = {
        "+": lambda a, b: a + b,
        "-": lambda a, b: a - b,
        "*": lambda a, b: a * b,
        "/": lambda a, b: a / b if b else 0.0,
    }
    operation = operations[operator]
    return lambda lookup: operation(_number(left(lookup)), _number(right(lookup)))
