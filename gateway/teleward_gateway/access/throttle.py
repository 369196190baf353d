"""Throttle of logins: wrong passwords slow those who type them, and never lock out an owner.

Three buckets are asked, each with some tries at once and then one a while:

address    all wrong passwords from one address
account    those for one account from browsers that have never logged in to it
browser    those for one account from one browser that has: nobody else can fill this one

The console is never slowed: `teleward accounts password` works whatever happens on the network.
"""

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from teleward_signal.errors import TooMany

MOST_BUCKETS = 4096


@dataclass(frozen=True, slots=True)
class Allowance:
    """Tries at once, and seconds for each further one."""

    tries: int
    again_s: float


ADDRESS = Allowance(20, 10.0)
"""A ward behind one router has one address."""
ACCOUNT = Allowance(10, 30.0)
BROWSER = Allowance(10, 10.0)


class SlowDown(TooMany):
    """Too many logins or wrong passwords; ``again_s`` is when the next one is taken."""

    def __init__(self, again_s: int) -> None:
        super().__init__(f"too many logins; try again in {again_s} s")
        self.again_s = again_s
        self.key, self.values = "refused_slow_down", {"n": again_s}


class Throttle:
    """Counts wrong passwords."""

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        self._now_s = now_s
        self._spent: OrderedDict[tuple[str, str], tuple[float, float]] = OrderedDict()

    def check(self, address: str, account: str, browser: str) -> None:
        """Raise SlowDown while one of the buckets is empty; ``browser`` is empty when unknown."""
        buckets = _buckets(address, account, browser)
        wait_s = max(self._wait_s(key, allowance) for key, allowance in buckets)
        if wait_s > 0:
            raise SlowDown(math.ceil(wait_s))

    def wrong(self, address: str, account: str, browser: str) -> None:
        """Count a wrong password."""
        for key, allowance in _buckets(address, account, browser):
            self._spent[key] = (self._left(key, allowance) - 1.0, self._now_s())
            self._spent.move_to_end(key)
        while len(self._spent) > MOST_BUCKETS:
            self._spent.popitem(last=False)

    def right(self, address: str, account: str, browser: str) -> None:
        """Give a try back that was counted and has got it right."""
        for key, allowance in _buckets(address, account, browser):
            left = min(float(allowance.tries), self._left(key, allowance) + 1.0)
            self._spent[key] = (left, self._now_s())

    def _left(self, key: tuple[str, str], allowance: Allowance) -> float:
        left, at_s = self._spent.get(key, (float(allowance.tries), self._now_s()))
        return min(float(allowance.tries), left + (self._now_s() - at_s) / allowance.again_s)

    def _wait_s(self, key: tuple[str, str], allowance: Allowance) -> float:
        return max(0.0, 1.0 - self._left(key, allowance)) * allowance.again_s


def _buckets(
    address: str, account: str, browser: str
) -> tuple[tuple[tuple[str, str], Allowance], ...]:
    if browser:
        return ((("browser", f"{browser} {account}"), BROWSER),)
    return ((("address", address), ADDRESS), (("account", account), ACCOUNT))
