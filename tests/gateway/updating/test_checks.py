"""What a machine needs before an update: room, a supply that lasts, a clock that is right."""

from pathlib import Path

import pytest

from teleward_gateway.updating.bundle import Manifest, UpdateRefused
from teleward_gateway.updating.checks import check_clock, check_disk, check_power
from teleward_gateway.updating.lookout import tunnels
from teleward_gateway.updating.schemas import SCHEMAS, not_additive

MADE = 1_796_000_000


def files(folder: Path, **contents: str) -> None:
    folder.mkdir(parents=True)
    for name, text in contents.items():
        (folder / name).write_text(f"{text}\n")


def test_a_battery_that_empties_and_a_weak_supply_are_named(tmp_path: Path) -> None:
    assert check_power(tmp_path) == "mains"
    power = tmp_path / "class/power_supply"
    files(power / "AC", type="Mains", online="1")
    files(power / "hid-1", type="Battery", scope="Device", status="Discharging", capacity="3")
    files(power / "BAT0", type="Battery", status="Charging", capacity="12")
    assert check_power(tmp_path) == "battery 12 %, charging"
    (power / "BAT0" / "status").write_text("Discharging\n")
    with pytest.raises(UpdateRefused, match="12 % and is not charged"):
        check_power(tmp_path)
    (power / "BAT0" / "capacity").write_text("80\n")
    assert check_power(tmp_path) == "battery 80 %, discharging"
    files(tmp_path / "class/hwmon/hwmon1", name="rpi_volt", in0_lcrit_alarm="1")
    with pytest.raises(UpdateRefused, match="too weak"):
        check_power(tmp_path)


def test_a_clock_before_the_date_of_the_update_is_wrong() -> None:
    manifest = Manifest("1", 1, MADE)
    assert check_clock(manifest, True, MADE + 5) == "right"
    assert "not confirmed" in check_clock(manifest, None, MADE + 5)
    with pytest.raises(UpdateRefused, match="shows 1970-01-01 and the update is of 2026-11-30"):
        check_clock(manifest, False, 60.0)


def test_a_disk_without_room_is_named_with_how_much_is_needed(tmp_path: Path) -> None:
    assert "MB free" in check_disk(tmp_path, Manifest("1", 1, MADE, unpacked_bytes=1000))
    with pytest.raises(UpdateRefused, match="the update needs 3000100 MB"):
        check_disk(tmp_path, Manifest("1", 1, MADE, unpacked_bytes=10**12))


def test_tunnels_that_are_up_are_known_by_their_kind(tmp_path: Path) -> None:
    net = tmp_path / "class/net"
    files(net / "wg0", uevent="DEVTYPE=wireguard\nINTERFACE=wg0", flags="0x91")
    files(net / "tun1", uevent="INTERFACE=tun1", flags="0x1090", tun_flags="0x1")
    files(net / "nebula1", uevent="INTERFACE=nebula1", flags="0x10d1", tun_flags="0x1")
    files(net / "eth0", uevent="INTERFACE=eth0", flags="0x1003")
    assert tunnels(tmp_path) == {"tunnel wg0", "tunnel nebula1"}


def test_files_of_a_higher_number_need_a_snapshot() -> None:
    assert not_additive(SCHEMAS) == []
    assert not_additive(SCHEMAS | {"journal": 99, "a-file-of-later": 1}) == [
        "a-file-of-later", "journal",
    ]  # fmt: skip
