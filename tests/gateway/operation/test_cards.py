"""Each card has a state, a word, a number and what to do; nothing wrong stays hidden."""

from typing import Any

from teleward_gateway.operation.cards import FIGURES, Card, Facts, cards
from teleward_gateway.operation.course import EVERY_S, Course

WELL: dict[str, dict[str, Any]] = {
    "sessions": {"ok": True, "devices": 2, "streaming": 2, "devices_in_trouble": {}},
    "live": {"ok": True, "pages": 3},
    "loop": {"ok": True, "lag_s": 0.002},
    "journal": {"ok": True, "bytes": 5e8, "max_bytes": 8e9},
    "losses": {"ok": True},
    "broker": {"ok": True},
    "sink:mqtt": {"ok": True, "backlog_records": 0, "message_bytes_total": 0.0},
    "sink:influx": {"ok": True, "backlog_records": 12},
    "clock": {"ok": True, "confirmed": True, "uncertainty_s": 0.02},
    "disk": {"ok": True, "free_bytes": 2e10},
    "lan": {"ok": True, "certificate_days_left": 200, "address": "https://ward.local"},
}


def made(parts: dict[str, dict[str, Any]], facts: Facts, samples: int = 1) -> dict[str, Card]:
    course = Course(lambda: parts, FIGURES)
    for _ in range(samples):
        course.sample()
    return {card.key: card for card in cards(parts, course, facts)}


def test_all_is_well() -> None:
    found = made(WELL, Facts(budget_mb=50.0, lan=True))
    assert {card.state.value for card in found.values()} == {"ok"}
    assert list(found) == [*FIGURES, "version"]
    assert (found["devices"].number, found["devices"].unit) == ("2", "of 2 send")
    assert not any(card.advice for card in found.values())


def test_each_trouble_has_a_card_and_what_to_do() -> None:
    trouble: dict[str, dict[str, Any]] = {
        "sessions": {"ok": True, "devices": 2, "streaming": 1,
                     "devices_in_trouble": {"strap": "searching: did not advertise"}},
        "journal": {"ok": False, "error": "the disk is full", "bytes": 1, "max_bytes": 2},
        "broker": {"ok": False, "error": "another broker runs at 127.0.0.1:1883"},
        "sink:influx": {"ok": False, "error": "HTTP 401", "backlog_records": 2140},
        "clock": {"ok": True, "confirmed": False, "uncertainty_s": 90.0},
        "disk": {"ok": False, "error": "90 MB free", "free_bytes": 9e7},
        "lan": {"ok": False, "error": "the certificate ended", "certificate_days_left": -1},
        "sink:mqtt": {"ok": True, "budget_level": 1.0, "notice": "waveforms are left out"},
        "settings": {"ok": False, "error": "t.toml:4: ..."},
        "tick:ward": {"ok": False, "error": "has stopped 5 s ago"},
    }  # fmt: skip
    found = made(WELL | trouble, Facts(budget_mb=5.0, lan=True))
    states = {key: card.state.value for key, card in found.items()}
    assert states == {
        "devices": "warn", "links": "ok", "journal": "bad", "broker": "bad", "database": "bad",
        "clock": "warn", "disk": "bad", "certificate": "bad", "network": "warn",
        "settings": "bad", "tick:ward": "bad", "version": "ok",
    }  # fmt: skip
    assert "strap: searching" in found["devices"].text
    assert found["database"].number == "2 140"
    for key in ("devices", "journal", "broker", "database", "clock", "disk", "network"):
        assert found[key].advice, key


def test_an_update_that_was_taken_back_is_shown_with_its_reason() -> None:
    line = {"result": "back", "version": "0.2", "time": "2026-12-01T00:19:31Z", "reason": "hangs"}
    card = made(WELL, Facts(version="0.1", update=line))["version"]
    assert (card.state.value, card.word, card.number) == ("warn", "update taken back", "0.1")
    assert card.text == "The update to 0.2 was taken back on 2026-12-01: hangs."
    later = made(WELL, Facts(version="0.2", update={**line, "result": "accepted"}))["version"]
    assert (later.state.value, later.text) == ("ok", "Since 2026-12-01, by an update.")


def test_what_is_not_in_use_is_no_trouble() -> None:
    states = {key: card.state.value for key, card in made({}, Facts()).items()}
    assert {key for key, state in states.items() if state == "none"} == {
        "devices", "broker", "database", "certificate", "network",
    }  # fmt: skip


def test_the_course_forecasts_a_full_disk() -> None:
    parts = {**WELL, "disk": {"ok": True, "free_bytes": 2e10}}
    course = Course(lambda: parts, FIGURES)
    assert course.per_day("disk") is None, "not from a minute"
    for _ in range(300):
        course.sample()
        parts["disk"]["free_bytes"] -= 1e9 / 86_400 * EVERY_S
    disk = {card.key: card for card in cards(parts, course, Facts())}["disk"]
    assert (disk.state.value, disk.text.split(" if")[0]) == ("warn", "Full in 20 days")
    assert len(disk.points) <= 60
    assert disk.points[0] > disk.points[-1]
