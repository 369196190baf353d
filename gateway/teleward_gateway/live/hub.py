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
from typing import Any

from teleward_gateway.health.latency import Latency
from teleward_gateway.health.probes import Heartbeat
from teleward_gateway.live.frame import CHANGE_LIMIT, join_change
from teleward_gateway.live.numbers_only import join_numbers
from teleward_gateway.live.page import PERIOD_TICKS, Held, Page, Rung
from teleward_gateway.live.subject import LiveSubject
from teleward_gateway.live.ward import LiveWard
from teleward_gateway.process.supervisor import Supervisor

TICK_S = 0.1
"""Ten frames a second: shorter ticks cost headers, longer ones delay."""
SIGN_OF_LIFE_TICKS = 10
"""A page gets a sign of the ward each second even when nothing changes.

Silence then means that ticks stopped.
"""


class LiveHub(LiveWard):
    """The live ward and the pages that watch.

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
        super().__init__(clock, monotonic, supervisor)
        self._gateway = dict(gateway or {})
        self.heartbeat = Heartbeat("the live view")
        self.latency = Latency()
        self._departing: list[int] = []
        self._pages: dict[Page, Held] = {}

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


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), allow_nan=False)
