"""Publish the records of a batch over one connection, and account for each answer.

records --pack--> messages --pace, window--> broker --PUBACK--> taken
                     ^                          |--refused: too large, invalid
                     +--------- halves ---------+        a record alone: dead letter or blocked
                                                |--refused: no rights  -> blocked
                                                |--busy, quota         -> pending, slower
                                                \\--closed             -> pending, suspects
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from functools import partial

from teleward_cloud.mqtt.connection import BrokerRefused, MqttConnection, MqttUnavailable
from teleward_cloud.mqtt.flight import Flight
from teleward_cloud.mqtt.pace import Pace
from teleward_cloud.mqtt.packing import MOST_BYTES, OLD_MOST_BYTES, Message, Packing
from teleward_cloud.mqtt.profiles import LIMITS
from teleward_cloud.mqtt.reason_codes import Effect
from teleward_cloud.mqtt.settings import Bundle, MqttSettings, MqttVersion
from teleward_cloud.mqtt.suspects import Suspects
from teleward_cloud.rate import Rate
from teleward_cloud.refusals import Refusal, Refusals
from teleward_cloud.sink import Rejected
from teleward_signal.record import Record, RecordKind

_MOST_SPLITS = 64
"""Messages refused for their content that one batch halves: two bad records of 512 need 36."""
_GAP_S = 0.6
"""Least time between live messages: the journal commits more than once a second at times."""
_LARGE = 200
"""Records of a message that is worth sending at once."""
_LEAST_BYTES = 1024
"""Content that every broker takes: a few records."""
_CLOSES = "the broker closes the connection when it gets this record"
Connected = Callable[[], MqttConnection]
"""Returns the connection in use; raises `MqttUnavailable` without one."""


class Publishing:
    """Publishes batches, one at a time; knows what the broker does not take."""

    def __init__(self, settings: MqttSettings, packing: Packing, connected: Connected) -> None:
        self._settings = settings
        self._packing = packing
        self._connected = connected
        stated = LIMITS[settings.profile].publishes_per_s if settings.profile else None
        known = [limit for limit in (settings.publishes_per_s, stated) if limit is not None]
        self.pace = Pace(min(known, default=None))
        self.suspects = Suspects()
        self.refusals = Refusals()
        self.messages = self.bytes = self.outstanding = 0
        self._backfill = Rate(settings.backfill_per_s)
        self._room = asyncio.Event()
        self._learned_bytes: int | None = None
        self._largest_taken = 0
        self._live_s = float("-inf")

    async def publish(self, records: Sequence[Record], *, live: bool) -> Flight:
        """Publish every record; the acknowledgements are awaited together."""
        flight = Flight()
        if live and self._settings.bundle is Bundle.GATEWAY:
            await self._gap(records)
        wanted = self._without_blocked(records, flight, live)
        connection: MqttConnection | None = None
        try:
            connection = self._connected()
            messages = deque(self._messages(wanted, connection, live))
            splits = 0
            while messages:
                await self._post_all(flight, messages, live)
                await self._settle(flight)
                for message, refusal in self._retryable(flight):
                    if splits < _MOST_SPLITS:
                        splits += 1
                        limit = self._connected().packet_bytes
                        messages += self._packing.split(message, live=live, packet_bytes=limit)
                    else:
                        flight.blocked += [Rejected(i, refusal.reason) for i in message.ids]
        except MqttUnavailable as unavailable:
            flight.error = str(unavailable)
        flight.rejected += self._packing.rejected
        self._packing.rejected = []
        self._judge(flight)
        self._suspect(flight, connection)
        return flight

    async def _gap(self, records: Sequence[Record]) -> None:
        """Keep live messages apart, so that commits in between share one.

        Alarms do not wait, nor does a batch that is large already.
        """
        wait_s = self._live_s + _GAP_S - time.monotonic()
        small = len(records) < _LARGE
        if small and wait_s > 0 and not any(r.kind is RecordKind.ALARM for r in records):
            await asyncio.sleep(wait_s)
        self._live_s = time.monotonic()

    def _messages(
        self, records: Sequence[Record], connection: MqttConnection, live: bool
    ) -> list[Message]:
        """Make the messages; records under suspicion go last, in ever smaller ones."""
        suspects, limit = self.suspects, connection.packet_bytes
        self._packing.most_bytes = self._most(connection)
        make = partial(self._packing.messages, live=live, packet_bytes=limit)
        if not suspects.alone:
            return list(make(records))
        clear = [record for record in records if record.id not in suspects.records]
        rest = [record for record in records if record.id in suspects.records]
        return [*make(clear), *make(rest, portion=suspects.portion or 0)]

    def _most(self, connection: MqttConnection) -> int:
        """Return the most content of a message that may be smaller: less where limits are tacit."""
        most = MOST_BYTES if connection.version is MqttVersion.V5 else OLD_MOST_BYTES
        return min(most, self._learned_bytes or most)

    async def _post_all(self, flight: Flight, messages: deque[Message], live: bool) -> None:
        """Publish each message as soon as pace and window have room."""
        while messages:
            await self.pace.take()
            if not live:
                await self._backfill.take(1)
            connection = await self._with_room()
            message = messages.popleft()
            self.post(
                connection, message.topic, message.body, partial(self._landed, flight, message)
            )
            flight.open += 1
            if self.suspects.alone:
                await self._settle(flight)

    def post(
        self,
        connection: MqttConnection,
        topic: str,
        body: bytes,
        done: Callable[[Exception | None], None],
    ) -> None:
        """Publish one message now and count it."""
        self.outstanding += 1
        self.count(len(topic) + len(body))
        connection.post(topic, body, partial(self._counted, done), alias=True)

    def count(self, n_bytes: int) -> None:
        """Count one message that is sent."""
        self.messages += 1
        self.bytes += n_bytes

    def _counted(self, done: Callable[[Exception | None], None], error: Exception | None) -> None:
        self.outstanding -= 1
        self._room.set()
        done(error)

    def _landed(self, flight: Flight, message: Message, error: Exception | None) -> None:
        """Take the answer to one message."""
        flight.open -= 1
        if error is None:
            flight.taken += message.ids
            flight.accepted.add(message.topic)
            self._largest_taken = max(self._largest_taken, len(message.body))
            self.suspects.acknowledged(message.ids)
        elif isinstance(error, BrokerRefused):
            flight.refused.append((message, error))
        else:
            flight.lost.append(message)
            flight.error = str(error)
        if flight.open == 0:
            flight.empty.set()

    async def _with_room(self) -> MqttConnection:
        """Return the connection when its window has room; raises `MqttUnavailable`."""
        while True:
            connection = self._connected()
            if self.outstanding < connection.window:
                return connection
            self._room.clear()
            await self._answer(self._room)

    async def _settle(self, flight: Flight) -> None:
        """Wait until every message of a flight is answered or given up."""
        while flight.open:
            flight.empty.clear()
            self._connected()
            await self._answer(flight.empty)

    async def _answer(self, event: asyncio.Event) -> None:
        """Wait for an event; a broker that stays silent loses the connection."""
        connection = self._connected()
        try:
            async with asyncio.timeout(self._settings.ack_timeout_s):
                await event.wait()
        except TimeoutError:
            await connection.close()
            raise MqttUnavailable("the broker acknowledges nothing") from None

    def _retryable(self, flight: Flight) -> Iterable[tuple[Message, BrokerRefused]]:
        """Return the refused messages to halve, and take them off the flight."""
        found: list[tuple[Message, BrokerRefused]] = []
        kept: list[tuple[Message, BrokerRefused]] = []
        for message, refusal in flight.refused:
            effect, size = refusal.answer.effect, len(message.body)
            splits = effect in (Effect.TOO_LARGE, Effect.MESSAGE)
            if effect is Effect.TOO_LARGE and size > self._largest_taken:
                self._learned_bytes = max(_LEAST_BYTES, self._largest_taken, size // 2)
            (found if splits and len(message.records) > 1 else kept).append((message, refusal))
        flight.refused = kept
        return found

    # What is refused

    def _without_blocked(
        self, records: Sequence[Record], flight: Flight, live: bool
    ) -> Sequence[Record]:
        """Return the records to send: of blocked topics only some, at times."""
        if not len(self.refusals):
            return records
        sent, now_s = [], time.monotonic()
        for record in records:
            topic = self._packing.topic(record, live=live)
            found = self.refusals.blocked((topic,))
            if found is None:
                sent.append(record)
            elif self.refusals.is_due(topic, now_s):
                self.refusals.refused_again(topic, found[1], now_s)  # unless it is accepted now
                sent.append(record)
            else:
                flight.blocked.append(Rejected(record.id, found[1]))
        return sent

    def _judge(self, flight: Flight) -> None:
        """Sort what was refused: pending, dead letters, blocked."""
        for topic in flight.accepted:
            if self.refusals.blocked((topic,)) is not None:
                self.refusals.open(topic)
                flight.resumed = True
        refusals: list[Refusal] = []
        for message, refusal in flight.refused:
            effect, remedy = refusal.answer.effect, refusal.remedy
            text = f"{refusal.reason}; {remedy}" if remedy else refusal.reason
            if effect is Effect.SLOWER:
                self.pace.slower()
            if effect in (Effect.SLOWER, Effect.WAIT, Effect.PROTOCOL):
                flight.error = f"the broker refuses messages for now: {text}"
            else:
                refusals += [Refusal(i, (message.topic,), text) for i in message.ids]
        dead, blocked = self.refusals.judge(refusals, frozenset(flight.accepted), time.monotonic())
        flight.rejected += dead
        flight.blocked += blocked

    def _suspect(self, flight: Flight, connection: MqttConnection | None) -> None:
        """Find the record for which the broker closes connections."""
        if connection is None or not flight.lost:
            return
        answer = connection.answer
        if answer is not None and answer.effect is Effect.SLOWER:
            self.pace.slower()
        if not connection.by_broker or (answer is not None and not answer.may_blame_message):
            return
        was_alone = self.suspects.alone
        culprit = self.suspects.lost([message.ids for message in flight.lost])
        if was_alone:
            self._learn(flight.lost[0], bool(culprit))
        why = f"{_CLOSES} ({connection.reason})"
        flight.rejected += [Rejected(found, why) for found in culprit]

    def _learn(self, message: Message, is_culprit: bool) -> None:
        """Learn from a message that ended the connection alone how large one may be."""
        size = len(message.body)
        if is_culprit and size <= self._largest_taken:
            self._learned_bytes = None  # it is its content that the broker does not take
        elif len(message.records) > 1 or size > self._largest_taken:
            self._learned_bytes = max(_LEAST_BYTES, size // 2)
