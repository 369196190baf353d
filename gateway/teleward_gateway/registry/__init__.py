"""The registry: who lies in which bed, which device feeds whom, and since when."""

from teleward_gateway.registry.model import (
    Binding,
    Change,
    Device,
    RegistryError,
    Stay,
    Subject,
    Unknown,
)
from teleward_gateway.registry.store import Registry

__all__ = ["Binding", "Change", "Device", "Registry", "RegistryError", "Stay", "Subject", "Unknown"]
