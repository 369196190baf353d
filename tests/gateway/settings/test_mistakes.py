"""Each usual mistake of a settings file has its line, its key and a sentence; others are used."""

import re
from pathlib import Path

import pytest

from teleward_gateway.settings.load import SettingsError, SettingsFile, parse, read

SUBJECTS = """\
[[subjects]]
id = "anna"
bed = "Bed 1"

[[subjects]]
id = "bob"
bed = "Bed 2"

"""
DEVICES = """\
[[devices]]
id = "strap"
driver = "heart-rate"
address = "C0:00:00:00:00:01"
subject = "anna"

[[devices]]
id = "clip"
driver = "cms50d"
port = "/dev/serial/by-id/usb-a"
subject = "bob"

"""
GOOD = SUBJECTS + DEVICES
SKETCH = """\
[[devices]]
id = "sketch"
driver = "text"
port = "/dev/ttyUSB7"
"""


def found_in(tmp_path: Path, text: str | bytes) -> SettingsFile:
    path = tmp_path / "t.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    path.chmod(0o600)
    return read(path)


def shown(file: SettingsFile) -> list[str]:
    return [re.sub(r"^.*/t\.toml", "t", str(mistake)) for mistake in file.mistakes]


ROWS = [
    # a change of GOOD, what is shown, and the devices that are used all the same
    ('bed = "Bed 2"', 'bed = "bed-1"', "t:7: subjects[1].bed: bed 'bed-1' is taken", "strap clip"),
    ('id = "bob"', 'id = "anna"', "t:6: subjects[1].id: subject id used twice", "strap clip"),
    ('id = "clip"', 'id = "strap"', "t:16: devices[1].id: device id used twice", "strap"),
    ('subject = "bob"', 'subject = "bop"', "t:19: devices[1].subject: no subject has id 'bop'; did "
     "you mean 'bob'?", "strap clip"),
    ('"C0:00:00:00:00:01"', '"my oximeter"', "t:12: devices[0].address: driver heart-rate needs a "
     "Bluetooth address", "clip"),
    ('"C0:00:00:00:00:01"', '"c000-0000-0001"', "did you mean 'C0:00:00:00:00:01'?", "clip"),
    ('"C0:00:00:00:00:01"', '"00:00:00:00:00:00"', "address of no device", "clip"),
    ('"/dev/serial/by-id/usb-a"', '"ttyUSB0"', "did you mean '/dev/ttyUSB0'?", "strap"),
    ('"/dev/serial/by-id/usb-a"', '"socket://host:70000"', "port's number is 1 to 65535", "strap"),
    ('"/dev/serial/by-id/usb-a"', '"spy:///etc/x?file=y"', "socket://host:port", "strap"),
    ('driver = "cms50d"', 'driver = "CMS50-D"', "t:17: devices[1].driver: no driver named "
     "'CMS50-D'; did you mean 'cms50d'?", "strap"),
    ('driver = "cms50d"', 'driver = "cms50d"\noptions = {baudrat = 9600}',
     "t:18: devices[1].options.baudrat: driver cms50d: unknown option 'baudrat'; options: none; "
     "did you mean 'baudrate'?", "strap"),
    ('driver = "cms50d"', 'driver = "cms50d"\noptions = {baudrate = 0}',
     "t:18: devices[1].options.baudrate", "strap"),
    ('driver = "cms50d"', 'driver = "cms50d"\noptions = {passkey = 123456}',
     "option passkey is for Bluetooth devices", "strap"),
    ('subject = "bob"', 'wearer = "bob"', "t:19: devices[1].wearer: no such key; keys are",
     "strap"),
    ('id = "bob"', 'id = "bob"\nage = true', "subjects[1].age", "strap clip"),
    ('id = "bob"', 'id = "bob"\nchannel_labels = {ecg_2 = "x"}', "no metric 'ecg_2'; did you mean",
     "strap clip"),
    ('id = "bob"', 'id = "bob"\nlimits = {metrics = {spo2 = 5}}', "subjects[1].limits",
     "strap clip"),
    ('id = "clip"', 'id = “clip”', "t:16: devices[1]: typographic quotes", "strap"),
    ('id = "clip"', 'id = "clip', "a quote is not closed in this line", "strap"),
    ('id = "clip"', 'id = clip', 'text stands in quotes: id = "clip"', "strap"),
    ('id = "clip"', 'id: "clip"', "write = after the key", "strap"),
    ('id = "clip"', 'id = "clip"\nid = "b"', "id is given twice in this table", "strap"),
    ('id = "clip"', 'id\u00a0= "clip"', "an invisible letter (no-break space)", "strap"),
    ('id = "clip"', 'id = "clip"\noptions = {rate = 1,}', "no comma before the }", "strap"),
    ('id = "clip"', 'id = "clip"\noptions = {pair = True}', "write true or false", "strap"),
    ('id = "clip"', 'id =\t"clip" x', "something stands behind the value", "strap"),
    ('id = "clip"', 'id = "clip" // note', "behind the value", "strap"),
    ('id = "clip"', 'id = ', "id has no value", "strap"),
    ('id = "clip"', 'id = "C:\\dir"', "use '...' for this text", "strap"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "expected", "used"), ROWS)
def test_a_mistake_costs_its_own_row_only(
    tmp_path: Path, old: str, new: str, expected: str, used: str
) -> None:
    assert old in GOOD
    file = found_in(tmp_path, GOOD.replace(old, new))
    assert any(expected in line for line in shown(file)), shown(file)
    assert len(file.mistakes) <= 2, "one mistake, and the device of a subject that is not there"
    assert [device.id for device in file.settings.devices] == used.split()
    with pytest.raises(SettingsError):
        parse(GOOD.replace(old, new))


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("rate = 0\ncolumns = [{metric = 'spo2'}]", "t:6: devices[0].options.rate: "),
        ("columns = [{metric = 'spo2'}, {metric = 'hart_rate'}]", "did you mean 'heart_rate'?"),
        ("columns = [{metric = 'spo2'}, {scale = 2.0}]", "devices[0].options.columns[1]: "),
        ("columns = ['spo2']", "column 1"),
        ("columns = [{metric = 'spo2', scale = 0.0}]", "scale"),
        ("columns = [{metric = 'spo2'}, {metric = 'spo2'}]", "different metrics"),
        ("rate = 'fast'\ncolumns = [{metric = 'spo2'}]", "t:6: devices[0].options.rate: "),
        ("column = [{metric = 'spo2'}]", "unknown option 'column'"),
    ],
)
def test_columns_and_rates_of_a_sketch(tmp_path: Path, options: str, expected: str) -> None:
    file = found_in(tmp_path, SKETCH + "[devices.options]\n" + options)
    assert any(expected in line for line in shown(file)), shown(file)
    assert file.settings.devices == []


def test_a_port_may_lie_beside_the_settings(tmp_path: Path) -> None:
    file = found_in(tmp_path, GOOD.replace("/dev/serial/by-id/usb-a", "ports/clip"))
    assert shown(file) == []
    assert [device.id for device in file.settings.devices] == ["strap", "clip"]


def test_one_port_under_two_names(tmp_path: Path) -> None:
    (tmp_path / "real").symlink_to("/dev/null")
    (tmp_path / "again").symlink_to(tmp_path / "real")
    text = GOOD.replace("/dev/serial/by-id/usb-a", "/dev/x") + SKETCH.replace(
        "/dev/ttyUSB7", "/dev/../dev/x"
    ).replace('"text"', '"nonin"')
    file = found_in(tmp_path, text)
    assert shown(file) == ["t:24: devices[2].port: devices[1] is on this port already"]
    twice = GOOD + DEVICES[: DEVICES.index("\n\n")].replace("strap", "b").replace("C0:", "c0:")
    assert "devices[0] has the address" in shown(found_in(tmp_path, twice))[0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[mqtt]\nhost = 'a:1883'\n", "t:2: mqtt.host: 'a:1883': write host = 'a' and port = 1883"),
        ("[mqqt]\nhost = 'a'\n", "t:1: mqqt: no such key; did you mean 'mqtt'?"),
        ("[[mqtt]]\nhost = 'a'\n", "t:1: mqtt: write [mqtt], this section is there once"),
        ("[mqtt]\nport = 70000\n", "t:2: mqtt.port: input should be less than or equal to 65535"),
        ("[api]\nport = 1883\n", "t:1: embedded_broker.port: port 1883 is api.port already"),
        ("[influx]\nurl = 'http://a:70000'\n", "a port's number is 1 to 65535"),
        ("[devices]\nid = 'a'\n", "t:1: devices: write [[devices]] above each device"),
        ("[classroom]\nenabled = true\n", "t:2: classroom.enabled: its patients are simulated"),
        ("port = 8080\n", "t:1: port: no such section; is it a key of [api]?"),
        ("[alarms]\n[[alarms.commands]]\nname = 'a'\ncommand = ['x']\n[[alarms.commands]]\n"
         "name = 'a'\ncommand = ['y']\n", "name used twice: a"),
        ("[network]\nbudget_mb_per_day = 0,5\n", "a number has a decimal point: write 0.5"),
        ("[journal\nmax_megabytes = 100\n", "t:1: journal: a heading is written [NAME]"),
    ],
)  # fmt: skip
def test_a_section_with_a_mistake_is_left_out(tmp_path: Path, text: str, expected: str) -> None:
    file = found_in(tmp_path, text + GOOD)
    assert any(expected in line for line in shown(file)), shown(file)
    assert [device.id for device in file.settings.devices] == ["strap", "clip"]
    if "mq" in text:  # another broker would take what the one of the file is to get
        assert file.settings.mqtt is None
        assert not file.settings.embedded_broker.enabled


@pytest.mark.parametrize(
    "text", ["[gateway]\nmode = 'simulatd'\n", "[gatway]\nname = 'a'\n", "[radio]\nadapter = 1\n",
             "[gateway]\nname = “a”\n"],
)  # fmt: skip
def test_whose_data_it_is_is_never_guessed(tmp_path: Path, text: str) -> None:
    with pytest.raises(SettingsError):
        found_in(tmp_path, text + GOOD)


@pytest.mark.parametrize(
    ("content", "mistake", "note"),
    [
        (b"\xef\xbb\xbf" + GOOD.encode(), "", "byte order mark"),
        (GOOD.replace("\n", "\r\n").encode(), "", "lines end as in Windows"),
        (GOOD.replace("\n", "\r").encode(), "", "old Mac"),
        (GOOD.encode("utf-16"), "t:1: file: is UTF-16 text: save it as UTF-8", ""),
        (GOOD.encode("utf-16-le"), "t:1: file: is UTF-16 text", ""),
        (GOOD.replace("anna", "åsa").encode("latin-1"), "t:2: file: byte 0xE5 is not UTF-8", ""),
        (GOOD.encode() + b"\n" + bytes(40), "zeros in place of text, as after a power cut", ""),
        (b"\n \n", "", "it is empty"),
    ],
)
def test_files_of_every_editor(tmp_path: Path, content: bytes, mistake: str, note: str) -> None:
    file = found_in(tmp_path, content)
    assert mistake in " ".join(shown(file))
    assert bool(file.mistakes) == bool(mistake)
    assert note in " ".join(file.notes)
    n_devices = 0 if not content.strip() else 1 if bytes(9) in content else 2
    assert len(file.settings.devices) == n_devices
    assert file.is_whole == (n_devices == 2)


def test_beds_in_any_script(tmp_path: Path) -> None:
    text = GOOD.replace("Bed 1", "शय्या ३").replace("Bed 2", "शय्या  ३")
    assert "is taken already" in shown(found_in(tmp_path, text))[0]
    assert shown(found_in(tmp_path, GOOD.replace("Bed 1", "ICU 3/a"))) == []
    assert "needs a letter" in shown(found_in(tmp_path, GOOD.replace("Bed 1", "★")))[0]
