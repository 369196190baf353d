"""What a server refuses: one bad record, or one problem of the server that a person corrects. Pure.

    refused --- few alike, others of its kind accepted ---> dead letter, the rest goes on
          \\---- many alike, or none of its kind accepted -> blocked: stays in the backlog

The evidence that a record is bad, and not the server, is that the server takes others like it: in
the same batch, or since the record was refused for the first time. A scope (a measurement, a
stream, a topic) of which several records were refused and none was taken is blocked as a whole:
after a wait one record is tried, and when the server takes it, all follow.
"""

import re
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from teleward_cloud.sink import Rejected
from teleward_signal.record import RecordId

MOST_ALIKE = 8
"""Refusals alike in an hour that are still single bad records; more are a problem of the server."""
_STRIKES = 3
"""Records refused, and none taken, until a scope is blocked: one bad alarm delays no other."""
_HOUR_S = 3600.0
_WAIT_S = (10.0, 300.0)
"""First and longest wait before one record of a blocked scope is tried: a corrected server
is used again soon, and one that nobody corrects costs a request every five minutes."""
_MOST_SCOPES = 4096
_VALUES = re.compile(r"'[^']*'|\d+")


@dataclass(frozen=True, slots=True)
class Refusal:
    """A record that was refused alone, the scopes it belongs to (widest first), and why."""

    id: RecordId
    scopes: tuple[str, ...]
    reason: str


@dataclass(slots=True)
class _Blocked:
    reason: str
    retry_s: float
    wait_s: float = _WAIT_S[0]


@dataclass(slots=True)
class Refusals:
    """The blocked scopes of one sink; ``now_s`` is monotonic."""

    _blocked: dict[str, _Blocked] = field(default_factory=dict)
    _strikes: dict[str, set[RecordId]] = field(default_factory=dict)
    _accepted_s: dict[str, float] = field(default_factory=dict)
    _suspected_s: dict[RecordId, float] = field(default_factory=dict)
    _given_up: dict[str, deque[float]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self._blocked)

    @property
    def suspects(self) -> bool:
        """Whether what the server accepts bears on a record that it has refused before."""
        return bool(self._suspected_s or self._strikes)

    def blocked(self, scopes: Iterable[str]) -> tuple[str, str] | None:
        """Return the blocked scope among ``scopes`` and its reason, if there is one."""
        if not self._blocked:
            return None
        for scope in scopes:
            if (found := self._blocked.get(scope)) is not None:
                return scope, found.reason
        return None

    def is_due(self, scope: str, now_s: float) -> bool:
        """Return whether a record of a blocked scope is to be tried now."""
        return self._blocked[scope].retry_s <= now_s

    def refused_again(self, scope: str, reason: str, now_s: float) -> None:
        """Take the refusal of the record that was tried."""
        found = self._blocked[scope]
        found.reason = reason
        found.wait_s = min(2 * found.wait_s, _WAIT_S[1])
        found.retry_s = now_s + found.wait_s

    def open(self, scope: str | None = None) -> None:
        """Release a scope, or all: the server takes it, or a person released it."""
        if scope is None:
            self._blocked.clear()
            self._strikes.clear()
            self._given_up.clear()
            self._suspected_s.clear()
        else:
            self._blocked.pop(scope, None)
            self._strikes.pop(scope, None)

    def judge(
        self, refused: Sequence[Refusal], accepted: frozenset[str], now_s: float
    ) -> tuple[list[Rejected], list[Rejected]]:
        """Return the dead letters and the blocked among records that were refused alone.

        ``accepted`` are the scopes of which the server took something in the same batch.
        """
        dead: list[Rejected] = []
        blocked: list[Rejected] = []
        for scope in accepted:
            _put(self._accepted_s, scope, now_s)
            self._strikes.pop(scope, None)
        alike: dict[str, list[Refusal]] = {}
        for refusal in refused:
            alike.setdefault(_VALUES.sub("#", refusal.reason), []).append(refusal)
        for sign, group in alike.items():
            recent = self._recent(sign, now_s)
            few = len(group) + len(recent) <= MOST_ALIKE
            for refusal in group:
                found = Rejected(refusal.id, refusal.reason)
                if few and self._is_at_fault(refusal, now_s):
                    recent.append(now_s)
                    self._suspected_s.pop(refusal.id, None)
                    dead.append(found)
                else:
                    self._strike(refusal, accepted, now_s)
                    blocked.append(found)
        return dead, blocked

    def _is_at_fault(self, refusal: Refusal, now_s: float) -> bool:
        """Return whether the server has taken others like it since it was refused first."""
        first_s = self._suspected_s.get(refusal.id, now_s)
        if self._accepted_s.get(refusal.scopes[0], float("-inf")) >= first_s:
            return True
        _put(self._suspected_s, refusal.id, first_s)
        return False

    def _recent(self, sign: str, now_s: float) -> deque[float]:
        """Return when records were refused for this reason in the last hour."""
        if len(self._given_up) > _MOST_SCOPES:
            self._given_up.clear()
        found = self._given_up.setdefault(sign, deque(maxlen=MOST_ALIKE))
        while found and now_s - found[0] > _HOUR_S:
            found.popleft()
        return found

    def _strike(self, refusal: Refusal, accepted: frozenset[str], now_s: float) -> None:
        """Count a refusal against the widest scope of which nothing was accepted."""
        scope = next((s for s in refusal.scopes if s not in accepted), None)
        if scope is None or scope in self._blocked:
            return
        struck = self._strikes.setdefault(scope, set())
        struck.add(refusal.id)
        if len(struck) >= _STRIKES:
            del self._strikes[scope]
            _put(self._blocked, scope, _Blocked(refusal.reason, now_s + _WAIT_S[0]))
        elif len(self._strikes) > _MOST_SCOPES:
            del self._strikes[next(iter(self._strikes))]


Key = TypeVar("Key")
Value = TypeVar("Value")


def _put(table: dict[Key, Value], key: Key, value: Value) -> None:
    """Remember the newest entries only."""
    table.pop(key, None)
    if len(table) >= _MOST_SCOPES:
        del table[next(iter(table))]
    table[key] = value


def problem(server: str, blocked: Sequence[Rejected]) -> str:
    """Return what a person needs to know of blocked records, in one line."""
    reason = blocked[0].reason
    count = f"{len(blocked)} records" if len(blocked) > 1 else "a record"
    return f"{server} refuses {count}: {reason}; {_remedy(reason)}; they stay in the backlog"


def _remedy(reason: str) -> str:
    found = re.search(r'on measurement "([^"]+)"', reason)
    if found:
        return f"delete measurement {found[1]} or choose another bucket"
    if "retention" in reason:
        return "raise the bucket's retention"
    return "correct the server"
