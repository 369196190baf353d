"""What no single table shows: ids, beds, addresses and ports that are used twice."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from teleward_gateway.registry.beds import bed_id
from teleward_gateway.settings.mistakes import Key
from teleward_gateway.settings.model import DeviceSettings, Settings, SubjectSettings
from teleward_signal.model import Provenance

Rows = Sequence[tuple[int, SubjectSettings]]
Devices = Sequence[tuple[int, DeviceSettings]]


@dataclass(frozen=True, slots=True)
class Conflict:
    """A row that does not go with the rows before it.

    ``whole``: the row is not used at all; else only ``key`` of it is left out.
    """

    key: Key
    text: str
    whole: bool = True


def conflicts(subjects: Rows, devices: Devices, lost: frozenset[str]) -> Iterator[Conflict]:
    """Yield the conflicts of rows; of two, the later one is named.

    ``lost`` are ids of subjects whose own row cannot be used.
    """
    yield from _ids("subjects", subjects)
    yield from _beds(subjects)
    yield from _ids("devices", devices)
    yield from _places(devices)
    known = {subject.id for _, subject in subjects} | lost
    for index, device in devices:
        if device.subject is not None and device.subject not in known:
            near = get_close_matches(device.subject, known, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            problem = f"no subject has id {device.subject!r}{hint}"
            yield Conflict(("devices", index, "subject"), problem, whole=False)


def _ids(section: str, rows: Rows | Devices) -> Iterator[Conflict]:
    what = section.removesuffix("s")
    yield from _twice(section, "id", [(i, row.id, row.id) for i, row in rows],
                      lambda first, name: f"{what} id used twice: {name} ({first})")  # fmt: skip


def _beds(subjects: Rows) -> Iterator[Conflict]:
    named = [(i, bed_id(s.bed), s.bed) for i, s in subjects if s.bed]
    yield from _twice("subjects", "bed", named,
                      lambda first, name: f"bed {name!r} is taken already by {first}",
                      whole=False)  # fmt: skip


def _places(devices: Devices) -> Iterator[Conflict]:
    addresses = [(i, d.address.upper(), d.address) for i, d in devices if d.address]
    yield from _twice("devices", "address", addresses,
                      lambda first, name: f"{first} has the address {name} already")  # fmt: skip
    ports = [(i, same_port(d.port), d.port) for i, d in devices if d.port]
    yield from _twice("devices", "port", ports,
                      lambda first, name: f"{first} is on this port already")  # fmt: skip


def _twice(
    section: str,
    field: str,
    values: list[tuple[int, str, str]],
    text: Callable[[str, str], str],
    *,
    whole: bool = True,
) -> Iterator[Conflict]:
    """Yield a conflict for each value that a row before has; ``values``: row, compared, shown."""
    seen: dict[str, int] = {}
    for index, compared, shown in values:
        first = seen.setdefault(compared, index)
        if first != index:
            what = text(f"{section}[{first}]", shown)
            yield Conflict((section, index, field), what, whole)


def same_port(port: str) -> str:
    """Return what two names of one port have in common: links are followed, hosts lower case."""
    if "://" in port:
        return re.sub(r"/?(\?.*)?$", "", port.lower()).replace("//localhost:", "//127.0.0.1:")
    try:
        return str(Path(port).resolve())
    except (OSError, RuntimeError, ValueError):  # a circle of links
        return port


def mode_conflicts(settings: Settings) -> Iterator[Conflict]:
    """Yield sections that are for simulated patients, on a gateway of real ones."""
    field = settings.gateway.mode is Provenance.FIELD
    if settings.radio.adapter.startswith("virtual:") and field:
        yield Conflict(
            ("radio", "adapter"),
            'a virtual radio carries simulated devices: set gateway.mode = "simulated"',
        )
    if settings.classroom.enabled and field:
        yield Conflict(
            ("classroom", "enabled"),
            'its patients are simulated: set gateway.mode = "simulated"',
        )


def port_conflicts(settings: Settings) -> Iterator[Conflict]:
    """Yield servers of this gateway that would listen at one port."""
    servers: list[tuple[Key, int]] = [(("api", "port"), settings.api.port)]
    if settings.lan.enabled:
        servers.append((("lan", "port"), settings.lan.port))
        servers.append((("lan", "plain_port"), settings.lan.plain_port))
    if settings.mqtt is None and settings.embedded_broker.enabled:
        servers.append((("embedded_broker", "port"), settings.embedded_broker.port))
    seen: dict[int, Key] = {}
    for key, port in servers:
        first = seen.setdefault(port, key)
        if port and first != key:
            other = ".".join(map(str, first))
            yield Conflict(key, f"port {port} is {other} already: two servers need two ports")
