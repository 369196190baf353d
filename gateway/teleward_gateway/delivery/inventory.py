"""What the gateway serves now, for sinks that keep retained messages: devices and subjects."""

from teleward_gateway.registry.store import Registry


class RegistryInventory:
    """The registry as `teleward_cloud.mqtt.retained.Inventory`."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def devices(self) -> frozenset[str]:
        """Return the ids of all devices."""
        return frozenset(device.id for device in self._registry.devices())

    def subjects(self) -> frozenset[str]:
        """Return the ids of all admitted subjects."""
        return frozenset(subject.id for subject in self._registry.subjects())
