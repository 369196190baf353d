r"""Bedside monitors that send HL7 v2 ORU messages over MLLP to this gateway, IHE PCD-01 or older.

    0B  MSH|^~\&|MINDRAY_VS900^00A0370098007A80^EUI-64||||20191206113452||ORU^R01^ORU_R01|1914|P|2.6
        PID|||...                        not read: who the patient is follows from our binding
        OBX|1|NM|150456^MDC_PULS_OXIM_SAT_O2^MDC|1.3.1.150456|99|262688^MDC_DIM_PERCENT^MDC|||||R
        code: 3 (or the end of 4)  value: 5  unit: 6  flags: 8  status: 11  time: 14        1C 0D

Withheld: status X, flags INV and NAV, numbers that stand for "no value" (-1, -100, -999, -99.9,
8388607), units that are not known, and the values of a monitor in demo mode (DEMO in OBX-8, or
processing id T). A cuff reading that is repeated every minute is one reading, by OBX-14; how old it
is follows from two times of the same monitor, whatever its clock shows.

Codes that are not known are listed with an example in the identity of the device; map them with the
option ``codes``. Alarms of the monitor are not read: they never silence the gateway's own watch.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from teleward_drivers.device import (
    Discarded,
    DriverInfo,
    LinkType,
    Output,
    SerialSettings,
    Verification,
    Write,
)
from teleward_drivers.link import Received
from teleward_drivers.options import read_options
from teleward_drivers.plausible import measurement
from teleward_drivers.wired.hl7_codes import CODES, PDS, SENTINELS, UNITS
from teleward_drivers.wired.hl7_message import (
    FrameReader,
    Malformed,
    Message,
    acknowledgement,
    at,
    calendar_ns,
    read,
    wants_answer,
)
from teleward_signal.errors import Invalid
from teleward_signal.model import ClockReading, DeviceStamp, DeviceStatus
from teleward_signal.vocabulary import METRICS

_SINGLE = frozenset(
    {"nibp_systolic", "nibp_diastolic", "nibp_mean", "glucose", "body_weight", "body_height"}
)
"""Readings of a moment; monitors repeat them with every message."""
_SINGLE_VALID_S = 3600.0
_VALID_S = (10.0, 180.0)
"""Shortest and longest life of a value: two and a half times what lies between two messages."""
_OLD_NS = 120_000_000_000
_DAY_NS = 86_400_000_000_000
_MOST_CHANNELS = 64
_MOST_UNKNOWN = 24
_ZERO_IS_NONE = frozenset({"body_weight", "body_height", "spo2"})


@dataclass(slots=True)
class Hl7Monitor:
    """The driver; ``codes`` are those of the settings, ``take_test`` takes simulated values too."""

    codes: dict[str, str] = field(default_factory=dict)
    take_test: bool = False
    _readers: dict[str, FrameReader] = field(default_factory=dict)
    _single: dict[str, str] = field(default_factory=dict)
    _unknown: dict[str, str] = field(default_factory=dict)
    _status: tuple[dict[str, str], frozenset[str]] | None = None
    _last_ns: int | None = None
    _valid_s: float = 75.0

    def start(self, now_ns: int) -> Iterable[Output]:
        """The monitor speaks by itself."""
        return ()

    def feed(self, received: Received) -> Iterable[Output]:
        """Take bytes in any pieces; each connection of the monitor is a channel."""
        reader = self._readers.get(received.channel)
        if reader is None:
            while len(self._readers) >= _MOST_CHANNELS:
                del self._readers[next(iter(self._readers))]
            reader = self._readers[received.channel] = FrameReader()
        try:
            for content in reader.feed(received.data):
                yield from self._message(content, received)
        except Malformed as error:
            yield Discarded(len(received.data), str(error))
        if reader.n_outside:
            yield Discarded(reader.n_outside, "outside_of_a_message")
            reader.n_outside = 0

    def tick(self, now_ns: int) -> Iterable[Output]:
        """Nothing is due: values end by themselves."""
        return ()

    def _message(self, content: bytes, received: Received) -> Iterator[Output]:
        try:
            message = read(content)
        except Malformed as error:
            yield Discarded(len(content), str(error))
            answer = acknowledgement(None, "AR", "100^Segment sequence error")
            yield Write(answer, received.channel, response=False)
            return
        code, problem = "AA", ""
        if message.components(message.head(9))[0] != "ORU":
            code, problem = "AR", "200^Unsupported message type"
        elif not message.control_id:
            code, problem = "AR", "101^Required field missing"
        if problem:
            yield Discarded(len(content), "message_type" if problem[0] == "2" else "no_control_id")
        else:
            yield from self._values(message, received)
        if wants_answer(message):
            yield Write(acknowledgement(message, code, problem), received.channel, response=False)

    def _values(self, message: Message, received: Received) -> Iterator[Output]:
        self._measure_interval(received.monotonic_ns)
        demo = message.head(11).startswith("T")
        now_ns = calendar_ns(message.head(7))
        found: list[Output] = []
        for fields in message.fields("OBR"):
            now_ns = now_ns or calendar_ns(at(fields, 7))
        for fields in message.fields("OBX"):
            flags = at(fields, 8).upper().replace("^", "~").split("~")
            demo = demo or "DEMO" in flags
            found += self._value(message, fields, flags, demo, now_ns, received)
        yield from self._describe(message, demo and not self.take_test)
        yield from found

    def _value(
        self,
        message: Message,
        fields: tuple[str, ...],
        flags: list[str],
        demo: bool,
        now_ns: int | None,
        received: Received,
    ) -> Iterator[Output]:
        text, when = at(fields, 5), at(fields, 14)
        names = [part for part in message.components(at(fields, 3)) if part]
        if not names or (not text and not at(fields, 2)):
            return  # a container of others
        metric = self._metric(names, at(fields, 4), message.head(12))
        if metric is None:
            self._note_unknown("^".join(names[:2]), f"{text} {at(fields, 6)}")
            return
        if metric in _SINGLE and when:
            if self._single.get(metric) == when:
                return
            self._single[metric] = when
        value, reason = _number(metric, text, message.components(at(fields, 6)))
        if reason == "unknown_unit":
            self._note_unknown("^".join(names[:2]), f"{text} {at(fields, 6)}")
        if at(fields, 11) == "X" or {"INV", "NAV"} & set(flags):
            value, reason = None, "missing"
        if demo and not self.take_test:
            value, reason = None, "demo_mode"
        detail: dict[str, Any] = {"code": "^".join(names[:2])[:60]}
        shared: dict[str, Any] = {"valid_s": self._valid_s}
        if metric in _SINGLE:
            shared = _stamped(when, now_ns, received)
        if metric.startswith("nibp_"):
            shared["group"] = f"nibp-{when or received.time_ns}"
        if when:
            detail["monitor_clock"] = when[:24]
        yield measurement(metric, value, reason, detail=detail, **shared)

    def _metric(self, names: list[str], place: str, version: str) -> str | None:
        """Return the metric of a code: as the settings have it, by number, name or place."""
        both = "^".join(names[:2])
        for name in (both, *names[:2]):
            if name in self.codes:
                return self.codes[name]
        if names[0] in PDS and version.startswith("2.3"):
            return PDS[names[0]]
        for name in (both.upper(), *names[:2], place.rpartition(".")[2]):
            if name in CODES:
                return CODES[name]
        return None

    def _note_unknown(self, code: str, example: str) -> None:
        if code in self._unknown or len(self._unknown) < _MOST_UNKNOWN:
            self._unknown.setdefault(code[:60], example.strip()[:30])

    def _describe(self, message: Message, demo: bool) -> Iterator[Output]:
        """Report once who sends, what cannot be read, and whether it is in demo mode."""
        sender = message.components(message.head(3))
        identity = {"model": sender[0]} if sender[0] else {}
        if len(sender) > 1 and sender[1]:
            identity["serial_number"] = sender[1]
        if self._unknown:
            listed = "; ".join(f"{code} = {text}" for code, text in self._unknown.items())
            identity["unknown_codes"] = listed[:400]
        status = identity, frozenset({"demo_mode"} if demo else ())
        if status != self._status:
            self._status = status
            yield DeviceStatus(identity=dict(identity), faults=status[1])

    def _measure_interval(self, monotonic_ns: int) -> None:
        """Learn how often the monitor sends, and how long its values hold."""
        if self._last_ns is not None and monotonic_ns > self._last_ns:
            apart_s = (monotonic_ns - self._last_ns) / 1e9
            self._valid_s = round(min(max(2.5 * apart_s, _VALID_S[0]), _VALID_S[1]), 1)
        self._last_ns = monotonic_ns


def _number(metric: str, text: str, unit: list[str]) -> tuple[float | None, str | None]:
    """Return a value in the unit of its metric, or why there is none."""
    try:
        value = float(text.strip())
    except ValueError:
        return None, "missing" if not text.strip() else "not_a_number"
    if value in SENTINELS or value != value or (value == 0 and metric in _ZERO_IS_NONE):
        return None, "missing"
    named = [part.strip().upper() for part in unit[:2] if part.strip()]
    named += [part.removeprefix("MDC_DIM_") for part in named]
    if not named:
        return value, None
    known = UNITS[metric]
    way = next((known[name] for name in named if name in known), None)
    return (None, "unknown_unit") if way is None else (round(way(value), 4), None)


def _stamped(when: str, now_ns: int | None, received: Received) -> dict[str, Any]:
    """Return the time of a reading by the monitor's own clock, wherever that stands."""
    taken_ns = calendar_ns(when)
    clock = ClockReading(now_ns, received.time_ns, received.monotonic_ns)
    shared: dict[str, Any] = {
        "valid_s": _SINGLE_VALID_S,
        "stamp": DeviceStamp(taken_ns, clock=clock if now_ns is not None else None),
    }
    if taken_ns is None or now_ns is None or not 0 <= now_ns - taken_ns < _DAY_NS:
        return shared
    age_ns = now_ns - taken_ns
    shared["device_time_ns"] = received.time_ns - age_ns
    shared["stored"] = age_ns >= _OLD_NS
    return shared


OPTIONS = {"codes": (dict, None), "take_test": (bool, False)}


def make(options: dict[str, Any]) -> Hl7Monitor:
    """Return a driver; raises Invalid for a code that is mapped to no metric."""
    chosen = read_options("hl7-monitor", options, OPTIONS)
    codes = {str(code): str(metric) for code, metric in (chosen["codes"] or {}).items()}
    for code, metric in codes.items():
        if metric not in UNITS:
            raise Invalid(
                f"driver hl7-monitor: codes.{code}: no metric {metric!r} of monitors"
                + (" (it is no number of a monitor)" if metric in METRICS else "")
                + f"; use {', '.join(UNITS)}"
            )
    return Hl7Monitor(codes, chosen["take_test"])


DRIVER = DriverInfo(
    name="hl7-monitor",
    title="Bedside monitor that sends HL7 v2 over the network (IHE PCD-01 and older)",
    link=LinkType.SERIAL,
    verification=Verification.CAPTURE,
    source="messages of Mindray VS900, GE B40 and XH80X; ISO/IEEE 11073-10101; HL7 v2.3.1 to v2.6",
    make=make,
    metrics=frozenset(UNITS),
    serial=SerialSettings(115200),
    silence_s=180.0,
    options={
        "codes": 'metric by code of the monitor, such as {"478^PVI" = "perfusion_index"}',
        "take_test": "take values of demo mode and of processing id T: for simulated monitors only",
    },
)
