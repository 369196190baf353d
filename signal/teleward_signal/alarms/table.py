"""The life of one alarm condition as a table, and the priorities of conditions without a limit.

After IEC 60601-1-8 (alarm systems): a condition is present or not, a *signal* may outlive it
(latching), a person may acknowledge or inhibit it. Not certified: a teaching and monitoring aid.

                BREACH            ELAPSED         ACKNOWLEDGE
        QUIET ----------> PENDING --------> ON ----------------> ACKNOWLEDGED --- CLEAR ---> QUIET
          ^  <---- CLEAR ----'              |  |                   ^      | LOST
          |                  CLEAR, RELEASE |  | LOST  ACKNOWLEDGE |      v
          |                                 v  '----------------> UNCERTAIN
          '--------- ACKNOWLEDGE ------- LATCHED <- CLEAR, RELEASE --'
    LATCHED and UNCERTAIN exist for latching conditions only; the others go from ON to QUIET.
    CLEAR: seen to be over. LOST: cannot be seen any more, which is not over. RELEASE: its sensor
    was taken off on purpose, the patient left, or its detector was replaced.
"""

from enum import StrEnum

from teleward_signal.model import Presence, Priority


class State(StrEnum):
    """Where one alarm condition stands."""

    QUIET = "quiet"
    PENDING = "pending"
    """Present, for less than its delay."""
    ON = "on"
    ACKNOWLEDGED = "acknowledged"
    """Present, a person has seen it: shown, silent."""
    LATCHED = "latched"
    """Over, signalled until a person acknowledges it."""
    UNCERTAIN = "uncertain"
    """No longer observable, so perhaps not over: signalled; acknowledged it stays in view."""
    INHIBITED = "inhibited"
    """Switched off by a person."""


class Event(StrEnum):
    """What can happen to an alarm condition."""

    BREACH = "breach"
    """The condition is present."""
    ELAPSED = "elapsed"
    """It has been present for its delay."""
    CLEAR = "clear"
    """It is seen to be gone."""
    LOST = "lost"
    """Nothing can be seen any more: no data, lead off."""
    RELEASE = "release"
    """Nobody watches for it any more: sensor taken off, patient discharged, detector replaced."""
    ACKNOWLEDGE = "acknowledge"
    INHIBIT = "inhibit"
    ENABLE = "enable"


TRANSITIONS: dict[tuple[State, Event], State] = {
    (State.QUIET, Event.BREACH): State.PENDING,
    (State.PENDING, Event.ELAPSED): State.ON,
    (State.PENDING, Event.CLEAR): State.QUIET,
    (State.PENDING, Event.LOST): State.QUIET,
    (State.PENDING, Event.RELEASE): State.QUIET,
    (State.ON, Event.CLEAR): State.QUIET,
    (State.ON, Event.LOST): State.QUIET,
    (State.ON, Event.RELEASE): State.QUIET,
    (State.ON, Event.ACKNOWLEDGE): State.ACKNOWLEDGED,
    (State.ACKNOWLEDGED, Event.CLEAR): State.QUIET,
    (State.ACKNOWLEDGED, Event.LOST): State.QUIET,
    (State.ACKNOWLEDGED, Event.RELEASE): State.QUIET,
    (State.QUIET, Event.INHIBIT): State.INHIBITED,
    (State.PENDING, Event.INHIBIT): State.INHIBITED,
    (State.ON, Event.INHIBIT): State.INHIBITED,
    (State.ACKNOWLEDGED, Event.INHIBIT): State.INHIBITED,
    (State.INHIBITED, Event.ENABLE): State.QUIET,
}
"""Conditions that do not latch; a pair that is not listed leaves the state as it is."""

LATCHING: dict[tuple[State, Event], State] = TRANSITIONS | {
    (State.ON, Event.CLEAR): State.LATCHED,
    (State.ON, Event.LOST): State.UNCERTAIN,
    (State.ON, Event.RELEASE): State.LATCHED,
    (State.ACKNOWLEDGED, Event.LOST): State.UNCERTAIN,
    (State.UNCERTAIN, Event.BREACH): State.ON,
    (State.UNCERTAIN, Event.CLEAR): State.LATCHED,
    (State.UNCERTAIN, Event.RELEASE): State.LATCHED,
    (State.UNCERTAIN, Event.ACKNOWLEDGE): State.ACKNOWLEDGED,
    (State.UNCERTAIN, Event.INHIBIT): State.INHIBITED,
    (State.LATCHED, Event.BREACH): State.ON,
    (State.LATCHED, Event.ACKNOWLEDGE): State.QUIET,
    (State.LATCHED, Event.INHIBIT): State.INHIBITED,
}
"""Conditions that latch: an active one ends by a person's act, or after one by seeing it gone."""

SOUNDING = frozenset({State.ON, State.LATCHED, State.UNCERTAIN})
"""States that nobody has acknowledged."""

PRESENCE: dict[State, Presence] = {
    State.ON: Presence.ON,
    State.ACKNOWLEDGED: Presence.ACKNOWLEDGED,
    State.LATCHED: Presence.LATCHED,
    State.UNCERTAIN: Presence.LATCHED,
}
"""States that are signalled; every other one is ``off`` outside."""

URGENCY: dict[Priority, int] = {
    Priority.HIGH: 0,
    Priority.MEDIUM: 1,
    Priority.LOW: 2,
    Priority.INFO: 3,
}
"""Order of display: high first."""

TECHNICAL: dict[str, Priority] = {
    "lead_off": Priority.MEDIUM,
    "probe_off": Priority.MEDIUM,
    "no_data": Priority.MEDIUM,
    "link_lost": Priority.MEDIUM,
    "records_lost": Priority.MEDIUM,
    "clock_wrong": Priority.MEDIUM,
    "clock_not_set": Priority.MEDIUM,
    "low_battery": Priority.LOW,
    "motion": Priority.LOW,
    "low_perfusion": Priority.LOW,
}
"""Blind is medium: the patient is no longer watched. A wrong clock files readings at other times,
perhaps with another person. Every other technical condition is low."""

CLOCK_FAULTS = frozenset({"clock_wrong", "clock_not_set"})
"""Faults of the calendar of a device."""

LATCHED_TECHNICAL = frozenset({"records_lost"})
"""Technical conditions that are over at once and stay until a person has seen them."""

OF_GATEWAY = frozenset({"link_lost", "no_data"})
"""Technical conditions about a device that its own status cannot report, nor end."""

RHYTHMS: dict[str, Priority] = {
    "asystole": Priority.HIGH,
    "ventricular_fibrillation": Priority.HIGH,
    "ventricular_flutter": Priority.HIGH,
    "ventricular_tachycardia": Priority.HIGH,
    "wide_tachycardia": Priority.HIGH,
    "apnoea": Priority.HIGH,
    "pause": Priority.HIGH,
    "ventricular_run": Priority.MEDIUM,
    "narrow_tachycardia": Priority.MEDIUM,
    "bradycardia": Priority.MEDIUM,
    "atrial_fibrillation": Priority.LOW,
    "bigeminy": Priority.LOW,
    "trigeminy": Priority.LOW,
}
"""Rhythm labels that alarm, at no delay: the detector has already waited for its evidence."""

_RHYTHM_TEXTS = {"ventricular_fibrillation": "VF/VT"}
"""Texts that are not the label: whether it is fibrillation or tachycardia is not reliably known."""


def rhythm_text(label: str) -> str:
    """Return the text of the alarm of a rhythm, by its label with underscores."""
    return _RHYTHM_TEXTS.get(label, label.replace("_", " ").capitalize())


def base(name: str) -> str:
    """Return a condition without its device: ``link_lost:ox1`` is ``link_lost``."""
    return name.partition(":")[0]
