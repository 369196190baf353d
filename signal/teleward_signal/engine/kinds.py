"""Which metric is analysed by which bank."""

from enum import Enum
from importlib import import_module

from teleward_signal.banks.bank import Bank


class Kind(Enum):
    """A kind of stream; the value names it in progress messages and options."""

    ECG = "ecg"
    PPG = "ppg"
    """Light turned into volume by the device: rises with each pulse."""
    PPG_RAW = "ppg_raw"
    """Light as the detector sees it: falls with each pulse, and keeps its steady part."""
    RESPIRATION = "respiration"

    def make_bank(self, fs: float, n_slots: int, options: dict[str, dict[str, object]]) -> Bank:
        """Return a new bank of this kind; its kernels are imported only now."""
        module, name, always = _BANKS[self]
        arguments = {**always, **options.get(self.value, {})}
        bank: Bank = getattr(import_module(module), name)(fs, n_slots, **arguments)
        return bank


_BANKS: dict[Kind, tuple[str, str, dict[str, object]]] = {
    Kind.ECG: ("teleward_signal.ecg.bank", "EcgBank", {}),
    Kind.PPG: ("teleward_signal.ppg.bank", "PpgBank", {}),
    Kind.PPG_RAW: ("teleward_signal.ppg.bank", "PpgBank", {"inverted": True}),
    Kind.RESPIRATION: ("teleward_signal.respiration.bank", "RespirationBank", {}),
}

_KINDS = {
    "ecg_i": Kind.ECG,
    "ecg_ii": Kind.ECG,
    "ecg_iii": Kind.ECG,
    "ecg_v1": Kind.ECG,
    "ecg_v5": Kind.ECG,
    "pleth": Kind.PPG,
    "ppg_infrared": Kind.PPG_RAW,
    "respiration": Kind.RESPIRATION,
}
"""Red light alone is not analysed: it serves the ratio for SpO2 beside infrared."""


def kind_of(metric: str) -> Kind | None:
    """Return the kind of bank that analyses ``metric``, if any."""
    return _KINDS.get(metric)
