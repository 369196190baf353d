"""Link errors, grouped by remedy.

LinkError
  LinkLost               the device went away: connect again
  DeviceNotFound         not in range or not plugged in: wait
  OperationTimeout       the device did not answer: give the link up, connect again
  OperationRefused       the device answered "no" (ATT error, protocol error): see `code`
  BondLost               the device forgot us: unpair and pair again
  LinkUnavailable        no adapter, no permission, port in use: a person must act, see `reason`
"""

from enum import StrEnum

from teleward_signal.errors import TelewardError


class LinkError(TelewardError):
    """Any failure of a link."""


class LinkLost(LinkError):
    """The connection ended."""


class DeviceNotFound(LinkError):
    """The device did not show up in time."""


class OperationTimeout(LinkError):
    """An operation did not finish in its time."""


class OperationRefused(LinkError):
    """The device refused an operation; ``code`` is its ATT or protocol error."""

    def __init__(self, message: str, code: int | None = None) -> None:
        super().__init__(message)
        self.code = code


class BondLost(LinkError):
    """The keys of the bond are gone on one side."""


class Unavailable(StrEnum):
    """Why a link cannot be had on this machine now."""

    NO_ADAPTER = "no_adapter"
    POWERED_OFF = "powered_off"
    NO_PERMISSION = "no_permission"
    IN_USE = "in_use"
    UNSUPPORTED = "unsupported"


class LinkUnavailable(LinkError):
    """This machine cannot offer the link; the message gives the remedy."""

    def __init__(self, message: str, reason: Unavailable) -> None:
        super().__init__(message)
        self.reason = reason
