"""Keep sessions, live view and alarm limits in step with the registry while the gateway runs."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from teleward_gateway.registry.ensure import ensure
from teleward_gateway.registry.model import Change, Device, RegistryError, Subject
from teleward_gateway.sessions.states import State
from teleward_gateway.ward.alarm_store import charted
from teleward_signal.alarms.limits import AlarmLimits
from teleward_signal.model import Measurement, Provenance, Source

if TYPE_CHECKING:
    from teleward_gateway.app import Gateway

log = logging.getLogger(__name__)

NOT_RECORDING = "not_recording"
"""Technical condition of every bed while records are not kept."""
LINK_LOST = "link_lost"
"""Technical condition of a device that is bound and does not stream."""


class Reconciler:
    """Carries registry changes into the running parts."""

    def __init__(self, gateway: "Gateway") -> None:
        self._gateway = gateway
        self.refused: str | None = None
        self._loop = asyncio.get_running_loop()
        self._applied = asyncio.Lock()
        self._lost = 0
        self._not_recording = False
        self._shown: dict[str, set[str]] = {}
        self._prescribed: dict[str, tuple[AlarmLimits, float]] = {}
        self._streamed: set[str] = set()
        self._applying: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Import the settings file and start the sessions."""
        self._import()
        self._gateway.registry.on_change(self._on_change)
        await self.apply()

    async def import_settings(self) -> None:
        """Add the subjects, devices and bindings of the settings that are new."""
        self._import()
        await self.apply()

    def _import(self) -> None:
        """Apply the settings file; an invalid entry is reported, and the ward goes on."""
        gateway = self._gateway
        wearers = {d.id: d.subject for d in gateway.settings.devices if d.subject is not None}
        try:
            ensure(gateway.registry, subjects_of(gateway), devices_of(gateway), wearers)
            self.refused = None
        except RegistryError as error:
            self.refused = str(error)
            log.error("the settings file cannot be applied: %s", error)

    async def apply(self) -> None:
        """Bring everything in step."""
        async with self._applied:
            self._show_subjects()
            await self._gateway.sessions.apply(self._gateway.registry.bound_devices())

    def on_session_state(self, device: str, state: Any, reason: str) -> None:
        """Show the state of a link and raise or clear its technical alarm."""
        gateway = self._gateway
        if state is State.CONNECTING:
            gateway.ingest.forget_device(device)
        subject = gateway.registry.subject_of(device, gateway.clock.now().time_ns)
        if subject is None:
            return
        gateway.live.set_link(subject, device, state.value, reason=reason)
        condition = f"{LINK_LOST}:{device}"
        if state is State.STREAMING:
            self._streamed.add(device)
            gateway.ingest.technical(subject, condition, False, "")
        elif device in self._streamed and state in (State.STALLED, State.BACKING_OFF):
            text = f"{device}: {reason or 'connection lost'}"
            gateway.ingest.technical(subject, condition, True, text)

    def watch_recording(self) -> None:
        """Raise a technical alarm in every bed while the journal cannot keep what it should."""
        stats = self._gateway.journal.stats()
        lost, self._lost = stats.lost.total - self._lost, stats.lost.total
        text = f"Not recording: {stats.problem}" if stats.problem else f"{lost} records lost"
        active = stats.problem is not None or lost > 0
        if active or self._not_recording:
            for subject in self._shown:
                self._gateway.ingest.technical(subject, NOT_RECORDING, active, text)
        self._not_recording = active

    def _on_change(self, change: Change) -> None:
        """Called by the registry in whatever thread made the change."""
        self._loop.call_soon_threadsafe(self._apply_soon, change)

    def _apply_soon(self, change: Change) -> None:
        detail = {"device": change.device, "bed": change.bed}
        known = {key: value for key, value in detail.items() if value is not None}
        author = change.author or "unknown"
        self._gateway.audit.note(change.what, author, change.subject, **known)
        self._run(self.apply())

    def _show_subjects(self) -> None:
        gateway = self._gateway
        admitted = {subject.id: subject for subject in gateway.registry.subjects()}
        for subject in admitted.values():
            gateway.redactor.learn((subject.id, subject.label, subject.bed))
        for gone in [subject for subject in self._shown if subject not in admitted]:
            del self._shown[gone], self._prescribed[gone]
            gateway.live.remove_subject(gone)
            gateway.ingest.forget_subject(gone)
        now_ns = gateway.clock.now().time_ns
        bound: dict[str, set[str]] = {subject: set() for subject in admitted}
        for device in gateway.registry.bound_devices():
            wearer = gateway.registry.subject_of(device.id, now_ns)
            if wearer in bound:
                bound[wearer].add(device.id)
        for subject in admitted.values():
            self._show(subject, bound[subject.id])

    def _recall(self, subject: Subject) -> None:
        """Show what is known of a subject before the first value comes."""
        gateway = self._gateway
        now_ns = gateway.clock.now().time_ns
        for event in gateway.board.active(subject.id):
            gateway.live.publish_alarm(event)

        async def recall() -> None:
            found = await charted(gateway.journal, subject.id, now_ns)
            gateway.ingest.recall(subject.id, found)

        self._run(recall())

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(work)
        self._applying.add(task)
        task.add_done_callback(self._applied_one)

    def _applied_one(self, task: asyncio.Task[None]) -> None:
        self._applying.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a change could not be applied", exc_info=error)

    def _show(self, subject: Subject, devices: set[str]) -> None:
        gateway = self._gateway
        gateway.live.set_subject(
            subject.id,
            label=subject.label or subject.id,
            bed=display_bed(subject.bed),
            simulated=subject.provenance is Provenance.SIMULATED,
            detail=str(subject.attributes.get("detail", "")),
            channel_labels=subject.attributes.get("channel_labels", {}),
        )
        for gone in self._shown.get(subject.id, set()) - devices:
            gateway.live.drop_link(subject.id, gone)
            gateway.ingest.technical(subject.id, f"{LINK_LOST}:{gone}", False, "")
            gateway.ingest.release(subject.id)
        if subject.id not in self._shown:
            self._recall(subject)
        self._prescribe(subject)
        self._shown[subject.id] = devices

    def _prescribe(self, subject: Subject) -> None:
        """Judge and score the subject by what is kept with it, when that is new."""
        gateway = self._gateway
        limits, scale = limits_of(subject), float(subject.attributes.get("spo2_scale", 1))
        if self._prescribed.get(subject.id) == (limits, scale):
            return
        self._prescribed[subject.id] = (limits, scale)
        gateway.ingest.raise_alarms(gateway.board.set_limits(subject.id, limits))
        gateway.live.set_limits(subject.id, limits)
        prescribed = Measurement(
            "spo2_scale",
            scale,
            source=Source.MANUAL,
            time_ns=gateway.clock.now().time_ns,
            valid_s=SCALE_FOR_EVER_S,
        )
        gateway.ingest.scores.update(subject.id, prescribed)


SCALE_FOR_EVER_S = 1e9
"""A prescribed SpO2 scale stands until it is changed."""


def limits_of(subject: Subject) -> AlarmLimits:
    """Return the alarm limits kept with a subject; what cannot be read does not stop the ward."""
    try:
        return AlarmLimits.from_dict(subject.attributes.get("limits", {}))
    except (ValueError, TypeError, AttributeError) as error:
        log.error("stored limits of a subject are invalid, the defaults apply: %s", error)
        return AlarmLimits()


def subjects_of(gateway: "Gateway") -> list[Subject]:
    """Return the settings file's subjects for the registry."""
    return [
        Subject(
            subject.id,
            subject.label,
            gateway.provenance,
            subject.bed or None,
            {
                "detail": subject.detail,
                "spo2_scale": subject.spo2_scale,
                "limits": subject.limits,
                "channel_labels": subject.channel_labels,
            },
        )
        for subject in gateway.settings.subjects
    ]


def devices_of(gateway: "Gateway") -> list[Device]:
    """Return the settings file's devices for the registry."""
    return [
        Device(
            device.id,
            device.driver,
            device.address or device.port or "",
            device.label,
            gateway.provenance,
            device.options,
        )
        for device in gateway.settings.devices
    ]


def display_bed(bed: str | None) -> str:
    """Return a bed's name for people: ``bed-07`` is ``Bed 07``."""
    return "" if bed is None else bed.replace("-", " ").capitalize()
