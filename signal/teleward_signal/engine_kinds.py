"""Which metric is analysed by which bank."""

from enum import Enum
from importlib import import_module

from teleward_signal.bank import Bank


class Kind(Enum):
    """A kind of stream; the value names it in progress messages and options."""

    ECG = "ecg"

    def make_bank(self, fs: float, n_slots: int, options: dict[str, dict[str, object]]) -> Bank:
        """Return a new bank of this kind; its kernels are imported only now."""
        module, name = _BANKS[self]
        bank: Bank = getattr(import_module(module), name)(
            fs, n_slots, **options.get(self.value, {})
        )
        return bank


_BANKS = {
    Kind.ECG: ("teleward_signal.ecg", "EcgBank"),
}

_KINDS = {
    "ecg_i": Kind.ECG,
    "ecg_ii": Kind.ECG,
    "ecg_iii": Kind.ECG,
    "ecg_v1": Kind.ECG,
    "ecg_v5": Kind.ECG,
}


def kind_of(metric: str) -> Kind | None:
    """Return the kind of bank that analyses ``metric``, if any."""
    return _KINDS.get(metric)
