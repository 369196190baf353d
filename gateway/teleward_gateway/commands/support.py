"""``teleward support``: a report for a technician, without a name, record number or address."""

import argparse
import asyncio
import sys
import urllib.error
import urllib.request
from dataclasses import asdict
from pathlib import Path

from teleward_gateway.commands.doctor import examine
from teleward_gateway.operation.support import bundle, registry_names
from teleward_gateway.registry.model import RegistryError
from teleward_gateway.registry.store import Registry
from teleward_gateway.settings.load import SettingsError, read
from teleward_gateway.settings.model import Settings

_ANSWER_S = 60.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--config", type=Path, default=Path("teleward.toml"), help="settings file")
    parser.add_argument(
        "--output", type=Path, default=Path("teleward-report.zip"), help="file to write"
    )


def run(arguments: argparse.Namespace) -> int:
    """Write the report: of the running gateway, else of what its folder and doctor show."""
    mistakes: list[str] = []
    try:
        file = read(arguments.config)
        settings, mistakes = file.settings, [str(each) for each in file.mistakes]
    except SettingsError as error:
        settings, mistakes = Settings(), [str(each) for each in error.mistakes]
    content = of_running(settings)
    if content is None:
        findings = [asdict(each) for each in asyncio.run(examine(arguments.config))]
        content = bundle(settings, {}, [], _names(settings), mistakes, findings)
    arguments.output.write_bytes(content)
    print(f"{arguments.output}: {len(content) / 1000:.0f} kB; it names no person, place or address")
    return 0


def of_running(settings: Settings) -> bytes | None:
    """Return the report of the running gateway, None when none answers."""
    host = f"[{settings.api.host}]" if ":" in settings.api.host else settings.api.host
    url = f"http://{host}:{settings.api.port}/api/v1/gateway/report"
    try:
        with urllib.request.urlopen(url, timeout=_ANSWER_S) as answer:
            content: bytes = answer.read()
    except (OSError, urllib.error.URLError, ValueError):
        return None
    return content if content.startswith(b"PK") else None


def _names(settings: Settings) -> list[str]:
    """Return the names in the registry of a gateway that does not run."""
    path = settings.gateway.data_folder / settings.gateway.mode.value / "registry.sqlite"
    if not path.exists():
        return []
    try:
        registry = Registry(":memory:", settings.gateway.mode, copy_of=path)
    except RegistryError as error:
        print(f"the names of the registry are not known: {error}", file=sys.stderr)
        return []
    try:
        return registry_names(registry)
    finally:
        registry.close()
