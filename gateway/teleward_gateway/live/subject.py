"""What the pages show of one subject, and which part of it changed since the last tick. Pure."""

from collections.abc import Mapping
from math import isfinite
from typing import Any

from teleward_gateway.live.changes import Changes
from teleward_gateway.live.channel import Channel
from teleward_gateway.live.frame import encode_frame
from teleward_signal.model import (
    AlarmEvent,
    Annotation,
    Measurement,
    Presence,
    SampleBlock,
)
from teleward_signal.timeline import Timeline

BEATS = frozenset("NLRBAaJSVrFejnE/fQ?")
"""WFDB symbols that stand for a beat."""
PARTS = ("info", "alarms", "links", "limits", "news2", "events")
"""What a page gets whole whenever it changes."""
USUAL = {"source": "derived", "valid": 5.0}
"""What a page takes for granted: left out, as is what is None, to keep a bed under 12 kbit/s."""
MARKS_LIMIT = 64
"""Marks that wait for a tick; more than this in 0.1 s is no rhythm."""
LINKS_LIMIT = 32
EVENTS_LIMIT = 6
"""Newest lines that devices reported of themselves: a defibrillator's shocks."""


class LiveSubject:
    """State of one subject for the pages; ``key`` is its number in binary frames."""

    def __init__(self, subject: str, key: int) -> None:
        self.id = subject
        self.key = key
        self.info: dict[str, Any] = {}
        self.channels: dict[str, Channel] = {}
        self._timeline = Timeline()
        self._observed_ns: dict[str, int] = {}
        self.values: dict[str, dict[str, Any]] = {}
        self.slow = Changes()
        """What pages with numbers only do not know; `_lively`: the others."""
        self._lively = Changes()
        self.is_urgent = False
        """Whether an alarm began, changed or ended that those pages do not know."""
        self._alarms: dict[str, dict[str, Any]] = {}
        self._links: dict[str, dict[str, Any]] = {}
        self._events: list[dict[str, Any]] = []
        self._limits: dict[str, Any] = {}
        self._news2: dict[str, Any] | None = None
        self._marks: list[dict[str, Any]] = []
        self._beats = 0
        self._sequence = 0

    def set_info(self, info: Mapping[str, Any]) -> None:
        """Take who and where the subject is, and whether simulated."""
        self.info = dict(info)
        self._note("info")

    def take_block(self, block: SampleBlock) -> None:
        """Add samples of one waveform."""
        channel = self.channels.get(block.metric)
        if channel is None:
            channel = self.channels[block.metric] = Channel(len(self.channels), block)
        channel.take(block)

    def take_measurement(
        self,
        measurement: Measurement,
        now_ns: int,
        monotonic_ns: int | None = None,
        device: str | None = None,
    ) -> None:
        """Replace the value of one metric by a newer one; a device's memory is not current."""
        if measurement.stored:
            return
        self._timeline.at(now_ns, monotonic_ns)
        observed_ns = self._timeline.observed_ns(measurement.time_ns)
        if observed_ns < self._observed_ns.get(measurement.metric, observed_ns):
            return
        self._observed_ns[measurement.metric] = observed_ns
        time_ns = now_ns if measurement.time_ns is None else measurement.time_ns
        value, reason = measurement.value, measurement.reason
        if value is not None and not isfinite(value):
            value, reason = None, "not a number"
        quality = measurement.quality
        if quality is not None and not isfinite(quality):
            quality = None
        whole = {
            "value": value,
            "reason": reason,
            "quality": None if quality is None else round(quality, 2),
            "source": measurement.source.value,
            "time": time_ns // 1_000_000,
            "received": now_ns // 1_000_000,
            "valid": measurement.valid_s,
            "author": measurement.author,
            "device": device,
        }
        self.values[measurement.metric] = {
            name: each for name, each in whole.items() if each != USUAL.get(name)
        }
        for each in (self._lively, self.slow):
            each.note(measurement.metric)

    def take_annotation(self, annotation: Annotation) -> None:
        """Add a mark; beats are only counted: they make the heart blink."""
        if annotation.symbol in BEATS:
            self._beats += 1
        elif len(self._marks) < MARKS_LIMIT:
            self._marks.append(
                {
                    "metric": annotation.metric,
                    "symbol": annotation.symbol,
                    "time": annotation.time_ns // 1_000_000,
                    "label": annotation.label,
                }
            )

    def take_event(self, device: str, text: str, time_ns: int) -> None:
        """Add a line that a device reported of itself; the oldest goes."""
        shown = "".join(letter for letter in text if letter.isprintable())
        event = {"device": device, "text": shown, "time": time_ns // 1_000_000}
        self._events = [*self._events, event][-EVENTS_LIMIT:]
        self._note("events")

    def take_alarm(self, event: AlarmEvent) -> None:
        """Show, change or remove one alarm condition."""
        if event.presence is Presence.OFF:
            self.is_urgent |= self._alarms.pop(event.condition, None) is not None
        else:
            if event.ends_pause and self.info.get("audio_pause"):
                self.set_info({**self.info, "audio_pause": None})
            before = self._alarms.get(event.condition)
            as_before = before and (before["presence"], before["priority"])
            self.is_urgent |= as_before != (event.presence.value, event.priority.value)
            since = before["since"] if before else event.time_ns // 1_000_000
            if event.since_ns is not None:
                since = event.since_ns // 1_000_000
            self._alarms[event.condition] = {
                "condition": event.condition,
                "kind": event.kind.value,
                "priority": event.priority.value,
                "presence": event.presence.value,
                "text": event.text,
                "metric": event.metric,
                "value": event.value,
                "limit": event.limit,
                "since": since,
                "author": event.author,
            }
        self._note("alarms")

    def _note(self, part: str) -> None:
        for each in (self._lively, self.slow):
            each.parts.add(part)

    def alarms(self) -> list[dict[str, Any]]:
        """Return the alarm conditions that are not off, as pages get them."""
        return list(self._alarms.values())

    @property
    def not_scored(self) -> str | None:
        """Why the person has no NEWS2 at all."""
        return (self._news2 or {}).get("not_applied")

    @property
    def pews(self) -> dict[str, Any] | None:
        """The points of a child, in place of NEWS2."""
        return (self._news2 or {}).get("pews")

    def set_news2(self, result: Mapping[str, Any]) -> None:
        """Replace the early-warning score."""
        self._news2 = dict(result)
        self._note("news2")

    def set_limits(self, limits: Mapping[str, Any]) -> None:
        """Replace the alarm limits shown beside the numerics."""
        self._limits = dict(limits)
        self._note("limits")

    def set_link(self, device: str, link: Mapping[str, Any]) -> None:
        """Replace the state of one device's link; the oldest goes when there are too many."""
        self._links[device] = dict(link)
        while len(self._links) > LINKS_LIMIT:
            del self._links[next(iter(self._links))]
        self._note("links")

    def drop_link(self, device: str) -> None:
        """Forget a device that no longer feeds the subject."""
        if self._links.pop(device, None) is not None:
            self._note("links")

    def drop(self) -> None:
        """Drop all waves: one of them cannot be encoded. Values are sent whole the next time."""
        self.channels.clear()
        for each in (self._lively, self.slow):
            each.send_all(self.values)
        self._marks, self._beats = [], 0

    def forget(self) -> None:
        """Drop what nobody watches: a page that opens gets the whole state first."""
        for channel in self.channels.values():
            channel.forget()
        for each in (self._lively, self.slow):
            each.forget()
        self._marks, self._beats = [], 0

    def past(self, sweep_s: float) -> bytes:
        """Return frames of what was sent in the last ``sweep_s`` seconds; b"" when nothing was."""
        runs = [run for channel in self.channels.values() for run in channel.past(sweep_s)]
        return encode_frame(self.key, self._sequence, runs) if runs else b""

    def drain(self) -> tuple[dict[str, Any] | None, bytes]:
        """Return (what changed as JSON values or None, the wave frame or ``b""``)."""
        runs = [run for channel in self.channels.values() for run in channel.drain()]
        change: dict[str, Any] = {name: self.part(name) for name in self._lively.drain_parts()}
        change |= self._drain_values()
        described = [channel for channel in self.channels.values() if channel.changed]
        if described:
            change["channels"] = [channel.describe() for channel in described]
        if self._marks:
            change["marks"] = self._marks
        if self._beats and not runs:
            change["beats"] = self._beats
        beats = self._beats
        for channel in described:
            channel.changed = False
        self._marks, self._beats = [], 0
        frame = b""
        if runs:
            self._sequence += 1
            frame = encode_frame(self.key, self._sequence, runs, beats)
        return ({"id": self.id, "key": self.key, **change} if change else None), frame

    def snapshot(self) -> dict[str, Any]:
        """Return the whole state as JSON values."""
        for each in (self._lively, self.slow):
            each.send_whole()
        return {
            "id": self.id,
            "key": self.key,
            **{name: self.part(name) for name in PARTS},
            "values": self.values,
            "channels": [channel.describe() for channel in self.channels.values()],
        }

    def _drain_values(self) -> dict[str, Any]:
        """Return new values whole, and of those that pages know only what differs.

        ``at`` is the time of every update that names no other.
        """
        values: dict[str, Any] = {}
        updates: dict[str, Any] = {}
        drained: dict[str, Any] = {}
        for name, value, differs in self._lively.drain(self.values):
            if differs is None:
                values[name] = value
                continue
            at = drained.setdefault("at", value["time"])
            differs["time"] = value["time"]
            if at == value["time"]:
                del differs["time"]
            updates[name] = differs
        if values:
            drained["values"] = values
        if updates:
            drained["updates"] = updates
        return drained

    def part(self, name: str) -> Any:
        """Return what is shown of one of `PARTS`."""
        match name:
            case "info":
                return self.info
            case "alarms":
                return list(self._alarms.values())
            case "links":
                return self._links
            case "limits":
                return self._limits
            case "events":
                return self._events
            case _:
                return self._news2
