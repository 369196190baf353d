"""Keep sessions, live view and alarm limits in step with the registry while the gateway runs."""

import asyncio
import logging
import re
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

from teleward_gateway.clock import Clock
from teleward_gateway.journal import Journal
from teleward_gateway.journal.audit import Audit
from teleward_gateway.live import LiveHub
from teleward_gateway.process.logs import Redactor
from teleward_gateway.process.supervisor import Supervisor
from teleward_gateway.registry.beds import bed_id, bed_name
from teleward_gateway.registry.ensure import AUTHOR, ensure
from teleward_gateway.registry.model import Change, Device, RegistryError, Subject
from teleward_gateway.registry.store import Registry
from teleward_gateway.sessions.manager import SessionManager
from teleward_gateway.settings.load import SettingsFile
from teleward_gateway.settings.mistakes import Mistake
from teleward_gateway.settings.model import Settings
from teleward_gateway.ward.alarm_store import charted
from teleward_gateway.ward.ingest import Ingest
from teleward_gateway.ward.link_alarms import LinkAlarms
from teleward_gateway.ward.prescription import age_of, age_profile_of, limits_of
from teleward_gateway.ward.ward_state import GATEWAY
from teleward_signal.age_profile import AgeProfile
from teleward_signal.alarms.board import AlarmBoard
from teleward_signal.alarms.limits import AlarmLimits
from teleward_signal.model import Measurement, Provenance, Source

log = logging.getLogger(__name__)

_QUOTED = re.compile(r"'[^']*'")

NOT_RECORDING = "not_recording"
"""Technical condition of every bed while records are not kept."""
RECORDS_LOST = "records_lost"
"""Technical condition of every bed after records were lost, until a person has seen it."""


@dataclass(frozen=True, slots=True)
class _Shown:
    """A stay that is shown: one who is discharged and admitted again has another."""

    admitted_ns: int
    devices: set[str]


class Reconciler:
    """Carries registry changes into the running parts; belongs to the event loop."""

    def __init__(
        self,
        *,
        registry: Registry,
        sessions: SessionManager,
        journal: Journal,
        clock: Clock,
        board: AlarmBoard,
        live: LiveHub,
        ingest: Ingest,
        links: LinkAlarms,
        audit: Audit,
        redactor: Redactor,
        supervisor: Supervisor,
    ) -> None:
        self.mistakes: tuple[Mistake, ...] = ()
        """What of the settings file is not carried out: rows that cannot be read, or are refused"""
        self._file: SettingsFile | None = None
        self._any_refused = False
        self._importing = asyncio.Lock()
        self._registry, self._sessions, self._journal = registry, sessions, journal
        self._clock, self._board, self._live = clock, board, live
        self._ingest, self._links = ingest, links
        self._audit, self._redactor, self._supervisor = audit, redactor, supervisor
        self._loop = asyncio.get_running_loop()
        self._applied = asyncio.Lock()
        self._lost = journal.stats().lost.total
        self._shown: dict[str, _Shown] = {}
        self._prescribed: dict[str, tuple[AlarmLimits, float, AgeProfile, float | None]] = {}
        self._applying: set[asyncio.Task[None]] = set()

    async def start(self, file: SettingsFile) -> None:
        """Import the settings file and start the sessions."""
        await self._import(file)
        self._registry.on_change(self._on_change)
        for gone in self._ingest.state.subjects():
            if not self._registry.is_admitted(gone):
                self._ingest.forget_subject(gone)
        await self.apply()

    async def import_settings(self, file: SettingsFile) -> None:
        """Carry out the subjects, devices and bindings of the settings that changed."""
        await self._import(file)
        await self.apply()

    def health(self) -> dict[str, Any]:
        """Return what of the settings file could not be carried out."""
        count = len(self.mistakes)
        more = f" (and {count - 1} more)" if count > 1 else ""
        error = f"{self.mistakes[0]}{more}" if count else None
        return {"ok": count == 0, "error": error, "mistakes": count}

    async def _import(self, file: SettingsFile) -> None:
        async with self._importing:
            self._file = file
            self.mistakes = await asyncio.to_thread(self._carry_out, file)

    def _carry_out(self, file: SettingsFile) -> tuple[Mistake, ...]:
        """Carry out the rows of the file, each by itself; return what is wrong or refused."""
        settings = file.settings
        wearers = {d.id: d.subject for d in settings.devices if d.subject is not None}
        found = [*file.mistakes, *file.warnings]
        try:
            refused = ensure(
                self._registry,
                subjects_of(settings),
                devices_of(settings),
                wearers,
                lambda step: log.info("settings: %s", step),
                file.kept if file.is_whole else None,
            )
        except RegistryError as error:
            refused = []
            found.append(file.mistake("settings", str(error)))
        self._any_refused = bool(refused)
        found += [file.mistake(each.row, each.text) for each in refused]
        for mistake in found:
            if mistake not in self.mistakes:
                # what is quoted may be a name of a person or a bed
                problem = _QUOTED.sub("'...'", mistake.problem)
                log.error("%s:%d: %s: %s", mistake.file, mistake.line, mistake.key, problem)
        return tuple(found)

    async def _try_refused(self) -> None:
        """Carry out again what was refused: a bed may be free now."""
        if self._file is not None and self._any_refused:
            await self._import(self._file)
            await self.apply()

    async def apply(self) -> None:
        """Bring everything in step."""
        async with self._applied:
            self._show_subjects()
            await self._sessions.apply(self._registry.bound_devices())

    def watch_recording(self) -> None:
        """Set the technical alarms of every bed about the journal to what is so now."""
        stats = self._journal.stats()
        lost, self._lost = stats.lost.total - self._lost, stats.lost.total
        text = f"Not recording: {stats.problem}"
        for subject in self._shown:
            technical = self._ingest.state.technical
            technical(subject, NOT_RECORDING, stats.problem is not None, text, GATEWAY)
            if lost > 0:
                technical(subject, RECORDS_LOST, True, f"{lost} records lost", GATEWAY)
                technical(subject, RECORDS_LOST, False, "", GATEWAY)

    def _on_change(self, change: Change) -> None:
        """Called by the registry in whatever thread made the change."""
        self._loop.call_soon_threadsafe(self._apply_soon, change)

    def _apply_soon(self, change: Change) -> None:
        detail = {"device": change.device, "bed": change.bed}
        known = {key: value for key, value in detail.items() if value is not None}
        author = change.author or "unknown"
        self._audit.note(change.what, author, change.subject, **known)
        self._run(self.apply())
        if self._any_refused and change.author != AUTHOR:
            self._run(self._try_refused())

    def _show_subjects(self) -> None:
        admitted = {subject.id: subject for subject in self._registry.subjects()}
        for subject in admitted.values():
            names = (subject.id, subject.label, subject.bed, bed_name(subject.bed))
            self._redactor.learn(names)
        for gone, shown in list(self._shown.items()):
            if gone not in admitted or admitted[gone].admitted_ns != shown.admitted_ns:
                del self._shown[gone]
                self._prescribed.pop(gone, None)
                self._live.remove_subject(gone)
                self._ingest.forget_subject(gone)
        bound: dict[str, set[str]] = {subject: set() for subject in admitted}
        for device in self._registry.bound_devices():
            wearer = self._registry.subject_now(device.id)
            if wearer in bound:
                bound[wearer].add(device.id)
        for subject in admitted.values():
            with self._supervisor.contain(f"changes of {subject.id}"):
                self._show(subject, bound[subject.id])

    def _recall(self, subject: Subject) -> None:
        """Show what is known of a subject before the first value comes."""
        now_ns = self._clock.now().time_ns
        for event in self._board.active(subject.id):
            self._live.publish_alarm(event)

        async def recall() -> None:
            since_ns = subject.admitted_ns
            found = await charted(self._journal, subject.id, now_ns, since_ns)
            if self._is_shown(subject):
                self._ingest.state.recall(subject.id, found)

        self._run(recall())

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(work)
        self._applying.add(task)
        task.add_done_callback(self._applied_one)

    def _applied_one(self, task: asyncio.Task[None]) -> None:
        self._applying.discard(task)
        error = None if task.cancelled() else task.exception()
        if isinstance(error, Exception):
            self._supervisor.note("changes of beds and devices", error)

    def _show(self, subject: Subject, devices: set[str]) -> None:
        self._live.set_subject(
            subject.id,
            label=subject.label or subject.id,
            bed=bed_name(subject.bed),
            simulated=subject.provenance is Provenance.SIMULATED,
            detail=_detail(subject),
            channel_labels=subject.attributes.get("channel_labels") or {},
            version=subject.version,
        )
        before = self._shown.get(subject.id)
        for gone in (before.devices if before else set()) - devices:
            self._links.unbound(subject.id, gone)
        self._shown[subject.id] = _Shown(subject.admitted_ns, devices)
        self._ingest.state.keep_devices(subject.id, devices)
        if before is None:
            self._recall(subject)
        self._prescribe(subject)

    def _is_shown(self, subject: Subject) -> bool:
        shown = self._shown.get(subject.id)
        return shown is not None and shown.admitted_ns == subject.admitted_ns

    def _prescribe(self, subject: Subject) -> None:
        """Judge and score the subject by what is kept with it, when that is new."""
        limits, scale = limits_of(subject), float(subject.attributes.get("spo2_scale", 1))
        profile, years = age_profile_of(subject), age_of(subject)
        if self._prescribed.get(subject.id) == (limits, scale, profile, years):
            return
        self._prescribed[subject.id] = (limits, scale, profile, years)
        self._ingest.set_age(subject.id, profile, years)
        self._ingest.state.set_limits(subject.id, limits)
        prescribed = Measurement(
            "spo2_scale",
            scale,
            source=Source.MANUAL,
            time_ns=self._clock.now().time_ns,
            valid_s=SCALE_VALID_S,
        )
        stamp = self._clock.now()
        self._ingest.scores.update(subject.id, prescribed, stamp.time_ns, stamp.monotonic_ns)


SCALE_VALID_S = 1e9
"""A prescribed SpO2 scale stands until it is changed."""


_SEX = {"female": "F", "male": "M"}


def subjects_of(settings: Settings) -> list[Subject]:
    """Return the settings file's subjects for the registry."""
    return [
        Subject(
            subject.id,
            subject.label,
            settings.gateway.mode,
            bed_id(subject.bed) if subject.bed else None,
            {
                "detail": subject.detail,
                **({} if subject.age is None else {"age": subject.age}),
                **({"sex": subject.sex} if subject.sex else {}),
                "spo2_scale": subject.spo2_scale,
                "limits": subject.limits,
                "channel_labels": subject.channel_labels,
            },
        )
        for subject in settings.subjects
    ]


def devices_of(settings: Settings) -> list[Device]:
    """Return the settings file's devices for the registry."""
    return [
        Device(
            device.id,
            device.driver,
            device.place,
            device.label,
            settings.gateway.mode,
            device.options,
        )
        for device in settings.devices
    ]


def _detail(subject: Subject) -> str:
    """Return age, sex and note as one line for people."""
    age, note = subject.attributes.get("age"), str(subject.attributes.get("detail") or "")
    shown = f"{age:g} y" if isinstance(age, int | float) else str(age or "")
    sex = _SEX.get(str(subject.attributes.get("sex") or ""), "")
    return ", ".join(part for part in (shown, sex, note) if part)
