"""What passes through an MQTT connection: messages, last will, refusals, loss of the connection."""

from dataclasses import dataclass

from teleward_cloud.mqtt.reason_codes import Reason, publish_remedy
from teleward_cloud.problems import Problem
from teleward_signal.errors import TelewardError, Unavailable


class MqttUnavailable(Unavailable):
    """There is no connection, or it ended before the acknowledgement; try again later.

    ``answer`` is the broker's reason code if it gave one, ``closed`` whether it ended without.
    """

    def __init__(
        self, problem: Problem | str, answer: Reason | None = None, *, closed: bool = False
    ) -> None:
        super().__init__(str(problem))
        self.problem = Problem(problem) if isinstance(problem, str) else problem
        self.answer, self.closed = answer, closed


class BrokerRefused(TelewardError):
    """The broker answered PUBACK or SUBACK with an error, for instance not authorised."""

    def __init__(self, answer: Reason, words: str = "") -> None:
        self.answer = answer
        self.reason = answer.name + (f" ({words[:200]})" if words else "")
        super().__init__(self.reason)

    @property
    def remedy(self) -> str:
        """What a person can do about it, empty where nothing."""
        return publish_remedy(self.answer)


@dataclass(frozen=True, slots=True)
class Will:
    """A message the broker publishes when the connection ends without a goodbye."""

    topic: str
    payload: bytes
    retain: bool = True


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message that arrived; the MQTT 5 fields are ``None`` under 3.1.1."""

    topic: str
    payload: bytes
    retained: bool
    mid: int
    qos: int = 1
    response_topic: str | None = None
    correlation: bytes | None = None
