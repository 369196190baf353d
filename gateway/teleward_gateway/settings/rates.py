"""Sampling rates of the settings file that no analysis can take; they refuse no start."""

from teleward_drivers.catalogue import catalogue
from teleward_gateway.settings.model import DeviceSettings, Settings
from teleward_signal.engine.rates import rate_problem
from teleward_signal.errors import Invalid


def rate_problems(settings: Settings) -> list[str]:
    """Return one line for each waveform of a device that would be recorded but not analysed."""
    return [line for device in settings.devices for line in _of_device(device)]


def _of_device(device: DeviceSettings) -> list[str]:
    rates = catalogue()[device.driver].rates
    if rates is None:
        return []
    try:
        fixed = rates(device.options)
    except Invalid as error:
        return [f"device {device.id}: {error}"]
    return [
        f"device {device.id}: options.rate: {metric} has {problem}: it would be recorded and shown "
        "but not analysed; change the rate of the device and set the same rate here"
        for metric, fs in fixed.items()
        if (problem := rate_problem(metric, fs)) is not None
    ]
