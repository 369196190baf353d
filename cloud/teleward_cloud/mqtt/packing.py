"""Records to messages: which share one, on which topic, no larger than the broker takes. Pure.

    bundle = "gateway"   {root}/{gateway}/live/records         everything of a batch
    bundle = "subject"   {root}/{gateway}/live/{subject}/...   one subject, kind and second

A message that would exceed the limit is cut into smaller ones; a record that exceeds it alone is
refused with both sizes.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from teleward_cloud.mqtt import payload
from teleward_cloud.mqtt.broker_limits import publish_bytes
from teleward_cloud.mqtt.compression import Compression, compress
from teleward_cloud.mqtt.settings import Bundle
from teleward_cloud.mqtt.topics import Topics
from teleward_cloud.sink import Rejected
from teleward_signal.record import Record, RecordId, RecordKind

MOST_BYTES = 64 * 1024
"""Content of one message where the broker names no limit: cloud brokers take 128 KiB."""
OLD_MOST_BYTES = 16 * 1024
"""The same under MQTT 3.1.1, where a broker cannot name its limit: rumqttd takes 20 kB."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message to publish."""

    topic: str
    records: Sequence[Record]
    body: bytes

    @property
    def ids(self) -> list[RecordId]:
        """The identities of its records."""
        return [record.id for record in self.records]


@dataclass(slots=True)
class Packing:
    """How the messages of one gateway are made."""

    topics: Topics
    bundle: Bundle
    compression: Compression
    rejected: list[Rejected] = field(default_factory=list)
    most_bytes: int = MOST_BYTES
    _topic: Callable[..., str] = field(init=False)

    def __post_init__(self) -> None:
        self._topic = lru_cache(maxsize=4096)(self.topics.records)

    def messages(
        self, records: Sequence[Record], *, live: bool, packet_bytes: int | None, portion: int = 0
    ) -> Iterator[Message]:
        """Yield the messages of a batch; ``portion`` is the most records of one, 0 for any number.

        Records that no message can carry are added to ``rejected``.
        """
        for group in self._groups(records, portion):
            yield from self._fit(group, live, packet_bytes)

    def split(self, message: Message, *, live: bool, packet_bytes: int | None) -> list[Message]:
        """Return the messages of both halves of a message that a broker refused."""
        middle = len(message.records) // 2
        halves = message.records[:middle], message.records[middle:]
        return [made for half in halves for made in self._fit(half, live, packet_bytes)]

    def _groups(self, records: Sequence[Record], portion: int) -> Iterator[Sequence[Record]]:
        if self.bundle is Bundle.SUBJECT:
            groups: list[list[Record]] = payload.bundles(records)
        else:
            groups = payload.by_journal(records)
        for group in groups:
            step = portion or len(group)
            for start in range(0, len(group), step):
                yield group[start : start + step]

    def _fit(
        self, records: Sequence[Record], live: bool, packet_bytes: int | None
    ) -> Iterator[Message]:
        """Yield one message, or smaller ones if it is too large."""
        topic = self.topic(records[0], live=live)
        try:
            content = payload.encode(records, live=live, version=self._version)
        except (TypeError, ValueError) as error:
            yield from self._without_poison(records, error, live, packet_bytes)
            return
        body = compress(content, self.compression)
        room = self.most_bytes
        if packet_bytes is not None:
            room = min(room, packet_bytes - publish_bytes(topic, 0))
        if len(body) <= room or (len(records) == 1 and packet_bytes is None):
            yield Message(topic, records, body)
        elif len(records) > 1:
            middle = len(records) // 2
            yield from self._fit(records[:middle], live, packet_bytes)
            yield from self._fit(records[middle:], live, packet_bytes)
        elif len(body) <= (packet_bytes or 0) - publish_bytes(topic, 0):
            yield Message(topic, records, body)
        else:
            size = publish_bytes(topic, len(body))
            reason = f"{size} bytes; the broker takes {packet_bytes} in a packet"
            self.rejected.append(Rejected(records[0].id, reason))

    def _without_poison(
        self, records: Sequence[Record], error: Exception, live: bool, packet_bytes: int | None
    ) -> Iterator[Message]:
        """Yield messages of the records that can be written as JSON."""
        if len(records) == 1:
            self.rejected.append(Rejected(records[0].id, f"no JSON: {error}"))
            return
        middle = len(records) // 2
        yield from self._fit(records[:middle], live, packet_bytes)
        yield from self._fit(records[middle:], live, packet_bytes)

    @property
    def _version(self) -> int:
        return 1 if self.bundle is Bundle.SUBJECT else 2

    def topic(self, record: Record, *, live: bool) -> str:
        """Return where a message with this record goes."""
        if self.bundle is Bundle.GATEWAY:
            return self.topics.bundle(live=live)
        metric = record.metric if record.kind is RecordKind.WAVEFORM else None
        return self._topic(record.kind, record.subject, metric, live=live)
