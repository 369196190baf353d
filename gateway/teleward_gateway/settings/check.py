"""Settings checked table by table and row by row: a mistake costs its own row or section only.

subjects, devices   a row with a mistake is left out; a bed taken twice, or a subject that is
                    not there, is left out of its row
gateway, radio      the gateway does not start: whose data this is would be a guess
any other section   is left out, so its defaults hold; without [mqtt] nothing is sent
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, TypeAdapter, ValidationError

from teleward_drivers.catalogue import catalogue
from teleward_gateway.settings.consistency import conflicts, mode_conflicts, port_conflicts
from teleward_gateway.settings.device_check import device_problems
from teleward_gateway.settings.mistakes import Key, Problem
from teleward_gateway.settings.model import DeviceSettings, Settings, SubjectSettings
from teleward_gateway.settings.places import near_section, unknown_key
from teleward_gateway.settings.syntax import ROWS

NEEDED = frozenset({"gateway", "radio"})
"""Sections that the gateway does not guess."""
_KINDS = frozenset({"float", "str", "int", "bool"})
_MODELS: dict[str, type[BaseModel]] = {"subjects": SubjectSettings, "devices": DeviceSettings}


@dataclass(slots=True)
class Checked:
    """What of a settings file can be used."""

    problems: list[Problem] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)
    """Sections that are left out."""
    kept: set[str] = field(default_factory=set)
    """Rows such as ``device strap`` that are in the file, though not used as they stand."""
    whole: bool = True
    """False where a row of the file has no known id: nothing may count as taken out."""
    settings: Settings | None = None
    """None when a section that is needed cannot be used."""

    def refuse(self, key: Key, text: str) -> None:
        """Note a mistake and leave out the section it stands in, unless that is rows."""
        if all(problem.key != key for problem in self.problems):
            self.problems.append(Problem(key, text))
        section = str(key[0]) if key else ""
        if section not in ROWS:
            self.refused.add(section)


def check(data: Mapping[str, Any], unread: frozenset[str] = frozenset()) -> Checked:
    """Return what can be used of the tables ``data``; ``unread`` are sections with a slip in it."""
    found = Checked(refused=set(unread))
    sections: dict[str, Any] = {}
    for name, value in data.items():
        if name in ROWS:
            continue
        if name not in Settings.model_fields:
            _unknown_section(found, name, data)
        elif isinstance(value, list):
            found.refuse((name,), f"write [{name}], this section is there once")
        elif (made := _section(found, name, value)) is not None:
            sections[name] = made
    subjects = _rows(found, "subjects", data.get("subjects", []))
    devices = _rows(found, "devices", data.get("devices", []))
    _check_devices(found, devices)
    _check_conflicts(found, subjects, devices)
    _build(found, sections, subjects, devices)
    return found


def _unknown_section(found: Checked, name: str, data: Mapping[str, Any]) -> None:
    found.problems.append(Problem((name,), unknown_key((name,))))
    meant = near_section(name)
    if meant is not None and meant not in data:
        found.refused.add(meant)
        found.whole = found.whole and meant not in ROWS


def _section(found: Checked, name: str, value: Any) -> Any:
    """Return a section as its model, None when it has a mistake."""
    annotation: Any = Settings.model_fields[name].annotation
    try:
        return TypeAdapter(annotation).validate_python(value)
    except ValidationError as error:
        for detail in error.errors():
            found.refuse(*_detail((name,), detail))
        return None


def _rows(found: Checked, section: str, value: Any) -> dict[int, Any]:
    """Return the rows that can be used by their place in the file."""
    if not isinstance(value, list):
        found.problems.append(
            Problem((section,), f"write [[{section}]] above each {section[:-1]}, with two brackets")
        )
        found.whole = False
        return {}
    rows: dict[int, Any] = {}
    for index, row in enumerate(value):
        if row is None:  # a slip, named already
            found.whole = False
            continue
        try:
            rows[index] = _MODELS[section].model_validate(row)
        except ValidationError as error:
            for detail in error.errors():
                found.refuse(*_detail((section, index), detail))
            _keep(found, section, row)
    return rows


def _keep(found: Checked, section: str, row: Any) -> None:
    """Note that a row is in the file, so that it does not count as taken out of it."""
    name = row.get("id") if isinstance(row, dict) else None
    if isinstance(name, str):
        found.kept.add(f"{section[:-1]} {name}")
    else:
        found.whole = False


def _detail(base: Key, detail: Any) -> tuple[Key, str]:
    """Return key and sentence of one error of pydantic."""
    location = tuple(p for p in detail["loc"] if not str(p).startswith("function-"))
    if len(location) > 1 and location[-1] in _KINDS:  # one of several types
        location = location[:-1]
    key = (*base, *location)
    if detail["type"] == "extra_forbidden":
        return key, unknown_key(key)
    if detail["type"] == "missing":
        return key, f"{location[-1]} is missing"
    text = detail["msg"].removeprefix("Value error, ")
    return key, text[:1].lower() + text[1:] if text.startswith("Input should") else text


def _check_devices(found: Checked, devices: dict[int, Any]) -> None:
    for index, device in list(devices.items()):
        info = catalogue()[device.driver]
        problems = list(device_problems(info, device.place, device.options))
        for problem in problems:
            found.refuse(("devices", index, *problem.key), problem.text)
        if problems:
            found.kept.add(f"device {device.id}")
            del devices[index]


def _check_conflicts(found: Checked, subjects: dict[int, Any], devices: dict[int, Any]) -> None:
    lost = frozenset(k.removeprefix("subject ") for k in found.kept if k.startswith("subject "))
    rows = {"subjects": subjects, "devices": devices}
    for conflict in list(conflicts(list(subjects.items()), list(devices.items()), lost)):
        section, index, name = (str(conflict.key[0]), int(conflict.key[1]), str(conflict.key[2]))
        row = rows[section].get(index)
        if row is None:  # left out already
            continue
        found.refuse(conflict.key, conflict.text)
        found.kept.add(f"{section[:-1]} {row.id}")
        if conflict.whole:
            del rows[section][index]
        else:
            empty = type(row).model_fields[name].default
            rows[section][index] = row.model_copy(update={name: empty})
    _leave_lost(found, rows, lost)


def _leave_lost(found: Checked, rows: dict[str, dict[int, Any]], lost: frozenset[str]) -> None:
    """Have devices of a subject whose row cannot be used worn by nobody until it can."""
    used = {subject.id for subject in rows["subjects"].values()}
    for index, device in rows["devices"].items():
        if device.subject is not None and device.subject not in used:
            if device.subject in lost:
                text = f"the row of subject {device.subject!r} cannot be used"
                found.problems.append(Problem(("devices", index, "subject"), text))
            found.kept.add(f"device {device.id}")
            rows["devices"][index] = device.model_copy(update={"subject": None})


def _build(
    found: Checked, sections: dict[str, Any], subjects: dict[int, Any], devices: dict[int, Any]
) -> None:
    draft = Settings.model_construct(**sections)
    for conflict in mode_conflicts(draft):
        found.refuse(conflict.key, conflict.text)
        sections.pop(str(conflict.key[0]), None)
    if "mqtt" in found.refused:  # a broker of our own would take what another one is to get
        broker = Settings().embedded_broker.model_copy(update={"enabled": False})
        sections["embedded_broker"] = broker
    for conflict in port_conflicts(Settings.model_construct(**sections)):
        found.problems.append(Problem(conflict.key, conflict.text))
    if found.refused & NEEDED:
        return
    rows = {"subjects": list(subjects.values()), "devices": list(devices.values())}
    found.settings = Settings(**sections, **rows)
