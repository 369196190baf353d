"""The service of the gateway, as the service manager has it: systemctl(1)."""

import subprocess
from dataclasses import dataclass

from teleward_signal.errors import Unavailable

GATEWAY, GUARD = "teleward.service", "teleward-update.service"
_ANSWER_S = 60.0


@dataclass(frozen=True, slots=True)
class ServiceState:
    """Whether the gateway runs: its process (0: none), and how often it was started again."""

    pid: int
    restarts: int


class Service:
    """Starts and stops the gateway, and starts the guard of a trial."""

    def __init__(self, systemctl: str = "systemctl") -> None:
        self._systemctl = systemctl

    def state(self) -> ServiceState:
        """Return how the gateway runs; raises Unavailable."""
        shown = self._run("show", GATEWAY, "--property=MainPID,NRestarts")
        found = dict(line.split("=", 1) for line in shown.splitlines() if "=" in line)
        try:
            return ServiceState(int(found["MainPID"]), int(found["NRestarts"]))
        except (KeyError, ValueError):
            raise Unavailable(f"systemctl knows no {GATEWAY}") from None

    def restart(self) -> None:
        """Begin a restart, without waiting until it is ready."""
        self._run("restart", "--no-block", GATEWAY)

    def stop(self) -> None:
        """Stop the gateway, and wait for it."""
        self._run("stop", GATEWAY)

    def start_guard(self) -> None:
        """Begin the guard of a trial."""
        self._run("start", "--no-block", GUARD)

    def _run(self, *words: str) -> str:
        command = [self._systemctl, *words]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=_ANSWER_S)
        except (OSError, subprocess.SubprocessError) as error:
            raise Unavailable(f"systemctl does not work: {error}") from None
        if done.returncode:
            raise Unavailable(f"{' '.join(command)}: {done.stderr.strip() or 'failed'}")
        return done.stdout
