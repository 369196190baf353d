"""Sampling rates of the settings file that no analysis can take; they refuse no start."""

from collections.abc import Iterable, Iterator

from teleward_drivers.catalogue import catalogue
from teleward_gateway.settings.mistakes import Key
from teleward_gateway.settings.model import DeviceSettings
from teleward_signal.engine.rates import rate_problem
from teleward_signal.errors import Invalid


def rate_problems(devices: Iterable[tuple[int, DeviceSettings]]) -> Iterator[tuple[Key, str]]:
    """Yield key and sentence for each waveform that would be recorded but not analysed.

    ``devices`` are rows with their place in the file.
    """
    for index, device in devices:
        rates = catalogue()[device.driver].rates
        if rates is None:
            continue
        key = ("devices", index, "options", "rate")
        try:
            fixed = rates(device.options)
        except Invalid as error:
            yield key, str(error)
            continue
        for metric, fs in fixed.items():
            if (problem := rate_problem(metric, fs)) is not None:
                yield (
                    key,
                    f"{metric} has {problem}: it would be recorded and shown but not analysed; "
                    "change the rate of the device and set the same rate here",
                )
