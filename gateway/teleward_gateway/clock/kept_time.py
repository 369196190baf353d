"""The time base over a restart of the process within one boot, in a file in memory.

    process 1   |-- stamps by offset a --| killed
    clock                                   | set, +1 h
    process 2                                 | goes on with offset a, sees the step, corrects |

Without it the second process would count from the new time and nothing would correct what the first
one had stamped.
"""

import json
import logging
from contextlib import suppress
from pathlib import Path

from teleward_gateway.clock.corrections import Corrections
from teleward_gateway.clock.gateway_clock import BaseState, GatewayClock

log = logging.getLogger(__name__)


class KeptTime:
    """The file of one gateway; ``path`` None means that this system has no memory for it."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._failed = False

    def save(self, clock: GatewayClock) -> None:
        """Replace the file by the time base of now."""
        if self._path is None:
            return
        new = self._path.with_suffix(".new")
        try:
            new.write_text(json.dumps([clock.boot, *clock.base.state()]))
            new.replace(self._path)
            self._failed = False
        except OSError as error:
            if not self._failed:
                log.warning("%s cannot be written: %s", self._path, error.strerror)
            self._failed = True

    def resume(self, clock: GatewayClock, corrections: Corrections) -> bool:
        """Continue the time base of the process before, and return whether there was one.

        ``corrections``: those on record. One that was recorded after the file was written is part
        of the time base already.
        """
        if self._path is None:
            return False
        with suppress(OSError, ValueError, TypeError):
            boot, *numbers = json.loads(self._path.read_text())
            state = BaseState(*numbers)
            if boot == clock.boot and all(type(number) is int for number in numbers):
                state = state._replace(
                    offset_ns=state.offset_ns + corrections.since_ns(boot, state.read_at_ns)
                )
                clock.base.resume(state)
                return True
        return False
