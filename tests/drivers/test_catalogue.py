"""The catalogue: finding a driver, options with clear errors, the list and its README table."""

import json
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from teleward_drivers import catalogue as catalogue_module
from teleward_drivers.ble import (
    blood_pressure,
    body_composition,
    framed_uart,
    heart_rate,
    polar_pmd,
    thermometer,
    viatom,
    weight_scale,
)
from teleward_drivers.catalogue import BUILT_IN, catalogue, driver, for_advertisement
from teleward_drivers.device import DriverInfo, LinkType
from teleward_drivers.strangers import stranger
from teleward_gateway.__main__ import main
from teleward_signal.vocabulary import METRICS

README = Path(__file__).resolve().parents[2] / "drivers" / "README.md"


def test_names_are_unique_and_metrics_are_of_the_vocabulary() -> None:
    assert len({info.name for info in BUILT_IN}) == len(BUILT_IN)
    for info in catalogue().values():
        assert info.metrics <= METRICS.keys(), info.name
        assert (info.serial is None) == (info.link is LinkType.BLE), info.name
        assert all(uuid == uuid.lower() and len(uuid) == 36 for uuid in info.services)
        assert info.source, info.name


def test_a_name_wins_over_a_service_and_an_unknown_device_has_no_driver() -> None:
    found = for_advertisement("Polar H10 12345678", [heart_rate.SERVICE])
    assert [info.name for info in found] == ["polar-pmd", "heart-rate"]
    assert [i.name for i in for_advertisement(None, [heart_rate.SERVICE.upper()])] == ["heart-rate"]
    assert for_advertisement("Some speaker", ["0000110b-0000-1000-8000-00805f9b34fb"]) == []
    assert for_advertisement("polar h10", [polar_pmd.SERVICE])[0].name == "polar-pmd"


def test_a_serial_adapter_offers_what_may_be_behind_it() -> None:
    fits = [info.name for info in catalogue().values() if "10c4:ea60" in info.usb_ids]
    assert fits == ["cms50d", "cms50"]


def test_an_unknown_driver_is_told_the_names() -> None:
    with pytest.raises(ValueError, match=r"no driver 'hart-rate'; there are: .*heart-rate"):
        driver("hart-rate")


@pytest.mark.parametrize(
    "name, options, message",
    [
        ("heart-rate", {"colour": 1}, "driver heart-rate: unknown option 'colour'; options: none"),
        ("nonin", {"format": 3}, "format must be 2, 7, 8 or 13, not 3"),
        ("thermometer", {"interval_s": "60"}, "'interval_s' must be int, not '60'"),
        ("thermometer", {"interval_s": 70000}, "interval_s must be 0 to 65535"),
        ("blood-pressure", {"set_clock": 1}, "'set_clock' must be bool"),
        ("cyton", {"channels": {"9": "ecg_i"}}, "channels are 1 to 8, not '9'"),
        ("cyton", {"channels": {"1": "spo2"}}, "'spo2' is not a waveform metric"),
        ("text", {}, "columns must list at least one column"),
        ("text", {"columns": [{"metric": "mood"}]}, "column 1: no metric 'mood'"),
        ("text", {"columns": [{"metric": "spo2"}], "rate": 0}, "rate must be 0.01 to 10000"),
        ("healthypi", {"rates": "guess"}, "'firmware' or 'viewer'"),
        ("polar-pmd", {"lead": "spo2"}, "lead must be an ECG metric"),
    ],
)
def test_options_are_checked(name: str, options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        driver(name).make(options)


def test_every_driver_is_made_without_options_or_says_what_it_needs() -> None:
    for info in catalogue().values():
        if info.name in ("text", "health-sensor"):
            with pytest.raises(ValueError, match=f"driver {info.name}"):
                info.make({})
        else:
            list(info.make({}).start(0))


def test_a_broken_package_is_left_out_with_its_name(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    group = catalogue_module.ENTRY_POINT_GROUP
    points = [
        EntryPoint("gone", "no_such_package.thing:DRIVER", group),
        EntryPoint("wrong", "math:pi", group),
        EntryPoint("taken", "teleward_drivers.ble.heart_rate:DRIVER", group),
    ]
    monkeypatch.setattr(catalogue_module, "entry_points", lambda group: points)
    catalogue.cache_clear()
    try:
        assert list(catalogue()) == [info.name for info in BUILT_IN]
    finally:
        monkeypatch.undo()
        catalogue.cache_clear()
    assert "no_such_package.thing:DRIVER" in caplog.text
    assert "is not a DriverInfo" in caplog.text
    assert "'heart-rate' is taken" in caplog.text


def test_the_list_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["drivers", "list", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert {row["name"] for row in rows} >= {info.name for info in BUILT_IN}
    keys = {"name", "status", "title", "link", "source", "metrics"}
    assert all(keys <= row.keys() for row in rows)
    assert main(["drivers", "list"]) == 0
    assert "capture-verified" in capsys.readouterr().out


def table_row(info: DriverInfo) -> str:
    return f"| {info.name} | {info.title} | {info.link} | {info.verification} | {info.source} |"


def test_the_readme_lists_every_driver_as_it_is() -> None:
    text = README.read_text(encoding="utf-8")
    for info in BUILT_IN:
        assert table_row(info) in text, f"add to drivers/README.md:\n{table_row(info)}"


@pytest.mark.parametrize(
    "name, services, first",
    [
        ("PC-60F_SN012345", [framed_uart.SERVICE], "pc60fw"),
        ("OxySmart 1234", [framed_uart.SERVICE], "pc60fw"),
        ("FORA IR42", [thermometer.SERVICE], "taidoc"),
        ("TAIDOC TD1261", [thermometer.SERVICE], "taidoc"),
        ("MIBFS", [body_composition.SERVICE], "mi-scale"),
        ("MI SCALE2", [weight_scale.SERVICE], "mi-scale"),
        ("Teleward patch 1", [framed_uart.SERVICE], "framed-uart"),
    ],
)
def test_the_name_of_a_device_goes_before_a_service_that_it_shares(
    name: str, services: list[str], first: str
) -> None:
    assert for_advertisement(name, services)[0].name == first


@pytest.mark.parametrize("name", ["iP900BPB", "BP2 1234", "ER1 0001", "BLESmart_0000025828FFB2"])
def test_a_known_device_that_no_driver_reads_is_offered_none(name: str) -> None:
    for services in ([framed_uart.SERVICE], [viatom.SERVICE], [blood_pressure.SERVICE], []):
        assert for_advertisement(name, services) == []
    known = stranger(name)
    assert known is not None
    assert "not readable yet" in known.note
    assert stranger("Nonin3230") is None
    assert stranger(None) is None
