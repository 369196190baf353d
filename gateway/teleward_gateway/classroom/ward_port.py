"""The ward as the classroom sees it: patients with simulated devices come, are measured and go.

    room --rows--> fleet (simulated BLE and serial devices) --address--> registry: subject, devices
                                                                          `--> sessions connect

From then on the patient is one of the ward: nothing above the link knows that there is a case. This
is the only module of the classroom that imports a part of the ward.
"""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from teleward_gateway.classroom.fleet_client import FleetClient, NoDevices
from teleward_gateway.live import LiveHub, Rung
from teleward_gateway.registry import Device, Registry, RegistryError, Subject

__all__ = ["BedsidePatient", "LiveHub", "PatientPage", "Registry", "WardPort"]

log = logging.getLogger(__name__)

AUTHOR = "room"
ROOM = "room"
"""Attribute of a subject that is the patient of a room."""


@dataclass(frozen=True, slots=True)
class BedsidePatient:
    """A patient to put on the ward: identity, label, detail line and rows of a fleet file."""

    subject: str
    label: str
    detail: str
    rows: Sequence[dict[str, Any]] = field(default=())


class PatientPage:
    """The live frames of one patient for one screen; `close` it."""

    def __init__(self, live: LiveHub, subject: str, most: Rung) -> None:
        self._live, self._most = live, most
        self._page = live.open_page([subject])
        self._page.rung = most

    def close(self) -> None:
        """Forget the screen."""
        self._live.close_page(self._page)

    async def next(self) -> str | bytes:
        """Return the next message: JSON text, or bytes with waves."""
        return await self._page.next()

    def sent(self) -> None:
        """Note that waves were sent."""
        self._live.sent()

    def pong(self, sent: float) -> str:
        """Return the answer to a ping."""
        return self._live.pong(sent)

    def ask_rung(self, name: str) -> None:
        """Take a lower rung than allowed, or the allowed one; never a higher one."""
        order = list(Rung)
        if name in order:
            self._page.rung = max(Rung(name), self._most, key=order.index)

    def refresh(self) -> None:
        """Send the whole state again."""
        self._page.refresh()


class WardPort:
    """Puts patients of rooms on the ward; without a ``fleet`` they have no devices."""

    def __init__(self, registry: Registry, fleet: str = "", live: LiveHub | None = None) -> None:
        self._registry, self._live = registry, live
        self._fleet = FleetClient(fleet) if fleet else None

    def open_page(self, subject: str, rung: str) -> "PatientPage | None":
        """Return the live frames of one patient, at most at ``rung``; None without a live view."""
        return None if self._live is None else PatientPage(self._live, subject, Rung(rung))

    def alarms(self, subject: str) -> list[dict[str, Any]]:
        """Return the alarm conditions of a patient that are not off."""
        return [] if self._live is None else self._live.alarms(subject)

    @property
    def has_devices(self) -> bool:
        """Whether rooms have simulated devices."""
        return self._fleet is not None

    async def close(self) -> None:
        """Close the connections to the fleet."""
        if self._fleet is not None:
            await self._fleet.close()

    async def put_on(self, patient: BedsidePatient) -> None:
        """Switch the patient's devices on and bind them; or `NoDevices`, and nothing is left."""
        if self._fleet is None:
            return
        places: list[tuple[dict[str, Any], str]] = []
        try:
            for row in patient.rows:
                places.append((row, await self._fleet.switch_on(row)))
            await asyncio.to_thread(self._bind, patient, places)
        except (NoDevices, RegistryError, asyncio.CancelledError):
            await self.take_off(patient.subject)
            raise

    def _bind(self, patient: BedsidePatient, places: list[tuple[dict[str, Any], str]]) -> None:
        registry, subject = self._registry, patient.subject
        attributes = {"detail": patient.detail, ROOM: True}
        registry.admit(
            Subject(subject, patient.label, registry.mode, f"bed-{subject}", attributes), AUTHOR
        )
        for row, address in places:
            name = f"{subject}-{row['sensor']}"
            known = Device(name, row["kind"], address, provenance=registry.mode)
            registry.add_device(known, AUTHOR, subject=subject)

    async def take_off(self, subject: str) -> None:
        """Remove the subject and its devices, here and in the fleet; pass over what is gone."""
        await asyncio.to_thread(self._unbind, subject)
        if self._fleet is None:
            return
        try:
            for row in await self._fleet.devices():
                if row["subject"] == subject:
                    await self._fleet.switch_off(row["address"])
        except NoDevices as error:
            log.warning("devices of a closed room may still be on: %s", error)

    def _unbind(self, subject: str) -> None:
        for device in self._registry.devices():
            if device.id.startswith(f"{subject}-"):
                self._registry.remove_device(device.id, AUTHOR)
        if subject in {known.id for known in self._registry.subjects()}:
            self._registry.discharge(subject, AUTHOR)

    async def press(self, subject: str, sensor: str) -> None:
        """Have the device that is ``sensor`` measure now, when there is one with such a button."""
        if self._fleet is None:
            return
        try:
            device = self._registry.device(f"{subject}-{sensor}")
            await self._fleet.press(device.address, "measure")
        except (LookupError, NoDevices) as error:
            log.info("nothing measured on request: %s", error)

    async def tidy(self, keep: frozenset[str] = frozenset()) -> None:
        """Remove what is left of rooms that ended with the gateway, but those of ``keep``."""
        for subject in self._registry.subjects():
            if ROOM in subject.attributes and subject.id not in keep:
                await self.take_off(subject.id)
