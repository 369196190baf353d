"""Time of the gateway and of its devices: UTC with an uncertainty, monotonic time, corrections."""

from teleward_gateway.clock.corrections import Correction, Corrections
from teleward_gateway.clock.device import Coincidence, DeviceClock
from teleward_gateway.clock.gateway_clock import Clock, GatewayClock, Stamp

__all__ = [
    "Clock",
    "Coincidence",
    "Correction",
    "Corrections",
    "DeviceClock",
    "GatewayClock",
    "Stamp",
]
