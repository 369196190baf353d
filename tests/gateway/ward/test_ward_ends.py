"""What a device or a person stated ends with it: reconnect, release, swap, discharge, restart."""

import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from teleward_gateway.registry.model import Device
from teleward_gateway.sessions.states import State
from teleward_gateway.testing.ward_kit import S, TurnedClock, WardKit
from teleward_signal.model import (
    Annotation,
    DeviceStatus,
    Measurement,
    Priority,
    Provenance,
    Source,
)
from teleward_signal.record import RecordKind

LEAD_OFF, FINE = DeviceStatus(faults=frozenset({"lead_off"})), DeviceStatus()


@pytest.fixture
async def ward(tmp_path: Path) -> AsyncIterator[WardKit]:
    async with AsyncExitStack() as stack:
        kit = await WardKit.open(stack, tmp_path)
        await kit.admit("anna")
        await kit.wear("strap", "anna")
        yield kit


async def test_breathing_ends_with_its_oximeter(ward: WardKit) -> None:
    await ward.wear("ox", "anna")
    for _ in range(60):
        ward.pleth("ox")
        ward.second()
    assert ward.shown("anna", "respiratory_rate")["value"] == pytest.approx(15, abs=1)
    await ward.unbind("ox")
    before = len([r for r in await ward.recorded() if r.metric == "respiratory_rate"])
    ward.seconds(120)
    told = [r for r in await ward.recorded() if r.metric == "respiratory_rate"][before:]
    assert [r.payload["value"] for r in told if r.payload["value"] is not None] == []
    scores = [r for r in await ward.recorded() if r.metric == "news2"]
    assert "respiratory_rate" not in scores[-1].payload["detail"]["points"]
    assert ward.alarms("anna") == {}


async def test_a_silent_oximeter_alarms_for_what_it_was_put_on_for(ward: WardKit) -> None:
    await ward.wear("ox", "anna")
    for _ in range(60):
        ward.pleth("ox")
        ward.second()
    assert ward.shown("anna", "respiratory_rate")["value"] is not None
    ward.seconds(40)
    assert ward.alarms("anna") == {"no_data:pulse_rate": "on"}, "breathing was an estimate beside"


async def test_what_no_sensor_was_put_on_for_raises_no_technical_alarm(ward: WardKit) -> None:
    for metric, reason in (("respiratory_rate", "not_found"), ("spo2", "no_calibration")):
        estimate = Measurement(metric, None, source=Source.DERIVED, reason=reason)
        for _ in range(40):
            ward.ingest.on_results([("anna", estimate)])
            ward.second()
    assert ward.alarms("anna") == {}


async def test_a_rhythm_outlives_what_other_devices_report(ward: WardKit) -> None:
    await ward.wear("patch", "anna")
    begins = Annotation("ecg_ii", "+", 0, label="ventricular fibrillation begins")
    ward.ingest.on_results([("anna", begins)])
    ward.give("strap", LEAD_OFF)
    await ward.unbind("strap")
    assert ward.alarms("anna") == {"ventricular_fibrillation": "on"}
    now = ward.clock.now()
    acted = ward.board.acknowledge(
        "anna", "ventricular_fibrillation", "nurse", now.time_ns, now.monotonic_ns
    )
    assert [e.presence.value for e in acted] == ["ack"]


async def test_faults_are_levels(ward: WardKit) -> None:
    ward.give("strap", LEAD_OFF)
    assert "lead_off:strap" in ward.alarms("anna")
    ward.link("strap", State.CONNECTING, State.STREAMING)
    ward.give("strap", FINE)
    assert ward.alarms("anna") == {}, "over a reconnect"
    ward.give("strap", LEAD_OFF)
    await ward.unbind("strap")
    assert ward.alarms("anna") == {}, "over an unbinding"


@pytest.mark.parametrize("state", [State.STALLED, State.BACKING_OFF, State.REFUSED])
async def test_a_lost_link_alarms_until_it_streams_or_is_taken_off(
    ward: WardKit, state: State
) -> None:
    ward.link("strap", State.STREAMING, state)
    assert "link_lost:strap" in ward.alarms("anna")
    ward.link("strap", State.STREAMING)
    assert ward.alarms("anna") == {}
    ward.link("strap", state)
    await ward.unbind("strap")
    assert ward.alarms("anna") == {}


async def test_another_strap_is_shown_at_once(ward: WardKit) -> None:
    ward.give("strap", Measurement("spo2", 97.0))
    await ward.unbind("strap")
    await ward.wear("other", "anna")
    ward.give("other", Measurement("spo2", 80.0))
    assert ward.shown("anna", "spo2")["value"] == 80.0


async def test_a_battery_stays_low_until_a_percentage_says_otherwise(ward: WardKit) -> None:
    ward.give("strap", DeviceStatus(battery_percent=9.0))
    ward.give("strap", FINE)
    assert ward.alarms("anna") == {"low_battery:strap": "on"}
    ward.give("strap", DeviceStatus(battery_percent=90.0))
    assert ward.alarms("anna") == {}


async def test_discharge_ends_everything_and_nothing_comes_back(ward: WardKit) -> None:
    ward.give("strap", Measurement("heart_rate", 200.0))
    ward.seconds(12)
    assert ward.alarms("anna") != {}
    await ward.discharge("anna")
    late = Measurement("heart_rate", 200.0, source=Source.DERIVED)
    ward.ingest.on_results([("anna", late)])
    ward.ingest.show_observation("anna", Measurement("nibp_systolic", 60.0, source=Source.MANUAL))
    ward.seconds(40)
    alarms = await ward.recorded(RecordKind.ALARM)
    newest = {r.payload["condition"]: r.payload["presence"] for r in alarms}
    assert set(newest.values()) == {"off"}
    assert ward.board.subjects() == []
    assert ward.ingest.scores.inputs("anna") == {}


async def test_a_new_stay_inherits_nothing(ward: WardKit) -> None:
    observed = [
        Measurement("nibp_systolic", 60.0, source=Source.MANUAL, valid_s=14400.0),
        Measurement("consciousness", 3.0, source=Source.MANUAL, valid_s=14400.0),
    ]
    for each in observed:
        ward.ingest.show_observation("anna", each)
    ward.second()
    await ward.journal.flush()
    ward.registry.discharge("anna", "nurse")
    await ward.admit("anna")  # within one application of changes
    await ward.settle()
    ward.seconds(2)
    assert ward.alarms("anna") == {}
    assert set(ward.ingest.scores.inputs("anna")) == {"spo2_scale"}
    assert ward.shown("anna", "nibp_systolic") is None


async def test_a_restart_keeps_what_still_holds_and_no_more(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        ward = await WardKit.open(stack, tmp_path)
        for device, subject in (("strap", "anna"), ("ox", "anna"), ("patch", "bela")):
            if not ward.registry.is_admitted(subject):
                await ward.admit(subject)
            await ward.wear(device, subject)
        ward.give("strap", LEAD_OFF)
        ward.give("ox", Measurement("spo2", 97.0))
        ward.give("patch", LEAD_OFF)
        memory = Measurement("nibp_systolic", 85.0, stored=True, time_ns=ward.clock.now().time_ns)
        ward.give("strap", memory)
        await ward.journal.flush()
        ward.save()
        ward.registry.unbind("ox")
        ward.registry.discharge("bela")
    async with AsyncExitStack() as stack:
        clock = TurnedClock("b002", 30 * S)
        clock.step(3600)
        ward = await WardKit.open(stack, tmp_path, clock)
        assert ward.board.subjects() == ["anna"]
        assert ward.alarms("anna") == {"lead_off:strap": "on"}
        ward.seconds(60)
        assert ward.alarms("anna") == {"lead_off:strap": "on"}, "no value is awaited any more"
        assert "nibp_systolic" not in ward.ingest.scores.inputs("anna")
        ward.give("strap", FINE)
        assert ward.alarms("anna") == {}


async def test_losses_of_a_former_run_do_not_alarm_and_new_ones_stay(ward: WardKit) -> None:
    ward.seconds(1)
    assert ward.alarms("anna") == {}
    ward.reconciler._lost = ward.journal.stats().lost.total - 5
    ward.seconds(3)
    assert ward.alarms("anna") == {"records_lost": "latched"}


async def test_nothing_is_said_after_its_validity_once_all_input_has_stopped(
    ward: WardKit,
) -> None:
    seed = 20260301
    print(f"seed {seed}")
    rng = random.Random(seed)
    await ward.wear("ox", "anna")
    for _ in range(90):
        ward.pleth("ox", breaths=20)
        if rng.random() < 0.7:
            ward.give("strap", Measurement("heart_rate", float(rng.randint(60, 90))))
        if rng.random() < 0.5:
            ward.give("ox", Measurement("spo2", float(rng.randint(92, 99))))
        ward.second()
    stopped_ns = ward.clock.now().monotonic_ns
    ward.seconds(900)
    for record in await ward.recorded():
        if record.monotonic_ns <= stopped_ns or record.payload["value"] is None:
            continue
        if record.metric == "news2":
            continue  # a score of what is known; it names what it lacks
        valid_ns = round((record.payload["valid_s"] + 10) * S)
        assert record.monotonic_ns <= stopped_ns + valid_ns, record


async def test_a_device_that_is_away_after_a_restart_alarms(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        ward = await WardKit.open(stack, tmp_path)
        await ward.admit("anna")
        for device in ("strap", "never"):
            await ward.wear(device, "anna")
        ward.link("strap", State.CONNECTING, State.STREAMING)
        assert ward.ingest.state.alarms_changed, "the file is written again"
        ward.save()
    async with AsyncExitStack() as stack:
        ward = await WardKit.open(stack, tmp_path, TurnedClock("b002", 30 * S))
        for device in ("strap", "never"):
            ward.link(device, State.SEARCHING, State.BACKING_OFF)
        assert ward.alarms("anna") == {"link_lost:strap": "on"}
        await ward.unbind("strap")
        assert ward.alarms("anna") == {}
    async with AsyncExitStack() as stack:
        ward = await WardKit.open(stack, tmp_path, TurnedClock("b003", 30 * S))
        await ward.wear("strap", "anna")
        ward.link("strap", State.SEARCHING, State.BACKING_OFF)
        assert ward.alarms("anna") == {}, "it was taken off: a new stay with her"


async def test_a_cuff_that_disconnects_after_its_reading_is_not_lost(ward: WardKit) -> None:
    ward.registry.add_device(
        Device("cuff", "blood-pressure", "C0:00:00:00:00:01", provenance=Provenance.SIMULATED),
        subject="anna",
    )
    await ward.settle()
    ward.link("cuff", State.STREAMING, State.BACKING_OFF)
    assert ward.alarms("anna") == {}
    ward.link("cuff", State.REFUSED)
    assert ward.alarms("anna") == {"link_lost:cuff": "on"}, "a person must act"


async def test_an_oximeter_that_takes_spot_checks_is_not_lost_until_it_streams(
    ward: WardKit,
) -> None:
    ward.registry.add_device(
        Device("ox", "pulse-oximeter", "C0:00:00:00:00:01", provenance=Provenance.SIMULATED),
        subject="anna",
    )
    await ward.settle()
    ward.links.is_episodic = lambda device: True
    ward.link("ox", State.STREAMING, State.BACKING_OFF)
    assert ward.alarms("anna") == {}
    assert not ward.board.was_linked("anna", "ox"), "nor missed after a restart"
    ward.links.is_episodic = lambda device: False
    ward.link("ox", State.STREAMING, State.BACKING_OFF)
    assert ward.alarms("anna") == {"link_lost:ox": "on"}


@pytest.mark.parametrize(
    "driver, priority", [("blood-pressure", Priority.MEDIUM), ("weight-scale", Priority.LOW)]
)
async def test_a_wrong_clock_matters_where_a_limit_judges(
    ward: WardKit, driver: str, priority: Priority
) -> None:
    ward.registry.add_device(
        Device("it", driver, "C0:00:00:00:00:01", provenance=Provenance.SIMULATED), subject="anna"
    )
    await ward.settle()
    ward.give("it", DeviceStatus(faults=frozenset({"clock_wrong"})))
    [alarm] = ward.board.active("anna")
    assert (alarm.condition, alarm.priority) == ("clock_wrong:it", priority)
    ward.give("it", FINE)
    assert ward.alarms("anna") == {}
