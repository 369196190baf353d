"""Client of a fleet's control API: switches simulated devices on and off, presses their buttons."""

import urllib.parse
from typing import Any

import aiohttp

from teleward_signal.errors import Unavailable

TIMEOUT_S = 15.0
SWITCH_ON_S = 240.0
"""Switching a device on takes milliseconds, but the first case compiles the patient's kernels."""


class NoDevices(Unavailable):
    """The simulated devices cannot be switched on; the message gives the remedy."""


class FleetClient:
    """Client of the control API at ``address``; one connection pool until `close`."""

    def __init__(self, address: str) -> None:
        self._address = address.rstrip("/")
        self._place = self._address.rpartition("@")[2]  # without the key
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def switch_on(self, row: dict[str, Any]) -> str:
        """Switch the device of a fleet file's row on and return its address; or `NoDevices`."""
        device = await self._ask("POST", "/devices", row, SWITCH_ON_S)
        return str(device["address"])

    async def devices(self) -> list[dict[str, Any]]:
        """Return the devices that are on; or `NoDevices`."""
        found: list[dict[str, Any]] = await self._ask("GET", "/devices")
        return found

    async def switch_off(self, address: str) -> None:
        """Switch a device off; or `NoDevices`."""
        await self._ask("DELETE", f"/devices/{_place(address)}")

    async def press(self, address: str, button: str) -> None:
        """Press a button of a device; or `NoDevices`."""
        await self._ask("POST", f"/devices/{_place(address)}/buttons", {"name": button})

    async def _ask(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> Any:
        if self._session is None:  # past any proxy: the fleet is on this machine
            self._session = aiohttp.ClientSession(trust_env=False)
        try:
            async with self._session.request(
                method,
                self._address + path,
                json=body,
                timeout=aiohttp.ClientTimeout(total=timeout_s),
            ) as answer:
                content = await answer.read()
                if answer.status >= 400:
                    raise NoDevices(f"the simulated devices refused: {await _detail(answer)}")
                return await answer.json() if content else None
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
            raise NoDevices(
                f"no simulated devices at classroom.fleet {self._place} ({reason}); start them, "
                "or use teleward demo"
            ) from None


def _place(address: str) -> str:
    return urllib.parse.quote(address.rsplit("/", 1)[-1])


async def _detail(answer: aiohttp.ClientResponse) -> str:
    try:
        return str((await answer.json())["detail"])
    except (ValueError, KeyError, TypeError, aiohttp.ClientError):
        return f"{answer.status} {answer.reason}"
