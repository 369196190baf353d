"""The devices on a room's patient: switched on in the fleet, bound in the registry, and off again.

    room --rows--> POST /devices of the fleet's control API --address--> registry: subject, devices
                   (simulated BLE and serial devices)                      `--> sessions connect

From then on the patient is one of the ward: nothing above the link knows that there is a case.
"""

import json
import logging
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterable
from typing import Any

from teleward_gateway.registry import Device, Registry, RegistryError, Subject
from teleward_signal.errors import Unavailable

log = logging.getLogger(__name__)

TIMEOUT_S = 15.0
SWITCH_ON_S = 240.0
"""Switching a device on takes milliseconds, but the first case compiles the patient's kernels."""
AUTHOR = "room"
ROOM = "room"
"""Attribute of a subject that is the patient of a room."""


class NoDevices(Unavailable):
    """The simulated devices cannot be switched on; the message gives the remedy."""


class Bedside:
    """Puts patients of rooms on the ward; ``fleet`` is the address of a fleet's control API.

    May be used from any thread.
    """

    def __init__(self, fleet: str, registry: Registry) -> None:
        self._fleet = fleet.rstrip("/")
        self._registry = registry

    def put_on(self, code: str, label: str, detail: str, rows: Iterable[dict[str, Any]]) -> str:
        """Switch the devices of ``rows`` on and bind them; return the subject, or `NoDevices`."""
        subject = code.lower()
        places: list[tuple[dict[str, Any], str]] = []
        try:
            for row in rows:
                device = self._ask("POST", "/devices", row, SWITCH_ON_S)
                places.append((row, device["address"]))
            attributes = {"detail": detail, ROOM: code}
            bed = f"room-{subject}"
            self._registry.admit(
                Subject(subject, label, self._registry.mode, bed, attributes), AUTHOR
            )
            for row, address in places:
                known = Device(
                    f"{subject}-{row['sensor']}", row["kind"], address,
                    provenance=self._registry.mode,
                )  # fmt: skip
                self._registry.add_device(known, AUTHOR, subject=subject)
        except (NoDevices, RegistryError):
            self.take_off(subject)
            raise
        return subject

    def take_off(self, subject: str) -> None:
        """Remove the subject and its devices, here and in the fleet; pass over what is gone."""
        for device in self._registry.devices():
            if device.id.startswith(f"{subject}-"):
                self._registry.remove_device(device.id, AUTHOR)
        if subject in {known.id for known in self._registry.subjects()}:
            self._registry.discharge(subject, AUTHOR)
        try:
            for row in self._ask("GET", "/devices"):
                if row["subject"].lower() == subject:
                    place = urllib.parse.quote(row["address"].rsplit("/", 1)[-1])
                    self._ask("DELETE", f"/devices/{place}")
        except NoDevices as error:
            log.warning("devices of a closed room may still be on: %s", error)

    def press(self, subject: str, sensor: str) -> None:
        """Have the device that is ``sensor`` measure now, when there is one with such a button."""
        try:
            device = self._registry.device(f"{subject}-{sensor}")
            place = urllib.parse.quote(device.address.rsplit("/", 1)[-1])
            self._ask("POST", f"/devices/{place}/buttons", {"name": "measure"})
        except (LookupError, NoDevices) as error:
            log.info("nothing measured on request: %s", error)

    def tidy(self) -> None:
        """Remove what is left of rooms that ended with the gateway."""
        for subject in self._registry.subjects():
            if ROOM in subject.attributes:
                self.take_off(subject.id)

    def _ask(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            self._fleet + path, data, {"Content-Type": "application/json"}, method=method
        )
        try:
            with _OPENER.open(request, timeout=timeout_s) as answer:
                content = answer.read()
        except urllib.error.HTTPError as error:
            raise NoDevices(f"the simulated devices refused: {_detail(error)}") from None
        except OSError as error:
            reason = getattr(error, "reason", error)
            raise NoDevices(
                f"no simulated devices at classroom.fleet {self._fleet} ({reason}); start them, "
                "or use teleward demo"
            ) from None
        return json.loads(content) if content else None


def _detail(error: urllib.error.HTTPError) -> str:
    try:
        return str(json.loads(error.read())["detail"])
    except (ValueError, KeyError, TypeError):
        return f"{error.code} {error.reason}"


_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""Past any proxy: the fleet is on this machine."""
