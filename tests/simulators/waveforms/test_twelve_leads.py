"""All twelve leads: patient -> framed serial module -> bytes -> driver -> samples in mV."""

import numpy as np

from teleward_drivers.catalogue import driver as driver_info
from teleward_drivers.device import Write
from teleward_drivers.framed_codes import METRIC_CODES
from teleward_drivers.link import Received
from teleward_signal.model import SampleBlock
from teleward_signal.vocabulary import METRICS
from teleward_simulators.framed_device import FramedDevice
from teleward_simulators.physiology.patient import PhysiologyPatient
from teleward_simulators.waveforms.leads import LEAD_NAMES

FS = 250.0


def test_every_lead_has_its_name_code_and_number() -> None:
    assert len(LEAD_NAMES) == 12
    for lead in LEAD_NAMES:
        assert METRICS[lead].unit == "mV"
        assert METRICS[lead].label.lower() == lead.removeprefix("ecg_")
        assert METRIC_CODES[lead] >= 64
    assert len({METRICS[lead].mdc for lead in LEAD_NAMES}) == 12
    assert len(set(METRIC_CODES.values())) == len(METRIC_CODES)


def test_twelve_leads_come_through_a_serial_module() -> None:
    patient = PhysiologyPatient(seed=6, rhythm="stemi_anterior")
    device = FramedDevice(patient, "T12", "12-lead module", dict.fromkeys(LEAD_NAMES, FS))
    driver = driver_info("framed-serial").make({})
    frames = device.connected(20.0)
    for command in driver.start(0):
        if isinstance(command, Write):
            frames += device.feed(command.data, 20.0)
    for output in [o for frame in frames for o in driver.feed(Received(frame, 0, 0))]:
        if isinstance(output, Write):
            frames += device.feed(output.data, 20.0)
    sent = [frame for tick in range(1, 21) for frame in device.tick(20.0 + tick / 10)]
    blocks: dict[str, list[SampleBlock]] = {}
    for frame in sent:
        for output in driver.feed(Received(frame, 0, 0)):
            if isinstance(output, SampleBlock):
                blocks.setdefault(output.metric, []).append(output)
    assert set(blocks) == set(LEAD_NAMES)
    for lead in LEAD_NAMES:
        wave = np.concatenate([block.physical() for block in blocks[lead]])
        assert len(wave) >= 450
        # the module's first sample is the first after it was started
        truth = patient.waveform(lead, FS, int(20 * FS) + 1, len(wave))
        assert np.abs(wave - truth).max() < 0.01
    # anterior injury: up in V2 to V4, and nothing of it mirrored wrongly in aVR
    beat = next(b for b in patient.beats(20.0, 22.0) if b < 21.0)
    at = int((beat + 0.09) * FS)
    levels = {lead: float(patient.waveform(lead, FS, at, 5).mean()) for lead in LEAD_NAMES}
    assert min(levels["ecg_v2"], levels["ecg_v3"], levels["ecg_v4"]) > 0.15
