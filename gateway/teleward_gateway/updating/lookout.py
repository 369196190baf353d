"""Looks at a running gateway from outside: its answers, its process, tunnels and named servers."""

import contextlib
import socket
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from teleward_drivers.catalogue import catalogue
from teleward_gateway.health.running import ask
from teleward_gateway.settings.model import Settings
from teleward_gateway.updating.gate import Look
from teleward_gateway.updating.service import Service
from teleward_signal.errors import Unavailable

_REACH_S = 3.0
BEFORE_S = 6.0
"""Between the two looks before an update: a device that sends in both sends all the time."""


class Lookout:
    """Looks at the gateway of ``settings``; ``reach`` are servers, ``host:port``."""

    def __init__(
        self,
        settings: Settings,
        service: Service,
        reach: Sequence[str] = (),
        machine: Path = Path("/sys"),
    ) -> None:
        self._settings, self._service = settings, service
        self._reach, self._machine = tuple(reach), machine

    def look(self) -> Look:
        """Return what is seen now; what does not answer is left out."""
        try:
            state = self._service.state()
            found = Look(pid=state.pid, restarts=state.restarts, memory_bytes=memory(state.pid))
        except Unavailable:
            found = Look()
        with contextlib.suppress(ValueError, TypeError, KeyError):
            health = ask(self._settings, "/health")
            if health is not None:
                found = _with_health(found, health["parts"], ask(self._settings, "/devices") or [])
        others = {*tunnels(self._machine), *(name for name in self._reach if reached(name))}
        return replace(found, reached=found.reached | others)

    def before(self, wait_s: float = BEFORE_S) -> Look:
        """Return what holds in two looks, ``wait_s`` apart: what a new version must do, too."""
        first = self.look()
        time.sleep(wait_s)
        second = self.look()
        return replace(
            second,
            grows=first.pid == second.pid and second.commits > first.commits,
            streaming=first.streaming & second.streaming,
            reached=first.reached & second.reached,
        )


def _with_health(look: Look, parts: Mapping[str, Any], devices: Iterable[Any]) -> Look:
    journal = parts["journal"]
    steady = {info.name for info in catalogue().values() if info.silence_s > 0}
    sinks = {
        name for name, part in parts.items()
        if (name == "broker" or name.startswith("sink:")) and part.get("ok", True)
    }  # fmt: skip
    streaming = {
        device["id"] for device in devices
        if (device.get("session") or {}).get("state") == "streaming" and device["driver"] in steady
    }  # fmt: skip
    return replace(
        look,
        answers=True,
        recording=bool(journal.get("ok", True)),
        commits=int(journal.get("commits_total", 0)),
        confirmed=bool(parts.get("clock", {}).get("confirmed")),
        streaming=frozenset(streaming),
        reached=frozenset(sinks),
    )


def memory(pid: int) -> int:
    """Return the bytes of memory that a process holds, 0 when it is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS:")), 0)


def tunnels(machine: Path = Path("/sys")) -> set[str]:
    """Return the tunnels of virtual private networks that are up: WireGuard and tun devices."""
    found = set()
    for folder in (machine / "class/net").glob("*"):
        try:
            is_tunnel = (folder / "tun_flags").exists() or (
                "DEVTYPE=wireguard" in (folder / "uevent").read_text()
            )
            # the flag IFF_UP; operstate of a tunnel is "unknown"
            if is_tunnel and int((folder / "flags").read_text(), 16) & 1:
                found.add(f"tunnel {folder.name}")
        except (OSError, ValueError):
            continue
    return found


def reached(server: str) -> bool:
    """Return whether a server, ``host:port``, takes a connection."""
    host, _, port = server.rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=_REACH_S):
            return True
    except (OSError, ValueError):
        return False
