"""One connected stretch of a device: its driver, fed and obeyed until the link ends.

    link.read ---> driver.feed ---> outputs ---> on_output          values, discarded bytes
                                      |
    tick, 1/s ---> driver.tick ---> commands ---> queue ---> executor ---> link       in order,
    a person ----> driver.command ----^                                        each with a timeout
    watch, 1/s: silent too long, or bytes that mean nothing ---> the link is closed

Only the end of the link ends the reading, so what arrived before it is never lost.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, Protocol, runtime_checkable

from teleward_drivers.ble_errors import NEEDS_BOND
from teleward_drivers.device import (
    Checkpoint,
    Command,
    Confirming,
    Driver,
    DriverInfo,
    Ending,
    Episodic,
    LastRecord,
    LinkType,
    Output,
    Request,
    Resumable,
    Subscribe,
    Write,
)
from teleward_drivers.errors import (
    LinkError,
    LinkLost,
    LinkUnavailable,
    OperationRefused,
    Unavailable,
)
from teleward_drivers.link import Link, Received
from teleward_gateway.sessions.counters import Counters
from teleward_gateway.settings.session_options import SessionOptions

log = logging.getLogger(__name__)

TICK_S = 1.0
"""Keep-alives of the devices we know are due every few seconds at the shortest."""

COMMANDS = 256
"""A driver asks for about ten things at a start; more than this waiting means it runs wild."""

NONSENSE_S = 10.0
NONSENSE_BYTES = 64
"""Bytes without one value for so long, from the first byte on, are a wrong baud rate or another
device: the slowest device we know makes a value a second, in at most 150 bytes."""


@runtime_checkable
class Bondable(Protocol):
    """A link whose device may ask for pairing."""

    async def pair(self) -> None:
        """Pair and bond."""
        ...


@dataclass(frozen=True, slots=True)
class _Order:
    command: Command
    starting: bool = False
    done: "asyncio.Future[None] | None" = None

    def answer(self, error: BaseException | None = None) -> None:
        """Answer the person who waits, unless that person has left or has the answer."""
        if self.done is None or self.done.done():
            return
        if error is None:
            self.done.set_result(None)
        else:
            self.done.set_exception(error)


async def _unconfirmed() -> bool:
    """Confirm nothing: without a journal a device's memory is never erased."""
    return False


class Silent(LinkLost):
    """The link is up and silent."""


class Connection:
    """One link and the driver made for it; `serve` runs it to its end."""

    def __init__(
        self,
        link: Link,
        driver: Driver,
        info: DriverInfo,
        options: SessionOptions,
        counters: Counters,
        on_output: Callable[[Output, Received], None],
        on_ready: Callable[[], None],
        on_silent: Callable[[str], None],
        on_disk: Callable[[], Awaitable[bool]] = _unconfirmed,
        last: LastRecord | None = None,
        utc: Callable[[int], int] | None = None,
    ) -> None:
        self._utc = utc
        self._link, self._driver, self._info = link, driver, info
        own_s = options.silence_s
        self._silence_s = info.silence_s if own_s is None else own_s
        self._pairs_first = options.pairs_first
        self._counters = counters
        self._on_output, self._on_ready, self._on_silent = on_output, on_ready, on_silent
        self._on_disk = on_disk
        if last is not None and isinstance(driver, Resumable):
            driver.resume(last)
        self._orders: asyncio.Queue[_Order | None] = asyncio.Queue(COMMANDS)
        self._cause: LinkError | None = None
        self._ready = False
        self._began_ns = self._received_ns = time.monotonic_ns()
        self._values_before = counters.n_values
        self._bytes_before = counters.n_bytes

    async def serve(self) -> None:
        """Run until the link ends; raises the `LinkError` with the cause."""
        now = self._now()
        self._take(self._driver.start(now.time_ns), now, starting=True)
        self._orders.put_nowait(None)
        helpers = [asyncio.create_task(self._help(each)) for each in (self._execute, self._watch)]
        try:
            while True:
                self._feed(await self._link.read())
        except LinkError:
            if self._cause is not None:
                raise self._cause from None
            raise
        finally:
            for helper in helpers:
                helper.cancel()
            await asyncio.gather(*helpers, return_exceptions=True)
            self._fail_orders()
            self._take_last()

    async def _help(self, work: Callable[[], Awaitable[None]]) -> None:
        """Run a helper; one that fails ends the link, which is then opened again."""
        try:
            await work()
        except Exception as error:
            self._counters.n_errors += 1
            log.exception("a link of driver %s failed", self._info.name)
            await self._end(LinkLost(f"internal error: {type(error).__name__}: {error}"))

    async def command(self, name: str, arguments: dict[str, Any]) -> None:
        """Carry out a person's command; raises what the device answered."""
        made: Iterable[Output] = self._driver.command(name, **arguments)  # type: ignore[attr-defined]
        waiting = self._take(made, self._now(), wait=True)
        for done in waiting:
            await done

    def _take_last(self) -> None:
        """Pass on what the driver held back when the link ended."""
        try:
            if isinstance(self._driver, Ending):
                self._take(self._driver.end(), self._now())
        except Exception:
            self._counters.n_errors += 1
            log.exception("driver %s failed at the end of its link", self._info.name)

    def _feed(self, received: Received) -> None:
        if self._utc is not None:
            received = replace(received, time_ns=self._utc(received.monotonic_ns))
        self._received_ns = received.monotonic_ns
        self._counters.received(received)
        try:
            self._take(self._driver.feed(received), received)
        except Exception:  # a third party's driver may break its promise; the ward must go on
            self._counters.n_errors += 1
            log.exception("driver %s failed on %s", self._info.name, received.data.hex())

    def _take(
        self,
        outputs: Iterable[Output],
        received: Received,
        starting: bool = False,
        wait: bool = False,
    ) -> "list[asyncio.Future[None]]":
        """Pass values on and queue commands; returns what to wait for."""
        waiting: list[asyncio.Future[None]] = []
        for output in outputs:
            if not isinstance(output, Command):
                self._counters.output(output)
                self._on_output(output, received)
                continue
            done = asyncio.get_running_loop().create_future() if wait else None
            if done is not None:
                waiting.append(done)
            if self._orders.full():
                raise LinkLost(f"driver {self._info.name} asks for too much at once")
            self._orders.put_nowait(_Order(output, starting, done))
        return waiting

    async def _execute(self) -> None:
        if self._pairs_first and isinstance(self._link, Bondable):
            try:
                await self._link.pair()
            except LinkError as error:
                await self._end(error)
                return
        while True:
            order = await self._orders.get()
            if order is None:
                self._ready = True
                self._received_ns = time.monotonic_ns()
                self._on_ready()
                continue
            if isinstance(order.command, Checkpoint):
                await self._confirm()
                continue
            try:
                await self._obey(order.command)
            except OperationRefused as error:
                if order.done is not None:
                    order.answer(error)
                elif order.starting and not order.command.optional:
                    await self._end(error)
                    return
                else:
                    self._note_refusal(order.command)
                    level = logging.DEBUG if order.command.optional else logging.WARNING
                    log.log(level, "%s: %s", self._info.name, error)
            except Exception as error:
                cause = error if isinstance(error, LinkError) else LinkLost(f"internal: {error!r}")
                order.answer(cause)
                await self._end(cause)
                return
            except asyncio.CancelledError:
                order.answer(self._cause or LinkLost("the link ended under the command"))
                raise
            order.answer()

    @property
    def is_episodic(self) -> bool:
        """Whether the device of this link is known to speak only when it has measured."""
        return isinstance(self._driver, Episodic) and self._driver.is_episodic

    def _note_refusal(self, command: Command) -> None:
        if isinstance(command, Subscribe) and isinstance(self._driver, Episodic):
            self._driver.refused(command.channel)

    async def _confirm(self) -> None:
        """Report to the driver that everything up to here is on disk, once it is."""
        try:
            if isinstance(self._driver, Confirming) and await self._on_disk():
                self._take(self._driver.recorded(), self._now())
        except Exception:
            self._counters.n_errors += 1
            log.exception("driver %s failed after a checkpoint", self._info.name)

    async def _obey(self, command: Subscribe | Request | Write) -> None:
        try:
            await self._send(command)
        except OperationRefused as error:
            if error.code not in NEEDS_BOND or not isinstance(self._link, Bondable):
                raise
            await self._link.pair()
            await self._send(command)

    async def _send(self, command: Subscribe | Request | Write) -> None:
        link = self._link
        if isinstance(command, Subscribe):
            await link.subscribe(command.channel)
        elif isinstance(command, Request):
            await link.request(command.channel)
        else:
            await link.write(command.data, command.channel, command.response)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            try:
                now = self._now()
                self._take(self._driver.tick(now.time_ns), now)
            except LinkError as error:
                await self._end(error)
                return
            except Exception:
                self._counters.n_errors += 1
                log.exception("driver %s failed in its tick", self._info.name)
            if (cause := self._wrong()) is not None:
                if isinstance(cause, Silent):
                    self._on_silent(str(cause))
                await self._end(cause)
                return

    def _wrong(self) -> LinkError | None:
        """Return why this link must not go on, or None."""
        now_ns = time.monotonic_ns()
        silent_s = (now_ns - self._received_ns) / 1e9
        n_bytes = self._counters.n_bytes - self._bytes_before
        watched = self._ready and self._silence_s and not self.is_episodic
        if watched and silent_s >= self._silence_s:
            text = "silent" if n_bytes else "connected, but no data was ever received,"
            return Silent(f"{text} for {silent_s:.0f} s")
        if (
            self._info.link is LinkType.SERIAL
            and self._counters.n_values == self._values_before
            and n_bytes >= NONSENSE_BYTES
            and (now_ns - self._began_ns) / 1e9 >= NONSENSE_S
        ):
            return LinkUnavailable(
                f"{n_bytes} bytes arrived and none makes sense to driver {self._info.name}: "
                "wrong baud rate or another device? `teleward scan --serial` looks",
                Unavailable.UNSUPPORTED,
            )
        return None

    async def _end(self, cause: LinkError) -> None:
        if self._cause is None:
            self._cause = cause
        with contextlib.suppress(LinkError):
            await self._link.close()

    def _fail_orders(self) -> None:
        while not self._orders.empty():
            order = self._orders.get_nowait()
            if order is not None:
                order.answer(self._cause or LinkLost("the link is gone"))

    def _now(self) -> Received:
        monotonic_ns = time.monotonic_ns()
        utc = self._utc
        return Received(b"", time.time_ns() if utc is None else utc(monotonic_ns), monotonic_ns)
