"""``teleward update`` that ends itself with SIGKILL when a step begins: a kill at each step.

    python ended.py STEP MARKER WORDS...       STEP is a name of `Step`; once, by the file MARKER

With FILL=FILE in the environment it fills the disk with that file in place of the kill.
"""

import contextlib
import os
import signal
import sys
from pathlib import Path

from teleward_gateway.__main__ import main
from teleward_gateway.updating import steps
from teleward_gateway.updating.steps import Step

wanted, marker = Step[sys.argv[1]], Path(sys.argv[2])
begin = steps.begin


def begin_or_end(step: Step, text: str = "") -> None:
    """Show the step; end here where it is the one."""
    begin(step, text)
    if step is wanted and not marker.exists():
        marker.touch()
        if "FILL" not in os.environ:
            os.kill(os.getpid(), signal.SIGKILL)
        with contextlib.suppress(OSError), Path(os.environ["FILL"]).open("wb") as file:
            while True:
                file.write(bytes(1 << 20))
                file.flush()


steps.begin = begin_or_end
sys.exit(main(sys.argv[3:]))
