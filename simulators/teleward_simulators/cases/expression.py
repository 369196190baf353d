"""Conditions of a case, such as ``SBP < 90 and not oxygen``: parsed, never evaluated as code.

    or      = and { "or" and }
    and     = not { "and" not }
    not     = "not" not | compare
    compare = sum [ ("<" | "<=" | ">" | ">=" | "==" | "!=") sum ]
    sum     = term { ("+" | "-") term }        term = factor { ("*" | "/") factor }
    factor  = NUMBER | NAME | "-" factor | "(" or ")"

Names of rhythms stand for themselves (``rhythm == vf``). Truth is 1 or 0. A condition is looked at
ten times a second, so it is bound once to what reads its variables.
"""

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from teleward_signal.errors import Invalid

Value = float | str
Lookup = Callable[[str], Value]
Read = Callable[[], Value]
"""What returns a value as it is then."""
Find = Callable[[str], Read]
"""What returns the reader of a variable."""
Bind = Callable[[Find], Read]

_TOKEN = re.compile(r"\s*(?:(\d+\.?\d*|\.\d+)|([A-Za-z_][A-Za-z_0-9]*)|(<=|>=|==|!=|[-<>+*/()]))")
_WORDS = ("and", "or", "not")
DEEPEST = 20
"""Brackets and signs nested deeper than this are a mistake."""
LONGEST = 400
"""Characters; a longer condition is a mistake."""


class ExpressionError(Invalid):
    """A condition that cannot be read; the message gives the place."""


@dataclass(frozen=True, slots=True)
class Node:
    """A part of a condition; ``word`` is whether it is a word, None where it is not known."""

    bind: Bind
    word: bool | None = False
    constant: float | None = None


@dataclass(frozen=True, slots=True)
class Expression:
    """A parsed condition; ``names`` are the variables it reads."""

    text: str
    names: frozenset[str]
    _node: Node

    def bind(self, find: Find) -> Read:
        """Return what evaluates it; ``find`` is asked once for the reader of each variable."""
        return self._node.bind(find)

    def value(self, lookup: Lookup) -> Value:
        """Return the value; ``lookup`` gives variables by name."""
        return self._node.bind(lambda name: lambda: lookup(name))()

    def holds(self, lookup: Lookup) -> bool:
        """Return whether the condition is true."""
        return bool(self.value(lookup))


def parse(
    text: str,
    words: frozenset[str] = frozenset(),
    variables: Callable[[str], bool] | None = None,
) -> Expression:
    """Return the expression; ``words`` are names that stand for themselves (rhythms).

    ``variables`` says of a variable whether it holds a word; then words and numbers that meet are
    an error here and not only when they are compared.
    """
    return _Parser(text, words, variables).whole()


class _Parser:
    def __init__(
        self, text: str, words: frozenset[str], variables: Callable[[str], bool] | None
    ) -> None:
        self.text, self.words, self.variables = text, words, variables
        self.tokens: list[str] = []
        self.at = 0
        self.depth = 0
        self.names: set[str] = set()
        if len(text) > LONGEST:
            raise ExpressionError(f"{text[:20]!r}...: longer than {LONGEST} characters")
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
        nodes = [self._and()]
        while self._take("or"):
            nodes.append(self._and())
        return nodes[0] if len(nodes) == 1 else _join(nodes, True)

    def _and(self) -> Node:
        nodes = [self._not()]
        while self._take("and"):
            nodes.append(self._not())
        return nodes[0] if len(nodes) == 1 else _join(nodes, False)

    def _not(self) -> Node:
        if self._take("not"):
            return _opposite(self._nested(self._not))
        return self._compare()

    def _compare(self) -> Node:
        left = self._sum()
        sign = self._take("<", "<=", ">", ">=", "==", "!=")
        if not sign:
            return left
        right = self._sum()
        if sign not in ("==", "!="):
            self._numbers(left, right)
        elif None not in (left.word, right.word) and left.word != right.word:
            raise ExpressionError(f"{self.text!r}: a word and a number are never the same")
        return _comparison(sign, left, right)

    def _sum(self) -> Node:
        node = self._term()
        while sign := self._take("+", "-"):
            node = self._arithmetic(sign, node, self._term())
        return node

    def _term(self) -> Node:
        node = self._factor()
        while sign := self._take("*", "/"):
            node = self._arithmetic(sign, node, self._factor())
        return node

    def _arithmetic(self, sign: str, left: Node, right: Node) -> Node:
        self._numbers(left, right)
        return _arithmetic(sign, left, right)

    def _numbers(self, *nodes: Node) -> None:
        if any(node.word for node in nodes):
            raise ExpressionError(f"{self.text!r}: a word is no number")

    def _factor(self) -> Node:
        if self._take("-"):
            inner = self._nested(self._factor)
            self._numbers(inner)
            return _arithmetic("-", _constant(0.0), inner)
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
            return _constant(float(token))
        if token in self.words:
            return _constant(token)
        self.names.add(token)
        word = None if self.variables is None else self.variables(token)
        return Node(lambda find: find(token), word)

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


def _constant(value: Value) -> Node:
    word = isinstance(value, str)
    return Node(lambda find: lambda: value, word, None if isinstance(value, str) else value)


def _opposite(node: Node) -> Node:
    def bind(find: Find) -> Read:
        read = node.bind(find)
        return lambda: not read()

    return Node(bind)


def _join(nodes: list[Node], enough: bool) -> Node:
    """Return ``or`` (one true part is enough) or ``and`` (one false part is)."""

    def bind(find: Find) -> Read:
        reads = tuple(node.bind(find) for node in nodes)

        def read() -> bool:
            for part in reads:
                if bool(part()) is enough:
                    return enough
            return not enough

        return read

    return Node(bind)


_TESTS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}


def _comparison(sign: str, left: Node, right: Node) -> Node:
    test = _TESTS[sign]
    sure = sign in ("==", "!=") or left.word is right.word is False

    def bind(find: Find) -> Read:
        one, other, constant = left.bind(find), right.bind(find), right.constant
        if sure and constant is not None:
            return lambda: test(one(), constant)
        if sure:
            return lambda: test(one(), other())
        return lambda: test(_number(one()), _number(other()))

    return Node(bind)


_OPERATIONS: dict[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": lambda a, b: a / b if b else 0.0,
}


def _arithmetic(sign: str, left: Node, right: Node) -> Node:
    operation = _OPERATIONS[sign]

    def bind(find: Find) -> Read:
        one, other = left.bind(find), right.bind(find)
        return lambda: operation(_number(one()), _number(other()))

    return Node(bind)
