"""Commands that reach the gateway by MQTT: signed, short-lived, audited."""

from teleward_gateway.remote_commands.handlers import gateway_handlers
from teleward_gateway.remote_commands.receiver import RemoteCommands
from teleward_gateway.remote_commands.settings import RemoteCommandSettings, RemoteUserSettings

__all__ = [
    "RemoteCommandSettings",
    "RemoteCommands",
    "RemoteUserSettings",
    "gateway_handlers",
]
