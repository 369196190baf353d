"""The registry of a gateway that must start: from its file, else in memory."""

import logging
from pathlib import Path

from teleward_gateway.clock import Clock
from teleward_gateway.registry.model import RegistryError
from teleward_gateway.registry.store import Registry
from teleward_signal.model import Provenance

log = logging.getLogger(__name__)


def open_registry(path: Path, mode: Provenance, clock: Clock) -> Registry:
    """Return the registry in ``path``, or one in memory with the reason.

    On a full or read-only disk the one in memory begins with what the file holds, and
    `Registry.write_out` writes it back. A file of the other mode or of a later version is left
    alone and not read.
    """
    try:
        return Registry(path, mode, clock=clock)
    except RegistryError as error:
        problem = f"{error}; changes of beds and devices are lost at the next start"
    log.error("%s", problem)
    try:
        return Registry(":memory:", mode, clock=clock, problem=problem, copy_of=path)
    except RegistryError:
        return Registry(":memory:", mode, clock=clock, problem=problem)
