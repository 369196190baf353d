"""Commissioned devices: list, add, change, remove, order; and the drivers there are."""

import asyncio
from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field
from starlette.requests import HTTPConnection

from teleward_drivers.device import DriverInfo
from teleward_drivers.errors import LinkError
from teleward_gateway.api.schemas import Author, Strict, iso_time
from teleward_gateway.registry import Binding, Device, RegistryError
from teleward_gateway.registry.beds import bed_id
from teleward_gateway.registry.ids import made_id
from teleward_gateway.sessions.commissioning import Commissioning
from teleward_gateway.sessions.session import SessionStatus
from teleward_signal.errors import Conflict, Invalid

HIDDEN = "set"
"""Stands for a passkey that is known and never shown; sent back it leaves the passkey as it is."""

router = APIRouter(tags=["devices"])


def commissioning_of(connection: HTTPConnection) -> Commissioning:
    """Return the gateway's commissioning (a FastAPI dependency)."""
    found: Commissioning = connection.app.state.view.commissioning
    return found


CommissioningDep = Annotated[Commissioning, Depends(commissioning_of)]


class BindingAnswer(BaseModel):
    """Whom a device feeds, since when, until when; ``until`` null while it lasts."""

    device: str
    subject: str | None
    bed: str | None
    provenance: str
    from_: str = Field(serialization_alias="from")
    from_ns: int
    until: str | None
    until_ns: int | None

    @classmethod
    def of(cls, binding: Binding) -> "BindingAnswer":
        """Return ``binding`` as JSON values."""
        until = binding.until_ns
        return cls(
            device=binding.device,
            subject=binding.subject,
            bed=binding.bed,
            provenance=binding.provenance,
            from_=iso_time(binding.from_ns),
            from_ns=binding.from_ns,
            until=None if until is None else iso_time(until),
            until_ns=until,
        )


class SessionAnswer(BaseModel):
    """How the connection of a device stands; counts since the gateway started."""

    state: str
    reason: str
    since: str
    last_seen: str | None
    n_bytes: int
    n_values: int
    discarded: dict[str, int] = Field(description="bytes not used, by reason")
    n_connects: int
    n_losses: int
    n_stalls: int
    n_overflowed: int
    unknown_codes: str = Field(
        description="what a monitor sends that is read by no metric, with an example of each"
    )

    @classmethod
    def of(cls, status: SessionStatus) -> "SessionAnswer":
        """Return ``status`` as JSON values."""
        counters = status.counters
        seen = counters.last_seen_ns
        return cls(
            state=status.state,
            reason=status.reason,
            since=iso_time(status.since_ns),
            last_seen=None if seen is None else iso_time(seen),
            n_bytes=counters.n_bytes,
            n_values=counters.n_values,
            discarded=dict(counters.discarded),
            n_connects=counters.n_connects,
            n_losses=counters.n_losses,
            n_stalls=counters.n_stalls,
            n_overflowed=counters.n_overflowed,
            unknown_codes=counters.unknown_codes,
        )


class DeviceAnswer(BaseModel):
    """A device with its binding and its session; ``feeds`` is the subject it feeds now."""

    id: str
    driver: str
    title: str
    link: str
    verification: str
    address: str
    label: str
    provenance: str
    options: dict[str, Any]
    commands: list[str]
    binding: BindingAnswer | None
    feeds: str | None
    session: SessionAnswer | None


class NewDevice(Strict):
    """A device to commission; bound at once when a subject or a bed is given."""

    id: str = Field("", description="unique; made of the label where it is empty")
    driver: str
    address: str = Field(description="Bluetooth address, port path or port URL")
    label: str = Field("", max_length=80)
    options: dict[str, Any] = Field(default_factory=dict)
    subject: str | None = None
    bed: str | None = None
    author: Author


class DeviceChange(Strict):
    """What to change; fields left out stay."""

    driver: str | None = None
    address: str | None = None
    label: str | None = Field(None, max_length=80)
    options: dict[str, Any] | None = None
    author: Author


class Order(Strict):
    """A command to a device, e.g. ``start_nibp``."""

    author: Author
    arguments: dict[str, Any] = Field(default_factory=dict)


class PairAgain(Strict):
    """The person who confirms that it is the same device."""

    author: Author


class DriverAnswer(BaseModel):
    """A driver; ``verification`` is how well it was verified, ``source`` against what."""

    name: str
    title: str
    link: str
    verification: str
    source: str
    metrics: list[str]
    commands: list[str]
    options: dict[str, str]

    @classmethod
    def of(cls, info: DriverInfo) -> "DriverAnswer":
        """Return ``info`` as JSON values."""
        return cls(
            name=info.name,
            title=info.title,
            link=info.link,
            verification=info.verification,
            source=info.source,
            metrics=sorted(info.metrics),
            commands=sorted(info.commands),
            options=info.options,
        )


@router.get("/drivers")
async def drivers(desk: CommissioningDep) -> list[DriverAnswer]:
    """Return the drivers there are."""
    return [DriverAnswer.of(info) for info in desk.drivers.values()]


@router.get("/devices")
async def devices(desk: CommissioningDep) -> list[DeviceAnswer]:
    """Return every commissioned device."""
    return [answer(desk, device) for device in desk.registry.devices()]


@router.get("/devices/{device}")
async def one(desk: CommissioningDep, device: str) -> DeviceAnswer:
    """Return one commissioned device."""
    return answer(desk, desk.registry.device(device))


@router.post("/devices", status_code=201)
async def add(desk: CommissioningDep, request: NewDevice) -> DeviceAnswer:
    """Commission a device; it is used from now on if it is bound, and never before."""
    registry = desk.registry
    device = desk.checked(
        Device(
            request.id or made_id(request.label, request.driver, registry.was_device),
            request.driver,
            request.address,
            request.label,
            registry.mode,
            request.options,
        )
    )
    if request.subject is not None and request.bed is not None:
        raise RegistryError("give a subject or a bed, not both")
    bed = bed_id(request.bed) if request.bed else None
    await desk.previews.end(request.address)
    await asyncio.to_thread(registry.add_device, device, request.author, request.subject, bed)
    return answer(desk, device)


@router.patch("/devices/{device}")
async def change(desk: CommissioningDep, device: str, request: DeviceChange) -> DeviceAnswer:
    """Change a device; its session starts again, its history stays."""
    fields = request.model_dump(exclude_none=True, exclude={"author"})

    def checked(changed: Device) -> Device:
        # in the registry's transaction: nobody else's passkey of meanwhile is undone
        known = desk.registry.device(device).options.get("passkey")
        if changed.options.get("passkey") == HIDDEN and known is not None:
            changed = replace(changed, options={**changed.options, "passkey": known})
        return desk.checked(changed)

    changed = await asyncio.to_thread(
        desk.registry.change_device, device, fields, request.author, checked
    )
    return answer(desk, changed)


@router.delete("/devices/{device}", status_code=204)
async def remove(desk: CommissioningDep, device: str, author: Author) -> None:
    """Decommission a device; whose readings it made stays known."""
    await asyncio.to_thread(desk.registry.remove_device, device, author)


@router.post("/devices/{device}/commands/{name}", status_code=204)
async def command(desk: CommissioningDep, device: str, name: str, order: Order) -> None:
    """Order something of a device; answers once the device has taken it."""
    try:
        await desk.command(device, name, order.arguments)
    except LinkError as error:
        raise Conflict(str(error)) from error
    except TypeError as error:
        raise Invalid(f"command {name}: {error}") from error


@router.post("/devices/{device}/pair", status_code=204)
async def pair(desk: CommissioningDep, device: str, order: PairAgain) -> None:
    """Forget the bond: a person confirms that it is the same device. The next connect pairs."""
    try:
        await desk.pair_again(device)
    except LinkError as error:
        raise Conflict(str(error)) from error


def answer(desk: Commissioning, device: Device) -> DeviceAnswer:
    """Return ``device`` with its binding and session."""
    registry = desk.registry
    info = desk.drivers.get(device.driver)
    binding, status = registry.binding(device.id), desk.sessions.status(device.id)
    return DeviceAnswer(
        id=device.id,
        driver=device.driver,
        title=info.title if info else f"driver {device.driver} is not installed",
        link=info.link if info else "",
        verification=info.verification if info else "",
        address=device.address,
        label=device.label,
        provenance=device.provenance,
        options={**device.options, **({"passkey": HIDDEN} if "passkey" in device.options else {})},
        commands=sorted(info.commands) if info else [],
        binding=BindingAnswer.of(binding) if binding else None,
        feeds=registry.subject_now(device.id),
        session=SessionAnswer.of(status) if status else None,
    )
