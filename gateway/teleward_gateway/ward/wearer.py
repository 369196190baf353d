"""Who wore a device between two times: by its bindings, or by the user number chosen on it."""

from teleward_gateway.clock import Stamp
from teleward_gateway.clock.reading_time import NEWEST_LIVE_NS
from teleward_gateway.registry.store import Registry
from teleward_gateway.ward.reading_store import ReadingStore, UserBinding
from teleward_signal.errors import Invalid, NotFound


class Wearers:
    """Answers from the registry and from the user numbers that are bound."""

    def __init__(self, registry: Registry, store: ReadingStore) -> None:
        self._registry, self._store = registry, store

    def between(
        self,
        device: str,
        user: int | None,
        earliest_ns: int,
        latest_ns: int,
        stamp: Stamp | None = None,
    ) -> set[str | None]:
        """Return who wore the device between two times; None among them: for a while nobody."""
        bound = [b for b in self._store.users if b.device == device]
        if any(b.until_ns is None for b in bound) or any(b.user == user for b in bound):
            return self._users(bound, user, earliest_ns, latest_ns)
        edges = {earliest_ns, latest_ns}
        for binding in self._registry.bindings(device):
            spans = [binding, *(self._registry.stays(bed=binding.bed) if binding.bed else ())]
            for span in spans:
                edges |= {t for t in (span.from_ns, span.until_ns) if t is not None}
        return {
            self._at(device, time_ns, stamp)
            for time_ns in edges
            if earliest_ns <= time_ns <= latest_ns
        }

    def users(self, device: str) -> dict[int, str]:
        """Return whom each user number of a device stands for now."""
        return {
            b.user: b.subject for b in self._store.users if b.device == device and not b.until_ns
        }

    def bind_user(self, device: str, user: int, subject: str | None, now_ns: int) -> None:
        """Bind a user number of a cuff or scale to a subject; raises NotFound, Invalid."""
        self._registry.device(device)
        if subject is not None and not self._registry.is_admitted(subject):
            raise NotFound(f"no subject {subject}")
        if not 0 <= user <= 255:
            raise Invalid("a user number is 0 to 255")
        self._store.bind_user(device, user, subject, now_ns)

    def _at(self, device: str, time_ns: int, stamp: Stamp | None) -> str | None:
        """Return who wore a device; by monotonic time, when that reaches back so far."""
        if stamp is not None and stamp.time_ns - time_ns <= NEWEST_LIVE_NS:
            moment_ns = stamp.monotonic_ns - (stamp.time_ns - time_ns)
            return self._registry.subject_at(device, stamp.boot, moment_ns)
        return self._registry.subject_of(device, time_ns)

    @staticmethod
    def _users(
        bound: list[UserBinding], user: int | None, earliest_ns: int, latest_ns: int
    ) -> set[str | None]:
        mine = [b for b in bound if b.user == user]
        if not mine:  # a number that stands for nobody, or none: any of them may have used it
            return {None, *(b.subject for b in bound if b.until_ns is None)}
        edges = {earliest_ns, latest_ns}
        edges |= {t for b in mine for t in (b.from_ns, b.until_ns) if t is not None}
        inside = [t for t in edges if earliest_ns <= t <= latest_ns]
        return {next((b.subject for b in mine if b.covers(t)), None) for t in inside}
