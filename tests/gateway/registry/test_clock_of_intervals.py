"""Who wore what survives a clock that was wrong: edges keep monotonic time, UTC is corrected."""

import json
import sqlite3
from pathlib import Path

import pytest

from teleward_gateway.clock.corrections import Correction
from teleward_gateway.registry import Device, Registry, Subject
from teleward_gateway.testing.ward_kit import S, TurnedClock
from teleward_signal.model import Provenance

SIMULATED = Provenance.SIMULATED
HOUR, DAY = 3600, 86_400


def at(clock: TurnedClock, registry: Registry, device: str) -> str | None:
    """Return whose a value of this moment is, as the record path asks."""
    stamp = clock.now()
    return registry.subject_at(device, stamp.boot, stamp.monotonic_ns)


def ward(path: Path, clock: TurnedClock) -> Registry:
    registry = Registry(path, SIMULATED, clock=clock)
    for subject in ("anna", "bela"):
        if not registry.is_admitted(subject):
            registry.admit(Subject(subject, provenance=SIMULATED))
    if not registry.devices():
        registry.add_device(Device("bp", "none", "/dev/bp", provenance=SIMULATED))
    return registry


def test_a_start_with_an_early_clock_rewrites_nothing(tmp_path: Path) -> None:
    path = tmp_path / "registry.sqlite"
    clock = TurnedClock()
    registry = ward(path, clock)
    registry.bind("bp", "anna")
    clock.go_on(HOUR)
    with_anna_ns = clock.now().time_ns - HOUR * S // 2
    registry.move_device("bp", "bela")
    clock.go_on(HOUR)
    registry.close()
    guess = TurnedClock("b002", 20 * S)
    guess.confirmed = False
    guess.step(-DAY)
    registry = Registry(path, SIMULATED, clock=guess)
    assert at(guess, registry, "bp") == "bela", "while the clock is a guess"
    guess.confirmed = True
    guess.step(DAY + 2 * HOUR)
    registry.correct(Correction("b002", 0, guess.now().monotonic_ns, (DAY + 2 * HOUR) * S))
    assert registry.subject_of("bp", with_anna_ns) == "anna"
    assert registry.subject_of("bp", guess.now().time_ns) == "bela"
    registry.close()


@pytest.mark.parametrize("step_s", [-DAY, -1800, 1800, DAY])
def test_intervals_of_a_guessed_clock_are_corrected(tmp_path: Path, step_s: int) -> None:
    path = tmp_path / "registry.sqlite"
    clock = TurnedClock()
    clock.confirmed = False
    registry = ward(path, clock)
    registry.bind("bp", "anna")
    clock.go_on(180)
    in_between = clock.now()
    clock.go_on(180)
    registry.unbind("bp")
    clock.go_on(60)
    clock.step(step_s)
    clock.confirmed = True
    registry.correct(Correction(clock.boot, 0, clock.now().monotonic_ns, step_s * S))
    true_ns = in_between.time_ns + step_s * S
    assert registry.subject_of("bp", true_ns) == "anna"
    assert registry.subject_of("bp", true_ns + 300 * S) is None
    registry.close()
    again = Registry(path, SIMULATED, clock=clock)
    assert again.subject_of("bp", true_ns) == "anna", "after a restart"
    again.close()


def test_a_step_back_between_two_edges_is_no_error(tmp_path: Path) -> None:
    clock = TurnedClock()
    registry = ward(tmp_path / "registry.sqlite", clock)
    registry.bind("bp", "anna")
    clock.go_on(60)
    clock.step(-DAY)
    registry.move_device("bp", "bela")
    clock.go_on(1)
    assert at(clock, registry, "bp") == "bela"
    registry.unbind("bp")
    assert at(clock, registry, "bp") is None
    registry.close()


def test_a_file_of_version_1_is_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "registry.sqlite"
    old = sqlite3.connect(path)
    old.executescript("""
        CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
        CREATE TABLE subjects (id TEXT PRIMARY KEY, label TEXT NOT NULL, provenance TEXT NOT NULL,
            attributes TEXT NOT NULL, admitted_ns INTEGER NOT NULL, discharged_ns INTEGER) STRICT;
        CREATE TABLE stays (subject TEXT NOT NULL REFERENCES subjects (id), bed TEXT NOT NULL,
            from_ns INTEGER NOT NULL, until_ns INTEGER) STRICT;
        CREATE TABLE devices (id TEXT PRIMARY KEY, driver TEXT NOT NULL, address TEXT NOT NULL,
            label TEXT NOT NULL, provenance TEXT NOT NULL, options TEXT NOT NULL,
            removed_ns INTEGER) STRICT;
        CREATE TABLE bindings (device TEXT NOT NULL REFERENCES devices (id),
            subject TEXT REFERENCES subjects (id), bed TEXT, provenance TEXT NOT NULL,
            from_ns INTEGER NOT NULL, until_ns INTEGER) STRICT;
        INSERT INTO meta VALUES ('version', '1'), ('mode', 'simulated');
        INSERT INTO devices VALUES ('bp', 'none', '/dev/bp', '', 'simulated', '{}', NULL);
        INSERT INTO stays VALUES ('anna', 'bed-1', 1000, NULL);
        INSERT INTO bindings VALUES ('bp', NULL, 'bed-1', 'simulated', 2000, NULL);
    """)
    attributes = {"spo2_scale": 2, "limits": {"metrics": {"spo2": {"low": 88}}}}
    row = ("anna", "Anna", "simulated", json.dumps(attributes), 1000, None)
    old.execute("INSERT INTO subjects VALUES (?, ?, ?, ?, ?, ?)", row)
    old.commit()
    old.close()
    clock = TurnedClock()
    registry = Registry(path, SIMULATED, clock=clock)
    assert registry.damaged is None
    assert registry.subject("anna").attributes == attributes
    assert registry.subject("anna").bed == "bed-1"
    assert registry.subject_of("bp", 3000) == at(clock, registry, "bp") == "anna"
    registry.close()
    Registry(path, SIMULATED, clock=clock).close()
