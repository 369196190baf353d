"""The plan of a simulated ward: who lies in which bed and wears which devices.

The same plan starts the simulated devices and writes the gateway's settings, so the two agree.
Beds 1 to 6 are simple patients, 7 and 8 replay recordings; larger wards repeat the six with other
seeds. No patient mixes two people.
"""

from dataclasses import dataclass, field
from typing import Any

from teleward_signal.errors import Invalid
from teleward_simulators.patients.profiles import PROFILES
from teleward_simulators.recordings.excerpt import Excerpt

PATCH_WAVES: dict[str, float] = {"ecg_ii": 250.0, "pleth": 125.0, "respiration": 62.5}
"""Streams of the simulated multi-parameter patch and their rates in Hz."""


@dataclass(frozen=True, slots=True)
class WardDevice:
    """One simulated device: a ``kind`` of the simulators, read by a ``driver`` of the gateway.

    ``place`` is a Bluetooth address or the name of a serial port.
    """

    id: str
    kind: str
    driver: str
    place: str
    subject: str
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def is_serial(self) -> bool:
        """Return whether the device hangs on a serial port."""
        return ":" not in self.place


@dataclass(frozen=True, slots=True)
class WardSubject:
    """One patient; ``source`` is what `teleward_simulators.sources` calls them."""

    id: str
    bed: str
    label: str
    detail: str
    source: str
    seed: int
    leads: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class WardPlan:
    """Everybody and everything in the ward."""

    subjects: tuple[WardSubject, ...]
    devices: tuple[WardDevice, ...]


def plan_ward(n_patients: int = 8, seed: int = 1) -> WardPlan:
    """Return the plan for ``n_patients`` (1 to 64); the first eight are always the same people."""
    if not 1 <= n_patients <= 64:
        raise Invalid(f"{n_patients} patients: a simulated ward has 1 to 64")
    subjects: list[WardSubject] = []
    devices: list[WardDevice] = []
    for number in range(1, n_patients + 1):
        subject = _subject(number, seed)
        subjects.append(subject)
        devices += _devices(number, subject)
    return WardPlan(tuple(subjects), tuple(devices))


def _subject(number: int, seed: int) -> WardSubject:
    bed = f"bed-{number:02d}"
    if number in (7, 8):
        name = ("mitdb-116", "bidmc-42")[number - 7]
        about = Excerpt(name).about
        leads = {"ecg_ii": about["lead"]}
        return WardSubject(
            f"sim-{number:02d}", bed, about["title"], "Real recording, replayed",
            f"recording:{name}", seed, leads,
        )  # fmt: skip
    order = number - 1 if number <= 6 else number - 3
    profile = list(PROFILES.values())[order % len(PROFILES)]
    return WardSubject(
        f"sim-{number:02d}",
        bed,
        f"SIM-{1000 + number * 7} \u00b7 {profile.age} {profile.sex}",
        profile.title,
        f"simple:{profile.name}",
        seed * 1000 + number,
    )


def _devices(number: int, subject: WardSubject) -> list[WardDevice]:
    def ble(order: int, kind: str, driver: str, name: str, **options: Any) -> WardDevice:
        # the two top bits set: a random static address
        place = f"C0:{order:02X}:00:00:00:{number:02X}"
        return WardDevice(f"{name}-{number:02d}", kind, driver, place, subject.id, options)

    def serial(kind: str, name: str, **options: Any) -> WardDevice:
        place = f"usb-SIM_{kind}_{number:04d}-if00-port0"
        return WardDevice(f"{name}-{number:02d}", kind, kind, place, subject.id, options)

    if subject.source == "recording:mitdb-116":
        return [serial("framed-serial", "ecg", waves={"ecg_ii": 360.0})]
    if subject.source == "recording:bidmc-42":
        waves = dict.fromkeys(("ecg_ii", "pleth", "respiration"), 125.0)
        numerics = ["heart_rate", "pulse_rate", "respiratory_rate", "spo2"]
        options = {"waves": waves, "numerics": numerics}
        return [ble(1, "framed-patch", "framed-uart", "monitor", **options)]
    # bed 2 has its pleth from the serial oximeter
    waves = {m: fs for m, fs in PATCH_WAVES.items() if number != 2 or m != "pleth"}
    worn = [ble(1, "framed-patch", "framed-uart", "patch", waves=waves)]
    if number == 1:
        worn.append(ble(2, "heart-rate", "heart-rate", "strap"))
    if number == 2:
        worn.append(serial("cms50d", "oximeter"))
    else:
        worn.append(ble(3, "pulse-oximeter", "pulse-oximeter", "oximeter"))
    worn.append(ble(4, "blood-pressure", "blood-pressure", "cuff", attended=True))
    worn.append(ble(5, "thermometer", "thermometer", "thermometer"))
    return worn
