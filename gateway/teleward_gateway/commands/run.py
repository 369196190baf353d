"""``teleward run --config FILE``: the gateway."""

import argparse
import asyncio
import faulthandler
import gc
import importlib
import sys
from pathlib import Path

from teleward_drivers.radio import Allow, AskPasskey, Radio
from teleward_gateway.process.logs import Redactor
from teleward_gateway.settings.load import SettingsError, SettingsFile, read


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "--config", type=Path, default=Path("teleward.toml"), help="settings file (teleward.toml)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Run until SIGTERM or Ctrl-C; 0 after an orderly stop, 1 when it cannot start."""
    try:
        file = read(arguments.config)
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 1
    for mistake in file.mistakes:
        print(f"left out: {mistake}", file=sys.stderr)
    from teleward_gateway.process.logs import set_up_logs
    from teleward_gateway.process.startup import StartError

    redactor = set_up_logs()
    try:
        return asyncio.run(_run(file, redactor, arguments.config))
    except StartError as error:
        print(f"teleward: {error}", file=sys.stderr)
        return 1


async def _run(file: SettingsFile, redactor: Redactor, config: Path) -> int:
    from teleward_gateway.app import Gateway
    from teleward_gateway.process.service_manager import of_this_process

    manager = of_this_process()
    if manager:
        faulthandler.enable()  # a watchdog's SIGABRT leaves in the log where each thread hung
    gateway = Gateway(file, open_radio, redactor, config, leaves_process=True, manager=manager)
    return await gateway.run(lambda parts: _settle_garbage())


def _settle_garbage() -> None:
    """Leave what lives as long as the process out of every later collection, and collect less.

    Collections took 2 % of a core with 64 patients, most of it looking at modules and classes.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(5_000, 20, 50)


async def open_radio(adapter: str) -> Radio:
    """Return the radio of the setting; the virtual one comes from the simulators' package."""
    if not adapter.startswith("virtual:"):
        return Radio(adapter)
    try:
        backend = importlib.import_module("teleward_simulators.radio.bleak_backend")
    except ModuleNotFoundError as error:
        from teleward_gateway.process.startup import StartError

        raise StartError(
            f'a virtual radio needs {error.name}: pip install ".[sim]" in the folder of the sources'
        ) from None
    virtual = await backend.connect(adapter)

    def set_pairing(allow: Allow, passkey: AskPasskey) -> None:
        virtual.central.allow, virtual.central.passkey = allow, passkey

    return Radio(adapter, virtual.client_kwargs, virtual.scanner_kwargs, set_pairing, virtual.close)
