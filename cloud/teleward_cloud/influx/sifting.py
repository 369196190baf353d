"""Find the records that a server refuses: requests are halved, within a budget of requests.

    refused: [........x.......]
             [....] [...x...]       written, refused
                    [.] [x.]        ... until x stands alone: 2 log2(n) requests for one

Points are idempotent, so that what a server wrote of a refused request is written again. When many
records are refused alike, or the budget is used up, the rest stays blocked: it is the server.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from teleward_cloud.influx.answers import Answer
from teleward_cloud.refusals import MOST_ALIKE, Refusal
from teleward_signal.record import Record

MOST_REQUESTS = 64
"""Requests that one batch may cost beyond its own: two bad records among 10 000 need 52."""
Line = tuple[Record, str]
"""A record and its points."""
Post = Callable[[list[str]], Awaitable[Answer | None]]


@dataclass(slots=True)
class Sifting:
    """One batch on its way; ``scopes`` names what a record belongs to, widest first."""

    post: Post
    scopes: Callable[[Record], tuple[str, ...]]
    written: list[Record] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)
    unresolved: list[tuple[Line, str]] = field(default_factory=list)
    _extra: int = 0

    def accepted(self) -> frozenset[str]:
        """Return the scopes of which something was written; costs as much as encoding it."""
        return frozenset(scope for record in self.written for scope in self.scopes(record))

    async def write(self, request: Sequence[Line]) -> Answer | None:
        """Write a request; return what stopped it, if it was not the data."""
        answer = await self.post([points for _, points in request])
        if answer is None:
            self.written += [record for record, _ in request]
            return None
        if not answer.blames_data:
            return answer
        if len(request) == 1:
            record = request[0][0]
            self.refused.append(Refusal(record.id, self.scopes(record), answer.reason))
            return None
        if self._extra >= MOST_REQUESTS or len(self.refused) > MOST_ALIKE:
            self.unresolved += [(line, answer.reason) for line in request]
            return None
        self._extra += 2
        middle = len(request) // 2
        return await self.write(request[:middle]) or await self.write(request[middle:])
