"""Any text names a bed; its id goes into topics and addresses, and is read back for people."""

import pytest

from teleward_gateway.registry.beds import bed_id, bed_name
from teleward_gateway.registry.model import NAME, RegistryError


@pytest.mark.parametrize(
    ("name", "made", "back"),
    [
        ("Bed 9", "bed-9", "Bed 9"),
        ("bed-07", "bed-07", "Bed 07"),
        ("ICU 3/a", "icu-3-a", "Icu 3 a"),
        ("शय्या 3", "xn---3-", "शय्या 3"),
        ("Кровать 5", "xn---5-", "Кровать 5"),
        ("病床", "xn--", "病床"),
    ],
)
def test_id_and_name(name: str, made: str, back: str) -> None:
    found = bed_id(name)
    assert found.startswith(made)
    assert NAME.fullmatch(found)
    assert bed_name(found) == back
    assert bed_id(found) == found


@pytest.mark.parametrize("name", ["★", " ", "-", "ब" * 80 + "क" * 80])
def test_names_without_an_id_are_refused(name: str) -> None:
    with pytest.raises(RegistryError):
        bed_id(name)


def test_spaces_and_capitals_make_no_other_bed() -> None:
    assert bed_id("  BED   9 ") == bed_id("bed 9") == "bed-9"
