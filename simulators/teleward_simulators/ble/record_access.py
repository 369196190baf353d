"""The memory of a device behind a Record Access Control Point 0x2A52, as Glucose 1.0.1 asks.

report --records notified, then--> 06 00 01 01        count  --> 05 00 n
nothing fits --> 06 00 op 06                          delete --> 06 00 02 01
not subscribed to both --> ATT 0xFD                   busy   --> ATT 0xFE
"""

import asyncio
from collections.abc import Awaitable, Callable

from bumble.device import Connection
from bumble.gatt import Characteristic

from teleward_drivers.ble.racp import (
    CHANNEL,
    Op,
    Operator,
    RacpMessage,
    Result,
    count_response,
    response,
)
from teleward_simulators.ble.peripheral import Peripheral, Properties, refusal

CCCD_IMPROPERLY_CONFIGURED, ALREADY_IN_PROGRESS = 0xFD, 0xFE
BY_SEQUENCE = 1
PACE_S = 0.01
"""Between two records: a connection interval of a meter, about."""

Send = Callable[[bytes], Awaitable[None]]


class RecordMemory:
    """Records by sequence number; ``data`` is the characteristic on which ``send`` reports."""

    def __init__(self, device: Peripheral, data: Characteristic[bytes], send: Send) -> None:
        self.records: dict[int, bytes] = {}
        self.requests: list[bytes] = []
        self.filters = not device.options.get("no_filter")
        """Many meters report all records or none: they answer 04, operator not supported."""
        self.newest_first = bool(device.options.get("newest_first"))
        self._device = device
        self._data = data
        self._send = send
        self._task: asyncio.Task[None] | None = None
        self.control = device.writable(
            CHANNEL, self._written, Properties.WRITE | Properties.INDICATE
        )

    def _written(self, _connection: Connection, value: bytes) -> None:
        request = RacpMessage.from_bytes(bytes(value))
        self.requests.append(bytes(value))
        subscribed = self._device.subscribed
        if not (subscribed(self._data) and subscribed(self.control)):
            raise refusal(CCCD_IMPROPERLY_CONFIGURED)
        running = self._task is not None and not self._task.done()
        if running and request.op != Op.ABORT:
            raise refusal(ALREADY_IN_PROGRESS)
        if running and self._task is not None:
            self._task.cancel()
        self._task = asyncio.create_task(self._answer(request))

    async def _answer(self, request: RacpMessage) -> None:
        chosen = self._choose(request)
        if request.op == Op.ABORT:
            await self._reply(response(Op.ABORT))
        elif request.op not in (Op.REPORT, Op.COUNT, Op.DELETE):
            await self._reply(response(request.op, Result.NOT_SUPPORTED))
        elif chosen is None:
            await self._reply(response(request.op, Result.OPERATOR_NOT_SUPPORTED))
        elif request.op == Op.COUNT:
            await self._reply(count_response(len(chosen)))
        elif not chosen:
            await self._reply(response(request.op, Result.NONE_FOUND))
        else:
            for sequence in reversed(chosen) if self.newest_first else chosen:
                if request.op == Op.DELETE:
                    del self.records[sequence]
                else:
                    await self._send(self.records[sequence])
                    await asyncio.sleep(PACE_S)
            await self._reply(response(request.op))

    def _choose(self, request: RacpMessage) -> list[int] | None:
        """Return the sequence numbers meant, ``None`` for an operator this device lacks."""
        everything = sorted(self.records)
        operand = request.operand
        if request.operator == Operator.ALL:
            return everything
        if request.operator == Operator.FIRST:
            return everything[:1]
        if request.operator == Operator.LAST:
            return everything[-1:]
        if self.filters and operand[:1] == bytes([BY_SEQUENCE]):
            number = int.from_bytes(operand[1:3], "little")
            if request.operator == Operator.FROM:
                return [sequence for sequence in everything if sequence >= number]
            if request.operator == Operator.UP_TO:
                return [sequence for sequence in everything if sequence <= number]
        return None

    async def _reply(self, message: RacpMessage) -> None:
        await self._device.indicate(self.control, bytes(message))
