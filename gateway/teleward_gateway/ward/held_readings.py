"""What people do with readings that are not filed; on disk and in the audit when it returns."""

import asyncio
from collections.abc import Mapping

from teleward_gateway.journal import Journal
from teleward_gateway.journal.audit import Audit
from teleward_gateway.ward.held_reading import HeldReading
from teleward_gateway.ward.readings import Readings


class HeldReadings:
    """The readings that wait or that nobody claims, for the API."""

    def __init__(self, readings: Readings, journal: Journal, audit: Audit) -> None:
        self._readings, self._journal, self._audit = readings, journal, audit

    def list(self, device: str | None = None) -> list[HeldReading]:
        """Return the held readings, oldest first."""
        return self._readings.held(device)

    def users(self, device: str) -> dict[int, str]:
        """Return whom each user number of a device stands for."""
        return self._readings.wearers.users(device)

    async def settle(
        self, number: int, time_ns: int | None, subject: str | None, author: str
    ) -> str:
        """File a reading as a person states; see `Readings.settle`."""
        found = self._readings.settle(number, time_ns, subject, author)
        self._audit.note("reading_settled", author, found, reading=number, time_ns=time_ns)
        await self._flush()
        return found

    async def discard(self, number: int, author: str) -> None:
        """Drop a reading; its values stay in the audit."""
        held = self._readings.discard(number)
        values = {m.metric: m.value for m in held.measurements}
        self._audit.note(
            "reading_discarded", author, None, device=held.device, reading=number, values=values
        )
        await self._flush()

    async def set_users(self, device: str, users: Mapping[int, str | None], author: str) -> None:
        """Bind user numbers to subjects."""
        for user, subject in users.items():
            self._readings.bind_user(device, user, subject)
            self._audit.note("user_bound", author, subject, device=device, user=user)
        await self._flush()

    async def _flush(self) -> None:
        await self._journal.flush()
        await asyncio.to_thread(self._readings.store.flush)
