"""Checks of one device: its address or port, and its options.

The settings file, the page, the API and the command line all use these.
"""

import re
import sys
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from teleward_drivers.device import DriverInfo, LinkType
from teleward_drivers.port_names import check_name, is_url
from teleward_gateway.settings.mistakes import Problem
from teleward_gateway.settings.session_options import DESCRIPTIONS, SessionOptions, driver_options
from teleward_signal.errors import Invalid
from teleward_signal.vocabulary import METRICS

_ADDRESS = re.compile(r"[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){5}")
_UUID = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_NOBODY = frozenset({"00:00:00:00:00:00", "FF:FF:FF:FF:FF:FF"})
_RADIO_ONLY = ("passkey", "pair", "repair_bond")
_SERIAL_ONLY = ("baudrate", "parity")
_COLUMN = re.compile(r"column (\d+)")


def device_problems(
    info: DriverInfo, address: str, options: Mapping[str, Any]
) -> Iterator[Problem]:
    """Yield what is wrong with a device; keys are ``address``, ``port`` and ``options...``."""
    if info.link is LinkType.BLE:
        yield from _address_problems(info, address)
    else:
        yield from _port_problems(info, address)
    yield from _option_problems(info, options)


def _address_problems(info: DriverInfo, address: str) -> Iterator[Problem]:
    if sys.platform == "darwin" and _UUID.fullmatch(address):
        return
    if not _ADDRESS.fullmatch(address):
        digits = re.sub(r"[^0-9A-Fa-f]", "", address)
        pairs = ":".join(digits[at : at + 2] for at in range(0, 12, 2)).upper()
        hint = f"; did you mean {pairs!r}?" if len(digits) == 12 else ""
        yield Problem(
            ("address",),
            f"driver {info.name} needs a Bluetooth address like C0:00:00:00:00:01, "
            f"not {address!r}{hint}",
        )
    elif address.upper() in _NOBODY:
        yield Problem(("address",), f"{address} is the address of no device")


def _port_problems(info: DriverInfo, port: str) -> Iterator[Problem]:
    key = ("port",)
    if _ADDRESS.fullmatch(port):
        yield Problem(key, f"driver {info.name} needs a port, not {port!r}")
        return
    try:
        check_name(port)
        if is_url(port):
            number = re.search(r":(\d+)", port.split("://", 1)[1].rpartition("]")[2] or port)
            if number is None or not 1 <= int(number[1]) <= 65_535:
                yield Problem(key, f"{port!r}: a port's number is 1 to 65535")
            return
        short = re.match(r"tty|serial/", port)  # of a name below /dev
        if short or not ("/" in port or re.fullmatch(r"COM\d+", port)):
            hint = f"; did you mean '/dev/{port}'?" if short else ""
            yield Problem(key, f"{port!r}: write the path of a port, /dev/serial/by-id/...{hint}")
    except Invalid as error:
        yield Problem(key, f"{port!r}: {error}")


def _option_problems(info: DriverInfo, options: Mapping[str, Any]) -> Iterator[Problem]:
    wrong_link = _SERIAL_ONLY if info.link is LinkType.BLE else _RADIO_ONLY
    kind = "serial" if info.link is LinkType.BLE else "Bluetooth"
    for name in wrong_link:
        if name in options and name not in info.options:
            yield Problem(("options", name), f"option {name} is for {kind} devices")
    try:
        SessionOptions.of(options)
    except (ValueError, TypeError) as error:
        yield _placed(info, options, str(error))
    try:
        info.make(driver_options(options))
    except ValueError as error:
        yield _placed(info, options, str(error))
    except Exception as error:  # an installed driver may do anything
        problem = f"driver {info.name} does not take these options: {error}"
        yield Problem(("options",), problem)


def _placed(info: DriverInfo, options: Mapping[str, Any], text: str) -> Problem:
    """Return the problem at the option that ``text`` names, with what was probably meant."""
    columns = options.get("columns")
    if (column := _COLUMN.search(text)) and isinstance(columns, list):
        return Problem(("options", "columns", int(column[1]) - 1), text + _near(text, METRICS))
    named = [name for name in options if re.search(rf"\b{re.escape(str(name))}\b", text)]
    known = {**info.options, **DESCRIPTIONS} if "unknown option" in text else METRICS
    key = ("options", min(named, key=text.index)) if named else ("options",)
    return Problem(key, text + _near(text, known))


def _near(text: str, known: Mapping[str, Any]) -> str:
    quoted = re.search(r"(?:unknown option|no metric|:) '([^']+)'", text)
    near = get_close_matches(quoted[1], known, n=1) if quoted else []
    return f"; did you mean {near[0]!r}?" if near and near[0] != (quoted and quoted[1]) else ""
