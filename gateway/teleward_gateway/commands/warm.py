"""``teleward warm``: compile the signal kernels ahead of the first start, for installers.

Run it as the user of the service, with the same cache folder: ``CACHE_DIRECTORY`` in a systemd
unit's ``ExecStartPre``, or ``--cache-folder``.
"""

import argparse
import os
import time
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "--cache-folder", type=Path, help="folder for compiled kernels (else as the gateway's)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Compile or load all kernels; 1 when they cannot be kept."""
    if arguments.cache_folder is not None:
        os.environ["NUMBA_CACHE_DIR"] = str(arguments.cache_folder.absolute())
    # imported only now: the cache looks at the environment once
    from teleward_gateway.parts import KERNELS
    from teleward_signal.compiled.cache import FOLDER, cache_folder, is_complete
    from teleward_signal.engine.engine import Engine

    start = time.monotonic()
    Engine().warm(lambda what, share: print(f"{share:4.0%}  {what}", flush=True), KERNELS)
    wanted = cache_folder(dict(os.environ))
    if wanted != FOLDER or not is_complete():
        print(f"{wanted} cannot be written: run this as the user of the gateway")
        return 1
    print(f"kept at {FOLDER}, {time.monotonic() - start:.1f} s")
    return 0
