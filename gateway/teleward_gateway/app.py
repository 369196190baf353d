"""The gateway process: builds the parts, runs them in one task group, stops them in order.

start   folder -> clock -> journal -> registry -> kernels -> sinks -> sessions -> API
stop    sessions -> derived values -> journal -> sinks -> API        (within two seconds)
"""

import asyncio
import contextlib
import errno
import importlib.util
import logging
import os
import signal
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI

from teleward_drivers.catalogue import catalogue
from teleward_drivers.radio import Radio
from teleward_gateway.api.factory import PREFIX, create_app
from teleward_gateway.api_view import ApiView, gateway_description
from teleward_gateway.clock import GatewayClock
from teleward_gateway.delivery.sinks import Sinks
from teleward_gateway.health import HealthRegistry
from teleward_gateway.health.probes import LoopWatch
from teleward_gateway.journal import Journal, JournalConfig, JournalInUse, JournalTooNew
from teleward_gateway.journal.audit import Audit
from teleward_gateway.live import LiveHub
from teleward_gateway.probes import register_probes, register_sinks
from teleward_gateway.process.logs import Redactor
from teleward_gateway.process.supervisor import Supervisor
from teleward_gateway.registry.model import RegistryError
from teleward_gateway.registry.store import Registry
from teleward_gateway.remote_commands import gateway_handlers
from teleward_gateway.sessions.commissioning import Commissioning
from teleward_gateway.sessions.manager import SessionManager
from teleward_gateway.settings.load import SettingsError, load
from teleward_gateway.settings.model import Settings
from teleward_gateway.ward.alarm_store import AlarmStore
from teleward_gateway.ward.dsp_worker import DspWorker
from teleward_gateway.ward.ingest import Ingest
from teleward_gateway.ward.reconciler import Reconciler
from teleward_signal.alarms.board import AlarmBoard
from teleward_signal.engine.engine import Engine, EngineConfig
from teleward_signal.errors import Invalid, TelewardError
from teleward_signal.model import Provenance

log = logging.getLogger(__name__)

CACHED_RECORDS = 4_000
"""Five seconds of 64 patients, which the sinks read while they are fresh; 20 000 cost 20 MB."""

STOP_LIMIT_S = 10.0
"""An orderly stop takes two seconds; whoever supervises the process waits longer than this."""

OpenRadio = Callable[[str], Awaitable[Radio]]
"""Makes the radio of the setting ``radio.adapter``; the command line injects the virtual one."""


class StartError(TelewardError):
    """The gateway cannot start; the message gives the cause and remedy."""


class Gateway:
    """One running gateway; `run` is its life."""

    def __init__(
        self,
        settings: Settings,
        open_radio: OpenRadio,
        redactor: Redactor | None = None,
        config: Path | None = None,
    ) -> None:
        self.settings = settings
        self._config = config
        self.redactor = redactor or Redactor()
        self._open_radio = open_radio
        self._stopped = asyncio.Event()
        self.started = False
        self.leaves_process = False
        self.clock = GatewayClock()
        self.provenance = settings.gateway.mode
        self.board = AlarmBoard()
        self.engine = Engine(EngineConfig())
        self.health = HealthRegistry()
        self.loop_watch = LoopWatch()
        self.supervisor = Supervisor()

    def stop(self) -> None:
        """Ask the gateway to stop; returns at once."""
        self._stopped.set()
        if self.leaves_process:
            asyncio.get_running_loop().call_later(STOP_LIMIT_S, self._give_up)

    def _give_up(self) -> None:
        """Leave at once: the journal survives it, and a gateway that hangs helps nobody."""
        hanging = [task.get_name() for task in asyncio.all_tasks() if not task.done()]
        log.error("not stopped after %.0f s, leaving: %s", STOP_LIMIT_S, ", ".join(hanging))
        os._exit(1)

    async def reload(self) -> None:
        """Take subjects and devices from the settings file again; raises ValueError.

        Everything else keeps its settings until the next start.
        """
        if self._config is None:
            raise Invalid("this gateway was started without a settings file")
        try:
            found = await asyncio.to_thread(load, self._config)
        except SettingsError as error:
            raise Invalid(str(error)) from error
        if found.gateway.mode is not self.provenance:
            raise Invalid("gateway.mode changes with a restart only")
        changed = {"subjects": found.subjects, "devices": found.devices}
        self.settings = self.settings.model_copy(update=changed)
        await self.reconciler.import_settings()

    async def run(self) -> int:
        """Run until `stop`, SIGTERM or SIGINT; returns the exit code; raises StartError."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        listener = listen(self.settings.api.host, self.settings.api.port)
        try:
            self._open_stores()
            await self._warm()
            self._build()
            await self._serve(listener)
        finally:
            listener.close()
            if hasattr(self, "journal"):
                await asyncio.to_thread(self.journal.close)
            if hasattr(self, "registry"):
                self.registry.close()
        return 0

    def _open_stores(self) -> None:
        settings = self.settings
        folder = settings.gateway.data_folder / self.provenance.value
        prepare_folder(folder)
        config = JournalConfig(
            commit_interval_s=settings.journal.commit_interval_s,
            max_bytes=settings.journal.max_megabytes * 2**20,
            cache_records=CACHED_RECORDS,
        )
        try:
            self.journal = Journal.open(
                folder,
                gateway=settings.gateway.name,
                provenance=self.provenance,
                clock=self.clock,
                config=config,
            )
        except (JournalInUse, JournalTooNew) as error:
            raise StartError(str(error)) from None
        path = folder / "registry.sqlite"
        try:
            self.registry = Registry(path, self.provenance, lambda: self.clock.now().time_ns)
        except RegistryError as error:
            raise StartError(str(error)) from None

    async def _warm(self) -> None:
        def progress(what: str, share: float) -> None:
            log.info("signal kernels: %3.0f %% (%s)", share * 100, what)

        await asyncio.to_thread(self.engine.warm, progress)

    def _build(self) -> None:
        self.alarm_store = AlarmStore(self.settings.gateway.data_folder / self.provenance.value)
        if (kept := self.alarm_store.load()) is not None:
            try:
                self.board.restore(kept)
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                self.alarm_store.set_aside(error)
                self.board = AlarmBoard()
        self.audit = Audit(self.journal.append)
        self.live = LiveHub(gateway_description(self))
        self.ingest = Ingest(
            registry=self.registry,
            clock=self.clock,
            journal=self.journal,
            board=self.board,
            live=self.live,
        )
        self.dsp = DspWorker(
            self.engine, self.settings.signal.tick_ms / 1000, self.ingest.on_results
        )
        self.ingest.dsp = self.dsp

    async def _serve(self, listener: socket.socket) -> None:
        radio = await self._open_radio(self.settings.radio.adapter)
        self.sessions = SessionManager(
            catalogue(),
            radio,
            self.ingest.on_output,
            self._on_session_state,
            feeds=self.registry.subject_now,
        )
        self.commissioning = Commissioning(self.registry, self.sessions, catalogue())
        await self.commissioning.start()
        self.reconciler = Reconciler(self)
        self.view = ApiView(self)
        self.sinks = Sinks(
            self.settings,
            self.journal,
            self.provenance,
            self.audit,
            gateway_handlers(self.sessions, self.view, self.reload),
            lambda o: register_sinks(self, o),
            self.supervisor,
        )
        app = create_app(self.view)
        if self.provenance is Provenance.SIMULATED:
            folder = self.settings.gateway.data_folder / self.provenance.value / "rooms"
            await add_rooms(app, folder, self.registry, self.settings.classroom.fleet)
        register_probes(self)
        server = Server(app, listener)
        keep = self.supervisor.keep
        try:
            async with asyncio.TaskGroup() as tasks:
                running = [
                    tasks.create_task(keep("derived values", self.dsp.run), name="dsp"),
                    tasks.create_task(keep("tick", self._tick), name="tick"),
                    tasks.create_task(self.sinks.run(), name="sinks"),
                    tasks.create_task(self.loop_watch.run(), name="loop watch"),
                    tasks.create_task(server.serve(), name="api"),
                ]
                await self.reconciler.start()
                self.started = True
                host, port = listener.getsockname()[:2]
                log.info("dashboard at http://%s:%s/ward", host, port)
                await self._stopped.wait()
                await self.commissioning.stop()
                await self.sessions.stop()
                await self.journal.flush()
                server.stop()
                for task in running[:-1]:
                    task.cancel()
        finally:
            await self.sessions.stop()
            await self.sinks.close()
            await asyncio.to_thread(self.dsp.close)

    async def _tick(self) -> None:
        """Once a second: the clock, alarm delays and scores."""
        while True:
            await asyncio.sleep(1.0)
            correction = self.clock.poll()
            if correction is not None:
                self.journal.correct(correction)
                self.registry.clock_corrected()
            self.ingest.tick()
            self.reconciler.watch_recording()
            if self.ingest.alarms_changed:
                self.ingest.alarms_changed = False
                await asyncio.to_thread(self.alarm_store.save, self.board.snapshot())

    def _on_session_state(self, device: str, state: Any, reason: str) -> None:
        self.reconciler.on_session_state(device, state, reason)


class Server(uvicorn.Server):
    """uvicorn on a socket that we opened, without its own signal handlers."""

    def __init__(self, app: Any, listener: socket.socket) -> None:
        config = uvicorn.Config(
            app,
            log_level="warning",
            access_log=False,
            ws="websockets-sansio",
            ws_per_message_deflate=False,  # wave frames are dense already: it only costs CPU
            timeout_graceful_shutdown=1,
        )
        super().__init__(config)
        self._listener = listener

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve until `stop`."""
        await self._serve([self._listener])

    def stop(self) -> None:
        """End serving soon."""
        self.should_exit = True


async def add_rooms(app: FastAPI, folder: Path, registry: Registry, fleet: str) -> None:
    """Serve teaching rooms, where the simulators' libraries are installed.

    ``fleet`` is the control API of simulated devices, if there is one.
    """
    if importlib.util.find_spec("yaml") is None:
        log.info('no teaching rooms: pip install "teleward[sim]"')
        return
    from teleward_gateway.classroom.api.rooms import router
    from teleward_gateway.classroom.rooms.fleet_client import Bedside
    from teleward_gateway.classroom.rooms.service import RoomService

    rooms = RoomService(folder, bedside=Bedside(fleet, registry) if fleet else None)
    await asyncio.to_thread(rooms.tidy)
    app.include_router(router, prefix=PREFIX)
    app.state.rooms = rooms


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket; raises StartError naming the remedy."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        why = "is in use" if error.errno == errno.EADDRINUSE else f"({error.strerror})"
        raise StartError(f"api.port {port} on {host} {why}; set another api.port") from None
    listener.listen()
    return listener


def prepare_folder(folder: Path) -> None:
    """Make the data folder, for this user only; raises StartError naming the remedy."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(PermissionError):  # a folder lent by another user is their choice
            folder.chmod(0o700)
        probe = folder / ".writable"
        probe.write_bytes(b"teleward")
        probe.unlink()
    except OSError as error:
        raise StartError(
            f"gateway.data_folder {folder}: {error.strerror}; make it writable for this user, "
            "free some space, or set another folder"
        ) from None
