"""The registry: who lies in which bed, which device feeds whom, and since when."""

from teleward_gateway.registry.model import (
    Binding,
    Change,
    Device,
    RegistryConflict,
    RegistryError,
    Stay,
    Subject,
    Unknown,
)
from teleward_gateway.registry.store import Registry

__all__ = [
    "Binding",
    "Change",
    "Device",
    "Registry",
    "RegistryConflict",
    "RegistryError",
    "Stay",
    "Subject",
    "Unknown",
]
