"""Notes on beds about readings that wait for a person."""

from teleward_gateway.clock.reading_time import S_NS
from teleward_gateway.registry.store import Registry
from teleward_gateway.ward.held_reading import Held
from teleward_gateway.ward.reading_store import ReadingStore
from teleward_gateway.ward.ward_state import WardState

NOTE_AFTER_NS = 3 * S_NS
"""The next reading of the same report may show when this one was taken."""
NOTE = "reading_waits"


class ReadingNotes:
    """Keeps one note for each device on every bed that a waiting reading may be of."""

    def __init__(self, registry: Registry, state: WardState, store: ReadingStore) -> None:
        self._registry, self._state, self._store = registry, state, store
        self._shown: dict[tuple[str, str], str] = {}
        self._fresh = True

    def show(self, now_ns: int) -> None:
        """Bring the notes up to date; ``now_ns`` is UTC."""
        waiting: dict[tuple[str, str], list[str]] = {}
        for held in self._store.held.values():
            if held.state is Held.WAITING and now_ns - held.reading.now_ns >= NOTE_AFTER_NS:
                for subject in held.subjects:
                    waiting.setdefault((subject, held.device), []).append(held.text)
        notes = {key: _note(key[1], texts) for key, texts in waiting.items()}
        if self._fresh:  # a note of the run before ends with what it was about
            self._fresh = False
            devices = [device.id for device in self._registry.devices()]
            for admitted in self._registry.subjects():
                self._shown |= dict.fromkeys([(admitted.id, device) for device in devices], "")
        for key in self._shown.keys() | notes.keys():
            text = notes.get(key)
            if text != self._shown.get(key):
                subject, device = key
                self._state.technical(subject, f"{NOTE}:{device}", bool(text), text or "", NOTE)
        self._shown = notes


def _note(device: str, texts: list[str]) -> str:
    shown = ", ".join(texts[-3:])
    count = "A reading waits" if len(texts) == 1 else f"{len(texts)} readings wait"
    return f"{count}: {shown} ({device}), see Devices"
