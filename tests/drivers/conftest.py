"""The Bluetooth SIG's own field files (GSS), as the package ``bluetooth-sig`` carries them."""

import importlib.util
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

PRESENT = re.compile(r"Present if bit (\d+) of (?:the )?Flags field is set to (\d)")
RESERVED = "Reserved for Future Use"


@dataclass(frozen=True)
class Field:
    """One field of a value: its SIG type, its bytes, and the flag that announces it."""

    name: str
    kind: str
    size: int
    bit: int | None
    when: int


@dataclass(frozen=True)
class Bit:
    """One bit, or a few with their own values, of a field of bits."""

    first: int
    last: int
    text: str

    @property
    def reserved(self) -> bool:
        return self.text.startswith(RESERVED)

    @property
    def title(self) -> str:
        return self.text.split("\n")[0].rstrip(":")


@dataclass(frozen=True)
class Characteristic:
    """A characteristic as the SIG describes it."""

    name: str
    content: dict[str, Any]

    @property
    def fields(self) -> list[Field]:
        return [_field(row) for row in self.content["structure"]]

    def bits(self, name: str, part: str | None = None) -> list[Bit]:
        """Return the bits of field ``name``, or of its subfield ``part``."""
        found = self._named(name, part)
        bits = []
        for row in found["values"]:
            first, _, last = str(row["bit"]).partition("\u2013")
            bits.append(Bit(int(first), int(last or first), row["description"].strip()))
        return bits

    def values(self, name: str, part: str | None = None) -> dict[int, str]:
        """Return the single values of field ``name`` that are not reserved."""
        found: dict[int, str] = {}
        for row in self._named(name, part)["values"]:
            value = str(row.get("value", row.get("op_code_value", "")))
            text = str(row.get("definition", row.get("description", "")))
            if "\u2013" not in value and not text.startswith(RESERVED):
                found[int(value, 0)] = text
        return found

    def _named(self, name: str, part: str | None) -> dict[str, Any]:
        rows: list[dict[str, Any]] = self.content["fields"]
        (found,) = [row for row in rows if row["name"] == name]
        if part is not None:
            (found,) = [row for row in found["subfields"] if row["name"] == part]
        return found


def _field(row: dict[str, Any]) -> Field:
    present = PRESENT.search(row["description"])
    size = re.findall(r"\d+", str(row["size"]).replace("n*", ""))[-1]
    bit, when = (int(present[1]), int(present[2])) if present else (None, 1)
    return Field(row["field"], row["type"], int(size), bit, when)


@cache
def characteristic(name: str) -> Characteristic:
    """Return a characteristic by the end of its identifier."""
    spec = importlib.util.find_spec("bluetooth_sig")
    assert spec is not None, "install the extra dev: it has bluetooth-sig"
    assert spec.origin is not None
    path = f"bluetooth_sig/gss/org.bluetooth.characteristic.{name}.yaml"
    text = (Path(spec.origin).parent / path).read_text(encoding="utf-8")
    return Characteristic(name, yaml.safe_load(text)["characteristic"])


@pytest.fixture(scope="session")
def gss() -> Any:
    """``gss("glucose_measurement")`` is that characteristic's published description."""
    return characteristic
