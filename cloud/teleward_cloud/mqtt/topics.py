"""The topic tree, written and read in one place.

    {root}/{gateway}/status                                  retained, last will
    {root}/{gateway}/device/{device}                         retained, newest status
    {root}/{gateway}/live/records                            one message a second: everything
    {root}/{gateway}/live/{subject}/numerics                 or one message a subject and second
    {root}/{gateway}/live/{subject}/waveforms/{metric}
    {root}/{gateway}/live/{subject}/alarms
    {root}/{gateway}/live/{subject}/annotations
    {root}/{gateway}/live/{subject}/{devices,clock,audit}
    {root}/{gateway}/backfill/...                            the backlog, the same topics
    {root}/{gateway}/home/{subject}/{metric}                 for Home Assistant: the value alone
    {root}/{gateway}/command/{name}                          to the gateway
    {root}/{gateway}/reply/{name}                            from the gateway
    {root}/{gateway}/confirmed                               from a collector: stored record ids
    {root}/_collectors/{name}                                retained: a collector stands here

``root`` differs for field and simulated data. A record without a subject has ``-`` in its place.
Names are percent-encoded so that none can add a level or a wildcard.
"""

from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import quote, unquote

from teleward_signal.record import RecordKind

_CHANNELS = {
    RecordKind.MEASUREMENT: "numerics",
    RecordKind.WAVEFORM: "waveforms",
    RecordKind.ALARM: "alarms",
    RecordKind.ANNOTATION: "annotations",
    RecordKind.DEVICE: "devices",
    RecordKind.AUDIT: "audit",
    RecordKind.CLOCK: "clock",
}
NO_SUBJECT = "-"


@dataclass(frozen=True, slots=True)
class Topics:
    """The topics of one gateway below one root."""

    root: str
    gateway: str

    @property
    def base(self) -> str:
        """What all topics of the gateway start with, without a final slash."""
        return f"{self.root}/{level(self.gateway)}"

    @property
    def status(self) -> str:
        """Retained: online or offline, see `teleward_cloud.mqtt.payload.status`."""
        return f"{self.base}/status"

    @property
    def confirmed(self) -> str:
        """Where collectors confirm storage."""
        return f"{self.base}/confirmed"

    @property
    def collectors(self) -> str:
        """The filter of all collectors below the root."""
        return f"{self.root}/_collectors/+"

    def collector(self, name: str) -> str:
        """Retained: collector ``name`` stands here; no gateway's name begins with _."""
        return f"{self.root}/_collectors/{level(name) if name else ''}"

    @property
    def commands(self) -> str:
        """The filter of all commands to the gateway."""
        return f"{self.base}/command/+"

    def reply(self, name: str) -> str:
        """Where the gateway answers command ``name`` when the request names no other topic."""
        return f"{self.base}/reply/{level(name)}"

    def command(self, name: str) -> str:
        """Where command ``name`` is sent."""
        return f"{self.base}/command/{level(name)}"

    def device(self, device: str) -> str:
        """Retained status of one device; of all devices for ``+``."""
        return f"{self.base}/device/{device if device == '+' else level(device)}"

    def home(self, subject: str, metric: str) -> str:
        """Where Home Assistant finds the newest value of one metric."""
        return f"{self.base}/home/{level(subject)}/{level(metric)}"

    def bundle(self, *, live: bool) -> str:
        """Where everything of the gateway goes in one message a second."""
        return f"{self.base}/{'live' if live else 'backfill'}/records"

    def records(
        self, kind: RecordKind, subject: str | None, metric: str | None, *, live: bool
    ) -> str:
        """Where records of this kind go; a waveform has its metric as last level."""
        when = "live" if live else "backfill"
        who = NO_SUBJECT if subject is None else level(subject)
        channel = _CHANNELS[kind]
        if kind is RecordKind.WAVEFORM:
            channel = f"{channel}/{level(metric or NO_SUBJECT)}"
        return f"{self.base}/{when}/{who}/{channel}"


@lru_cache(maxsize=4096)
def level(name: str) -> str:
    """Encode ``name`` as one topic level."""
    encoded = quote(name, safe=" @:.,;=()[]!'~")
    return "%2D" if encoded == NO_SUBJECT else encoded


def plain(encoded: str) -> str:
    """Undo `level`."""
    return unquote(encoded)


def record_filters(root: str) -> tuple[str, ...]:
    """The filters under which all records of all gateways below ``root`` arrive."""
    return (f"{root}/+/live/#", f"{root}/+/backfill/#", f"{root}/+/device/+")


def gateway_of(root: str, topic: str) -> str:
    """Name of the gateway that a topic below ``root`` belongs to."""
    return plain(topic[len(root) + 1 :].split("/", 1)[0])
