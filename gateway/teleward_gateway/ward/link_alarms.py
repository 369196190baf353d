"""The link of every device: its state on the page, and a technical alarm when it is lost."""

from collections.abc import Callable

from teleward_drivers.catalogue import catalogue
from teleward_gateway.clock import Clock
from teleward_gateway.live import LiveHub
from teleward_gateway.registry.store import Registry
from teleward_gateway.sessions.states import State
from teleward_gateway.ward.ingest import Ingest


class LinkAlarms:
    """Takes the state changes of all sessions; belongs to the event loop."""

    def __init__(self, *, registry: Registry, clock: Clock, live: LiveHub, ingest: Ingest) -> None:
        self._registry, self._clock, self._live, self._ingest = registry, clock, live, ingest
        self._streamed: set[str] = set()
        self.is_episodic: Callable[[str], bool] = lambda device: False
        """Whether a device is known to speak only when it has measured; sessions know."""

    def on_session_state(self, device: str, state: State, reason: str) -> None:
        """Show the state of a link and raise or clear its technical alarm."""
        if state is State.CONNECTING:
            self._ingest.forget_device(device)
        elif state is State.STREAMING:
            self._ingest.connected(device)
        lost = state in (State.STALLED, State.BACKING_OFF, State.REFUSED)
        subject = self._registry.subject_now(device)
        if subject is None:
            return
        known = self._registry.device(device)
        detail = {"label": known.label or None, "cuff": self._has_startable_cuff(known.driver)}
        stated = {name: fact for name, fact in detail.items() if fact}
        self._live.set_link(subject, device, state.value, reason=reason, **stated)
        if state is State.STREAMING:
            self._streamed.add(device)
            self._ingest.state.set_link(subject, device, None, self._is_expected(device))
        elif lost:
            self._ingest.state.hand_over(subject, device)
            was_here = device in self._streamed or self._ingest.state.was_linked(subject, device)
            if was_here and (state is State.REFUSED or self._is_expected(device)):
                name = self._registry.device(device).label or device
                text = f"{name}: {reason or 'connection lost'}"
                self._ingest.state.set_link(subject, device, text)

    @staticmethod
    def _has_startable_cuff(driver: str) -> bool:
        """Return whether devices of a driver may start a blood pressure measurement on request."""
        info = catalogue().get(driver)
        return info is not None and "measure" in info.commands and "nibp_systolic" in info.metrics

    def _is_expected(self, device: str) -> bool:
        """Return whether a device always streams: a cuff connects when it has measured."""
        if self.is_episodic(device):
            return False
        driver = self._registry.device(device).driver
        info = catalogue().get(driver)
        return info is None or info.silence_s > 0

    def unbound(self, subject: str, device: str) -> None:
        """End everything that a device stated which the subject no longer wears."""
        self._live.drop_link(subject, device)
        self._ingest.release(subject, device)
