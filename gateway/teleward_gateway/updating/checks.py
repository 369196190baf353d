"""What a machine needs before an update: room, a supply that lasts, a clock that is right."""

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from teleward_gateway.updating.bundle import Manifest, UpdateRefused

SPARE_BYTES = 100_000_000
LEAST_PERCENT = 30
DAY_S = 86_400


def check_disk(folder: Path, manifest: Manifest, snapshot_bytes: int = 0) -> str:
    """Return how much room there is; raises UpdateRefused.

    Byte code and the compiled kernels take about as much again as the program.
    """
    free = shutil.disk_usage(folder).free
    needed = 3 * manifest.unpacked_bytes + snapshot_bytes + SPARE_BYTES
    if free < needed:
        raise UpdateRefused(
            f"the disk has {free / 1e6:.0f} MB free and the update needs {needed / 1e6:.0f} MB: "
            "delete files that are not Teleward's"
        )
    return f"{free / 1e6:.0f} MB free"


def check_power(machine: Path = Path("/sys")) -> str:
    """Return how the machine is supplied; raises UpdateRefused where it may stop soon."""
    for supply in sorted((machine / "class/power_supply").glob("*")):
        if _word(supply / "type") != "Battery" or _word(supply / "scope") == "Device":
            continue  # the battery of a mouse is none of this machine
        percent = _word(supply / "capacity")
        if _word(supply / "status") == "Discharging" and int(percent or 100) < LEAST_PERCENT:
            raise UpdateRefused(
                f"the battery has {percent} % and is not charged: plug the gateway in first"
            )
    for sensor in sorted((machine / "class/hwmon").glob("*")):
        # the driver rpi_volt: the firmware of a Raspberry Pi has seen its supply below 4.63 V
        if _word(sensor / "name") == "rpi_volt" and _word(sensor / "in0_lcrit_alarm") == "1":
            raise UpdateRefused(
                "the supply of this Raspberry Pi is too weak: use its own power supply and cable"
            )
    return "; ".join(_supplies(machine)) or "mains"


def check_clock(manifest: Manifest, confirmed: bool | None, now_s: float | None = None) -> str:
    """Return whether the clock is right; raises UpdateRefused before the date of the update.

    ``confirmed``: the gateway knows that the time came from a server; None: it does not answer.
    """
    now_s = time.time() if now_s is None else now_s
    if now_s < manifest.made - DAY_S:
        shown = time.strftime("%Y-%m-%d", time.gmtime(now_s))
        made = time.strftime("%Y-%m-%d", time.gmtime(manifest.made))
        raise UpdateRefused(
            f"the clock of this machine shows {shown} and the update is of {made}: set the clock, "
            "or connect the gateway to the internet for a minute"
        )
    return "right" if confirmed else "plausible, not confirmed by a time server"


def _supplies(machine: Path) -> Iterator[str]:
    for supply in sorted((machine / "class/power_supply").glob("*")):
        if _word(supply / "type") == "Battery" and _word(supply / "scope") != "Device":
            yield f"battery {_word(supply / 'capacity')} %, {_word(supply / 'status').lower()}"


def _word(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
