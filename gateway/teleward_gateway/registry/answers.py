"""The registry's answers, all from memory: who, where, with which device, and whose reading."""

from teleward_gateway.registry.history import History
from teleward_gateway.registry.model import Binding, Device, Mark, Stay, Subject, Unknown
from teleward_signal.model import Provenance


class Answers:
    """Questions to the newest `History`; may be asked from any thread."""

    def __init__(self, history: History) -> None:
        self._history = history

    def subject_of(self, device: str, time_ns: int) -> str | None:
        """Return whose reading a device's value of ``time_ns`` is, None when nobody's."""
        return self._history.subject_of(device, time_ns)

    def subject_now(self, device: str) -> str | None:
        """Return whom a device feeds now, None when nobody."""
        return self._history.subject_now(device)

    def subject_at(self, device: str, boot: str, monotonic_ns: int) -> str | None:
        """Return whom a device feeds at a moment of the present boot, whatever UTC is."""
        return self._history.subject_at(device, Mark(boot, monotonic_ns))

    def provenance_of(self, device: str, time_ns: int) -> Provenance | None:
        """Return the provenance of the binding in force at ``time_ns``."""
        binding = self._history.binding_of(device, time_ns)
        return binding.provenance if binding else None

    def subjects(self, discharged: bool = False) -> list[Subject]:
        """Return the admitted subjects, with those who left when ``discharged``."""
        found = self._history.subjects.values()
        return [s for s in found if discharged or s.discharged_ns is None]

    def subject(self, subject: str) -> Subject:
        """Return one subject, discharged ones too; raises Unknown."""
        if subject not in self._history.subjects:
            raise Unknown(f"no subject {subject}")
        return self._history.subjects[subject]

    def is_admitted(self, subject: str) -> bool:
        """Return whether ``subject`` is admitted now."""
        found = self._history.subjects.get(subject)
        return found is not None and found.discharged_ns is None

    def was_subject(self, subject: str) -> bool:
        """Return whether ``subject`` is admitted, or was: its history is its own."""
        return subject in self._history.subjects

    def was_device(self, device: str) -> bool:
        """Return whether ``device`` is registered, or was."""
        return device in self._history.devices or device in self._history.former

    def devices(self) -> list[Device]:
        """Return the registered devices."""
        return list(self._history.devices.values())

    def former_devices(self) -> list[Device]:
        """Return the devices that were registered and are removed."""
        return list(self._history.former.values())

    def device(self, device: str) -> Device:
        """Return one device; raises Unknown."""
        return self._known(device)

    def bound_devices(self) -> list[Device]:
        """Return the devices that feed someone or some bed now: the ones to run sessions for."""
        return [d for d in self.devices() if self._history.open_binding(d.id) is not None]

    def binding(self, device: str) -> Binding | None:
        """Return the binding of a device that lasts now."""
        return self._history.open_binding(device)

    def bindings(self, device: str | None = None, subject: str | None = None) -> list[Binding]:
        """Return the history of bindings, oldest first; through beds too when ``subject``."""
        return self._history.bindings(device, subject)

    def stays(self, subject: str | None = None, bed: str | None = None) -> list[Stay]:
        """Return the history of stays, oldest first."""
        return self._history.stays(subject, bed)

    def _known(self, device: str) -> Device:
        try:
            return self._history.devices[device]
        except KeyError:
            raise Unknown(f"device {device} is not registered: add it first") from None

    def _admitted(self, subject: str) -> Subject:
        found = self._history.subjects.get(subject)
        if found is None or found.discharged_ns is not None:
            raise Unknown(f"subject {subject} is not admitted: admit first")
        return found
