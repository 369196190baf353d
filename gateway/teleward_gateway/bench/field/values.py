"""Bytes that no standard foresees: one too many, and a maker's layout on a known characteristic."""

from collections.abc import Iterator

from teleward_drivers.ble import body_composition, heart_rate
from teleward_drivers.device import Discarded, Driver
from teleward_drivers.link import Received
from teleward_gateway.bench.field.row import Row
from teleward_signal.model import Measurement

_STRAP = "103eb103de"
_SWAYING = "0204e307011d1135180000" + "1027"
_STEADY = "0226e307011d113518e5014c40"


def rows() -> Iterator[Row]:
    """Yield the rows of single values."""
    found, refused = _feed(heart_rate.DRIVER.make({}), _STRAP, heart_rate.MEASUREMENT)
    right = found.get("heart_rate") == 62 and abs((found.get("rr_interval") or 0) - 0.923) < 0.001
    yield Row(14, "a strap sends a byte too many (0x2A37 10 3E B1 03 DE)",
              "62/min, R-R 0.923 s", f"{_text(found)}; {refused}", right)  # fmt: skip
    driver = body_composition.DRIVER.make({})
    swaying, first = _feed(driver, _SWAYING, body_composition.MEASUREMENT)
    steady, second = _feed(driver, _STEADY, body_composition.MEASUREMENT)
    weight = steady.get("body_weight")
    yield Row(15, "a scale with its maker's layout on 0x2A9C: still swaying, then steady",
              "82.3 kg only, or both refused",
              f"swaying: {_text(swaying)} ({first}); steady: {_text(steady)} ({second})",
              not swaying and (weight is None or abs(weight - 82.3) < 0.01))  # fmt: skip


def _feed(driver: Driver, data: str, channel: str) -> tuple[dict[str, float | None], str]:
    outputs = list(driver.feed(Received(bytes.fromhex(data), 10**18, 10**9, channel)))
    found = {o.metric: o.value for o in outputs if isinstance(o, Measurement)}
    refused = [o.reason for o in outputs if isinstance(o, Discarded)]
    return found, ", ".join(refused) or "all bytes used"


def _text(found: dict[str, float | None]) -> str:
    return ", ".join(f"{name} {value}" for name, value in found.items()) or "no value"
