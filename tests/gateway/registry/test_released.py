"""Rows taken out of the settings file are released; swaps of beds and of ports work."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from teleward_gateway.registry.ensure import ensure
from teleward_gateway.registry.model import Device, Subject
from teleward_gateway.registry.store import Registry
from teleward_signal.model import Provenance

A = Device("a", "cms50d", "/dev/a")
B = Device("b", "cms50d", "/dev/b")
ANNA, BOB = Subject("anna", bed="bed-1"), Subject("bob", bed="bed-2")
WORN = {"a": "anna", "b": "bob"}


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    made = Registry(tmp_path / "r.sqlite", Provenance.FIELD)
    assert ensure(made, [ANNA, BOB], [A, B], WORN) == []
    yield made
    made.close()


def beds(registry: Registry) -> dict[str, str | None]:
    return {subject.id: subject.bed for subject in registry.subjects()}


def test_a_row_that_is_gone_frees_its_port_and_its_bed(registry: Registry) -> None:
    heir, eve = Device("c", "nonin", "/dev/a"), Subject("eve", bed="bed-1")
    assert ensure(registry, [BOB, eve], [B, heir], {"b": "bob", "c": "eve"}) == []
    assert beds(registry) == {"bob": "bed-2", "eve": "bed-1"}
    assert [device.id for device in registry.devices()] == ["b", "c"]
    assert registry.subject_now("c") == "eve"
    assert ensure(registry, [ANNA, BOB], [A, B], WORN) == [], "rows may come back"
    assert beds(registry) == {"anna": "bed-1", "bob": "bed-2"}
    assert registry.subject_now("a") == "anna"


def test_a_device_without_its_wearer_in_the_file_feeds_nobody(registry: Registry) -> None:
    assert ensure(registry, [ANNA, BOB], [A, B], {"b": "bob"}) == []
    assert registry.binding("a") is None
    assert registry.subject_now("b") == "bob"


def test_rows_with_a_mistake_and_unreadable_files_release_nothing(registry: Registry) -> None:
    assert ensure(registry, [BOB], [B], {"b": "bob"}, kept=["subject anna", "device a"]) == []
    assert registry.subject_now("a") == "anna"
    assert ensure(registry, [], [], {}, kept=None) == []
    assert beds(registry) == {"anna": "bed-1", "bob": "bed-2"}


def test_what_people_bound_stays_and_is_named(registry: Registry) -> None:
    registry.move_device("a", subject="bob", author="nurse")
    [refused] = ensure(registry, [ANNA, BOB], [B], {"b": "bob"})
    assert refused.row == "device a"
    assert "bound on a page" in refused.text
    assert registry.subject_now("a") == "bob"
    refused_rows = [each.row for each in ensure(registry, [ANNA], [B], {})]
    assert refused_rows == ["device a", "subject bob"]
    assert registry.is_admitted("bob"), "wears a device that a person gave"


def test_beds_and_ports_change_places(registry: Registry) -> None:
    swapped = [Subject("anna", bed="bed-2"), Subject("bob", bed="bed-1")]
    ports = [Device("a", "cms50d", "/dev/b"), Device("b", "cms50d", "/dev/a")]
    assert ensure(registry, swapped, ports, WORN) == []
    assert beds(registry) == {"anna": "bed-2", "bob": "bed-1"}
    assert {device.id: device.address for device in registry.devices()} == {
        "a": "/dev/b",
        "b": "/dev/a",
    }


def test_a_bed_that_is_taken_is_tried_again(registry: Registry) -> None:
    registry.admit(Subject("eve", bed="bed-9"), "nurse")
    moved = [Subject("anna", bed="bed-9"), Subject("bob", bed="bed-1")]
    refused = ensure(registry, moved, [A, B], WORN)
    assert {each.row for each in refused} == {"subject anna", "subject bob"}
    assert all("holds subject" in each.text for each in refused)
    registry.discharge("eve", "nurse")
    assert ensure(registry, moved, [A, B], WORN) == []
    assert beds(registry) == {"anna": "bed-9", "bob": "bed-1"}
