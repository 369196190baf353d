"""The kinds of simulated device by name; modules are imported when a kind is first used.

Kinds of other packages come from the entry points ``teleward.simulators``, see `outside`.
"""

import importlib
import inspect
import logging
import sys
from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points
from typing import TYPE_CHECKING

from teleward_signal.errors import Invalid

if TYPE_CHECKING:
    from teleward_simulators.ble.peripheral import Peripheral
    from teleward_simulators.wired.serial_device import SerialDevice

log = logging.getLogger(__name__)

BLE: dict[str, str] = {
    "berrymed": "ble.vendor_oximeters:BerryMed",
    "blood-pressure": "ble.blood_pressure:BloodPressure",
    "body-composition": "ble.scales:BodyCompositionScale",
    "cgm": "ble.glucose:GlucoseSensor",
    "framed-patch": "ble.framed_patch:FramedPatch",
    "glucose": "ble.glucose:GlucoseMeter",
    "health-sensor": "ble.health_sensor:HealthSensor",
    "heart-rate": "ble.heart_rate:HeartRate",
    "home-cuff": "ble.home_cuff:HomeCuff",
    "jumper": "ble.vendor_oximeters:Jumper",
    "link-bench": "ble.link_bench:LinkBench",
    "mi-scale": "ble.mi_scale:MiScale",
    "nonin-ble": "ble.vendor_oximeters:NoninBle",
    "pc60fw": "ble.pc60fw:Pc60fw",
    "polar-h10": "ble.polar:Polar",
    "polar-verity": "ble.verity_sense:VeritySense",
    "pulse-oximeter": "ble.pulse_oximeter:PulseOximeter",
    "spot-oximeter": "ble.spot_oximeter:SpotOximeter",
    "taidoc": "ble.taidoc:TaiDoc",
    "thermometer": "ble.thermometer:Thermometer",
    "viatom": "ble.vendor_oximeters:Viatom",
    "weight-scale": "ble.scales:WeightScale",
}
WIRED: dict[str, str] = {
    "bci": "wired.bci:BciModule",
    "cms50": "wired.bci:Cms50",
    "cms50d": "wired.cms50d:Cms50d",
    "cyton": "wired.wave_boards:Cyton",
    "framed-serial": "wired.framed_serial:FramedSerial",
    "healthypi": "wired.wave_boards:HealthyPi",
    "masimo": "wired.masimo:Masimo",
    "nellcor": "wired.nellcor:Nellcor",
    "nonin": "wired.nonin:Nonin",
    "sketch": "wired.sketch:Sketch",
}
"""Kind -> module and class, below this package."""


CALENDARS = "right, unset, wrong_year, slow, india or factory"
ENTRY_POINT_GROUP = "teleward.simulators"


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of simulated device: what it is, its options, and how it is attached."""

    name: str
    text: str
    options: str
    wired: bool


@cache
def outside() -> "dict[str, type]":
    """Return the kinds of other packages, by the names of their entry points.

        [project.entry-points."teleward.simulators"]
        my-capnometer = "my_capnometer:SimulatedCapnometer"

    One that cannot be loaded, or whose name is taken, is left out with a warning that names it.
    """
    from teleward_simulators.ble.peripheral import Peripheral
    from teleward_simulators.wired.serial_device import SerialDevice

    found: dict[str, type] = {}
    for point in entry_points(group=ENTRY_POINT_GROUP):
        try:
            made = point.load()
        except Exception as error:
            log.warning("simulator package %s cannot be loaded: %s", point.value, error)
            continue
        if not isinstance(made, type) or not issubclass(made, Peripheral | SerialDevice):
            log.warning("simulator package %s: %r is no simulated device", point.value, made)
        elif point.name in BLE or point.name in WIRED or point.name in found:
            log.warning("simulator package %s: name %r is taken", point.value, point.name)
        else:
            found[point.name] = made
    return found


def is_wired(kind: str) -> bool:
    """Return whether a kind is attached by a serial port; of an unknown one, False."""
    if kind in WIRED or kind in BLE:
        return kind in WIRED
    from teleward_simulators.wired.serial_device import SerialDevice

    return kind in outside() and issubclass(outside()[kind], SerialDevice)


def kinds() -> list[Kind]:
    """Return every kind with its text and options, as its class describes them."""
    names = [*BLE, *WIRED, *outside()]
    return [_describe(name, is_wired(name)) for name in sorted(names)]


def _describe(name: str, wired: bool) -> Kind:
    made = _load(WIRED if wired else BLE, name)
    own = inspect.cleandoc(made.__doc__ or "")
    first = inspect.cleandoc(sys.modules[made.__module__].__doc__ or "").split("\n")[0]
    text, found, options = own.replace("No options.", "").partition("Options")
    shown = " ".join(text.replace("``", "").split()) or first.replace("``", "").rstrip(".")
    if not found:
        return Kind(name, shown, "", wired)
    # what stands before the colon belongs to the sentence: "Options of the cuff, and ``keep``"
    plain = options.lstrip(": ").replace("``", "").replace("see `calendar_clock`", CALENDARS)
    return Kind(name, shown, " ".join(plain.split()), wired)


def ble_kind(kind: str) -> "type[Peripheral]":
    """Return the class of a BLE kind; ValueError names the kinds there are."""
    return _load(BLE, kind)


def wired_kind(kind: str) -> "type[SerialDevice]":
    """Return the class of a serial kind; ValueError names the kinds there are."""
    return _load(WIRED, kind)


def _load(table: dict[str, str], kind: str) -> type:
    if kind not in table:
        if kind in outside() and is_wired(kind) == (table is WIRED):
            return outside()[kind]
        there = sorted([*table, *(n for n in outside() if is_wired(n) == (table is WIRED))])
        raise Invalid(f"no simulated device {kind!r}: there are {', '.join(there)}")
    module, _, name = table[kind].partition(":")
    found: type = getattr(importlib.import_module(f"teleward_simulators.{module}"), name)
    return found
