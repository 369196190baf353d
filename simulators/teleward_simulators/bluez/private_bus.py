"""A private dbus-daemon for the facade, so that no real BlueZ is disturbed and none is needed."""

import asyncio
import contextlib
import shutil
from pathlib import Path

READY_S = 5.0
"""A dbus-daemon starts within 0.1 s; five mean that it does not start at all."""

_CONFIG = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path={socket}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
"""


def write_config(folder: Path) -> str:
    """Write ``bus.conf`` into ``folder`` and return the address the daemon will listen at."""
    socket = folder / "bus.sock"
    (folder / "bus.conf").write_text(_CONFIG.format(socket=socket))
    return f"unix:path={socket}"


class PrivateBus:
    """A bus with its socket and configuration in ``folder``."""

    def __init__(self, folder: Path) -> None:
        self._socket = folder / "bus.sock"
        self._config = folder / "bus.conf"
        self.address = f"unix:path={self._socket}"
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start the daemon; raises RuntimeError with what to install when there is none."""
        program = shutil.which("dbus-daemon")
        if program is None:
            raise RuntimeError("dbus-daemon is missing: apt-get install dbus-daemon")
        write_config(self._config.parent)
        self._process = await asyncio.create_subprocess_exec(
            program, f"--config-file={self._config}", "--nofork", "--nopidfile", "--print-address",
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        assert self._process.stdout is not None
        async with asyncio.timeout(READY_S):
            line = await self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"dbus-daemon did not start with {self._config}")

    async def stop(self) -> None:
        """End the daemon and remove its files; idempotent."""
        process, self._process = self._process, None
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            await process.wait()
        self._socket.unlink(missing_ok=True)
        self._config.unlink(missing_ok=True)
