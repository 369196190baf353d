"""Whether delivery waits for storage, and what collectors confirm.

    confirm = "puback"     the broker's acknowledgement counts
    confirm = "storage"    a collector's confirmation counts
    confirm = "auto"       storage where a collector stands, else puback

A collector keeps a retained message at ``{root}/_collectors/{name}`` while it stands there, running
or not; it is removed with the collector. Seeing one is enough for ``auto``.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace

from teleward_cloud.mqtt import payload
from teleward_cloud.mqtt.settings import Confirmation, MqttSettings
from teleward_cloud.mqtt.unconfirmed import MOST, Unconfirmed
from teleward_cloud.sink import Delivery
from teleward_signal.record import RecordId


class Confirmations:
    """The records of one sink that wait for a collector's confirmation."""

    def __init__(self, settings: MqttSettings, gateway: str) -> None:
        self._settings, self._gateway = settings, gateway
        self._unconfirmed = Unconfirmed(settings.confirm_timeout_s)
        self._collectors: set[str] = set()
        self._arrived = asyncio.Event()

    def __len__(self) -> int:
        return len(self._unconfirmed)

    @property
    def wanted(self) -> bool:
        """Whether this sink may wait for confirmations."""
        return self._settings.confirm is not Confirmation.PUBACK

    @property
    def always(self) -> bool:
        """Whether this sink waits for confirmations in any case."""
        return self._settings.confirm is Confirmation.STORAGE

    @property
    def required(self) -> bool:
        """Whether a record counts as delivered only when a collector confirms it."""
        confirm = self._settings.confirm
        return confirm is Confirmation.STORAGE or (
            confirm is Confirmation.AUTO and bool(self._collectors)
        )

    def collector(self, topic: str, message: bytes) -> None:
        """Take the message that a collector stands there, empty when it was removed."""
        if message:
            self._collectors.add(topic)
        else:
            self._collectors.discard(topic)

    def received(self, message: bytes) -> None:
        """Take a confirmation; raises `PayloadError`."""
        self._unconfirmed.answered(payload.confirmed(self._gateway, message))
        self._arrived.set()

    async def room(self) -> str | None:
        """Wait while too many records are unconfirmed; return why nothing can be sent."""
        try:
            async with asyncio.timeout(self._settings.confirm_timeout_s):
                while len(self._unconfirmed) >= MOST:
                    self._arrived.clear()
                    await self._arrived.wait()
        except TimeoutError:
            return "no collector confirms storage; start `teleward collect`"
        return None

    def published(self, ids: Sequence[RecordId]) -> None:
        """Take in what is being published; a confirmation may come before the PUBACK."""
        self._unconfirmed.published(ids, time.monotonic())

    def settle(
        self, ids: Sequence[RecordId], taken: Sequence[RecordId], *, required: bool
    ) -> Delivery:
        """Return what became of a batch of ``ids``, of which the broker has ``taken``.

        Confirmations of earlier batches come with it. ``required``: as it was for this batch.
        """
        if not required:
            answer = self._unconfirmed.settle((), time.monotonic())
            return replace(answer, acknowledged=(*answer.acknowledged, *taken))
        arrived = {*taken}
        self._unconfirmed.failed([found for found in ids if found not in arrived])
        return self._unconfirmed.settle(taken, time.monotonic())
