"""BerryMed BM1000: the BCI 5-byte stream in notifications, 100 frames/s.

    49535343-fe7d-4ae5-8fa9-9fafd205e455  service
    49535343-1e4d-4bd9-ba61-23c647249616  notify: four frames at the MTU of 23, frames may straddle

Frames: `teleward_drivers.wired.bci`. A newer firmware sends 20-byte packets ("Berry V1.5"): not
supported. Source: the maker's "BCI Protocol V1.2" (zh2x/BCI_Protocol), PyPI berry-oximeter.
"""

from collections.abc import Iterable

from teleward_drivers.ble.battery import battery_parts
from teleward_drivers.device import DriverInfo, LinkType, Output, Verification
from teleward_drivers.gatt import GattDriver, Simple
from teleward_drivers.options import no_options
from teleward_drivers.wired.bci import BciOximeter

SERVICE = "49535343-fe7d-4ae5-8fa9-9fafd205e455"
NOTIFY = "49535343-1e4d-4bd9-ba61-23c647249616"
FS = 100


class BerryMed(Simple):
    """The stream as a part of a driver."""

    def __init__(self) -> None:
        self._oximeter = BciOximeter(FS)
        super().__init__({NOTIFY: self._oximeter.feed})
        self.decoder = self._oximeter.decoder

    def tick(self, now_ns: int) -> Iterable[Output]:
        """Report when the values are stale."""
        return self._oximeter.tick(now_ns)


def make() -> GattDriver:
    """Return a driver."""
    return GattDriver([BerryMed(), *battery_parts()])


DRIVER = DriverInfo(
    name="berrymed",
    title="BerryMed BM1000 oximeter",
    link=LinkType.BLE,
    verification=Verification.SIMULATOR,
    source="the maker's BCI Protocol V1.2 and public drivers; no capture at hand",
    make=no_options("berrymed", make),
    metrics=frozenset({"spo2", "pulse_rate", "pleth"}),
    names=("BerryMed",),
)
