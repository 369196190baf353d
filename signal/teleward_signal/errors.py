"""Errors of all packages, one class for each kind of answer that a caller needs.

TelewardError
  Invalid        a value cannot be used: correct it               also a ValueError
  NotFound       there is no such thing                           also a LookupError
  Unauthorized   the caller is not known: log in
  Forbidden      the caller is known and has no right to it
  Conflict       the value is right, the present state forbids it
  TooMany        a limit is reached: wait, or free something
  Unavailable    a part that is needed does not work now: try again later

The message goes to people: it names the value, device, file or key and the remedy. A plain
ValueError, LookupError or any other exception is a defect of the program and is never shown as a
mistake of the caller. This module lives in the lowest package so that all others can use it.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any


class TelewardError(Exception):
    """An error whose message is written for people.

    ``key`` names the text in the catalogues of the pages, where it has one, and ``values`` are
    what stands at its places.
    """

    key: str | None = None
    values: Mapping[str, Any] = MappingProxyType({})


class Invalid(TelewardError, ValueError):
    """A value that cannot be used."""


class NotFound(TelewardError, LookupError):
    """Something that does not exist."""


class Unauthorized(TelewardError):
    """A request without a known user."""


class Forbidden(TelewardError):
    """A request that the user has no right to."""


class Conflict(TelewardError):
    """A request that the present state forbids."""


class TooMany(TelewardError):
    """A request beyond a limit of number or rate."""


class Unavailable(TelewardError):
    """A request that needs a part which does not work now."""
