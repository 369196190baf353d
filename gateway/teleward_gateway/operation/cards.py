"""The cards of the page ``/gateway``: state, one number, its course, and what to do."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from teleward_gateway.operation.course import Course, Parts


class CardState(StrEnum):
    """How a part does, for the colour and the sign of its card."""

    OK = "ok"
    WARN = "warn"
    BAD = "bad"
    NONE = "none"
    """Not in use here."""


@dataclass(frozen=True, slots=True)
class Card:
    """One part of the gateway; ``advice`` is what a person does, empty when nothing."""

    key: str
    title: str
    state: CardState
    word: str
    number: str = ""
    unit: str = ""
    text: str = ""
    advice: str = ""
    link: str = ""
    points: list[float] = field(default_factory=list)


FIGURES: dict[str, tuple[str, str]] = {
    "devices": ("sessions", "streaming"),
    "links": ("live", "pages"),
    "journal": ("journal", "bytes"),
    "broker": ("sink:mqtt", "backlog_records"),
    "database": ("sink:influx", "backlog_records"),
    "clock": ("clock", "uncertainty_s"),
    "disk": ("disk", "free_bytes"),
    "certificate": ("lan", "certificate_days_left"),
    "network": ("sink:mqtt", "message_bytes_total"),
}
"""Part and key of the number whose course each card shows."""
OK, WARN, BAD, NONE = CardState.OK, CardState.WARN, CardState.BAD, CardState.NONE
_FULL_SOON_DAYS = 40


@dataclass(frozen=True, slots=True)
class Facts:
    """What the settings decide: ``budget_mb`` a day, whether a broker and a database are named."""

    budget_mb: float | None = None
    mqtt: bool = False
    influx: bool = False
    lan: bool = False
    version: str = ""
    update: Mapping[str, Any] = field(default_factory=dict)
    """The newest line of the history of updates."""


def cards(parts: Parts, course: Course, facts: Facts) -> list[Card]:
    """Return the cards, in the order of the page."""
    return [
        _devices(parts, course),
        _links(parts, course),
        _journal(parts, course),
        _broker(parts, course, facts),
        _database(parts, course, facts),
        _clock(parts, course),
        _disk(parts, course),
        _certificate(parts, course, facts),
        _network(parts, course, facts),
        _version(facts),
        *_others(parts),
    ]


def _devices(parts: Parts, course: Course) -> Card:
    found = parts.get("sessions", {})
    n_all, n_on = int(found.get("devices", 0)), int(found.get("streaming", 0))
    trouble = dict(found.get("devices_in_trouble") or {})
    text = "; ".join(f"{device}: {reason}" for device, reason in trouble.items())
    bad = not found.get("ok", True)
    if not n_all:
        return Card("devices", "Devices", NONE, "none yet", text="No device is bound.",
                    advice="Pair the first device.", link="/devices")  # fmt: skip
    state, word = (BAD, "needs you") if bad else (WARN, "one is quiet") if trouble else (OK, "good")
    if trouble and len(trouble) > 1 and not bad:
        word = f"{len(trouble)} are quiet"
    text = text or str(found.get("error") or "Every device sends.")
    advice = "Switch the device on and bring it near; look at its battery." if trouble else ""
    return Card("devices", "Devices", state, word, f"{n_on}", f"of {n_all} send", text, advice,
                "/devices" if trouble or bad else "", course.points("devices"))  # fmt: skip


def _links(parts: Parts, course: Course) -> Card:
    live, lag = parts.get("live", {}), parts.get("loop", {})
    late_s = float(lag.get("lag_s", 0.0))
    slow = not lag.get("ok", True)
    text = str(lag.get("error") or f"The gateway answers within {late_s * 1000:.0f} ms.")
    return Card("links", "Links to screens", WARN if slow else OK, "slow" if slow else "good",
                str(int(live.get("pages", 0))), "screens open", text,
                "Close screens that nobody looks at." if slow else "", "",
                course.points("links"))  # fmt: skip


def _journal(parts: Parts, course: Course) -> Card:
    found, losses = parts.get("journal", {}), parts.get("losses", {})
    used, room = float(found.get("bytes", 0)), float(found.get("max_bytes", 0) or 1)
    number, unit = _size(used)
    if not found.get("ok", True):
        return Card("journal", "Record", BAD, "not recording", number, unit,
                    str(found.get("error")), "Free the disk or make it writable; recording goes on "
                    "by itself.", "", course.points("journal"))  # fmt: skip
    if not losses.get("ok", True):
        return Card("journal", "Record", WARN, "records lost", number, unit,
                    str(losses.get("error")), "Confirm on this page that you have read it.", "",
                    course.points("journal"))  # fmt: skip
    text = f"{used / room * 100:.0f} % of its room; the oldest waveforms make room by themselves."
    if (days := _days(course.per_day("journal"), room - used)) is not None:
        text = f"Its room is full in {days:.0f} days; then the oldest waveforms make room."
    return Card("journal", "Record", OK, "recording", number, unit, text, "", "",
                course.points("journal"))  # fmt: skip


def _broker(parts: Parts, course: Course, facts: Facts) -> Card:
    own, sink = parts.get("broker"), parts.get("sink:mqtt")
    title = "Broker" if facts.mqtt or own is None else "Broker of this gateway"
    if own is not None and not own.get("ok", True):
        return Card("broker", title, BAD, "does not run", text=str(own.get("error")),
                    advice="Records stay here until it runs.",
                    points=course.points("broker"))  # fmt: skip
    if sink is None:
        return Card("broker", title, NONE, "none", text="No broker is named and none is started.",
                    advice="Add [mqtt] to the settings file to send records.")  # fmt: skip
    return _delivery("broker", title, sink, course)


def _database(parts: Parts, course: Course, facts: Facts) -> Card:
    sink = parts.get("sink:influx")
    if sink is None:
        text = "History stays in the record of this gateway."
        return Card("database", "Database", NONE, "none", text=text)
    return _delivery("database", "Database", sink, course)


def _delivery(key: str, title: str, sink: Mapping[str, Any], course: Course) -> Card:
    waiting = int(sink.get("backlog_records", 0))
    points = course.points(key)
    refused = int(sink.get("dead_letters_total", 0))
    if not sink.get("ok", True):
        advice = "Nothing is lost: all is kept here and sent when the server takes it."
        problem = str(sink.get("error") or "not ok")
        return Card(key, title, BAD, "not sending", f"{waiting:,}".replace(",", " "),
                    "records wait", problem, advice, "", points)  # fmt: skip
    if refused:
        return Card(key, title, WARN, "some refused", f"{refused}", "refused by the server",
                    "The server does not take these records.",
                    "See: teleward sinks", "", points)  # fmt: skip
    text = str(sink.get("notice") or "Records are taken as they come.")
    word = "counting" if sink.get("counting") else "sending"
    # what a database cannot be asked is no fault of today, what is left out to a broker is
    state = WARN if sink.get("notice") and key == "broker" else OK
    return Card(key, title, state, word,
                f"{waiting:,}".replace(",", " "), "records wait", text, "", "", points)  # fmt: skip


def _clock(parts: Parts, course: Course) -> Card:
    found = parts.get("clock", {})
    off_s = float(found.get("uncertainty_s", 0.0))
    number, unit = (f"{off_s:.2f}", "s") if off_s < 60 else (f"{off_s / 60:.0f}", "min")
    if off_s >= 7200:
        number, unit = f"{off_s / 3600:.0f}", "h"
    if found.get("confirmed"):
        return Card("clock", "Clock", OK, "right", number, f"{unit} off at most",
                    "Set by the network.", "", "", course.points("clock"))  # fmt: skip
    return Card("clock", "Clock", WARN, "not confirmed", number, f"{unit} off at most",
                "No time server was reached since the start; records are marked and corrected.",
                "Connect the gateway to the internet for a minute, or fit a clock battery.", "",
                course.points("clock"))  # fmt: skip


def _disk(parts: Parts, course: Course) -> Card:
    found = parts.get("disk", {})
    free = float(found.get("free_bytes", 0))
    number, unit = _size(free)
    growth = course.per_day("disk")
    days = _days(None if growth is None else -growth, free)
    if not found.get("ok", True):
        return Card("disk", "Disk", BAD, "full", number, f"{unit} free", str(found.get("error")),
                    "Delete files that are not Teleward's.", "", course.points("disk"))  # fmt: skip
    if days is not None and days < _FULL_SOON_DAYS:
        return Card("disk", "Disk", WARN, "fills", number, f"{unit} free",
                    f"Full in {days:.0f} days if it goes on like in the last hour.",
                    "Lower journal.max_megabytes, or fit a larger card.", "",
                    course.points("disk"))  # fmt: skip
    return Card("disk", "Disk", OK, "good", number, f"{unit} free", "There is room.", "", "",
                course.points("disk"))  # fmt: skip


def _certificate(parts: Parts, course: Course, facts: Facts) -> Card:
    found = parts.get("lan")
    if not facts.lan or found is None:
        return Card("certificate", "Other machines", NONE, "closed",
                    text="Only this machine opens the pages.",
                    advice="Set [lan] enabled = true to open them next door.")  # fmt: skip
    days = found.get("certificate_days_left")
    number = "" if days is None else str(days)
    if not found.get("ok", True):
        return Card("certificate", "Other machines", BAD, "not served", number, "days left",
                    str(found.get("error")), "Correct [lan] in the settings file.", "/trust",
                    course.points("certificate"))  # fmt: skip
    return Card("certificate", "Other machines", OK, "good", number, "days left",
                f"Served at {found.get('address') or 'the local network'}; the certificate "
                "renews itself.", "", "", course.points("certificate"))  # fmt: skip


def _network(parts: Parts, course: Course, facts: Facts) -> Card:
    sink = parts.get("sink:mqtt", {})
    per_day = course.per_day("network")
    number = "" if per_day is None else f"{per_day / 1e6:.0f}"
    unit = "" if per_day is None else "MB a day"
    if facts.budget_mb is None:
        return Card("network", "Network budget", NONE, "no limit", number, unit,
                    "Nothing is left out to save traffic.", "", "",
                    course.points("network"))  # fmt: skip
    level = int(sink.get("budget_level", 0) or 0)
    text = f"The budget is {facts.budget_mb:g} MB a day."
    if not level:
        return Card("network", "Network budget", OK, "within", number, unit, text, "", "",
                    course.points("network"))  # fmt: skip
    return Card("network", "Network budget", WARN, "used up", number, unit,
                f"{text} {sink.get('notice') or 'Waveforms are left out'}; alarms never are.",
                "Raise network.budget_mb_per_day when the contract allows it.", "",
                course.points("network"))  # fmt: skip


def _version(facts: Facts) -> Card:
    last = facts.update
    if last.get("result") not in ("back", "refused"):
        text = f"Since {last['time'][:10]}, by an update." if last else "As it was installed."
        return Card("version", "Version", OK, "good", facts.version, "", text)
    word = "taken back" if last["result"] == "back" else "refused"
    text = f"The update to {last['version']} was {word} on {last['time'][:10]}: {last['reason']}."
    return Card("version", "Version", WARN, f"update {word}", facts.version, "", text,
                "Do what the reason asks for, then update again.")  # fmt: skip


_SHOWN = frozenset({"sessions", "live", "loop", "journal", "losses", "broker", "sink:mqtt",
                    "sink:influx", "clock", "disk", "lan"})  # fmt: skip
_TITLES = {"settings": "Settings file", "registry": "Beds and devices", "access": "Accounts"}


def _others(parts: Parts) -> Iterator[Card]:
    """Yield a card for every other part that is not well: nothing wrong stays hidden."""
    for name, part in parts.items():
        if name not in _SHOWN and not part.get("ok", True):
            title = _TITLES.get(name, name.replace("sink:", "Sink ").replace("_", " ").capitalize())
            advice = "Correct the file: teleward config check" if name == "settings" else ""
            yield Card(name, title, BAD, "needs you", text=str(part.get("error") or "not ok"),
                       advice=advice)  # fmt: skip


def _days(per_day: float | None, left: float) -> float | None:
    """Return after how many days ``left`` is used up; None when it does not shrink, or slowly."""
    if per_day is None or per_day <= 0:
        return None
    days = left / per_day
    return days if days < 3650 else None


def _size(n_bytes: float) -> tuple[str, str]:
    for unit in ("B", "kB", "MB"):
        if n_bytes < 1000:
            return f"{n_bytes:.0f}", unit
        n_bytes /= 1000
    return f"{n_bytes:.1f}", "GB"
