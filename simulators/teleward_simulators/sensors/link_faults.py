"""Faults of a case that the device itself carries out, so that the bytes show them.

    source.faults(sensor, now) --due--> {device fault: arguments} --follow--> device.fault(...)

The reading is spoilt by `SensedPatient`; what is lost, late, or said by the device of its own
state (finger out, battery) is done here.
"""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any, Protocol, runtime_checkable

from teleward_simulators.fault_script import Faulty
from teleward_simulators.sensors.faults import LINK_KINDS, ActiveFault

LOOK_S = 0.2
"""How often a device looks whether a fault began or ended: five times a second."""
ALSO = {"drop": {"packets": True}, "duplicate": {"packets": True}, "silence": {"stuck": True}}
"""A case counts packets where a serial line counts bytes; a new connection ends no silence."""

Due = dict[str, dict[str, Any]]
"""Fault of `teleward_simulators.faults` -> its arguments."""


@runtime_checkable
class KnowsFaults(Protocol):
    """A source that knows what is wrong with its sensors."""

    def faults(self, sensor: str, time_s: float) -> dict[str, ActiveFault]:
        """Return the faults of a sensor at a time by kind."""
        ...


def due(faults: Iterable[ActiveFault]) -> Due:
    """Return what a device has to do for these faults."""
    found: Due = {}
    for fault in faults:
        if fault.kind == "probe_off":
            found["probe_off"] = {}
        elif fault.kind in LINK_KINDS:
            argument = LINK_KINDS[fault.kind]
            known = {argument: fault.value} if argument and fault.value is not None else {}
            found[fault.kind] = {**known, **ALSO.get(fault.kind, {})}
    return found


async def follow(
    device: Faulty, source: KnowsFaults, sensor: str, now_s: Callable[[], float]
) -> None:
    """Carry out and clear the faults of ``sensor`` on ``device``, until cancelled."""
    done: Due = {}
    while True:
        wanted = due(source.faults(sensor, now_s()).values())
        if wanted != done:
            device.fault("clear")
            for name, arguments in wanted.items():
                device.fault(name, **arguments)
            done = wanted
        await asyncio.sleep(LOOK_S)
