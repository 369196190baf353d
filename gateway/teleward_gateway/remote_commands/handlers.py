"""What the remote commands do in a running gateway."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

from teleward_drivers.errors import LinkError
from teleward_gateway.remote_commands.receiver import Handler
from teleward_gateway.remote_commands.settings import CommandName
from teleward_signal.errors import Conflict, Invalid, NotFound


class Devices(Protocol):
    """The sessions of a gateway."""

    async def command(self, device: str, name: str, **arguments: Any) -> None:
        """Carry out a driver's command; raises KeyError, ValueError or a `LinkError`."""
        ...


class Subjects(Protocol):
    """The part of a gateway's view that commands need."""

    def has_subject(self, subject: str) -> bool:
        """Return whether ``subject`` is admitted."""
        ...

    async def change_limits(
        self, subject: str, changes: Mapping[str, Any], author: str, seen: int | None = None
    ) -> None:
        """Change the limits that are named, unless they were changed since version ``seen``."""
        ...


def gateway_handlers(
    devices: Devices, subjects: Subjects, reload: Callable[[], Awaitable[None]] | None = None
) -> dict[CommandName, Handler]:
    """Return the handlers of a gateway; without ``reload`` it cannot reload its settings."""

    async def set_limits(arguments: dict[str, Any], author: str) -> dict[str, Any] | None:
        subject, limits = _text(arguments, "subject"), arguments.get("limits")
        if not isinstance(limits, dict):
            raise Invalid("arguments.limits must be an object")
        if not subjects.has_subject(subject):
            raise NotFound(f"no subject {subject!r} is admitted here")
        seen = arguments.get("version")
        if seen is not None and not isinstance(seen, int):
            raise Invalid("arguments.version must be the number of the version that was seen")
        await subjects.change_limits(subject, limits, author, seen)
        return {"subject": subject}

    handlers: dict[CommandName, Handler] = {
        CommandName.MEASURE_NIBP: _order(devices, "measure", metric="nibp_systolic"),
        CommandName.IDENTIFY: _order(devices, "identify"),
        CommandName.SET_LIMITS: set_limits,
    }
    if reload is not None:

        async def reload_config(arguments: dict[str, Any], author: str) -> dict[str, Any] | None:
            await reload()
            return None

        handlers[CommandName.RELOAD_CONFIG] = reload_config
    return handlers


def _order(devices: Devices, name: str, **details: Any) -> Handler:
    """Return the handler of an order to a device."""

    async def handle(arguments: dict[str, Any], author: str) -> dict[str, Any] | None:
        device = _text(arguments, "device")
        try:
            await devices.command(device, name, **details)
        except KeyError:
            raise NotFound(f"no device {device!r} runs here") from None
        except LinkError as error:
            raise Conflict(f"device {device!r}: {error}") from error
        return {"device": device}

    return handle


def _text(arguments: dict[str, Any], key: str) -> str:
    value = arguments.get(key)
    if not isinstance(value, str) or not value:
        raise Invalid(f"arguments.{key} is missing")
    return value
