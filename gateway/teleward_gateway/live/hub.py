"""Newest-wins fan-out of the live ward to the pages, ten ticks a second.

    publish_* (event loop, cheap)          tick                         pages
      block, value, alarm, mark  ->  LiveSubject state  ->  each subject encoded ONCE per tick
                                                             -> joined per page -> its queue

All methods are called from the event loop. Nothing here is kept: history is the journal's.
"""

import asyncio
import json
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from teleward_gateway.health.latency import Latency
from teleward_gateway.health.probes import Heartbeat
from teleward_gateway.live.frame import CHANGE_LIMIT, join_change
from teleward_gateway.live.numbers_only import Numbers, join_numbers
from teleward_gateway.live.page import PERIOD_TICKS, Held, Page, Rung
from teleward_gateway.live.steps import warm
from teleward_gateway.live.subject import LiveSubject
from teleward_gateway.process.supervisor import Supervisor
from teleward_signal.alarms.limits import AlarmLimits
from teleward_signal.model import AlarmEvent, Annotation, Measurement, SampleBlock
from teleward_signal.news2 import News2
from teleward_signal.vocabulary import METRICS, MetricKind

TICK_S = 0.1
"""Ten frames a second: shorter ticks cost headers, longer ones delay."""
SIGN_OF_LIFE_TICKS = 10
"""A page gets a sign of the ward each second even when nothing changes.

Silence then means that ticks stopped.
"""
SUBJECTS_LIMIT = 1024
"""Subjects one hub shows; the key of a frame is 16 bits."""


@dataclass(slots=True)
class LiveStatistics:
    """Counters for health and metrics."""

    pages: int = 0
    ticks: int = 0
    late_ticks: int = 0
    messages: int = 0
    dropped_messages: int = 0
    wave_bytes: int = 0
    unknown_subject: int = 0
    refused_blocks: int = 0


class LiveHub:
    """The live state of every subject and the pages that watch.

    ``gateway`` is sent to each page in its first message (name, version, provenance ...).
    ``clock`` returns UTC in nanoseconds, ``monotonic`` the time that decides what is newer.
    """

    def __init__(
        self,
        gateway: Mapping[str, Any] | None = None,
        clock: Callable[[], int] = time.time_ns,
        monotonic: Callable[[], int] = time.monotonic_ns,
        supervisor: Supervisor | None = None,
    ) -> None:
        warm()
        self.statistics = LiveStatistics()
        self._gateway = dict(gateway or {})
        self._clock, self._monotonic = clock, monotonic
        self._supervisor = supervisor or Supervisor()
        self.heartbeat = Heartbeat("the live view")
        self._subjects: dict[str, LiveSubject] = {}
        self._removed: list[str] = []
        self.latency = Latency()
        self._arrivals: list[int] = []
        self._departing: list[int] = []
        self._next_key = 0
        self._pages: dict[Page, Held] = {}
        self._metrics = {
            name: {"label": m.label, "unit": m.unit, "decimals": m.decimals}
            for name, m in METRICS.items()
            if m.kind is MetricKind.NUMERIC
        }
        places = {name: place for place, name in enumerate(self._metrics)}
        self._numbers = Numbers(places, self._supervisor)

    # what the gateway tells the hub

    def set_subject(
        self,
        subject: str,
        *,
        label: str = "",
        bed: str = "",
        simulated: bool = False,
        detail: str = "",
        **more: Any,
    ) -> None:
        """Add a subject or change who and where they are."""
        live = self._subjects.get(subject)
        if live is None:
            if len(self._subjects) >= SUBJECTS_LIMIT:
                raise ValueError(f"more than {SUBJECTS_LIMIT} subjects on one gateway")
            live = self._subjects[subject] = LiveSubject(subject, self._next_key)
            self._next_key = (self._next_key + 1) & 0xFFFF
        name = label or bed or subject
        shown = {
            "label": name,
            "bed": bed or name,
            "simulated": simulated,
            "detail": detail,
            **more,
        }
        live.set_info({"audio_pause": live.info.get("audio_pause"), **shown})

    def remove_subject(self, subject: str) -> None:
        """Take a discharged subject off every page."""
        if self._subjects.pop(subject, None) is not None:
            self._removed.append(subject)
            self._numbers.left.append(subject)

    def publish_block(self, subject: str, block: SampleBlock) -> None:
        """Show samples; a block that cannot be placed is counted and dropped."""
        live = self._find(subject)
        if live is not None:
            if not self._arrivals:
                self._arrivals.append(time.monotonic_ns())
            try:
                live.take_block(block)
            except ValueError:
                self.statistics.refused_blocks += 1

    def publish_measurement(
        self, subject: str, measurement: Measurement, device: str | None = None
    ) -> None:
        """Show a value of ``device``, or why there is none."""
        live = self._find(subject)
        if live is not None:
            live.take_measurement(measurement, self._clock(), self._monotonic(), device)

    def publish_event(self, subject: str, device: str, text: str, time_ns: int) -> None:
        """Show a line that a device reported of itself."""
        live = self._find(subject)
        if live is not None:
            live.take_event(device, text, time_ns)

    def publish_annotation(self, subject: str, annotation: Annotation) -> None:
        """Show a mark: a beat makes the heart blink."""
        live = self._find(subject)
        if live is not None:
            live.take_annotation(annotation)

    def publish_alarm(self, event: AlarmEvent) -> None:
        """Show a change of an alarm condition."""
        live = self._find(event.subject)
        if live is not None:
            live.take_alarm(event)

    def not_scored(self, subject: str) -> str | None:
        """Return why a subject has no NEWS2 at all, None for one who is scored."""
        live = self._subjects.get(subject)
        return live.not_scored if live else None

    def pews(self, subject: str) -> dict[str, Any] | None:
        """Return the points of a child as pages get them, None for somebody who has none."""
        live = self._subjects.get(subject)
        return live.pews if live else None

    def publish_news2(self, subject: str, score: News2) -> None:
        """Show an early-warning score, or what it lacks."""
        live = self._find(subject)
        if live is not None:
            live.set_news2(asdict(score))

    def set_link(self, subject: str, device: str, state: str, **detail: Any) -> None:
        """Show the state of a device's link, as the session names it."""
        live = self._find(subject)
        if live is not None:
            live.set_link(device, {"state": state, **detail})

    def drop_link(self, subject: str, device: str) -> None:
        """Forget a device that no longer feeds the subject."""
        live = self._subjects.get(subject)
        if live is not None:
            live.drop_link(device)

    def set_limits(self, subject: str, limits: AlarmLimits) -> None:
        """Show alarm limits beside the numerics."""
        live = self._find(subject)
        if live is not None:
            live.set_limits(limits.to_dict()["metrics"])

    def set_version(self, subject: str, version: int) -> None:
        """Show the version of what is prescribed: a form names the one that it was opened with."""
        live = self._find(subject)
        if live is not None:
            live.set_info({**live.info, "version": version})

    def set_audio_pause(self, subject: str, until_ns: int | None) -> None:
        """Show until when the alarm sound of a subject is paused."""
        live = self._find(subject)
        if live is not None:
            until = None if until_ns is None else until_ns // 1_000_000
            live.set_info({**live.info, "audio_pause": until})

    # what the pages get

    def subjects(self) -> list[dict[str, Any]]:
        """Return the whole present state of every subject as JSON values."""
        return [live.snapshot() for live in self._subjects.values()]

    def alarms(self, subject: str) -> list[dict[str, Any]]:
        """Return the alarm conditions of a subject that are not off."""
        live = self._subjects.get(subject)
        return [] if live is None else live.alarms()

    def shown(self) -> list[str]:
        """Return the names of the subjects that pages show."""
        return list(self._subjects)

    def sent(self) -> None:
        """Note that a page was given its waves: the oldest sample in them arrived so long ago."""
        for arrival_ns in self._departing:
            self.latency.add_ns(time.monotonic_ns() - arrival_ns)
        self._departing = []

    def open_page(self, subjects: Iterable[str] | None = None, sweep_s: float = 0.0) -> Page:
        """Add a page that watches ``subjects`` (all when None); close it with `close_page`.

        Its first message is the whole state, its second the waves of the last ``sweep_s`` seconds.
        """
        chosen = None if subjects is None else frozenset(subjects)
        past = self._past(chosen, sweep_s) if sweep_s > 0 else b""
        page = Page(
            chosen, lambda dropped: self._snapshot(chosen, dropped), past, self._send_numbers_whole
        )
        self._pages[page] = Held()
        self.statistics.pages = len(self._pages)
        return page

    def close_page(self, page: Page) -> None:
        """Forget a page."""
        if self._pages.pop(page, None) is not None:
            self.statistics.dropped_messages += page.dropped
        self.statistics.pages = len(self._pages)

    def pong(self, sent: float) -> str:
        """Return the answer to a page's ping: its own stamp and the gateway's time in ms."""
        return json.dumps({"type": "pong", "sent": sent, "now": self._now_ms()})

    async def keep_running(self) -> None:
        """Tick until cancelled, again and again if it fails."""
        await self._supervisor.keep("live view", self.run)

    async def run(self) -> None:
        """Tick until cancelled."""
        due = time.monotonic()
        while True:
            due += TICK_S
            wait = due - time.monotonic()
            if wait < -TICK_S:
                self.statistics.late_ticks += 1
                due = time.monotonic()
            await asyncio.sleep(max(0.0, wait))
            self.tick()

    def tick(self) -> None:
        """Encode what is new, once a subject, and queue it for the pages.

        A subject that cannot be encoded and a page that cannot be served harm no other.
        """
        self.heartbeat.beat()
        self.statistics.ticks += 1
        self._departing, self._arrivals = self._arrivals, []
        if not self._pages:
            self._forget()
            return
        changes: dict[str, str] = {}
        frames: dict[str, bytes] = {}
        for subject in self._removed:
            changes[subject] = json.dumps({"id": subject, "removed": True})
        self._removed = []
        for live in list(self._subjects.values()):
            with self._supervisor.contain(f"live view of {live.id}"):
                self._encode(live, changes, frames)
        for page, held in list(self._pages.items()):
            if page.rung is Rung.NUMBERS:
                continue
            with self._supervisor.contain("live view of a page"):
                held.add(page, changes, frames)
                if self.statistics.ticks % PERIOD_TICKS[page.rung] == 0:
                    self._send(page, held)
        with self._supervisor.contain("live view of pages with numbers only"):
            self._send_numbers()

    def _encode(self, live: LiveSubject, changes: dict[str, str], frames: dict[str, bytes]) -> None:
        """Encode what is new of one subject; what cannot be is dropped, and sent whole later."""
        try:
            change, frame = live.drain()
            text = None if change is None else _json(change)
        except Exception:
            live.drop()
            raise
        if text is not None:
            # one who left and came back within a tick: first the end of the former stay
            changes[live.id] = ",".join(filter(None, (changes.get(live.id), text)))
        if frame:
            frames[live.id] = frame
            self.statistics.wave_bytes += len(frame)

    def _forget(self) -> None:
        """Spend nothing while no page is open: the first one gets the whole state anyway."""
        self._removed = []
        self._numbers.left = []
        for live in list(self._subjects.values()):
            with self._supervisor.contain(f"live view of {live.id}"):
                live.forget()

    def _send(self, page: Page, held: Held) -> None:
        frames = b"".join(held.frames)
        lively = frames or held.turns * PERIOD_TICKS[page.rung] < SIGN_OF_LIFE_TICKS
        change = "" if lively and not held.changes else self._update(held.changes)
        held.turns = 1 if change or frames else held.turns + 1
        if change and frames and len(change) * 4 <= CHANGE_LIMIT:
            self._put(page, join_change(change, frames))
        else:
            if change:
                self._put(page, change)
            if frames:
                self._put(page, frames)
        held.changes, held.frames = [], []

    def _send_numbers(self) -> None:
        """Serve the pages that get numbers only: all at the same ticks, each subject once."""
        slow = [page for page in self._pages if page.rung is Rung.NUMBERS]
        present = list(self._subjects.values())
        if not slow:
            self._numbers.left = []
        elif self._numbers.is_due(self.statistics.ticks, present):
            now_ms = self._now_ms()
            parts = self._numbers.parts(present, now_ms)
            for page in slow:
                held = self._pages[page]
                if held.changes:  # of before it went over to numbers
                    self._put(page, self._update(held.changes))
                    held.changes, held.frames = [], []
                shown = [part for subject, part in parts.items() if page.watches(subject)]
                self._put(page, join_numbers(now_ms, shown))

    def _send_numbers_whole(self) -> None:
        """A page goes over to numbers: it may know newer values than those that get them."""
        for live in self._subjects.values():
            live.slow.send_whole()

    def _put(self, page: Page, message: str | bytes) -> None:
        page.put(message)
        self.statistics.messages += 1

    def _update(self, changes: list[str]) -> str:
        return f'{{"type":"update","now":{self._now_ms()},"subjects":[{",".join(changes)}]}}'

    def health(self) -> dict[str, Any]:
        """Return the counters of the live view."""
        statistics = self.statistics
        return {
            "pages": statistics.pages,
            "late_ticks_total": statistics.late_ticks,
            "messages_total": statistics.messages,
            "dropped_messages_total": statistics.dropped_messages
            + sum(page.dropped for page in self._pages),
            "wave_bytes_total": statistics.wave_bytes,
            "unknown_subject_total": statistics.unknown_subject,
            "refused_blocks_total": statistics.refused_blocks,
        }

    def _snapshot(self, chosen: frozenset[str] | None, dropped: int) -> str:
        shown = []
        for live in list(self._subjects.values()):
            if chosen is None or live.id in chosen:
                with self._supervisor.contain(f"live view of {live.id}"):
                    whole = live.snapshot()
                    _json(whole)
                    shown.append(whole)
        return json.dumps(
            {
                "type": "hello",
                "now": self._now_ms(),
                "gateway": self._gateway,
                "metrics": self._metrics,
                "subjects": shown,
                "dropped": dropped,
            },
            separators=(",", ":"),
            allow_nan=False,
        )

    def _past(self, chosen: frozenset[str] | None, sweep_s: float) -> bytes:
        """Return the waves of the last seconds, up to those that the next tick sends."""
        frames = []
        for live in list(self._subjects.values()):
            if chosen is None or live.id in chosen:
                with self._supervisor.contain(f"last sweep of {live.id}"):
                    frames.append(live.past(sweep_s))
        return b"".join(frames)

    def _now_ms(self) -> int:
        return self._clock() // 1_000_000

    def _find(self, subject: str) -> LiveSubject | None:
        live = self._subjects.get(subject)
        if live is None:
            self.statistics.unknown_subject += 1
        return live


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), allow_nan=False)
