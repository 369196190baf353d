"""The sinks of installed packages, each with its section ``[sinks.NAME]`` of the settings file.

MQTT, InfluxDB and alarm receivers are built in; others come from installed packages:

    [project.entry-points."teleward.sinks"]
    my-lines = "my_package.lines:SINK"

A broken package is left out with a warning that names it; it never stops the gateway.
"""

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from teleward_cloud.sink import Sink
from teleward_signal.model import Provenance

ENTRY_POINT_GROUP = "teleward.sinks"
TAKEN = frozenset({"mqtt", "influx"})
"""Names of built-in sinks; those of alarm receivers begin with ``alarms:``."""

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,40}")

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SinkContext:
    """The gateway that a sink is made for.

    ``folder`` is for files of the sink's own; the sink makes it when it needs one.
    """

    gateway: str
    provenance: Provenance
    folder: Path


@dataclass(frozen=True, slots=True)
class SinkInfo:
    """A kind of sink: ``make(settings, context)`` returns one named ``name``.

    ``settings`` is the model of its section in the settings file; each key has a description. The
    sink is made only if the section is there.
    """

    name: str
    title: str
    settings: type[BaseModel]
    make: Callable[[Any, SinkContext], Sink]

    def made(self, settings: BaseModel, context: SinkContext) -> Sink:
        """Return the sink; raises ValueError if it has another name, or what ``make`` raises."""
        sink = self.make(settings, context)
        if sink.name != self.name:
            raise ValueError(f"the sink is named {sink.name!r}, not {self.name!r}")
        return sink


@cache
def catalogue() -> dict[str, SinkInfo]:
    """Return every sink of an installed package, by name."""
    found: dict[str, SinkInfo] = {}
    for point in entry_points(group=ENTRY_POINT_GROUP):
        try:
            info = point.load()
        except Exception as error:
            log.warning("sink package %s cannot be loaded: %s", point.value, error)
            continue
        if (problem := _problem(info)) is not None:
            log.warning("sink package %s: %s", point.value, problem)
        elif info.name in TAKEN or info.name in found:
            log.warning("sink package %s: name %r is taken", point.value, info.name)
        else:
            found[info.name] = info
    return found


def _problem(info: object) -> str | None:
    """Return what keeps an entry point from being used."""
    if not isinstance(info, SinkInfo):
        return f"{info!r} is not a SinkInfo"
    if not _NAME.fullmatch(info.name):
        return f"name {info.name!r}: use lower-case letters, digits and hyphens, 41 at most"
    if not (isinstance(info.settings, type) and issubclass(info.settings, BaseModel)):
        return f"settings {info.settings!r} is not a pydantic model"
    return None
