"""The parts of a running gateway, built bottom up; each one gets what it needs of those below.

    folder    clock -> journal -> registry
    record    kernels -> DSP worker -> live view -> ingest
    devices   radio -> sessions -> commissioning
    ward      reconciler -> API view -> sinks

A part that was built is closed by the exit stack, in reverse order, however far building came.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from teleward_drivers.catalogue import catalogue
from teleward_drivers.radio import Radio
from teleward_gateway.api_view import ApiView, gateway_description
from teleward_gateway.clock import GatewayClock
from teleward_gateway.clock.kept_time import KeptTime
from teleward_gateway.delivery.inventory import RegistryInventory
from teleward_gateway.delivery.sinks import Sinks
from teleward_gateway.health import HealthRegistry
from teleward_gateway.health.probes import Heartbeat, LoopWatch
from teleward_gateway.journal import Journal, JournalConfig, JournalInUse
from teleward_gateway.journal.audit import Audit
from teleward_gateway.live import LiveHub
from teleward_gateway.process.logs import Redactor
from teleward_gateway.process.service_manager import ServiceManager
from teleward_gateway.process.shared_memory import memory_file
from teleward_gateway.process.startup import StartError, in_daemon_thread, prepare_folder
from teleward_gateway.process.supervisor import Supervisor
from teleward_gateway.process.watchdog import guard
from teleward_gateway.registry.lock import RegistryLock
from teleward_gateway.registry.opening import open_registry
from teleward_gateway.registry.store import Registry
from teleward_gateway.remote_commands import gateway_handlers
from teleward_gateway.remote_commands.receiver import Handler
from teleward_gateway.remote_commands.settings import CommandName
from teleward_gateway.sessions.commissioning import Commissioning
from teleward_gateway.sessions.manager import SessionManager
from teleward_gateway.settings.model import Settings
from teleward_gateway.settings.reload import SettingsReload
from teleward_gateway.ward.alarm_store import AlarmStore
from teleward_gateway.ward.detector_snapshots import DetectorSnapshots, still_valid
from teleward_gateway.ward.detector_store import DetectorStore, Learnt
from teleward_gateway.ward.dsp_worker import DspWorker
from teleward_gateway.ward.held_readings import HeldReadings
from teleward_gateway.ward.ingest import Ingest
from teleward_gateway.ward.link_alarms import LinkAlarms
from teleward_gateway.ward.loss_notice import LossNotice
from teleward_gateway.ward.reading_store import ReadingStore
from teleward_gateway.ward.recollection import recall_readings
from teleward_gateway.ward.reconciler import Reconciler
from teleward_signal.alarms.board import AlarmBoard
from teleward_signal.anomaly.watch import AnomalyWatch
from teleward_signal.compiled.cache import fingerprint
from teleward_signal.engine.engine import Engine, EngineConfig

log = logging.getLogger(__name__)

KERNELS = ("teleward_gateway.live.steps:warm",)
"""What compiles the gateway's own kernels, beside those of the engine."""
CACHED_RECORDS = 4_000
"""Five seconds of 64 patients, which the sinks read while they are fresh; 20 000 cost 20 MB."""

NO_MANAGER = ServiceManager()
REGISTRY_WAIT_S = 5.0
"""A command that changes the registry beside the gateway needs milliseconds."""

OpenRadio = Callable[[str], Awaitable[Radio]]
"""Makes the radio of the setting ``radio.adapter``; the command line injects the virtual one."""


@dataclass(frozen=True, slots=True)
class Parts:
    """All parts of one running gateway."""

    settings: Settings
    health: HealthRegistry
    supervisor: Supervisor
    heartbeat: Heartbeat
    loop_watch: LoopWatch
    clock: GatewayClock
    kept_time: KeptTime
    journal: Journal
    audit: Audit
    registry: Registry
    engine: Engine
    dsp: DspWorker
    snapshots: DetectorSnapshots
    alarm_store: AlarmStore
    board: AlarmBoard
    live: LiveHub
    ingest: Ingest
    sessions: SessionManager
    commissioning: Commissioning
    reconciler: Reconciler
    view: ApiView
    sinks: Sinks
    losses: LossNotice


@dataclass(frozen=True, slots=True)
class _Records:
    """The files of the folder, open, and the clock that stamps what goes into them."""

    clock: GatewayClock
    kept_time: KeptTime
    journal: Journal
    audit: Audit
    registry: Registry


@dataclass(frozen=True, slots=True)
class _Detectors:
    """What judges waveforms and numerics, and what keeps it over a restart."""

    engine: Engine
    dsp: DspWorker
    anomaly: AnomalyWatch
    alarm_store: AlarmStore
    board: AlarmBoard
    snapshots: DetectorSnapshots


@dataclass(frozen=True, slots=True)
class _Ward:
    """The way of a record from a device to the journal and to the pages."""

    live: LiveHub
    ingest: Ingest
    links: LinkAlarms
    losses: LossNotice


async def build(
    stack: AsyncExitStack,
    settings: Settings,
    open_radio: OpenRadio,
    redactor: Redactor,
    config: Path | None,
    progress: Callable[[str], None] = lambda step: None,
    manager: ServiceManager = NO_MANAGER,
) -> Parts:
    """Return the parts of a gateway, closed by ``stack``; raises StartError.

    ``progress`` gets what the start is doing, for people who wait for it; ``manager`` learns that
    the gateway is ready once the journal is open, and is given signs of life from then on.
    """
    folder = data_folder(settings)
    if (hindrance := prepare_folder(folder)) is not None:
        log.error("%s; until then nothing is recorded", hindrance)
    health, supervisor = HealthRegistry(), Supervisor()
    with manager.starting():
        files = await _open_files(stack, settings, folder)
    problem = files.journal.stats().problem
    manager.ready(f"not recording: {problem}" if problem else "recording")
    guard(stack, manager, files.journal.silent_s)
    detectors = await _start_detectors(stack, settings, folder, files, progress)
    ward = await _build_ward(stack, settings, folder, files, detectors, supervisor)
    radio = await open_radio(settings.radio.adapter)
    sessions, commissioning = await _start_sessions(stack, radio, files, ward, supervisor)
    reconciler = _make_reconciler(files, detectors, ward, sessions, redactor, supervisor)
    view = _make_view(settings, health, files, detectors, ward, commissioning)
    reload = SettingsReload(settings, config, reconciler.import_settings)
    handlers = gateway_handlers(sessions, view, reload)
    sinks = _make_sinks(stack, settings, files, handlers, health, supervisor)
    return Parts(
        settings=settings, health=health, supervisor=supervisor,
        heartbeat=Heartbeat("the tick of alarms and scores"), loop_watch=LoopWatch(),
        clock=files.clock, kept_time=files.kept_time, journal=files.journal, audit=files.audit,
        registry=files.registry, engine=detectors.engine, dsp=detectors.dsp,
        snapshots=detectors.snapshots, alarm_store=detectors.alarm_store, board=detectors.board,
        live=ward.live, ingest=ward.ingest, sessions=sessions, commissioning=commissioning,
        reconciler=reconciler, view=view, sinks=sinks, losses=ward.losses,
    )  # fmt: skip


def _make_reconciler(
    files: _Records,
    detectors: _Detectors,
    ward: _Ward,
    sessions: SessionManager,
    redactor: Redactor,
    supervisor: Supervisor,
) -> Reconciler:
    return Reconciler(
        registry=files.registry,
        sessions=sessions,
        journal=files.journal,
        clock=files.clock,
        board=detectors.board,
        live=ward.live,
        ingest=ward.ingest,
        links=ward.links,
        audit=files.audit,
        redactor=redactor,
        supervisor=supervisor,
    )


def _make_view(
    settings: Settings,
    health: HealthRegistry,
    files: _Records,
    detectors: _Detectors,
    ward: _Ward,
    commissioning: Commissioning,
) -> ApiView:
    return ApiView(
        settings=settings,
        health=health,
        clock=files.clock,
        journal=files.journal,
        audit=files.audit,
        registry=files.registry,
        commissioning=commissioning,
        board=detectors.board,
        live=ward.live,
        ingest=ward.ingest,
        readings=HeldReadings(ward.ingest.readings, files.journal, files.audit),
    )


def _make_sinks(
    stack: AsyncExitStack,
    settings: Settings,
    files: _Records,
    handlers: dict[CommandName, Handler],
    health: HealthRegistry,
    supervisor: Supervisor,
) -> Sinks:
    """Return the sinks of the settings, which deliver what the journal has."""
    inventory = RegistryInventory(files.registry)
    sinks = Sinks(settings, files.journal, files.audit, handlers, health, supervisor, inventory)
    stack.push_async_callback(sinks.close)
    return sinks


async def _open_files(stack: AsyncExitStack, settings: Settings, folder: Path) -> _Records:
    """Open the journal and the registry; the clock goes on from what was kept."""
    clock = GatewayClock()
    journal = open_journal(folder, settings, clock)
    stack.push_async_callback(asyncio.to_thread, journal.close)
    kept_time = KeptTime(memory_file(folder, "clock.json"))
    kept_time.resume(clock, journal.corrections())
    kept_time.save(clock)
    stack.callback(kept_time.save, clock)
    lock = RegistryLock(folder)
    if not await asyncio.to_thread(lock.take, REGISTRY_WAIT_S):
        log.error("another program keeps %s open: its changes are not seen here", folder)
    stack.callback(lock.release)
    registry = open_registry(folder / "registry.sqlite", settings.gateway.mode, clock)
    stack.callback(registry.close)
    return _Records(clock, kept_time, journal, Audit(journal.append), registry)


async def _start_detectors(
    stack: AsyncExitStack,
    settings: Settings,
    folder: Path,
    files: _Records,
    progress: Callable[[str], None],
) -> _Detectors:
    """Load or compile the kernels; detectors and alarms go on from what was kept."""
    clock, alarm_store = files.clock, AlarmStore(folder)
    engine = Engine(EngineConfig())
    await in_daemon_thread(partial(engine.warm, partial(log_warming, progress), KERNELS))
    board = alarm_store.board()
    stopped = DetectorStore(folder, fingerprint())
    memory = memory_file(folder, "detectors.bin")
    in_memory = None if memory is None else DetectorStore(memory.parent, fingerprint(), memory.name)
    learnt = await asyncio.to_thread(load_learnt, stopped, in_memory, board, clock)
    dsp, anomaly = DspWorker(engine, settings.signal.tick_ms / 1000, learnt.streams), AnomalyWatch()
    admitted = {subject.id for subject in files.registry.subjects()}
    anomaly.restore({who: kept for who, kept in learnt.baselines.items() if who in admitted})
    snapshots = DetectorSnapshots(in_memory, dsp, anomaly, board, alarm_store, clock)
    stack.push_async_callback(
        asyncio.to_thread, stop_detectors, dsp, anomaly, stopped, in_memory, clock
    )
    return _Detectors(engine, dsp, anomaly, alarm_store, board, snapshots)


async def _build_ward(
    stack: AsyncExitStack,
    settings: Settings,
    folder: Path,
    files: _Records,
    detectors: _Detectors,
    supervisor: Supervisor,
) -> _Ward:
    """Build the record path, with the readings that waited for a decision at the stop."""
    clock, journal, registry, board = files.clock, files.journal, files.registry, detectors.board
    readings = await asyncio.to_thread(ReadingStore, folder / "readings.sqlite")
    stack.push_async_callback(asyncio.to_thread, readings.close)
    live = LiveHub(
        gateway_description(settings), clock=lambda: clock.now().time_ns, supervisor=supervisor
    )
    ingest = Ingest(
        registry=registry, clock=clock, journal=journal, board=board, live=live,
        dsp=detectors.dsp, supervisor=supervisor, anomaly=detectors.anomaly, readings=readings,
    )  # fmt: skip
    await recall_readings(journal, ingest.readings)
    losses = LossNotice(
        folder / "losses.json", lambda: journal.stats().lost.damage,
        lambda: [subject.id for subject in registry.subjects()], board, ingest.state, files.audit,
    )  # fmt: skip
    stack.push_async_callback(losses.close)
    links = LinkAlarms(registry=registry, clock=clock, live=live, ingest=ingest)
    return _Ward(live, ingest, links, losses)


async def _start_sessions(
    stack: AsyncExitStack, radio: Radio, files: _Records, ward: _Ward, supervisor: Supervisor
) -> tuple[SessionManager, Commissioning]:
    """Start what talks to devices and what people commission them with."""
    sessions = SessionManager(
        catalogue(),
        radio,
        ward.ingest.on_output,
        ward.links.on_session_state,
        feeds=files.registry.subject_now,
        on_disk=ward.ingest.on_disk,
        utc=lambda monotonic_ns: files.clock.at(monotonic_ns).time_ns,
        keep=supervisor.keep,
    )
    ward.links.is_episodic = sessions.is_episodic
    stack.push_async_callback(sessions.stop)
    commissioning = Commissioning(files.registry, sessions, catalogue())
    await commissioning.start()
    stack.push_async_callback(commissioning.stop)
    return sessions, commissioning


def data_folder(settings: Settings) -> Path:
    """Return the folder of this gateway's mode."""
    return settings.gateway.data_folder / settings.gateway.mode.value


def open_journal(folder: Path, settings: Settings, clock: GatewayClock) -> Journal:
    """Open the journal; raises StartError when another gateway has it open."""
    config = JournalConfig(
        commit_interval_s=settings.journal.commit_interval_s,
        max_bytes=settings.journal.max_megabytes * 2**20,
        cache_records=CACHED_RECORDS,
    )
    try:
        return Journal.open(
            folder,
            gateway=settings.gateway.name,
            provenance=settings.gateway.mode,
            clock=clock,
            config=config,
        )
    except JournalInUse as error:
        raise StartError(str(error)) from None


def load_learnt(
    stopped: DetectorStore, in_memory: DetectorStore | None, board: AlarmBoard, clock: GatewayClock
) -> Learnt:
    """Return what the detectors knew at the stop, after a crash what the last snapshot had."""
    now = clock.now()
    learnt = stopped.load(now)
    snapshot = in_memory.load(now) if in_memory is not None else Learnt()
    return learnt if learnt.streams or learnt.baselines else still_valid(snapshot, board)


def stop_detectors(
    dsp: DspWorker,
    anomaly: AnomalyWatch,
    store: DetectorStore,
    in_memory: DetectorStore | None,
    clock: GatewayClock,
) -> None:
    """End the signal thread and keep what its detectors have learnt."""
    dsp.close()
    store.save(Learnt(dsp.learnt(), anomaly.snapshot()), clock.now())
    if in_memory is not None:
        in_memory.remove()


def log_warming(progress: Callable[[str], None], what: str, share: float) -> None:
    """Log how far loading or compiling the signal kernels is; ``share`` is 0 to 1."""
    log.info("signal kernels: %3.0f %% (%s)", share * 100, what)
    progress(f"Preparing signal analysis, {share * 100:.0f} % done")
