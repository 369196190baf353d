"""Notifications to the service manager: ready, more time for the start, watchdog (sd_notify(3)).

    systemd  <--datagrams, Unix socket $NOTIFY_SOCKET--  gateway

    EXTEND_TIMEOUT_USEC   while the start does something (`StartClock`)
    READY=1               the journal is open
    WATCHDOG=1            the loop that fills the journal and the thread that drains it both run
    WATCHDOG=trigger      one of them does not: restart now

Without a service manager nothing is sent. The protocol is one datagram a message; the library for
it on the package index has had no release since 2017.
"""

import contextlib
import logging
import os
import resource
import socket
import threading
import time
from collections.abc import Iterator, Mapping

log = logging.getLogger(__name__)

READY_WAIT_S = 5.0
"""Without this message the start counts as failed."""
EXTENSION_S = 60.0
EXTEND_EVERY_S = 15.0
LONGEST_START_S = 1800.0
"""A damaged journal of 8 GB on a slow card is read in half of it."""
LEAST_WORK_S = 0.02
"""Processor time between two looks below which a start has stopped; waiting takes none."""


class ServiceManager:
    """The way to the service manager; one without an address sends nothing."""

    def __init__(self, address: str = "", watchdog_s: float | None = None) -> None:
        self._address = address
        self.watchdog_s = watchdog_s if address else None

    @classmethod
    def of_environment(cls, environment: Mapping[str, str], pid: int) -> "ServiceManager":
        """Return the manager that ``environment`` names, for the process ``pid``."""
        address = environment.get("NOTIFY_SOCKET", "")
        watchdog_s = None
        with contextlib.suppress(ValueError):
            # the variable is inherited: it counts for the process that it names
            if environment.get("WATCHDOG_PID", str(pid)) == str(pid):
                watchdog_s = int(environment.get("WATCHDOG_USEC", "")) / 1e6
        return cls(address, watchdog_s if watchdog_s and watchdog_s > 0 else None)

    def __bool__(self) -> bool:
        """Return whether anybody is notified."""
        return bool(self._address)

    def notify(self, *assignments: str, wait_s: float = 0.0) -> None:
        """Send ``KEY=value`` lines in one datagram; a manager that is away is no failure.

        One that reads nothing is waited for up to ``wait_s``: it must not stop the gateway.
        """
        if not self._address:
            return
        # "@" stands for the zero byte of an abstract socket
        address = "\0" + self._address[1:] if self._address[0] == "@" else self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as way:
                way.settimeout(wait_s)
                way.sendto("\n".join(assignments).encode(), address)
        except OSError as error:
            log.warning("service manager not reached at %s: %s", self._address, error)

    def ready(self, status: str) -> None:
        """Report that the service runs; ``status`` is one line for ``systemctl status``."""
        self.notify("READY=1", f"STATUS={status}", wait_s=READY_WAIT_S)

    def status(self, text: str) -> None:
        """Report what the service does, one line."""
        self.notify(f"STATUS={text}")

    def alive(self) -> None:
        """Feed the watchdog."""
        self.notify("WATCHDOG=1")

    def restart_now(self) -> None:
        """Trigger the watchdog: this process is ended and started again."""
        self.notify("WATCHDOG=trigger")

    def stopping(self) -> None:
        """Report that an orderly stop has begun."""
        self.notify("STOPPING=1")

    @contextlib.contextmanager
    def starting(self, every_s: float = EXTEND_EVERY_S) -> Iterator[None]:
        """Ask for more time, from a thread, as long as the start within the context works.

        Opening a damaged journal blocks for minutes; a start that hangs uses no processor, gets no
        more time and is begun again.
        """
        if not self:
            yield
            return
        done, clock = threading.Event(), StartClock(time.monotonic(), *used())

        def run() -> None:
            while not done.wait(every_s):
                if clock.works(time.monotonic(), *used()):
                    self.notify(f"EXTEND_TIMEOUT_USEC={EXTENSION_S * 1e6:.0f}")

        thread = threading.Thread(target=run, name="start clock", daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()


def used() -> tuple[float, int]:
    """Return what this process has used so far: processor seconds and blocks of the disk."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime, usage.ru_inblock + usage.ru_oublock


class StartClock:
    """Whether a start still works: it used processor or disk since the last look, for half an hour.

    Arguments are the monotonic time and what `used` returned then.
    """

    def __init__(self, now_s: float, cpu_s: float, blocks: int) -> None:
        self._since_s, self._cpu_s, self._blocks = now_s, cpu_s, blocks

    def works(self, now_s: float, cpu_s: float, blocks: int) -> bool:
        """Return whether the start deserves more time."""
        worked = cpu_s - self._cpu_s >= LEAST_WORK_S or blocks != self._blocks
        self._cpu_s, self._blocks = cpu_s, blocks
        return worked and now_s - self._since_s < LONGEST_START_S


def of_this_process() -> ServiceManager:
    """Return the service manager that started this process; its children do not see it.

    Debian's mosquitto would report itself ready in the gateway's place.
    """
    manager = ServiceManager.of_environment(os.environ, os.getpid())
    for name in ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"):
        os.environ.pop(name, None)
    return manager
