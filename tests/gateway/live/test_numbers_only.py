"""The lowest rung: pages with numbers only know what all others know, at 1 kbit/s a bed."""

import asyncio
import json
import random
from dataclasses import dataclass, field
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from teleward_gateway.live import LiveHub, Page, Rung
from teleward_gateway.live.numbers_only import TURN_TICKS
from teleward_signal.model import AlarmEvent, AlarmKind, Measurement, Presence, Priority

NOW_NS = 1_700_000_000_000_000_000
TICK_NS = 100_000_000
OVERHEAD = 56
METRICS = ("heart_rate", "spo2", "respiratory_rate", "perfusion_index")


@dataclass
class Clock:
    """Moves a tick at a time."""

    ns: int = NOW_NS

    def __call__(self) -> int:
        """Return UTC ns."""
        return self.ns


@dataclass
class Known:
    """What a page knows of the values, after `core/state.js`."""

    metrics: list[str] = field(default_factory=list)
    keys: dict[int, str] = field(default_factory=dict)
    values: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    alarms: dict[str, list[str]] = field(default_factory=dict)
    octets: int = 0
    messages: int = 0

    def take(self, message: str | bytes) -> None:
        """Take one message."""
        assert isinstance(message, str), "no waves"
        self.octets, self.messages = self.octets + len(message), self.messages + 1
        given = json.loads(message)
        if isinstance(given, dict):
            whole = given["type"] == "hello"
            if whole:
                self.metrics = list(given["metrics"])
                self.values, self.keys = {}, {}
            for part in given["subjects"]:
                self._merge(part, whole)
            return
        now, shorts, changes = given
        for part in changes:
            self._merge(part, False)
        for key, lag, values, again in shorts:
            known = self.values[self.keys[key]]
            for place in again:
                known[self.metrics[place]]["time"] = now - lag
            for place, value in values.items():
                differs = (
                    dict(zip(("value", "quality"), value, strict=True))
                    if isinstance(value, list)
                    else {"value": value}
                )
                known[self.metrics[int(place)]] |= differs | {"time": now - lag}

    def _merge(self, part: dict[str, Any], whole: bool) -> None:
        subject = part["id"]
        if part.get("removed"):
            self.values.pop(subject, None)
            return
        self.keys[part["key"]] = subject
        known = self.values.setdefault(subject, {})
        if whole:
            known.clear()
        known |= {name: dict(value) for name, value in part.get("values", {}).items()}
        for name, update in part.get("updates", {}).items():
            known[name] |= {"time": part.get("at")} | update
        if "alarms" in part:
            self.alarms[subject] = [alarm["text"] for alarm in part["alarms"]]

    def shown(self) -> dict[str, dict[str, tuple[Any, ...]]]:
        """Return what a tile would show of each value."""
        return {
            subject: {
                name: (value.get("value"), value.get("reason"), value.get("quality"))
                for name, value in values.items()
            }
            for subject, values in self.values.items()
        }


async def drain(page: Page, known: Known) -> None:
    """Give a page what waits for it."""
    while True:
        try:
            async with asyncio.timeout(0):
                known.take(await page.next())
        except TimeoutError:
            return


def truth(hub: LiveHub) -> dict[str, dict[str, tuple[Any, ...]]]:
    """Return what every tile should show."""
    return {
        each["id"]: {
            name: (value.get("value"), value.get("reason"), value.get("quality"))
            for name, value in each["values"].items()
        }
        for each in hub.subjects()
    }


STEP = st.tuples(
    st.sampled_from(["value", "value", "value", "reason", "leave", "come", "rung", "open", "turn"]),
    st.sampled_from(METRICS),
    st.integers(0, 3),
)


@given(st.lists(STEP, max_size=60))
@settings(max_examples=60)
def test_whatever_happens_the_page_knows_what_is_at_its_turn(steps: list[Any]) -> None:
    async def run() -> None:
        clock = Clock()
        hub = LiveHub({}, clock=clock, monotonic=clock)
        hub.set_subject("a", bed="Bed 1")
        pages: list[tuple[Page, Known]] = []

        def open_page() -> None:
            page = hub.open_page()
            page.rung = Rung.NUMBERS
            pages.append((page, Known()))

        async def until_turn() -> None:
            for _ in range(TURN_TICKS):
                clock.ns += TICK_NS
                hub.tick()
                if hub.statistics.ticks % TURN_TICKS == 0:
                    break
            for page, known in pages:
                await drain(page, known)
                if page.rung is Rung.NUMBERS:
                    assert known.shown() == truth(hub)

        open_page()
        for what, metric, number in steps:
            if what == "value":
                value = Measurement(metric, 90.0 + number, quality=0.9, time_ns=clock.ns)
                hub.publish_measurement("a", value)
            elif what == "reason":
                hub.publish_measurement(
                    "a", Measurement(metric, None, reason="motion", time_ns=clock.ns)
                )
            elif what == "leave":
                hub.remove_subject("a")
            elif what == "come":
                hub.set_subject("a", bed="Bed 1")
            elif what == "rung":
                page, known = pages[number % len(pages)]
                await drain(page, known)
                lively = page.rung is Rung.NUMBERS
                page.rung = Rung.FULL if lively else Rung.NUMBERS
            elif what == "open" and len(pages) < 3:
                open_page()
            if what == "turn":
                await until_turn()
            else:
                clock.ns += TICK_NS
                hub.tick()
        for page, known in pages:
            await drain(page, known)
            page.rung = Rung.NUMBERS
        await until_turn()

    asyncio.run(run())


async def test_a_bed_takes_less_than_a_kilobit_a_second_and_alarms_do_not_wait() -> None:
    clock, draw = Clock(), random.Random(3)
    hub = LiveHub({}, clock=clock, monotonic=clock)
    hub.set_subject("a", bed="Bed 1")
    page, known = hub.open_page(["a"]), Known()
    page.rung = Rung.NUMBERS
    for tick in range(620):
        clock.ns += TICK_NS
        if tick % 10 == 0:
            for metric in METRICS:
                value = Measurement(
                    metric, 80.0 + draw.randrange(3), quality=draw.choice((0.9, 0.95)),
                    time_ns=clock.ns,
                )  # fmt: skip
                hub.publish_measurement("a", value)
        hub.tick()
        await drain(page, known)
        if tick == 19:
            known.octets = known.messages = 0
    seconds = 60.0
    kbit_s = (known.octets + OVERHEAD * known.messages) * 8 / seconds / 1000
    assert 0.2 < kbit_s < 0.85, kbit_s  # the answers to its pings, every 6 s, take 0.15

    while hub.statistics.ticks % TURN_TICKS != 1:
        hub.tick()
    event = AlarmEvent(
        "a", "x", AlarmKind.PHYSIOLOGICAL, Priority.HIGH, Presence.ON, clock.ns, "Asystole"
    )
    hub.publish_alarm(event)
    ticks = 0
    while known.alarms.get("a") != ["Asystole"]:
        hub.tick()
        ticks += 1
        await drain(page, known)
    assert ticks <= 5
