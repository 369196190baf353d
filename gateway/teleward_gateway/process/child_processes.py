"""Child processes that never outlive their parent."""

import asyncio
import contextlib
import ctypes
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

STOP_S = 1.3
"""A child that ignores SIGTERM for longer is killed: two in a row stop within two seconds as long
as one of them behaves."""

_PR_SET_PDEATHSIG = 1


def die_with_parent() -> Callable[[], None] | None:
    """Return what a child must call before exec to be stopped when its parent dies (Linux)."""
    if not sys.platform.startswith("linux"):
        return None
    libc = ctypes.CDLL(None, use_errno=True)
    parent = os.getpid()

    def arrange() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # it died before the call
            os._exit(1)

    return arrange


async def start(
    command: Sequence[str],
    *,
    log: Path | None = None,
    pipe: bool = False,
    errors: bool = False,
) -> asyncio.subprocess.Process:
    """Start a child in a session of its own, so that Ctrl-C reaches only the parent.

    Its output goes to the file ``log``, or with ``pipe`` its standard output to us, and with
    ``errors`` its standard error.
    """
    with contextlib.ExitStack() as stack:
        target: int | object = asyncio.subprocess.DEVNULL
        if log is not None:
            target = stack.enter_context(log.open("ab"))
        return await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE if pipe else target,  # type: ignore[arg-type]
            stderr=asyncio.subprocess.PIPE if errors else target,  # type: ignore[arg-type]
            start_new_session=True,
            preexec_fn=die_with_parent(),
        )


async def stop(*children: asyncio.subprocess.Process) -> None:
    """Ask all children to end at once, wait, and kill what is left."""
    running = [child for child in children if child.returncode is None]
    for child in running:
        with contextlib.suppress(ProcessLookupError):
            child.terminate()
    waits = [asyncio.create_task(child.wait()) for child in running]
    if waits:
        await asyncio.wait(waits, timeout=STOP_S)
    for child in running:
        if child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                child.kill()
            await child.wait()
