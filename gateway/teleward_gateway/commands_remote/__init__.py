"""Commands that reach the gateway by MQTT: signed, short-lived, audited."""

from teleward_gateway.commands_remote.handlers import gateway_handlers
from teleward_gateway.commands_remote.receiver import RemoteCommands
from teleward_gateway.commands_remote.settings import RemoteCommandSettings, RemoteUserSettings

__all__ = [
    "RemoteCommandSettings",
    "RemoteCommands",
    "RemoteUserSettings",
    "gateway_handlers",
]
