"""A ward without links, sinks or pages, on a clock that a test turns: the record path as it is.

Journal, registry, detectors, alarm board, live view and reconciler are the real ones; a test gives
what a session would give, and lets time pass second by second.
"""

import asyncio
import math
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import numpy as np

from teleward_drivers.device import Output
from teleward_drivers.link import Received
from teleward_gateway.api_view import ApiView
from teleward_gateway.clock import Stamp
from teleward_gateway.health import HealthRegistry
from teleward_gateway.journal import Journal
from teleward_gateway.journal.audit import Audit
from teleward_gateway.live import LiveHub
from teleward_gateway.process.logs import Redactor
from teleward_gateway.process.supervisor import Supervisor
from teleward_gateway.registry.model import Device, Subject
from teleward_gateway.registry.store import Registry
from teleward_gateway.sessions.commissioning import Commissioning
from teleward_gateway.sessions.manager import SessionManager
from teleward_gateway.sessions.states import State
from teleward_gateway.settings.load import SettingsFile, parse
from teleward_gateway.settings.model import Settings
from teleward_gateway.ward.alarm_store import AlarmStore
from teleward_gateway.ward.dsp_worker import DspWorker
from teleward_gateway.ward.held_readings import HeldReadings
from teleward_gateway.ward.ingest import Ingest
from teleward_gateway.ward.link_alarms import LinkAlarms
from teleward_gateway.ward.reading_store import ReadingStore
from teleward_gateway.ward.recollection import recall_readings
from teleward_gateway.ward.reconciler import Reconciler
from teleward_signal.alarms.board import AlarmBoard
from teleward_signal.engine.engine import Engine, EngineConfig
from teleward_signal.model import Provenance, SampleBlock
from teleward_signal.record import Record, RecordKind

S = 1_000_000_000
START_NS = 1_772_352_000 * S
"""2026-03-01T08:00:00Z."""
SETTINGS = """
[gateway]
name = "test"
mode = "simulated"
data_folder = "{folder}"
"""


class TurnedClock:
    """A gateway clock that a test moves; a step moves UTC alone."""

    def __init__(self, boot: str = "b001", monotonic_ns: int = 500 * S) -> None:
        self.boot = boot
        self.confirmed = True
        self._monotonic_ns = monotonic_ns
        self._offset_ns = START_NS - monotonic_ns

    def now(self) -> Stamp:
        """Return this moment."""
        return self.at(self._monotonic_ns)

    def at(self, monotonic_ns: int) -> Stamp:
        """Return the moment of a monotonic time."""
        return Stamp(monotonic_ns + self._offset_ns, 0, monotonic_ns, self.boot)

    def go_on(self, seconds: float) -> None:
        """Advance time."""
        self._monotonic_ns += round(seconds * S)

    def step(self, seconds: float) -> None:
        """Set UTC forward or back."""
        self._offset_ns += round(seconds * S)


class WardKit:
    """One ward; `open` builds it, or builds it again over the same folder (a restart)."""

    def __init__(self, folder: Path, clock: TurnedClock | None = None) -> None:
        self.folder = folder
        self.clock = clock or TurnedClock()
        self.records: list[Record] = []
        self._elapsed_s = 0.0

    @classmethod
    async def open(
        cls, stack: AsyncExitStack, folder: Path, clock: TurnedClock | None = None
    ) -> "WardKit":
        """Build the parts; ``stack`` closes them."""
        kit = cls(folder, clock)
        kit._open_files(stack)
        kit._build_ward(stack)
        await recall_readings(kit.journal, kit.ingest.readings)
        settings = kit._build_surface(stack)
        kit.journal.on_commit(lambda commit: kit.records.extend(commit.records))
        await kit.reconciler.start(SettingsFile(settings))
        return kit

    def _open_files(self, stack: AsyncExitStack) -> None:
        provenance = Provenance.SIMULATED
        self.journal = Journal.open(
            self.folder, gateway="test", provenance=provenance, clock=self.clock
        )
        stack.callback(self.journal.close)
        self.registry = Registry(self.folder / "registry.sqlite", provenance, clock=self.clock)
        stack.callback(self.registry.close)

    def _build_ward(self, stack: AsyncExitStack) -> None:
        self.supervisor = Supervisor()
        self.store = AlarmStore(self.folder)
        self.board = self.store.board()
        self.live = LiveHub(
            clock=lambda: self.clock.now().time_ns,
            monotonic=lambda: self.clock.now().monotonic_ns,
            supervisor=self.supervisor,
        )
        self.dsp = DspWorker(Engine(EngineConfig()), 0.2)
        stack.callback(self.dsp.close)
        readings = ReadingStore(self.folder / "readings.sqlite")
        stack.callback(readings.close)
        self.ingest = Ingest(
            registry=self.registry, clock=self.clock, journal=self.journal, board=self.board,
            live=self.live, dsp=self.dsp, supervisor=self.supervisor, readings=readings,
        )  # fmt: skip
        self.links = LinkAlarms(
            registry=self.registry, clock=self.clock, live=self.live, ingest=self.ingest
        )

    def _build_surface(self, stack: AsyncExitStack) -> Settings:
        self.sessions = SessionManager({}, None, self.ingest.on_output, lambda *state: None)
        stack.push_async_callback(self.sessions.stop)
        self.reconciler = Reconciler(
            registry=self.registry, sessions=self.sessions, journal=self.journal, clock=self.clock,
            board=self.board, live=self.live, ingest=self.ingest, links=self.links,
            audit=Audit(self.journal.append), redactor=Redactor(),
            supervisor=self.supervisor,
        )  # fmt: skip
        settings = parse(SETTINGS.format(folder=self.folder))
        self.view = ApiView(
            settings=settings, health=HealthRegistry(), clock=self.clock, journal=self.journal,
            audit=Audit(self.journal.append), registry=self.registry,
            commissioning=Commissioning(self.registry, self.sessions, {}), board=self.board,
            live=self.live, ingest=self.ingest,
            readings=HeldReadings(
                self.ingest.readings, self.journal, Audit(self.journal.append)
            ),
        )  # fmt: skip
        return settings

    journal: Journal
    registry: Registry
    supervisor: Supervisor
    store: AlarmStore
    live: LiveHub
    dsp: DspWorker
    ingest: Ingest
    links: LinkAlarms
    sessions: SessionManager
    reconciler: Reconciler
    view: ApiView
    board: AlarmBoard

    # the ward

    async def admit(self, subject: str, bed: str | None = None) -> None:
        """Admit a subject."""
        self.registry.admit(Subject(subject, subject, Provenance.SIMULATED, bed))
        await self.settle()

    async def wear(self, device: str, subject: str) -> None:
        """Bind a device to a subject; one that is not registered yet is added."""
        if any(known.id == device for known in self.registry.devices()):
            self.registry.bind(device, subject)
        else:
            added = Device(device, "none", f"/dev/{device}", provenance=Provenance.SIMULATED)
            self.registry.add_device(added, subject=subject)
        await self.settle()

    async def unbind(self, device: str) -> None:
        """Take a device off."""
        self.registry.unbind(device)
        await self.settle()

    async def discharge(self, subject: str) -> None:
        """Discharge a subject."""
        self.registry.discharge(subject, "nurse")
        await self.settle()

    async def settle(self) -> None:
        """Wait until what the registry changed is carried out."""
        for _ in range(20):
            await asyncio.sleep(0)
        await self.reconciler.apply()

    # what sessions give

    def give(self, device: str, output: Output) -> None:
        """Take one output of a device."""
        stamp = self.clock.now()
        self.ingest.on_output(device, output, Received(b"", stamp.time_ns, stamp.monotonic_ns))

    def link(self, device: str, *states: State) -> None:
        """Move the session of a device through states."""
        for state in states:
            self.links.on_session_state(device, state, "")

    def pleth(self, device: str, per_min: float = 72.0, breaths: float = 15.0) -> None:
        """Give one second of a PPG of a person who breathes."""
        t = self._elapsed_s + np.arange(125) / 125.0
        wave = np.sin(2 * math.pi * per_min / 60 * t) + 0.4 * np.sin(2 * math.pi * breaths / 60 * t)
        samples = np.rint(1000 * wave).astype(np.int16)
        index = round(self._elapsed_s * 125)
        self.give(device, SampleBlock("pleth", 125.0, samples, 0.001, index))

    # time

    def second(self) -> None:
        """Advance a second: clock, detectors, tick."""
        self.clock.go_on(1.0)
        self._elapsed_s += 1.0
        now_ns = self.clock.now().monotonic_ns
        self.ingest.on_results(self.dsp.analyse(now_ns))
        self.ingest.state.tick()
        self.ingest.readings.tick()
        self.reconciler.watch_recording()

    def seconds(self, n: int) -> None:
        """Advance ``n`` seconds without any input."""
        for _ in range(n):
            self.second()

    # what can be seen

    def alarms(self, subject: str) -> dict[str, str]:
        """Return the presence of each alarm that shows."""
        return {e.condition: e.presence.value for e in self.board.active(subject)}

    def shown(self, subject: str, metric: str) -> Any:
        """Return what the pages show of a metric."""
        for live in self.live.subjects():
            if live["id"] == subject:
                return live["values"].get(metric)
        return None

    async def recorded(
        self, kind: RecordKind = RecordKind.MEASUREMENT, subject: str | None = None
    ) -> list[Record]:
        """Return the committed records of a kind."""
        await self.journal.flush()
        return [r for r in self.records if r.kind is kind and subject in (None, r.subject)]

    def save(self) -> None:
        """Write the alarm file, as the gateway does at its stop."""
        self.store.save(self.board.snapshot())
