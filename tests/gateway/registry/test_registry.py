"""The registry answers "whose reading was this" for any second and refuses to mix people."""

import json
import sqlite3
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from teleward_gateway.registry import Change, Device, Registry, RegistryError, Subject
from teleward_gateway.registry.database import KEPT_DAMAGED
from teleward_gateway.registry.ensure import ensure
from teleward_signal.model import Provenance

SIMULATED = Provenance.SIMULATED
STRAP = Device("strap", "heart_rate", "C0:00:00:00:00:01")
OXIMETER = Device("oximeter", "pulse_oximeter", "C0:00:00:00:00:02")


class Clock:
    """A clock that stands still until told to move."""

    def __init__(self) -> None:
        self.now_ns = 1000

    def __call__(self) -> int:
        return self.now_ns


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def registry(tmp_path: Path, clock: Clock) -> Iterator[Registry]:
    registry = Registry(tmp_path / "registry.sqlite", Provenance.FIELD, clock)
    registry.admit(Subject("ada", bed="bed-1"))
    registry.admit(Subject("bob", bed="bed-2"))
    registry.add_device(STRAP)
    registry.add_device(OXIMETER)
    yield registry
    registry.close()


def test_reading_belongs_to_the_subject_bound_at_its_second(
    registry: Registry, clock: Clock
) -> None:
    registry.bind("strap", subject="ada")
    clock.now_ns = 2000
    registry.move_device("strap", subject="bob")
    clock.now_ns = 3000
    registry.unbind("strap")
    found = [registry.subject_of("strap", t) for t in (999, 1000, 1999, 2000, 2999, 3000)]
    assert found == [None, "ada", "ada", "bob", "bob", None]


def test_device_on_a_bed_follows_who_lies_there(registry: Registry, clock: Clock) -> None:
    registry.bind("oximeter", bed="bed-1")
    clock.now_ns = 2000
    registry.discharge("ada")
    clock.now_ns = 3000
    registry.move_subject("bob", "bed-1")
    found = [registry.subject_of("oximeter", t) for t in (1500, 2500, 3500)]
    assert found == ["ada", None, "bob"]
    assert registry.subject("bob").bed == "bed-1"
    assert [b.device for b in registry.bindings(subject="bob")] == ["oximeter"]


def test_swap_in_the_middle_of_a_stay_leaves_no_second_without_a_device(
    registry: Registry, clock: Clock
) -> None:
    registry.bind("strap", subject="ada")
    clock.now_ns = 2000
    registry.swap("strap", "oximeter")
    assert registry.subject_of("strap", 1999) == registry.subject_of("oximeter", 2000) == "ada"
    assert registry.subject_of("strap", 2000) is None
    assert registry.subject_of("oximeter", 1999) is None


def test_device_cannot_feed_two(registry: Registry) -> None:
    registry.bind("strap", subject="ada")
    with pytest.raises(RegistryError, match="cannot feed two"):
        registry.bind("strap", subject="bob")


def test_tables_refuse_a_second_open_binding(registry: Registry, tmp_path: Path) -> None:
    """Even a program that knows nothing of our rules cannot break this one."""
    registry.bind("strap", subject="ada")
    other = sqlite3.connect(tmp_path / "registry.sqlite")
    with pytest.raises(sqlite3.IntegrityError):
        other.execute(
            "INSERT INTO bindings (device, subject, provenance, from_ns) "
            "VALUES ('strap', 'bob', 'field', 5)"
        )
    other.close()


def test_field_and_simulated_never_mix(registry: Registry) -> None:
    with pytest.raises(RegistryError, match="never share"):
        registry.admit(Subject("sim", provenance=SIMULATED))
    with pytest.raises(RegistryError, match="never share"):
        registry.add_device(Device("sim", "heart_rate", "x", provenance=SIMULATED))


def test_file_of_the_other_mode_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "registry.sqlite"
    Registry(path, SIMULATED).close()
    with pytest.raises(RegistryError, match="belongs to a simulated gateway"):
        Registry(path, Provenance.FIELD)


def test_unknown_device_is_nobodys(registry: Registry) -> None:
    assert registry.subject_of("stranger", 1500) is None
    with pytest.raises(RegistryError, match="not registered"):
        registry.bind("stranger", subject="ada")


def test_address_is_used_once_whatever_its_case(registry: Registry) -> None:
    with pytest.raises(RegistryError, match="address"):
        registry.add_device(Device("twin", "heart_rate", STRAP.address.lower()))
    assert [d.id for d in registry.devices()] == ["oximeter", "strap"]


def test_removed_device_keeps_its_history_and_may_come_back(
    registry: Registry, clock: Clock
) -> None:
    registry.bind("strap", subject="ada")
    clock.now_ns = 2000
    registry.remove_device("strap")
    assert registry.bound_devices() == []
    assert registry.subject_of("strap", 1500) == "ada"
    registry.add_device(STRAP)
    assert registry.binding("strap") is None


def test_two_swap_beds_at_one_instant_and_worn_devices_come_along(
    registry: Registry, clock: Clock
) -> None:
    registry.bind("strap", subject="ada")
    registry.bind("oximeter", bed="bed-2")
    clock.now_ns = 2000
    registry.swap_beds("ada", "bed-2", author="nurse")
    assert [registry.subject(name).bed for name in ("ada", "bob")] == ["bed-2", "bed-1"]
    assert registry.subject_now("strap") == "ada"
    assert registry.subject_now("oximeter") == "ada"
    assert registry.subject_of("oximeter", 1999) == "bob"
    registry.admit(Subject("cy"))
    clock.now_ns = 3000
    registry.swap_beds("cy", "bed-2")  # one without a bed: the other gets up
    assert [registry.subject(name).bed for name in ("ada", "cy")] == [None, "bed-2"]
    clock.now_ns = 4000
    registry.swap_beds("cy", "bed-2")  # the own bed: nothing changes
    assert registry.subject("cy").bed == "bed-2"


def test_bed_holds_one(registry: Registry) -> None:
    with pytest.raises(RegistryError, match="bed-1 holds subject ada"):
        registry.move_subject("bob", "bed-1")
    assert registry.subject("bob").bed == "bed-2"


def test_everything_survives_a_restart(tmp_path: Path, registry: Registry, clock: Clock) -> None:
    registry.bind("strap", subject="ada")
    registry.update_subject("ada", attributes={"spo2_scale": 2})
    registry.close()
    again = Registry(tmp_path / "registry.sqlite", Provenance.FIELD, clock)
    assert again.subject_of("strap", 1000) == "ada"
    assert again.subject("ada").attributes == {"spo2_scale": 2}
    assert again.devices() == [OXIMETER, STRAP]
    again.close()


def test_listeners_hear_every_change_after_it_is_true(registry: Registry) -> None:
    heard: list[tuple[str, str | None]] = []

    def listener(change: Change) -> None:
        heard.append((change.what, registry.subject_of("strap", 1000)))

    registry.on_change(listener)
    registry.bind("strap", subject="ada", author="nurse")
    with pytest.raises(RegistryError):
        registry.bind("strap", subject="bob")
    assert heard == [("bound", "ada")]


def test_clock_that_ran_ahead_orphans_nothing(registry: Registry, clock: Clock) -> None:
    """A Raspberry Pi without a clock battery binds at a wrong time, then learns the right one."""
    clock.now_ns = 9000
    registry.bind("strap", subject="ada")
    clock.now_ns = 2000
    assert registry.subject_of("strap", 2000) is None
    registry.clock_corrected()
    assert registry.subject_of("strap", 2000) == "ada"


def test_damaged_file_is_set_aside_and_the_rest_is_kept(tmp_path: Path, clock: Clock) -> None:
    path = tmp_path / "registry.sqlite"
    registry = Registry(path, Provenance.FIELD, clock)
    registry.admit(Subject("ada", bed="bed-1"))
    registry.close()
    data = bytearray(path.read_bytes())
    root_of_devices = _page_of(path, "devices")
    data[root_of_devices : root_of_devices + 100] = b"\xff" * 100
    path.write_bytes(data)
    healed = Registry(path, Provenance.FIELD, clock)
    assert healed.damaged is not None
    assert healed.damaged.exists()
    assert healed.subject("ada").bed == "bed-1"
    healed.add_device(STRAP)
    healed.close()


def test_an_unknown_file_version_is_damage_and_no_read_only_disk(
    tmp_path: Path, clock: Clock
) -> None:
    path = tmp_path / "registry.sqlite"
    registry = Registry(path, Provenance.FIELD, clock)
    registry.admit(Subject("ada", bed="bed-1"))
    registry.close()
    data = bytearray(path.read_bytes())
    data[18] ^= 0xFF  # SQLite would open it, and refuse every change
    path.write_bytes(data)
    healed = Registry(path, Provenance.FIELD, clock)
    assert healed.damaged is not None
    assert healed.subject("ada").bed == "bed-1"
    healed.close()


def test_only_the_newest_damaged_files_are_kept(tmp_path: Path, clock: Clock) -> None:
    path = tmp_path / "registry.sqlite"
    asides = []
    for n in range(KEPT_DAMAGED + 2):
        path.write_bytes(b"torn %d" % n * 1000)
        registry = Registry(path, Provenance.FIELD, clock)
        assert registry.damaged is not None
        asides.append(registry.damaged.name)
        registry.damaged.with_name(registry.damaged.name + "-wal").write_bytes(b"log")
        registry.close()
    left = sorted(file.name for file in tmp_path.iterdir() if ".damaged-" in file.name)
    kept = asides[-KEPT_DAMAGED:]
    assert left == sorted([*kept, *(f"{name}-wal" for name in kept)])


def _page_of(path: Path, table: str) -> int:
    connection = sqlite3.connect(path)
    size = connection.execute("PRAGMA page_size").fetchone()[0]
    query = "SELECT rootpage FROM sqlite_master WHERE name = ?"
    root = connection.execute(query, (table,)).fetchone()[0]
    connection.close()
    return int((root - 1) * size)


def test_file_that_is_no_database_does_not_stop_the_gateway(tmp_path: Path) -> None:
    path = tmp_path / "registry.sqlite"
    path.write_bytes(b"torn" * 1000)
    registry = Registry(path, Provenance.FIELD)
    assert registry.damaged is not None
    assert registry.devices() == []
    registry.close()


class TestEnsure:
    """The settings file is carried out once, and again only when it changes."""

    def test_twice_is_once(self, tmp_path: Path) -> None:
        registry = Registry(tmp_path / "r.sqlite", Provenance.FIELD)
        heard: list[Change] = []
        registry.on_change(heard.append)
        for _ in range(2):
            ensure(registry, [Subject("ada", bed="bed-1")], [STRAP], {"strap": "ada"})
        assert [change.what for change in heard] == ["admitted", "device_added", "moved"]
        registry.close()

    def test_thousands_are_written_as_single_ones_are(self, tmp_path: Path) -> None:
        """In portions: 900 single changes took 42 s; a conflict costs its portion's speed only."""
        subjects = [Subject(f"s{n}", f"S {n}", bed=f"bed-{n}") for n in range(600)]
        devices = [
            replace(STRAP, id=f"d{n}", address=f"C0:00:00:00:{n // 256:02X}:{n % 256:02X}")
            for n in range(600)
        ]
        bindings = {d.id: f"bed:bed-{n}" if n % 2 else f"s{n}" for n, d in enumerate(devices)}
        registry = Registry(tmp_path / "r.sqlite", Provenance.FIELD)
        heard: list[Change] = []
        registry.on_change(heard.append)
        steps: list[str] = []
        for _ in range(2):
            ensure(registry, subjects, devices, bindings, steps.append)
        assert steps == [
            f"{done} of 600 {what} imported"
            for what in ("subjects", "devices", "bindings") for done in (250, 500, 600)
        ]  # fmt: skip
        assert Counter(change.what for change in heard) == {
            "admitted": 600, "device_added": 600, "moved": 600,
        }  # fmt: skip
        assert registry.subject("s7").bed == "bed-7"
        bound = [registry.subject_now(f"d{n}") for n in (0, 7, 599)]
        assert bound == ["s0", "s7", "s599"]
        registry.close()

    def test_a_conflict_is_named_and_the_others_are_written(self, tmp_path: Path) -> None:
        registry = Registry(tmp_path / "r.sqlite", Provenance.FIELD)
        registry.admit(Subject("eve", bed="bed-2"))
        subjects = [Subject(f"s{n}", bed=f"bed-{n}") for n in range(4)]
        [refused] = ensure(registry, subjects)
        assert refused.row == "subject s2"
        assert "bed-2 holds subject eve" in refused.text
        assert {s.id for s in registry.subjects()} == {"eve", "s0", "s1", "s2", "s3"}
        assert registry.subject("s2").bed is None, "monitored, without a bed"
        registry.close()

    def test_what_a_person_moved_stays_moved(self, tmp_path: Path) -> None:
        registry = Registry(tmp_path / "r.sqlite", Provenance.FIELD)
        subjects = [Subject("ada"), Subject("bob")]
        ensure(registry, subjects, [STRAP], {"strap": "ada"})
        registry.move_device("strap", subject="bob", author="nurse")
        registry.discharge("ada")
        ensure(registry, subjects, [STRAP], {"strap": "ada"})
        binding = registry.binding("strap")
        assert binding is not None
        assert binding.subject == "bob"
        assert [s.id for s in registry.subjects()] == ["bob"]
        registry.close()

    def test_changed_file_is_carried_out(self, tmp_path: Path) -> None:
        registry = Registry(tmp_path / "r.sqlite", Provenance.FIELD)
        ensure(registry, [Subject("ada", bed="bed-1")], [STRAP], {"strap": "ada"})
        other = Device("strap", "heart_rate", "C0:00:00:00:00:09", label="new strap")
        ensure(registry, [Subject("ada", "Ada", bed="bed-3")], [other], {"strap": "bed:bed-3"})
        assert registry.devices() == [other]
        assert registry.subject("ada").bed == "bed-3"
        assert registry.binding("strap").bed == "bed-3"  # type: ignore[union-attr]
        registry.close()

    def test_entries_of_version_0_1_0_are_taken_over(self, tmp_path: Path) -> None:
        """That version kept them as repr; what people changed since must stay."""
        registry = Registry(tmp_path / "r.sqlite", Provenance.FIELD)
        ada = Subject("ada", bed="bed-1", attributes={"spo2_scale": 1, "detail": ""})
        ensure(registry, [ada], [STRAP])
        registry.note_applied("device strap", repr(STRAP))
        earlier = repr((ada.label, ada.bed, sorted(ada.attributes.items())))
        registry.note_applied("subject ada", earlier)
        registry.update_device(replace(STRAP, label="by the window"))
        registry.update_subject("ada", label="Ada L.")
        ensure(registry, [ada], [STRAP])
        assert registry.device("strap").label == "by the window"
        assert registry.subject("ada").label == "Ada L."
        assert json.loads(registry.applied("device strap") or "")["driver"] == STRAP.driver
        registry.close()

    def test_a_field_that_a_later_version_adds_applies_nothing_again(self, tmp_path: Path) -> None:
        registry = Registry(tmp_path / "r.sqlite", Provenance.FIELD)
        subject = Subject("ada", attributes={"limits": {"spo2": {"low": 90}}})
        ensure(registry, [subject])
        registry.update_subject("ada", label="Ada L.")
        more = {"isolation": "", "language": None, **subject.attributes}
        ensure(registry, [replace(subject, attributes=more)])
        assert registry.subject("ada").label == "Ada L."
        registry.close()

    def test_the_order_of_keys_is_no_change(self, tmp_path: Path) -> None:
        registry = Registry(tmp_path / "r.sqlite", Provenance.FIELD)
        ensure(registry, (), [replace(STRAP, options={"a": 1, "b": 2})])
        registry.update_device(replace(STRAP, label="by the window"))
        ensure(registry, (), [replace(STRAP, options={"b": 2, "a": 1})])
        assert registry.device("strap").label == "by the window"
        registry.close()
