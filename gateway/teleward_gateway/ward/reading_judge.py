"""Of when and of whom a reading is: decided once for all measurements of one reading."""

from dataclasses import dataclass, replace
from typing import Any

from teleward_drivers.device_calendar import local_offset_minutes
from teleward_gateway.clock import Stamp
from teleward_gateway.clock.reading_time import (
    S_NS,
    ClockHistory,
    Placement,
    Reading,
    When,
    place,
)
from teleward_gateway.ward.held_reading import Held, HeldReading
from teleward_gateway.ward.reading_store import ReadingStore
from teleward_gateway.ward.wearer import Wearers
from teleward_signal.model import DeviceStamp, Measurement

QUIET_NS = 30 * S_NS
"""Memories are sent right after connecting: what comes after so much silence was taken just now."""


@dataclass(slots=True)
class Verdict:
    """When a reading was taken, and its subject; ``held``: its number while it has none."""

    placement: Placement
    subject: str | None
    held: int | None = None


@dataclass(slots=True)
class _Contact:
    """One connected stretch of a device: when it began, and its newest reading."""

    began_ns: int
    reading_ns: int | None = None
    record: int | None = None
    record_ns: int = 0
    verdict_of: tuple[Any, ...] = ()
    verdict: Verdict | None = None


class ReadingJudge:
    """Decides by what is known of clocks and wearers, and holds what cannot be decided."""

    def __init__(self, wearers: Wearers, store: ReadingStore) -> None:
        self._wearers, self._store = wearers, store
        self._contacts: dict[str, _Contact] = {}

    def connected(self, device: str, monotonic_ns: int) -> None:
        """Note that a connected stretch of a device began."""
        self._contacts[device] = _Contact(monotonic_ns)

    def judge(
        self, device: str, measurement: Measurement, stated: DeviceStamp, stamp: Stamp
    ) -> tuple[Verdict, ClockHistory | None]:
        """Return the verdict on a measurement, and for a new reading what is known of the clock."""
        contact = self._contacts.setdefault(device, _Contact(stamp.monotonic_ns))
        same = (stamp.monotonic_ns, stated.calendar_ns, stated.record, stated.user)
        if contact.verdict is not None and contact.verdict_of == same:
            return contact.verdict, None
        reading = _reading(contact, measurement, stated, stamp)
        contact.reading_ns = stamp.monotonic_ns
        placement, history = place(self._store.clocks.get(device, ClockHistory()), reading)
        if placement.when is not When.UNKNOWN and stated.record is not None:
            contact.record, contact.record_ns = stated.record, placement.time_ns
        verdict = self.decide(device, stated.user, placement, stamp)
        if verdict.subject is None:
            self._store.hold(self._held_of(device, verdict, reading, stated))
        contact.verdict, contact.verdict_of = verdict, same
        return verdict, history

    def decide(
        self, device: str, user: int | None, placement: Placement, stamp: Stamp | None
    ) -> Verdict:
        """Return the verdict on a placement; ``stamp`` is the arrival, where it is just now."""
        if placement.when is When.UNKNOWN:
            return Verdict(placement, None)
        wearers = self._wearers.between(device, user, *placement.bounds, stamp)
        if placement.when is When.NOW and len(wearers) > 1:
            wearers.discard(None)  # it was put on within the uncertainty
        return Verdict(placement, next(iter(wearers)) if len(wearers) == 1 else None)

    def with_wearers(self, held: HeldReading, placement: Placement) -> HeldReading:
        """Return the held reading by a placement: who may have worn the device, and its state."""
        wearers = self._wearers.between(held.device, held.user, *placement.bounds)
        subjects = tuple(sorted(who for who in wearers if who is not None))
        state = Held.WAITING if subjects else Held.UNCLAIMED
        return replace(held, placement=placement, subjects=subjects, state=state)

    def hold_again(
        self, device: str, verdict: Verdict, stated: DeviceStamp, stamp: Stamp
    ) -> HeldReading:
        """Return what further measurements of a reading that was settled are held by."""
        reading = Reading(stated.calendar_ns, stamp.time_ns, memory=stated.memory is True)
        return self._held_of(device, verdict, reading, stated)

    def _held_of(
        self, device: str, verdict: Verdict, reading: Reading, stated: DeviceStamp
    ) -> HeldReading:
        verdict.held = self._store.new_id()
        held = HeldReading(
            verdict.held,
            device,
            Held.WAITING,
            verdict.placement,
            replace(reading, quiet=False),
            (),
            (),
            stated.record,
            stated.user,
        )
        return self.with_wearers(held, verdict.placement)


def _reading(
    contact: _Contact, measurement: Measurement, stated: DeviceStamp, stamp: Stamp
) -> Reading:
    before_ns = contact.began_ns if contact.reading_ns is None else contact.reading_ns
    floor_ns = 0
    if contact.record is not None and stated.record is not None:
        floor_ns = contact.record_ns if contact.record < stated.record else 0
    zone, clock = stated.offset_minutes, stated.clock
    shown_ahead_ns = None
    if clock is not None and clock.calendar_ns is not None:
        # against the arrival's UTC, which may have been corrected since the clock was read
        read_ns = stamp.time_ns - (stamp.monotonic_ns - clock.monotonic_ns)
        shown_ahead_ns = clock.calendar_ns - read_ns
    return Reading(
        calendar_ns=stated.calendar_ns,
        now_ns=stamp.time_ns,
        unset=stated.calendar_ns is None and "device_clock" in measurement.detail,
        memory=stated.memory is True,
        newest=stated.newest,
        quiet=stamp.monotonic_ns - before_ns >= QUIET_NS,
        offset_minutes=local_offset_minutes(stamp.time_ns) if zone is None else zone,
        floor_ns=floor_ns,
        shown_ahead_ns=shown_ahead_ns,
    )
