"""Dead letters: records that a server refused, listed, exported and sent again by a person.

    record --refused--> dead letter --retry--> pending --> delivered, or a dead letter again

A dead letter keeps identity, reason and time; the record itself stays in the journal as long as
the disk budget lets it.
"""

from collections.abc import AsyncIterator, Sequence
from typing import Any

from teleward_cloud.mqtt import payload
from teleward_gateway.delivery.delivery import Delivery
from teleward_gateway.delivery.sinks import Sinks
from teleward_gateway.journal import Journal
from teleward_gateway.journal.audit import Audit
from teleward_gateway.journal.sinks import MOST_DEAD_LETTERS as MOST
from teleward_gateway.journal.sinks import DeadLetter
from teleward_signal.errors import NotFound


class SinkControl:
    """What a person may ask of the sinks of a running gateway."""

    def __init__(self, journal: Journal, sinks: Sinks, audit: Audit) -> None:
        self._journal, self._sinks, self._audit = journal, sinks, audit

    def sinks(self) -> dict[str, dict[str, Any]]:
        """Return the state of every sink by name, as health shows it."""
        return {name: delivery.health() for name, delivery in self._sinks.deliveries.items()}

    async def dead_letters(self, sink: str, limit: int = 1000) -> list[DeadLetter]:
        """Return the newest dead letters of a sink, newest first; raises NotFound."""
        self._delivery(sink)
        found = await self._journal.aside(sink, min(limit, MOST))
        return [
            DeadLetter(
                str(letter["journal"]),
                int(letter["seq"]),
                int(letter["part"]),
                str(letter["reason"]),
                int(letter["time_ns"]),
            )
            for letter in found
        ]

    async def export(self, sink: str) -> AsyncIterator[dict[str, Any]]:
        """Yield every dead letter with its record, oldest first; raises NotFound."""
        for letter in reversed(await self.dead_letters(sink, MOST)):
            record = await self._journal.find(letter.seq, letter.part)
            yield {
                "sink": sink,
                "journal": letter.journal,
                "seq": letter.seq,
                "part": letter.part,
                "reason": letter.reason,
                "refused": payload.rfc3339(letter.time_ns),
                "record": None if record is None else payload.entry(record),
            }

    async def retry(
        self, sink: str, places: Sequence[tuple[int, int]] | None, author: str
    ) -> tuple[int, int]:
        """Send dead letters again, all or those at ``places`` (seq, part); raises NotFound.

        Blocked records are tried again too. Return how many are sent, and how many are not kept
        any more.
        """
        delivery = self._delivery(sink)
        wanted = None if places is None else set(places)
        numbers, gone = [], 0
        for letter in await self.dead_letters(sink, MOST):
            if wanted is not None and (letter.seq, letter.part) not in wanted:
                continue
            if await self._journal.find(letter.seq, letter.part) is None:
                gone += 1
            else:
                numbers.append(letter.number)
        count = await self._journal.retry(sink, numbers) if numbers else 0
        self._audit.note("dead letters sent again", author, sink=sink, count=count)
        delivery.retry()
        return count, gone

    def _delivery(self, sink: str) -> Delivery:
        found = self._sinks.deliveries.get(sink)
        if found is None:
            known = ", ".join(self._sinks.deliveries) or "none"
            raise NotFound(f"no sink is named {sink!r}; there are: {known}")
        return found
