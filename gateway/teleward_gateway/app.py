"""The gateway process: builds the parts, runs them in one task group, stops them in order.

start   "starting" page -> clock -> journal -> registry -> kernels -> sessions -> sinks -> API
stop    sessions -> journal flushed -> sinks -> derived values -> journal   (within two seconds)
"""

import asyncio
import logging
import os
import signal
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from teleward_gateway.access.mount import access_of_gateway, account_names
from teleward_gateway.api.factory import create_app
from teleward_gateway.api.front import Front
from teleward_gateway.api.server import Pages
from teleward_gateway.classroom.mount import classroom
from teleward_gateway.delivery.dead_letters import SinkControl
from teleward_gateway.exporting.jobs import ExportJobs
from teleward_gateway.operation.desk import OperatorDesk
from teleward_gateway.operation.log_tail import LogTail
from teleward_gateway.parts import NO_MANAGER, OpenRadio, Parts, build, data_folder
from teleward_gateway.probes import register_probes
from teleward_gateway.process.logs import Redactor
from teleward_gateway.process.service_manager import ServiceManager
from teleward_gateway.settings.gateway_name import with_name
from teleward_gateway.settings.load import SettingsFile
from teleward_gateway.settings.model import Settings

log = logging.getLogger(__name__)

WRITE_OUT_AGAIN_S = 2.0
STOP_LIMIT_S = 10.0
"""An orderly stop takes two seconds; whatever supervises the process waits longer than this."""


class Gateway:
    """One running gateway; `run` is its life.

    ``leaves_process``: a stop that hangs ends the whole process after `STOP_LIMIT_S`.
    ``manager`` learns when it is ready and that it lives.
    """

    def __init__(
        self,
        settings: Settings | SettingsFile,
        open_radio: OpenRadio,
        redactor: Redactor | None = None,
        config: Path | None = None,
        *,
        leaves_process: bool = False,
        manager: ServiceManager = NO_MANAGER,
    ) -> None:
        file = settings
        if isinstance(file, Settings):  # not from a file: nothing was taken out of one
            file = SettingsFile(file, is_whole=False)
        self._settings, self._config = with_name(file.settings), config
        self._file = replace(file, settings=self._settings)
        self._open_radio = open_radio
        self._redactor = redactor or Redactor()
        self._leaves_process, self._manager = leaves_process, manager
        self._stopped = asyncio.Event()

    def stop(self) -> None:
        """Ask the gateway to stop; returns at once."""
        self._stopped.set()
        self._manager.stopping()
        if self._leaves_process:
            asyncio.get_running_loop().call_later(STOP_LIMIT_S, _give_up)

    async def run(self, on_started: Callable[[Parts], None] = lambda parts: None) -> int:
        """Run until `stop`, SIGTERM or SIGINT; returns the exit code; raises StartError.

        ``on_started`` gets the parts once sessions, sinks and API run.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        front = Front()
        pages = Pages(front, self._settings.api.host, self._settings.api.port)
        serving = asyncio.create_task(pages.run(), name="api")
        try:
            async with AsyncExitStack() as stack:
                parts = await self._unless_stopped(self._start(stack, front, pages))
                if parts is not None:
                    await self._serve(parts, pages, on_started)
        finally:
            pages.stop()
            if not pages.address:
                serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)
        return 0

    async def _unless_stopped(self, starting: Coroutine[Any, Any, Parts]) -> Parts | None:
        """Return the parts, or None when `stop` came before they were there."""
        building = asyncio.create_task(starting, name="start")
        stopping = asyncio.create_task(self._stopped.wait())
        try:
            await asyncio.wait({building, stopping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
        if building.done():
            return await building
        building.cancel()
        await asyncio.gather(building, return_exceptions=True)
        return None

    async def _start(self, stack: AsyncExitStack, front: Front, pages: Pages) -> Parts:
        """Return all parts, with the API in place of the "starting" page."""
        settings, manager, progress = self._settings, self._manager, partial(self._show, front)
        parts = await build(
            stack, settings, self._open_radio, self._redactor, self._config, progress, manager
        )
        register_probes(parts)
        parts.health.register("pages", pages.health)
        web = create_app(parts.view)
        web.state.losses = parts.losses
        web.state.reconciler = parts.reconciler
        self._add_desk(web, parts, stack)
        web.state.sinks = SinkControl(parts.journal, parts.sinks, parts.audit)
        web.state.exports = exports = ExportJobs(
            settings.gateway.data_folder, settings.gateway.mode, settings.gateway.name,
            parts.journal.flush, parts.audit,
        )  # fmt: skip
        stack.push_async_callback(exports.close)
        folder = data_folder(settings) / "rooms"
        await stack.enter_async_context(
            classroom(
                web,
                settings.classroom,
                folder,
                parts.registry,
                parts.live,
                parts.health.register,
                parts.supervisor.keep,
            )
        )
        guarded = await stack.enter_async_context(
            access_of_gateway(
                web,
                data_folder(settings),
                settings,
                parts.health,
                parts.supervisor.keep,
            )
        )
        await stack.enter_async_context(web.router.lifespan_context(web))
        front.hand_over(guarded)
        return parts

    def _show(self, front: Front, step: str) -> None:
        """Show what the start is doing, on the pages and in the service manager's status."""
        front.step = step
        self._manager.status(step)

    def _add_desk(self, web: FastAPI, parts: Parts, stack: AsyncExitStack) -> None:
        """Put what the operator's page asks behind the application."""
        desk = web.state.operator_desk = OperatorDesk(
            self._settings,
            parts.health,
            parts.registry,
            stack.enter_context(LogTail(self._redactor)),
            lambda: parts.reconciler.mistakes,
            lambda: account_names(web),
        )
        course = parts.supervisor.keep("course of the figures", desk.course.run)
        stack.push_async_callback(stopped, asyncio.create_task(course, name="course"))

    async def _serve(
        self,
        parts: Parts,
        pages: Pages,
        on_started: Callable[[Parts], None],
    ) -> None:
        """Run the parts until `stop`, then stop what feeds the journal before what reads it."""
        keep, dsp, readings = parts.supervisor.keep, parts.dsp, parts.ingest.readings.store
        async with asyncio.TaskGroup() as tasks:
            derived = keep("derived values", lambda: dsp.run(parts.ingest.on_results))
            running = [
                tasks.create_task(derived, name="dsp"),
                tasks.create_task(keep("tick", lambda: tick(parts)), name="tick"),
                tasks.create_task(keep("clock", lambda: correct_clock(parts)), name="clock"),
                tasks.create_task(keep("readings file", readings.run), name="readings file"),
                tasks.create_task(keep("alarm store", parts.alarm_store.run), name="alarm store"),
                tasks.create_task(keep("snapshots", parts.snapshots.run), name="snapshots"),
                tasks.create_task(keep("sinks", parts.sinks.run), name="sinks"),
                tasks.create_task(keep("loop watch", parts.loop_watch.run), name="loop watch"),
                tasks.create_task(keep("registry", lambda: keep_registry(parts)), name="registry"),
                tasks.create_task(log_address(pages), name="address"),
            ]
            await parts.reconciler.start(self._file)
            parts.view.started()
            self._manager.status("running")
            on_started(parts)
            await self._stopped.wait()
            await parts.commissioning.stop()
            await parts.sessions.stop()
            await parts.journal.flush()
            pages.stop()
            for task in running:
                task.cancel()
        await asyncio.to_thread(parts.alarm_store.save, parts.board.snapshot())


async def stopped(task: asyncio.Task[None]) -> None:
    """End a task."""
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def log_address(pages: Pages) -> None:
    """Log where the pages are, once they are served."""
    log.info("dashboard at %s/ward", await pages.listening())


async def keep_registry(parts: Parts) -> None:
    """Write a registry that a refusing disk keeps in memory as soon as the disk takes it."""
    while not await asyncio.to_thread(parts.registry.write_out):
        await asyncio.sleep(WRITE_OUT_AGAIN_S)


async def tick(parts: Parts) -> None:
    """Once a second: alarm delays and scores; a step that fails stops no other.

    Nothing here waits for the disk: a card that stalls delays no alarm.
    """
    contain = parts.supervisor.contain
    while True:
        await asyncio.sleep(1.0)
        parts.heartbeat.beat()
        with contain("ward state"):
            parts.ingest.state.tick()
        with contain("readings"):
            parts.ingest.readings.tick()
        with contain("recording watch"):
            parts.reconciler.watch_recording()
        with contain("losses"):
            parts.losses.tick()
        with contain("alarm store"):
            if parts.ingest.state.alarms_changed:
                parts.ingest.state.alarms_changed = False
                parts.alarm_store.offer(parts.board.snapshot())


async def correct_clock(parts: Parts) -> None:
    """Compare the clock with UTC each second, and correct what is on record with it."""
    while True:
        await asyncio.sleep(1.0)
        correction = parts.clock.poll()
        if correction is not None:
            parts.journal.correct(correction)
            await parts.journal.flush()
            await asyncio.to_thread(parts.registry.correct, correction)
            parts.ingest.readings.clock_corrected()
        parts.kept_time.save(parts.clock)


def _give_up() -> None:
    """Leave at once: the journal survives it, and a gateway that hangs is of no use."""
    hanging = [task.get_name() for task in asyncio.all_tasks() if not task.done()]
    log.error("not stopped after %.0f s, leaving: %s", STOP_LIMIT_S, ", ".join(hanging))
    os._exit(1)
