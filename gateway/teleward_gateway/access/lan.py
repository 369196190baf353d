"""The local network: HTTPS after a login, and plain HTTP that leads there.

Both serve the same application as loopback, marked with the door they are (`access.doors`). Without
a usable certificate nothing of a patient is served here; health has the sentence, loopback goes on,
and a certificate that is repaired is taken within a minute.
"""

import asyncio
import contextlib
import logging
import resource
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from starlette.types import ASGIApp

from teleward_gateway.access.authority import is_address, names_of
from teleward_gateway.access.certificate import (
    Certificate,
    MadeCertificate,
    OwnCertificate,
    server_context,
)
from teleward_gateway.access.doors import Door, Doorway
from teleward_gateway.access.lan_names import lan_names
from teleward_gateway.api.server import Pages
from teleward_gateway.settings.lan import LanSettings
from teleward_signal.errors import Unavailable

log = logging.getLogger(__name__)

LOOK_S = 60.0
"""How soon a changed certificate, address or date is noticed."""
SOON = timedelta(days=14)
OPEN_FILES = 8192
"""File descriptors: connections that never greet shall not take those of the ward."""


class Lan:
    """The servers on the local network; `run` is their life, `health` their state."""

    def __init__(self, app: ASGIApp, settings: LanSettings, folder: Path, gateway: str) -> None:
        self._settings = settings
        self._context = server_context()
        self._names: frozenset[str] = frozenset()
        self._look_up()
        self.certificate: Certificate
        if settings.certificate is not None and settings.key is not None:
            self.certificate = OwnCertificate(settings.certificate, settings.key)
        else:
            self.certificate = MadeCertificate(folder / "tls", gateway, lambda: self._names)
        self._problem: str | None = "starting"
        self._app, self._secure_port = app, settings.port
        self._pages: dict[Door, Pages] = {}

    @property
    def port(self) -> int:
        """The port of HTTPS."""
        return self._port(Door.SECURE, self._settings.port)

    @property
    def plain_port(self) -> int:
        """The port of plain HTTP."""
        return self._port(Door.PLAIN, self._settings.plain_port)

    def _port(self, door: Door, configured: int) -> int:
        pages = self._pages.get(door)
        return configured if pages is None else pages.port

    @property
    def public_name(self) -> str:
        """A name or address that works from another machine."""
        if self._settings.names:
            return self._settings.names[0]
        addresses = [n for n in sorted(self._names) if is_address(n) and ":" not in n]
        return next((a for a in addresses if not a.startswith("127.")), "localhost")

    def names(self) -> frozenset[str]:
        """Return the names and addresses by which browsers may call this gateway."""
        return self._names

    async def run(self) -> None:
        """Serve until it is cancelled."""
        raise_open_files()
        serving = [self._serve(Door.PLAIN)]
        try:
            while True:
                await self.look()
                if len(serving) == 1 and self._problem is None:
                    serving.append(self._serve(Door.SECURE, self._context))
                await asyncio.sleep(LOOK_S)
        finally:
            for pages in self._pages.values():
                pages.stop()
            await asyncio.gather(*(_ended(task) for task in serving))
            self._pages.clear()

    def _serve(self, door: Door, tls: ssl.SSLContext | None = None) -> "asyncio.Task[None]":
        """Serve at one door in a task of its own, which waits for a port that is taken."""
        doorway = Doorway(self._app, door, self.names, lambda: self.port)
        settings, setting = self._settings, "lan.plain_port" if tls is None else "lan.port"
        port = self.plain_port if tls is None else self.port
        pages = self._pages[door] = Pages(doorway, settings.host, port, setting=setting, tls=tls)
        return asyncio.create_task(pages.run(), name=f"local network, {door.value}")

    async def look(self) -> None:
        """Notice addresses that changed and a certificate that is due or repaired."""
        try:
            await asyncio.to_thread(self._refresh)
        except (Unavailable, OSError, ssl.SSLError) as error:
            if str(error) != self._problem:
                log.error("no pages for the local network: %s", error)
            self._problem = str(error)
        else:
            self._problem = None

    def _refresh(self) -> None:
        self._look_up()
        self.certificate.refresh(self._context)
        if self.certificate.leaf is not None:
            self._names |= {
                name for name in names_of(self.certificate.leaf) if not name.startswith("*")
            }

    def _look_up(self) -> None:
        self._names = lan_names(self._settings.host, self._settings.names)

    def health(self) -> dict[str, Any]:
        """Return whether the local network is served, by which names and how long."""
        leaf = self.certificate.leaf
        error = self._problem or self._ending()
        secure = self._pages.get(Door.SECURE)
        served = {"ok": False, "error": "starting"} if secure is None else secure.health()
        if error is None and not served["ok"]:
            error = str(served["error"])
        missing = self.certificate.missing()
        if error is None and missing:
            error = (
                f"the certificate authority was not made for {', '.join(missing)}; to change that, "
                "remove the folder tls, restart, and trust the new one on each phone"
            )
        days = None if leaf is None else (leaf.not_valid_after_utc - datetime.now(UTC)).days
        return {
            "ok": error is None,
            "error": error,
            "address": "" if secure is None else secure.address,
            "certificate_days_left": days,
        }

    def _ending(self) -> str | None:
        """Return the sentence on a certificate that ends soon; one of ours renews itself."""
        leaf = self.certificate.leaf
        if leaf is None or self._settings.certificate is None:
            return None
        left = leaf.not_valid_after_utc - datetime.now(UTC)
        when = leaf.not_valid_after_utc.date()
        if left < timedelta(0):
            return f"the certificate {self._settings.certificate} ended on {when}: put a new one"
        if left < SOON:
            return f"the certificate {self._settings.certificate} ends on {when}: put a new one"
        return None


def raise_open_files() -> None:
    """Allow more open files where the machine does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


async def _ended(task: "asyncio.Task[None]") -> None:
    """Wait for a server that was stopped; one that still waits for its port is cancelled."""
    _, waiting = await asyncio.wait({task}, timeout=2.0)
    if waiting:
        task.cancel()
    await asyncio.gather(task, return_exceptions=True)
