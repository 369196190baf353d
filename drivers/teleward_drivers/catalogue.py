"""Which drivers there are, and which one fits a device that was seen.

Built-in drivers are the ``DRIVER`` of the modules below; others come from installed packages:

    [project.entry-points."teleward.drivers"]
    my-thermometer = "my_package.thermometer:DRIVER"

A broken package is left out with a warning that names it; it never stops the gateway.
"""

import logging
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.metadata import entry_points

from teleward_drivers.ble import (
    berrymed,
    blood_pressure,
    body_composition,
    cgm,
    current_time,
    framed_uart,
    glucose,
    health_sensor,
    heart_rate,
    jumper,
    mi_scale,
    nonin_ble,
    pc60fw,
    polar_pmd,
    pulse_oximeter,
    taidoc,
    thermometer,
    viatom,
    weight_scale,
)
from teleward_drivers.device import DriverInfo, LinkType
from teleward_drivers.strangers import stranger
from teleward_drivers.wired import (
    bci,
    cms50,
    cms50d,
    cyton,
    framed_serial,
    healthypi,
    hl7_monitor,
    masimo,
    nellcor,
    nonin,
    text,
)
from teleward_signal.errors import Invalid

ENTRY_POINT_GROUP = "teleward.drivers"
BUILT_IN: tuple[DriverInfo, ...] = (
    pulse_oximeter.DRIVER,
    blood_pressure.DRIVER,
    thermometer.DRIVER,
    glucose.DRIVER,
    cgm.DRIVER,
    body_composition.DRIVER,
    weight_scale.DRIVER,
    framed_uart.DRIVER,
    polar_pmd.DRIVER,
    mi_scale.DRIVER,
    viatom.DRIVER,
    pc60fw.DRIVER,
    taidoc.DRIVER,
    jumper.DRIVER,
    berrymed.DRIVER,
    nonin_ble.DRIVER,
    heart_rate.DRIVER,
    current_time.DRIVER,
    health_sensor.DRIVER,
    framed_serial.DRIVER,
    cms50d.DRIVER,
    cms50.DRIVER,
    nonin.DRIVER,
    masimo.DRIVER,
    nellcor.DRIVER,
    bci.DRIVER,
    healthypi.DRIVER,
    cyton.DRIVER,
    hl7_monitor.DRIVER,
    text.DRIVER,
)
"""In order of preference: the first that fits an advertisement is offered first."""

log = logging.getLogger(__name__)


@cache
def catalogue() -> dict[str, DriverInfo]:
    """Return every driver by name, built-in ones first."""
    found = {info.name: info for info in BUILT_IN}
    for point in entry_points(group=ENTRY_POINT_GROUP):
        try:
            info = point.load()
        except Exception as error:
            log.warning("driver package %s cannot be loaded: %s", point.value, error)
            continue
        if not isinstance(info, DriverInfo):
            log.warning("driver package %s: %r is not a DriverInfo", point.value, info)
        elif info.name in found:
            log.warning("driver package %s: name %r is taken", point.value, info.name)
        else:
            found[info.name] = info
    return found


def driver(name: str) -> DriverInfo:
    """Return the driver ``name``; ValueError lists the names there are."""
    drivers = catalogue()
    if name not in drivers:
        raise Invalid(f"no driver {name!r}; there are: {', '.join(sorted(drivers))}")
    return drivers[name]


def for_advertisement(
    name: str | None,
    service_uuids: Iterable[str] = (),
    manufacturer_data: Mapping[int, bytes] | None = None,
) -> list[DriverInfo]:
    """Return the BLE drivers that fit an advertisement, best first.

    A driver that names the device (vendor protocols) goes before one that fits a service, and so
    does a known device that no driver can read (`strangers`): for that there is none. The
    manufacturer's number alone decides nothing: makers sell devices of many protocols.
    """
    services = {uuid.lower() for uuid in service_uuids}
    shown = (name or "").lower()
    by_name, by_service = [], []
    for info in catalogue().values():
        if info.link is not LinkType.BLE:
            continue
        if any(shown.startswith(prefix.lower()) for prefix in info.names):
            by_name.append(info)
        elif services & info.services:
            by_service.append(info)
    if by_name or stranger(name) is None:
        return by_name + by_service
    return []
