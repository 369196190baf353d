"""The control API of a running fleet: HTTP on loopback, drawn by OpenAPI under ``/docs``.

    GET    /devices                        what runs, whether connected, what was sent
    POST   /devices                        switch a device on (a fleet file's row)
    DELETE /devices/{device}               switch it off
    POST   /devices/{device}/faults        {"name": "drop", "rate": 0.1}
    DELETE /devices/{device}/faults        everything is well again
    POST   /devices/{device}/buttons       {"name": "measure"}: press a button
    GET    /faults                         the menu
    PUT    /subjects/{subject}/vitals      {"heart_rate": 120}: patients with source "dial:"

Only programs of this machine that have the key in the printed URL are answered (`guard`). A device
on a port gets its name in the fleet's own folder, whoever asks for what.
``{device}`` is an address, the name of a port (its last part) or a device's name; a device that the
fault ``wrong_address`` moved is found under its first address too.
"""

import asyncio
import contextlib
import secrets
import socket
from collections.abc import Iterator
from pathlib import PurePath
from typing import Any

import uvicorn
from fastapi import Body, FastAPI, HTTPException

from teleward_signal.errors import NotFound
from teleward_simulators.faults import FAULTS
from teleward_simulators.fleet import Device, DeviceSpec, Fleet
from teleward_simulators.guard import HostGuard
from teleward_simulators.sources import Dial

BUTTONS = ("measure",)
"""Methods of devices that stand for a button."""


def describe(fleet: Fleet, first_address: str) -> dict[str, Any]:
    """Return the API's description of the device that was switched on at ``first_address``."""
    device = fleet.devices[first_address]
    return {
        "address": device.address,
        "name": device.name,
        "kind": device.kind,
        "subject": fleet.subjects[first_address],
        "connected": device.connected,
        "sent": device.sent,
    }


def find(fleet: Fleet, name: str) -> str:
    """Return the first address of the device that ``name`` means, its key in the fleet.

    Raises LookupError naming those there are.
    """
    for first, device in fleet.devices.items():
        known = {device.name, PurePath(first).name}
        for address in (first, device.address):
            known |= {address, address.upper()}
        if name in known or name.upper() in known:
            return first
    there = ", ".join(PurePath(address).name for address in fleet.devices) or "none"
    raise NotFound(f"no device {name!r}; there are: {there}")


def create_app(fleet: Fleet, key: str) -> FastAPI:
    """Return the API of ``fleet`` for holders of ``key``."""
    app = FastAPI(title="Teleward simulators", description=__doc__ or "", version="1")
    app.add_middleware(HostGuard, key=key)
    _add_devices(app, fleet)
    _add_faults(app, fleet)
    return app


def _address_or_404(fleet: Fleet, name: str) -> str:
    try:
        return find(fleet, name)
    except LookupError as error:
        raise HTTPException(404, str(error)) from None


def _device_or_404(fleet: Fleet, name: str) -> Device:
    return fleet.devices[_address_or_404(fleet, name)]


def _add_devices(app: FastAPI, fleet: Fleet) -> None:
    @app.get("/devices")
    async def devices() -> list[dict[str, Any]]:
        return [describe(fleet, first) for first in fleet.devices]

    @app.post("/devices", status_code=201)
    async def add(row: dict[str, Any]) -> dict[str, Any]:
        try:
            spec = fleet.within_folder(DeviceSpec(**row))
            return describe(fleet, (await fleet.add(spec)).address)
        except (TypeError, ValueError, OSError) as error:
            raise HTTPException(422, str(error)) from None

    @app.delete("/devices/{device}", status_code=204)
    async def remove(device: str) -> None:
        await fleet.remove(_address_or_404(fleet, device))

    @app.post("/devices/{device}/buttons", status_code=204)
    async def button(device: str, name: str = Body(embed=True)) -> None:
        found = _device_or_404(fleet, device)
        press = getattr(found, name, None) if name in BUTTONS else None
        if press is None:
            raise HTTPException(422, f"{found.kind} has no button {name!r}")
        press()


def _add_faults(app: FastAPI, fleet: Fleet) -> None:
    @app.get("/faults")
    async def faults() -> dict[str, str]:
        return FAULTS

    @app.post("/devices/{device}/faults", status_code=204)
    async def fault(device: str, request: dict[str, Any]) -> None:
        name = str(request.pop("name", ""))
        _do(lambda: _device_or_404(fleet, device).fault(name, **request))

    @app.delete("/devices/{device}/faults", status_code=204)
    async def clear(device: str) -> None:
        _device_or_404(fleet, device).fault("clear")

    @app.put("/subjects/{subject}/vitals", status_code=204)
    async def vitals(subject: str, values: dict[str, float]) -> None:
        sources = [s for (who, _, _), s in fleet.sources.items() if who == subject]
        dials = [source for source in sources if isinstance(source, Dial)]
        if not dials:
            raise HTTPException(404, f"subject {subject!r} has no source 'dial:' to turn")
        for metric, value in values.items():
            _do(lambda metric=metric, value=value: dials[0].set(metric, value))


def _do(action: Any) -> None:
    try:
        action()
    except (TypeError, ValueError) as error:
        raise HTTPException(422, str(error)) from None


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers: the fleet decides when to end."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class ControlServer:
    """Serves the control API of a fleet at ``host:port`` (port 0: any free one).

    ``url`` has the key in it; without ``key`` one is made up.
    """

    def __init__(self, fleet: Fleet, host: str = "127.0.0.1", port: int = 0, key: str = "") -> None:
        key = key or secrets.token_urlsafe(12)
        self._socket = socket.create_server((host, port))
        self.url = f"http://fleet:{key}@{host}:{self._socket.getsockname()[1]}"
        config = uvicorn.Config(
            create_app(fleet, key), log_level="warning", lifespan="off", ws="none", access_log=False
        )
        self._server = _Server(config)
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Serve in the background; returns when requests are answered."""
        self._task = asyncio.create_task(self._server.serve(sockets=[self._socket]))
        while not self._server.started and not self._task.done():
            await asyncio.sleep(0.005)

    async def stop(self) -> None:
        """End at once; idempotent."""
        self._server.should_exit = self._server.force_exit = True
        if self._task is not None:
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None
        self._socket.close()
