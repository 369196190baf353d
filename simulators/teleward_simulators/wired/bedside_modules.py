"""Modules of a bedside monitor: what each measures, and the events that a defibrillator reports.

All of them speak the framed protocol over serial, as the ECG module does (`framed_serial`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol, runtime_checkable

from teleward_drivers.framed_codes import Reason
from teleward_drivers.framed_messages import Text
from teleward_simulators.framed_device import NUMERICS_S, FramedDevice
from teleward_simulators.physiology.vital import Given
from teleward_simulators.waveforms.leads import LEAD_NAMES

CHARTED_S = 60.0
"""A urine meter and a drain report each minute what is in them."""
LOOK_BACK_S = 5.0
"""A defibrillator that is switched on reports nothing older."""


@dataclass(frozen=True, slots=True)
class Module:
    """What a module is called and sends: waves in Hz, numbers, and its values off the patient."""

    title: str
    waves: Mapping[str, float]
    numerics: tuple[str, ...]
    numerics_s: float = NUMERICS_S
    missing: Reason = Reason.LEAD_OFF


MODULES: Mapping[str, Module] = MappingProxyType(
    {
        "ecg12": Module("12-lead ECG", dict.fromkeys(LEAD_NAMES, 250.0), ("heart_rate",)),
        "capnograph": Module(
            "Capnograph", {"capnogram": 50.0}, ("etco2", "respiratory_rate"),
            missing=Reason.PROBE_OFF,
        ),
        "arterial-line": Module(
            "Arterial line", {"arterial_pressure": 125.0},
            ("arterial_systolic", "arterial_diastolic", "arterial_mean"),
            missing=Reason.PROBE_OFF,
        ),
        "fluids": Module(
            "Urine meter and drain", {}, ("urine_volume", "drain_volume"), CHARTED_S,
            Reason.PROBE_OFF,
        ),
        "defibrillator": Module(
            "Defibrillator monitor", {"ecg_ii": 250.0, "capnogram": 50.0}, ("heart_rate", "etco2")
        ),
    }
)  # fmt: skip
"""Name of a preset -> the module."""


@runtime_checkable
class KnowsTreatments(Protocol):
    """A source that knows what was done to the patient."""

    def treatments(self, after_s: float, until_s: float) -> list[tuple[float, Given]]:
        """Return what was done in (after_s, until_s], with its device time."""
        ...


class Events:
    """The events of a defibrillator on ``source``: shocks, pacing and compressions."""

    def __init__(self, source: object) -> None:
        self._source = source if isinstance(source, KnowsTreatments) else None
        self._seen_s: float | None = None
        self._shocks = 0

    def due(self, now_s: float) -> list[Text]:
        """Return the events since the last call; at the first, the newest seconds."""
        if self._source is None:
            return []
        after_s = now_s - LOOK_BACK_S if self._seen_s is None else self._seen_s
        self._seen_s = now_s
        found = [self._text(given) for _, given in self._source.treatments(after_s, now_s)]
        return [Text(text) for text in found if text]

    def _text(self, given: Given) -> str:
        if given.name in ("shock", "sync_shock"):
            self._shocks += 1
            kind = ", synchronised" if given.name == "sync_shock" else ""
            return f"Shock {self._shocks} delivered: {given.dose:g} J{kind}"
        line = _LINES.get(given.name)
        return line(given) if line is not None else ""


_LINES: Mapping[str, Callable[[Given], str]] = {
    "pacing": lambda given: f"Pacing on: {given.dose:g}/min",
    "cpr": lambda _: "Compressions detected",
    "cpr_stop": lambda _: "Compressions stopped",
}


class DefibrillatorEngine(FramedDevice):
    """A framed device that also sends its events as lines of text."""

    events: Events | None = None

    def tick(self, now_s: float) -> list[bytes]:
        """Return the frames that are due, events first."""
        texts = self.events.due(now_s) if self.events is not None and self.is_on else []
        return [*(self._frame(text, now_s) for text in texts), *super().tick(now_s)]
