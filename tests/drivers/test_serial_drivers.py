"""What the serial drivers make of their bytes: commands, memory, markers, constants, order."""

from collections.abc import Sequence

from teleward_drivers.device import Discarded, Output, Write
from teleward_drivers.fields import DateTime
from teleward_drivers.testing import START_NS, receive
from teleward_drivers.wired import bci, cms50, cms50d, cyton, healthypi, masimo, nonin, text
from teleward_signal.model import DeviceStatus, Measurement, SampleBlock

SECOND_NS = 1_000_000_000


def readings(outputs: Sequence[Output]) -> dict[str, Measurement]:
    return {out.metric: out for out in outputs if isinstance(out, Measurement)}


def faults(outputs: Sequence[Output]) -> list[set[str]]:
    return [set(out.faults) for out in outputs if isinstance(out, DeviceStatus)]


def test_cms50d_is_asked_again_before_it_stops() -> None:
    driver = cms50d.Cms50d()
    assert list(driver.start(START_NS)) == [Write(cms50d.host_command(0xA1))]
    assert not list(driver.tick(START_NS + 14 * SECOND_NS))
    assert list(driver.tick(START_NS + 15 * SECOND_NS)) == [Write(cms50d.host_command(0xA1))]


def test_cms50d_finger_out_is_a_fault_and_comes_back() -> None:
    driver = cms50d.Cms50d()
    out = bytes(cms50d.Live(0, None, None, finger_out=True)) * 70
    back = bytes(cms50d.Live(50, 72, 98)) * 130
    outputs = receive(driver, out + back)
    assert faults(outputs) == [{"probe_off"}, set()]
    values = [(o.value, o.reason) for o in outputs if isinstance(o, Measurement)]
    assert values[0] == (None, "probe_off")
    assert readings(outputs)["spo2"].value == 98


def test_cms50d_memory_lands_at_the_time_of_the_recording() -> None:
    driver = cms50d.Cms50d()
    frame = bytes(cms50d.Memory(((97, 61), (96, 62), (None, None)))) + b"\x01"
    assert Discarded(9, "memory_not_asked_for") in receive(driver, frame)
    began = START_NS - 3600 * SECOND_NS
    assert driver.command("read_memory", started_ns=began) == [Write(cms50d.host_command(0xA6))]
    spo2 = [o for o in receive(driver, frame[:-1] * 2) if isinstance(o, Measurement) and o.stored]
    stamps = [(o.value, o.device_time_ns) for o in spo2 if o.metric == "spo2"]
    assert stamps[:3] == [(97, began), (96, began + SECOND_NS), (None, began + 2 * SECOND_NS)]


def test_the_same_bit_means_finger_out_in_a_cms50_and_no_signal_in_a_module() -> None:
    frame = bytes(bci.BciFrame(50, 72, 98, flag_4=True)) * 70
    assert readings(receive(cms50.Cms50(), frame))["spo2"].reason == "probe_off"
    assert readings(receive(bci.make({}), frame))["spo2"].reason == "no_signal"


def test_nonin_uses_the_record_and_not_the_display_value() -> None:
    samples = nonin.packet_samples(60, 97, [50] * 25)
    samples[8] = nonin.Sample(0, 50, 88)
    data = b"".join(sample.to_bytes(False) for sample in samples) * 4
    assert readings(receive(nonin.make({}), data))["spo2"].value == 97


def test_nonin_drops_a_packet_that_an_early_sync_cuts_short() -> None:
    packet = nonin.Packet()
    whole = nonin.packet_samples(60, 97, [50] * 25)
    for sample in [*whole[:10], *nonin.packet_samples(150, 80, [50] * 25)[:24]]:
        packet.add(sample)
    assert (packet.pulse_rate, packet.spo2) == (None, None)
    for sample in whole:
        packet.add(sample)
    assert (packet.pulse_rate, packet.spo2) == (60, 97)


def test_nonin_spot_check_is_acknowledged_and_its_repeat_dropped() -> None:
    driver = nonin.make({"format": 13, "select": True, "utc_offset_minutes": -60})
    assert list(driver.start(START_NS)) == [Write(nonin.select_format(13))]
    clock = DateTime.from_ns(START_NS)
    data = bytes(nonin.SpotCheck(clock, 64, 96, 0x0210))
    outputs = receive(driver, data)
    assert outputs[0] == Write(nonin.ACK)
    spo2 = readings(outputs)["spo2"]
    assert (spo2.value, spo2.stored, spo2.quality) == (96, True, 1.0)
    assert spo2.device_time_ns == START_NS + 3600 * SECOND_NS
    assert receive(driver, data) == [Write(nonin.ACK), Discarded(22, "duplicate")]


def test_masimo_sensor_off_and_low_quality() -> None:
    driver = masimo.Masimo()
    receive(driver, b"\n")
    values = {"SN": "1", "SPO2": "098", "BPM": "097", "EXC": "000420"}
    off = receive(driver, bytes(masimo.MasimoLine(DateTime(2024, 1, 1), values)))
    assert faults(off) == [{"probe_off"}]
    assert readings(off)["spo2"].reason == "probe_off"
    values["EXC"] = "000400"
    weak = readings(receive(driver, bytes(masimo.MasimoLine(DateTime(2024, 1, 1), values))))
    assert (weak["spo2"].value, weak["spo2"].quality) == (98, 0.4)


def test_healthypi_constants_are_never_a_blood_pressure_and_lead_off_is_told() -> None:
    driver = healthypi.make({})
    frame = healthypi.pack_v4(1, 2, 3, 4, 36.52, (16, 98, 74), lead_off=True)
    outputs = receive(driver, frame * 130)
    assert faults(outputs) == [{"lead_off"}]
    found = readings(outputs)
    assert set(found) == {"spo2", "body_temperature", "heart_rate", "respiratory_rate"}
    assert found["heart_rate"].reason == "lead_off"
    assert found["body_temperature"].value == 36.52


def test_healthypi_5_leaves_the_ambiguous_rates_out_unless_told() -> None:
    frame = healthypi.pack_v5(1, 2, 3, 4, 36.5, (98, 16, 74)) * 130
    assert set(readings(receive(healthypi.make({}), frame))) == {"spo2", "body_temperature"}
    told = readings(receive(healthypi.make({"rates": "firmware"}), frame))
    assert (told["respiratory_rate"].value, told["heart_rate"].value) == (16, 74)
    viewer = readings(receive(healthypi.make({"rates": "viewer"}), frame))
    assert (viewer["heart_rate"].value, viewer["respiratory_rate"].value) == (16, 74)


def test_healthypi_5_bundles() -> None:
    ecg = b"".join(i.to_bytes(4, "little", signed=True) for i in range(-6, 6)) + bytes([74, 16])
    ppg = bytes(16) + bytes([25]) + (3650).to_bytes(2, "little")
    data = healthypi.pack(healthypi.V5_ECG, ecg) * 16 + healthypi.pack(healthypi.V5_PPG, ppg) * 16
    outputs = receive(healthypi.make({}), data)
    blocks = {o.metric: (o.fs, len(o.samples)) for o in outputs if isinstance(o, SampleBlock)}
    assert blocks == {"ecg_ii": (125, 128), "respiration": (62.5, 64), "ppg_infrared": (125, 128)}
    assert (readings(outputs)["heart_rate"].value, readings(outputs)["spo2"].value) == (74, None)


def test_cyton_is_reset_and_started_when_its_text_has_ended() -> None:
    driver = cyton.make({})
    assert list(driver.start(START_NS)) == [Write(b"v")]
    text_out = receive(driver, b"OpenBCI V3 8-16 channel\r\nADS1299\r\n$")
    assert not [o for o in text_out if isinstance(o, Write)]
    assert [o for o in receive(driver, b"$$") if isinstance(o, Write)] == [Write(b"b")]
    assert not list(driver.tick(START_NS + 60 * SECOND_NS))
    mute = cyton.make({})
    list(mute.start(START_NS))
    assert list(mute.tick(START_NS + 5 * SECOND_NS)) == [Write(b"b")]


def test_a_sketch_described_in_the_settings() -> None:
    options = {
        "columns": [
            {"metric": "ecg_ii", "scale": 0.01, "offset": -5.0},
            {"skip": True},
            {"metric": "body_temperature"},
        ],
        "separator": ",",
        "rate": 4.0,
        "sentinels": [-999],
        "markers": {"!": "lead_off"},
    }
    driver = text.make(options)
    lines = (
        b"00,x,36.6\n500,x,36.6\n501,y,36.6\n!\n502,z,-999\n503,z,36.61\nnot a line\n504,q,36.6\n"
    )
    outputs = receive(driver, lines)
    blocks = [o for o in outputs if isinstance(o, SampleBlock)]
    assert [(b.index, b.samples.tolist()) for b in blocks] == [
        (0, [500, 501]),
        (3, [502, 503]),
        (6, [504]),
    ]
    assert abs(blocks[0].physical()[1] - 0.01) < 1e-6
    assert faults(outputs) == [{"lead_off"}, set()]
    # a value must be in most lines of its second: here in two of four
    assert readings(outputs)["body_temperature"].reason == "missing"


def test_a_sketch_with_keys_in_any_order() -> None:
    columns = [{"metric": "heart_rate", "key": "HR"}, {"metric": "spo2", "key": "SPO2"}]
    driver = text.make({"columns": columns})
    outputs = receive(driver, b"boot\nSPO2=97, IR=81234, HR=72\n")
    assert {m: r.value for m, r in readings(outputs).items()} == {"heart_rate": 72, "spo2": 97}
    assert receive(driver, b"HR=72\n") == [Discarded(6, "not_a_line")]
