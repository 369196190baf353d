"""What is in reach: BLE devices, serial ports, and devices that wait for their passkey."""

from fastapi import APIRouter
from pydantic import BaseModel, Field

from teleward_drivers.errors import LinkUnavailable
from teleward_gateway.api.devices import CommissioningDep
from teleward_gateway.api.schemas import Author, Strict
from teleward_gateway.sessions.pairing import LARGEST_PASSKEY
from teleward_gateway.sessions.preview import advice_of
from teleward_signal.errors import Unavailable
from teleward_signal.vocabulary import METRICS

router = APIRouter(tags=["commissioning"])


class FoundAnswer(BaseModel):
    """A BLE device in reach; ``device`` names it when it is commissioned."""

    address: str
    name: str
    services: list[str]
    drivers: list[str] = Field(description="drivers that fit, best first")
    rssi_dbm: int
    age_s: float
    battery_percent: int | None
    device: str | None
    feeds: str | None
    note: str = Field("", description="why a known device cannot be read")


class PortAnswer(BaseModel):
    """A serial port; register it by ``path``, which stays the same."""

    path: str
    device_file: str
    description: str
    usb_id: str
    serial_number: str
    shares_its_name: bool
    drivers: list[str] = Field(description="drivers that its USB id suggests")
    device: str | None


class Listen(Strict):
    """A port to listen to; ``ask`` also sends each driver's first commands."""

    path: str
    ask: bool = False


class DetectionAnswer(BaseModel):
    """The result of listening; ``share`` is the part of the bytes that the driver understood."""

    path: str
    state: str
    driver: str | None
    baudrate: int | None
    share: float
    detail: str


class PairingAnswer(BaseModel):
    """A device that waits for the passkey that it shows, or for ``digits`` typed on it."""

    address: str
    device: str
    since_ns: int
    until_ns: int
    digits: str | None = None


class Passkey(Strict):
    """The six digits on the device's display."""

    passkey: int = Field(ge=0, le=LARGEST_PASSKEY)
    author: Author


@router.get("/commissioning/scan")
async def scan(desk: CommissioningDep) -> list[FoundAnswer]:
    """Return the BLE devices in reach; scanning goes on for 10 s after the last question."""
    try:
        found = desk.found()
    except LinkUnavailable as error:
        raise Unavailable(str(error)) from error
    return [
        FoundAnswer(
            address=row.address,
            name=row.name,
            services=list(row.services),
            drivers=list(row.drivers),
            rssi_dbm=row.rssi_dbm,
            age_s=round(row.age_s, 1),
            battery_percent=row.battery_percent,
            device=row.device,
            feeds=desk.registry.subject_now(row.device) if row.device else None,
            note=row.note,
        )
        for row in found
    ]


class Look(Strict):
    """Which device to look at, read by which driver."""

    address: str = Field(max_length=300, description="Bluetooth address or port")
    driver: str = Field(max_length=80)


class ShownValue(BaseModel):
    """One value that a device shows now."""

    metric: str
    label: str
    value: float
    text: str = Field(description="the value with its decimals")
    unit: str = Field(description="UCUM")


class PreviewAnswer(BaseModel):
    """What an unbound device shows; ``advice`` is the key of a sentence for the person."""

    state: str
    values: list[ShownValue]
    battery_percent: float | None
    advice: str = Field(
        description="out_of_reach, after_pairing, taken, low_battery, put_on, or empty"
    )


@router.post("/commissioning/previews")
async def preview(desk: CommissioningDep, request: Look) -> PreviewAnswer:
    """Look at what an unbound device shows; nothing is recorded. Ask again to look on.

    It ends 10 s after the last question, and when the device is added.
    """
    found = desk.preview(request.address, request.driver)
    values = [
        ShownValue(
            metric=name,
            label=METRICS[name].label,
            value=value,
            text=f"{value:.{METRICS[name].decimals}f}",
            unit=METRICS[name].unit,
        )
        for name, value in found.fresh().items()
        if name in METRICS
    ]
    return PreviewAnswer(
        state=found.session.status.state,
        values=values,
        battery_percent=found.battery_percent,
        advice=advice_of(found),
    )


@router.get("/commissioning/ports")
async def serial_ports(desk: CommissioningDep) -> list[PortAnswer]:
    """Return the serial ports; none is opened."""
    return [
        PortAnswer(
            path=row.port.path,
            device_file=row.port.device,
            description=row.port.description,
            usb_id=row.port.usb_id,
            serial_number=row.port.serial_number,
            shares_its_name=row.port.shares_its_name,
            drivers=list(row.drivers),
            device=row.device,
        )
        for row in await desk.found_ports()
    ]


@router.post("/commissioning/ports/detect")
async def detect_device(desk: CommissioningDep, request: Listen) -> DetectionAnswer:
    """Listen to a serial port for some seconds and return which driver understands it."""
    found = await desk.detect(request.path, request.ask)
    return DetectionAnswer(
        path=found.port,
        state=found.state,
        driver=found.driver or None,
        baudrate=found.settings.baudrate if found.settings else None,
        share=round(found.share, 3),
        detail=found.detail,
    )


@router.get("/commissioning/pairings")
async def pairings(desk: CommissioningDep) -> list[PairingAnswer]:
    """Return the devices that wait for their passkey."""
    return [
        PairingAnswer(
            address=request.address,
            device=request.device,
            since_ns=request.since_ns,
            until_ns=request.until_ns,
            digits=request.digits,
        )
        for request in desk.pairing.requests()
    ]


@router.post("/commissioning/pairings/{address}", status_code=204)
async def answer_pairing(desk: CommissioningDep, address: str, request: Passkey) -> None:
    """Give the passkey that a device shows."""
    desk.pairing.answer(address, request.passkey)
