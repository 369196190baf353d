"""Requests that a sender may repeat: what was recorded for each key, kept with the records.

The memory is a state document, written in the transaction of the records: after ``kill -9`` a
request that is sent again finds its records, or finds nothing and is carried out.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from teleward_gateway.journal.entries import Entry
from teleward_gateway.journal.ticket import Request
from teleward_signal.errors import Conflict
from teleward_signal.record import Record, RecordId

MOST = 256
"""Requests that are remembered: some days of one ward's charted values, 30 kB."""


Recorded = dict[str, dict[str, Any]]
"""By key: ``{"content": digest, "ids": [[journal, seq, part], ...]}``, the newest last."""


def recorded_in(entries: Sequence[Entry], records: Sequence[Record]) -> Recorded:
    """Return the requests that a commit carries out; entries and records are in one order."""
    found: Recorded = {}
    for entry, record in zip(entries, records, strict=True):
        for ticket in entry.tickets:
            if (request := ticket.request) is not None and request.key:
                known = found.setdefault(request.key, {"content": request.content, "ids": []})
                known["ids"].append([record.id.journal, record.id.seq, record.id.part])
    return found


def newest(known: Recorded, more: Recorded) -> Recorded:
    """Return both, the newest `MOST` of them."""
    merged = {**known, **more}
    return {key: merged[key] for key in list(merged)[-MOST:]}


def identities(gateway: str, known: Recorded, request: Request) -> list[RecordId] | None:
    """Return what was recorded for ``request``, None when nothing was.

    Raises Conflict when its key stood for another request.
    """
    found = known.get(request.key)
    if found is None:
        return None
    if found["content"] != request.content:
        raise Conflict("this Idempotency-Key was used for another request: make up a new one")
    ids: Iterable[Any] = found["ids"]
    return [RecordId(gateway, journal, seq, part) for journal, seq, part in ids]
