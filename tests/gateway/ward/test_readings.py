"""Whose a reading is, and when: wrong clocks, memories, moved devices, user numbers, restarts."""

from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from teleward_gateway.testing.ward_kit import S, TurnedClock, WardKit
from teleward_gateway.ward.held_reading import Held
from teleward_signal.errors import Invalid, NotFound
from teleward_signal.model import ClockReading, DeviceStamp, DeviceStatus, Measurement

MIN, HOUR, DAY = 60, 3600, 86_400


class Cuff:
    """What the driver of a cuff gives; its clock is ``ahead_s`` ahead, ``unread``: never read."""

    def __init__(self, kit: WardKit, device: str = "cuff", ahead_s: float = 0.0) -> None:
        self.kit, self.device, self.ahead_s = kit, device, ahead_s
        self.clock: ClockReading | None = None
        self.unread = False

    def connect(self) -> None:
        """Begin a connected stretch."""
        self.kit.ingest.forget_device(self.device)
        stamp = self.kit.clock.now()
        calendar_ns = stamp.time_ns + round(self.ahead_s * S)
        self.clock = ClockReading(calendar_ns, stamp.time_ns, stamp.monotonic_ns)
        self.kit.give(self.device, DeviceStatus(clock=None if self.unread else self.clock))
        self.kit.clock.go_on(1.0)

    def send(
        self,
        systolic: float,
        ago_s: float = 5.0,
        user: int | None = None,
        at_ns: int | None = None,
    ) -> None:
        """Send a reading taken ``ago_s`` before now, or at ``at_ns``."""
        taken_ns = self.kit.clock.now().time_ns - round(ago_s * S) if at_ns is None else at_ns
        stamp = DeviceStamp(
            taken_ns + round(self.ahead_s * S), user=user, clock=None if self.unread else self.clock
        )
        for metric, value in (("nibp_systolic", systolic), ("nibp_diastolic", systolic / 2)):
            self.kit.give(self.device, Measurement(metric, value, valid_s=3600.0, stamp=stamp))


class Meter(Cuff):
    """A glucose meter with numbered records, reported when asked."""

    def report(self, records: dict[int, tuple[int, float]]) -> None:
        """Send records: number, (time UTC ns, mg/dL); the last is the newest."""
        for number, (at_ns, value) in records.items():
            stamp = DeviceStamp(
                at_ns + round(self.ahead_s * S),
                record=number,
                memory=True,
                newest=number == max(records),
                clock=self.clock,
            )
            self.kit.give(
                self.device,
                Measurement("glucose", value, valid_s=3600.0, stored=True, stamp=stamp),
            )


def lose(folder: Path) -> None:
    for file in folder.glob("readings.sqlite*"):
        file.unlink()


async def ward(stack: AsyncExitStack, folder: Path, *devices: str) -> WardKit:
    kit = await WardKit.open(stack, folder)
    await kit.admit("anna")
    await kit.admit("bert")
    for device in devices or ("cuff",):
        await kit.wear(device, "anna")
    return kit


async def move(kit: WardKit, device: str, subject: str) -> None:
    kit.registry.move_device(device, subject)
    await kit.settle()


async def values(kit: WardKit, subject: str, metric: str = "nibp_systolic") -> list[tuple]:  # type: ignore[type-arg]
    """Return (value, seconds ago, stored) of each record."""
    now_ns = kit.clock.now().time_ns
    return [
        (r.payload["value"], round((now_ns - r.time_ns) / S), bool(r.payload.get("stored")))
        for r in await kit.recorded(subject=subject)
        if r.metric == metric
    ]


@pytest.mark.parametrize("ahead_s", [0, -16 * MIN, 330 * MIN, -5 * HOUR, -365 * DAY])
async def test_a_reading_of_now_is_the_wearers_of_now_whatever_the_clock_shows(
    tmp_path: Path, ahead_s: float
) -> None:
    async with AsyncExitStack() as stack:
        kit = await ward(stack, tmp_path)
        kit.clock.go_on(HOUR)
        await move(kit, "cuff", "bert")
        kit.clock.go_on(10 * MIN)
        cuff = Cuff(kit, ahead_s=ahead_s)
        cuff.connect()
        cuff.send(210.0)
        kit.second()
        assert await values(kit, "bert") == [(210.0, 6, False)]
        assert await values(kit, "anna") == []
        assert "limit:nibp_systolic" in kit.alarms("bert") or kit.alarms("bert")
        assert kit.shown("bert", "nibp_systolic") is not None


async def test_a_memory_lands_on_whoever_wore_the_device_then(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        kit = await ward(stack, tmp_path)
        kit.clock.go_on(HOUR)
        await move(kit, "cuff", "bert")
        kit.clock.go_on(10 * MIN)
        cuff = Cuff(kit, ahead_s=-16 * MIN)
        cuff.connect()
        cuff.send(180.0, ago_s=30 * MIN)
        cuff.send(150.0, ago_s=8 * MIN)
        cuff.send(120.0, ago_s=3 * HOUR)
        kit.second()
        assert await values(kit, "anna") == [(180.0, 1801, True)]
        assert await values(kit, "bert") == [(150.0, 481, True)]
        assert kit.alarms("anna") == kit.alarms("bert") == {}
        (unclaimed,) = kit.ingest.readings.held()
        assert (unclaimed.state, unclaimed.text) == (Held.UNCLAIMED, "120/60")


async def test_n_connects_and_restarts_leave_one_record_each(tmp_path: Path) -> None:
    clock = TurnedClock()
    records = {n: (clock.now().time_ns + n * MIN * S, 90.0 + n) for n in range(1, 6)}
    counts = []
    for restart in range(3):
        async with AsyncExitStack() as stack:
            kit = await WardKit.open(stack, tmp_path, clock)
            if restart == 0:
                await kit.admit("anna")
                await kit.wear("meter", "anna")
                clock.go_on(HOUR)
            for _ in range(3):
                meter = Meter(kit, "meter")
                meter.connect()
                meter.report(records)
                kit.second()
            counts.append(len(await values(kit, "anna", "glucose")))
            if restart == 1:
                (tmp_path / "readings.sqlite-wal").unlink(missing_ok=True)
    assert counts == [5, 0, 0]


async def test_a_lost_file_of_readings_is_made_again_from_the_journal(tmp_path: Path) -> None:
    clock = TurnedClock()
    records = {1: (clock.now().time_ns, 90.0)}
    for restart in range(2):
        async with AsyncExitStack() as stack:
            kit = await WardKit.open(stack, tmp_path, clock)
            if restart == 0:
                await kit.admit("anna")
                await kit.wear("meter", "anna")
                clock.go_on(MIN)
            meter = Meter(kit, "meter")
            meter.connect()
            meter.report(records)
            assert len(await values(kit, "anna", "glucose")) == 1 - restart
        lose(tmp_path)


async def test_a_meter_that_was_reset_uses_its_numbers_again(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        kit = await ward(stack, tmp_path, "meter")
        begin_ns = kit.clock.now().time_ns
        kit.clock.go_on(DAY)
        meter = Meter(kit, "meter")
        meter.connect()
        meter.report({1: (begin_ns + HOUR * S, 90.0), 2: (begin_ns + 2 * HOUR * S, 95.0)})
        kit.clock.go_on(HOUR)
        meter.connect()
        meter.report({1: (begin_ns + (DAY + MIN) * S, 90.0)})
        assert len(await values(kit, "anna", "glucose")) == 3


async def test_the_newest_record_of_a_meter_is_of_now_and_alarmed(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        kit = await ward(stack, tmp_path, "meter")
        kit.clock.go_on(HOUR)
        now_ns = kit.clock.now().time_ns
        meter = Meter(kit, "meter")
        meter.connect()
        meter.report({1: (now_ns - 30 * MIN * S, 99.0), 2: (now_ns - 3 * MIN * S, 41.0)})
        kit.second()
        assert await values(kit, "anna", "glucose") == [(99.0, 1802, True), (41.0, 182, False)]
        assert kit.shown("anna", "glucose") is not None
        assert any(condition.startswith("glucose") for condition in kit.alarms("anna"))


async def test_a_reading_of_unknown_time_waits_with_a_note_on_both_beds(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        kit = await ward(stack, tmp_path)
        kit.clock.go_on(HOUR)
        await move(kit, "cuff", "bert")
        kit.clock.go_on(10 * MIN)
        cuff = Cuff(kit, ahead_s=-16 * MIN)
        cuff.unread = True
        cuff.connect()
        cuff.send(206.0)
        kit.seconds(5)
        for subject in ("anna", "bert"):
            assert await values(kit, subject) == []
            texts = [e.text for e in kit.board.active(subject)]
            assert texts == ["A reading waits: 206/103 (cuff), see Devices"]
        (held,) = kit.ingest.readings.held()
        assert (held.state, held.subjects) == (Held.WAITING, ("anna", "bert"))
        with pytest.raises(Invalid, match="name the subject"):
            kit.ingest.readings.settle(held.id, None, None, "nurse")
        subject = kit.ingest.readings.settle(held.id, held.reading.now_ns, None, "nurse")
        assert subject == "bert"
        kit.second()
        assert await values(kit, "bert") == [(206.0, 6, False)]
        assert kit.alarms("anna") == {}
        assert "reading_waits:cuff" not in kit.alarms("bert")
        # the person's answer shows the clock: the next reading needs none
        kit.clock.go_on(HOUR)
        cuff.connect()
        cuff.send(140.0)
        assert (await values(kit, "bert"))[-1] == (140.0, 0, False)  # +- the 5 s that nobody knows


async def test_what_waits_is_filed_once_the_clock_is_known(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        kit = await ward(stack, tmp_path)
        kit.clock.go_on(4 * HOUR)
        cuff = Cuff(kit)
        cuff.unread = True
        cuff.connect()
        cuff.send(180.0, ago_s=3 * HOUR)
        assert [held.text for held in kit.ingest.readings.held()] == ["180/90"]
        cuff.send(120.0)
        assert kit.ingest.readings.held() == []
        kit.seconds(5)
        assert kit.alarms("anna") == {}
        assert await values(kit, "anna") == [(180.0, 3 * HOUR + 5, True), (120.0, 10, False)]


async def test_what_waits_survives_a_restart_and_is_not_taken_twice(tmp_path: Path) -> None:
    clock = TurnedClock()
    taken_ns = clock.now().time_ns
    for restart in range(2):
        async with AsyncExitStack() as stack:
            kit = await WardKit.open(stack, tmp_path, clock)
            if restart == 0:
                await kit.admit("anna")
                await kit.wear("cuff", "anna")
                clock.go_on(3 * HOUR)
            cuff = Cuff(kit)
            cuff.unread = True
            cuff.connect()
            cuff.send(206.0, at_ns=taken_ns)
            kit.seconds(5)
            (held,) = kit.ingest.readings.held()
            assert held.text == "206/103"
            assert list(kit.alarms("anna")) == ["reading_waits:cuff"]
            kit.save()
            clock.go_on(20 * MIN)
            if restart == 1:
                kit.ingest.readings.discard(held.id)
                kit.second()
                assert kit.alarms("anna") == {}
                with pytest.raises(NotFound):
                    kit.ingest.readings.discard(held.id)


async def test_user_numbers_stand_for_different_subjects(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        kit = await ward(stack, tmp_path)
        kit.ingest.readings.bind_user("cuff", 1, "anna")
        kit.ingest.readings.bind_user("cuff", 2, "bert")
        kit.clock.go_on(HOUR)
        cuff = Cuff(kit)
        cuff.connect()
        cuff.send(121.0, user=1)
        cuff.send(132.0, ago_s=6, user=2)
        cuff.send(143.0, ago_s=7, user=3)
        cuff.send(154.0, ago_s=2 * HOUR, user=2)
        assert [v[0] for v in await values(kit, "anna")] == [121.0]
        assert [v[0] for v in await values(kit, "bert")] == [132.0]
        states = {held.text: held.state for held in kit.ingest.readings.held()}
        assert states == {"143/71.5": Held.WAITING, "154/77": Held.UNCLAIMED}
        assert kit.ingest.readings.wearers.users("cuff") == {1: "anna", 2: "bert"}
        kit.ingest.readings.bind_user("cuff", 2, None)
        assert kit.ingest.readings.wearers.users("cuff") == {1: "anna"}


async def test_two_wearers_within_the_uncertainty_are_never_chosen_between(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        kit = await ward(stack, tmp_path)
        kit.clock.go_on(HOUR + 40)
        cuff = Cuff(kit)
        cuff.connect()
        await move(kit, "cuff", "bert")
        moved_ns = kit.clock.now().time_ns
        kit.clock.go_on(10 * MIN)
        cuff.connect()
        cuff.send(206.0, at_ns=moved_ns - S)
        cuff.send(180.0, at_ns=moved_ns - moved_ns % (MIN * S))  # its stamps may have no seconds
        for held in kit.ingest.readings.held():
            assert (held.state, held.subjects) == (Held.WAITING, ("anna", "bert"))
        assert len(kit.ingest.readings.held()) == 2


async def test_a_thermometer_without_dates_is_of_now_each_time(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        kit = await ward(stack, tmp_path, "thermometer")
        for _ in range(3):
            kit.give("thermometer", Measurement("body_temperature", 36.6, stamp=DeviceStamp()))
            kit.second()
        assert await values(kit, "anna", "body_temperature") == [
            (36.6, 3, False),
            (36.6, 2, False),
            (36.6, 1, False),
        ]
