"""A service manager for tests, in this process: what systemd does for the two units.

    gateway   Restart=always     started again 0.5 s after it ended; a stop kills it after 5 s
    guard     Restart=on-failure

`SYSTEMCTL` is a program that speaks to it as systemctl(1) is spoken to.
"""

import contextlib
import os
import signal
import socketserver
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

SYSTEMCTL = f"""#!{sys.executable} -IS
import socket, sys
with socket.socket(socket.AF_UNIX) as way:
    way.connect("SOCKET")
    way.sendall("\\0".join(sys.argv[1:]).encode())
    way.shutdown(socket.SHUT_WR)
    print(way.makefile().read(), end="")
"""
_AGAIN_S, _STOP_S = 0.5, 5.0


class Unit:
    """One service; `restarts` counts those that nobody asked for, since it was last asked for."""

    def __init__(self, command: Sequence[str], log: Path, env: Mapping[str, str], always: bool):
        self._command, self._log, self._env, self._always = command, log, env, always
        self._lock = threading.RLock()
        self._process: subprocess.Popen[bytes] | None = None
        self._wanted = False
        self.restarts = 0

    @property
    def pid(self) -> int:
        """The process, 0 when there is none."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else 0

    def start(self) -> None:
        """Start it unless it runs."""
        with self._lock:
            if not self.pid:
                self._wanted, self.restarts = True, 0
                self._spawn()

    def stop(self, number: int = signal.SIGTERM) -> None:
        """Stop it, by force after a while."""
        with self._lock:
            self._wanted = False
            process = self._process
            if process is None or process.poll() is not None:
                return
            process.send_signal(number)
            try:
                process.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _spawn(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=self._env,
                start_new_session=True,
            )  # fmt: skip
        threading.Thread(target=self._watch, args=(self._process,), daemon=True).start()

    def _watch(self, process: subprocess.Popen[bytes]) -> None:
        code = process.wait()
        time.sleep(_AGAIN_S)
        with self._lock:
            if self._wanted and self._process is process and (self._always or code):
                self.restarts += 1
                self._spawn()


class Keeper:
    """Keeps the units of one install; a context that leaves no process behind."""

    def __init__(self, folder: Path, gateway: Sequence[str], guard: Sequence[str]) -> None:
        env = dict(os.environ)
        self.gateway = Unit(gateway, folder / "gateway.log", env, always=True)
        self.guard = Unit(guard, folder / "guard.log", env, always=False)
        address = folder / "keeper.sock"
        self.systemctl = folder / "systemctl"
        self.systemctl.write_text(SYSTEMCTL.replace("SOCKET", str(address)))
        self.systemctl.chmod(0o755)
        keeper = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                words = self.rfile.read().decode().split("\0")
                self.wfile.write(keeper.command(words).encode())

        self._server = socketserver.ThreadingUnixStreamServer(str(address), Handler)
        self._server.daemon_threads = True

    def __enter__(self) -> "Keeper":
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.guard.stop(signal.SIGKILL)
        self.gateway.stop()
        self._server.shutdown()
        self._server.server_close()

    def command(self, words: Sequence[str]) -> str:
        """Carry out what systemctl was asked for."""
        unit = self.guard if "teleward-update.service" in words else self.gateway
        if words[0] == "show":
            return f"MainPID={unit.pid}\nNRestarts={unit.restarts}\n"
        if words[0] == "restart":
            threading.Thread(target=self._restart, args=(unit,), daemon=True).start()
        elif words[0] == "stop":
            unit.stop()
        elif words[0] == "start":
            unit.start()
        return ""

    def _restart(self, unit: Unit) -> None:
        unit.stop()
        with contextlib.suppress(OSError):
            unit.start()
