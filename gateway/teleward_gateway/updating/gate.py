"""The health gate: whether a new version does what the one before did.

Compared are two looks at the gateway: one before the update, one each second of the trial.

    at once back    the process ended by itself, takes far more memory, or is silent too long
    at the end      it answers, records, the journal grows, the devices of before have sent, and
                    broker, database, tunnels and named servers are reached: accepted, else back
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

GATE_S = 300.0
SILENT_SHARE = 0.5
RECENT_SHARE = 0.2
"""Share of the gate before its end in which a server must have been reached."""
LEAST_RECENT_S = 5.0
"""A gateway without waveforms commits once a second, a loaded one later."""
MORE_BYTES = 400_000_000
OVER_LOOKS = 2
"""Looks in a row: a start may need more for a moment."""


@dataclass(frozen=True, slots=True)
class Look:
    """What one look at the gateway found.

    ``commits`` are those of the journal since the process began; ``streaming`` the devices that
    send all the time; ``reached`` the sinks and the broker that are well, tunnels, named servers.
    """

    answers: bool = False
    pid: int = 0
    restarts: int = 0
    memory_bytes: int = 0
    recording: bool = False
    commits: int = 0
    grows: bool = False
    confirmed: bool | None = None
    streaming: frozenset[str] = field(default_factory=frozenset)
    reached: frozenset[str] = field(default_factory=frozenset)

    def to_json(self) -> dict[str, Any]:
        """Return the look as JSON values."""
        return {key: sorted(value) if isinstance(value, frozenset) else value
                for key, value in asdict(self).items()}  # fmt: skip

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> "Look":
        """Return the look of `to_json`."""
        values: dict[str, Any] = {
            key: frozenset(value) if isinstance(value, list) else value
            for key, value in document.items()
        }
        return cls(**values)


class Gate:
    """Decides over one trial; times are seconds of any steady clock.

    ``began_s`` is when the new version was started, ``limit_s`` how long it is watched,
    ``old_pid`` the process that was asked to stop then.
    """

    def __init__(
        self, before: Look, began_s: float, limit_s: float = GATE_S, old_pid: int = 0
    ) -> None:
        self._before, self._began_s, self._limit_s = before, began_s, limit_s
        self._old_pid = old_pid
        self._answered_s = began_s
        self._restarts: int | None = None
        self._pids: set[int] = set()
        self._over = 0
        self._last: Look | None = None
        self._grew_s: float | None = None
        self._commits: dict[int, int] = {}
        self._sent: set[str] = set()
        self._reached_s: dict[str, float] = {}

    def take(self, now_s: float, look: Look) -> str | None:
        """Take a look; return why to go back at once, None as long as there is no reason."""
        if look.pid and look.pid == self._old_pid:
            look = Look()  # the one before still stops
        self._last = look
        if look.pid:
            self._pids.add(look.pid)
            self._restarts = look.restarts if self._restarts is None else self._restarts
        ended = self._restarts is not None and look.restarts > self._restarts
        if ended or len(self._pids) > 1:
            return "the new version ended by itself"
        most = max(2 * self._before.memory_bytes, self._before.memory_bytes + MORE_BYTES)
        self._over = self._over + 1 if look.memory_bytes > most else 0
        if self._over >= OVER_LOOKS:
            return (
                f"the new version takes {look.memory_bytes / 1e6:.0f} MB of memory, "
                f"the one before took {self._before.memory_bytes / 1e6:.0f} MB"
            )
        if look.answers:
            self._answered_s = now_s
            if look.commits > self._commits.setdefault(look.pid, look.commits):
                self._grew_s = now_s
            self._commits[look.pid] = look.commits
            self._sent |= look.streaming
        elif now_s - self._answered_s > SILENT_SHARE * self._limit_s:
            return f"the new version has not answered for {now_s - self._answered_s:.0f} s"
        self._reached_s |= dict.fromkeys(look.reached, now_s)
        return None

    def is_over(self, now_s: float) -> bool:
        """Return whether the time of the gate is up."""
        return now_s - self._began_s >= self._limit_s

    def missing(self, now_s: float) -> list[str]:
        """Return what the new version does not do at the end of the gate; none: it is accepted."""
        before, last = self._before, self._last
        since_s = now_s - max(RECENT_SHARE * self._limit_s, LEAST_RECENT_S)
        if last is None or self._answered_s < since_s:
            return ["it does not answer"]
        found = [] if last.recording else ["it does not record"]
        if before.grows and (self._grew_s is None or self._grew_s < since_s):
            found.append("its journal does not grow")
        found += _named("no data from", before.streaming - self._sent)
        gone = {name for name in before.reached if self._reached_s.get(name, -1e18) < since_s}
        return [*found, *_named("not reached:", gone)]


def _named(text: str, names: Iterable[str]) -> list[str]:
    shown = sorted(names)
    return [f"{text} {', '.join(shown)}"] if shown else []
