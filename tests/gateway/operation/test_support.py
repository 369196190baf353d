"""The report for a technician holds no name, record number or address, tested by substring."""

import io
import json
import logging
import zipfile
from pathlib import Path

import pytest

from teleward_gateway.operation.log_tail import LogTail
from teleward_gateway.operation.support import bundle, registry_names
from teleward_gateway.process.logs import Redactor
from teleward_gateway.registry.model import Device, Subject
from teleward_gateway.registry.store import Registry
from teleward_gateway.settings.load import parse
from teleward_signal.model import Provenance

SETTINGS = """
[gateway]
name = "phc-rampur"
data_folder = "/home/lata/data"
[mqtt]
host = "broker.rampur.example"
username = "rampurward"
password = "drei Worte und ein Fluss"
[[remote_commands.users]]
name = "Hemant"
key = "0123456789abcdef-key"
commands = ["identify"]
[[subjects]]
id = "sunita"
label = "Sunita Devi MRN-004711"
bed = "शय्या ३"
detail = "54 y, Kothri village"
[[devices]]
id = "clip-7"
label = "Sister Lata's clip"
driver = "pulse-oximeter"
address = "00:1C:05:FF:00:01"
"""
SECRET = (
    "sunita", " devi ", "004711", "kothri", "arun", "kumar", "8812", "lata", "hemant", "rampur",
    "00:1c:05", "c0:de", "192.168.7.9", "fd00::12", "शय्या", "worte", "0123456789abcdef", "clip-7",
    "asha@clinic", "/home/", "rita", "मह", "åsa",
)  # fmt: skip


def unpacked(content: bytes) -> dict[str, str]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}


def test_it_names_nobody(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    registry = Registry(tmp_path / "r.sqlite", Provenance.FIELD)
    request.addfinalizer(registry.close)
    left = Subject("arun", "Arun Kumar", bed="bed-2", attributes={"detail": "MRN 8812"})
    registry.admit(left)
    registry.discharge("arun")
    registry.add_device(Device("strap", "heart-rate", "C0:DE:00:00:00:01", "Arun's strap"))
    registry.remove_device("strap")
    log = [
        "strap: backing_off (C0:DE:00:00:00:01 did not advertise)",
        "MQTT rampurward@broker.rampur.example: refused, asha@clinic.example, id 12345678",
        "Sunita is not admitted; KUMAR, Patient_Arun7, 192.168.7.9, fd00::12:3 in /home/lata/x",
    ]
    trouble = {"clip-7": "searching: 00:1C:05:FF:00:01"}
    health = {"status": "degraded", "uptime_s": 5.0, "parts": {
        "sessions": {"ok": True, "devices": 1, "devices_in_trouble": trouble},
        "journal": {"ok": True, "journal": "a1b2c3", "records": 17},
    }}  # fmt: skip
    names = [*registry_names(registry), "Rita"]
    mistakes = ["/home/lata/t.toml:9: devices[0]: clip-7 was taken by Rita in 'महिला  ३', Åsa"]
    files = unpacked(bundle(parse(SETTINGS), health, log, names, mistakes))
    whole = "\n".join(files.values()).casefold()
    assert [word for word in SECRET if word in whole] == []
    assert json.loads(files["health.json"])["parts"]["journal"] == {"ok": True, "records": 17}
    assert "backing_off" in files["log.txt"], "what a technician needs is there"
    assert json.loads(files["settings.json"])["devices"] == {"pulse-oximeter": 1}
    assert json.loads(files["machine.json"])["processor"]


def test_the_tail_of_the_log_forgets_and_hides(request: pytest.FixtureRequest) -> None:
    redactor = Redactor()
    log = logging.getLogger("teleward_gateway.test_tail")
    log.setLevel(logging.INFO)
    with LogTail(redactor) as tail:
        log.info("Anna Berg is in bed-3")
        for number in range(500):
            log.info("line %d", number)
        assert len(tail.lines()) == 400
        log.info("Anna Berg left")
        redactor.learn(["Anna Berg"])  # learnt later than the line was written
        assert "Anna" not in tail.lines(1)[0]
    log.info("after")
    assert "after" not in tail.lines(1)[0]
