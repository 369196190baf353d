"""``teleward stack FOLDER``: write mosquitto, InfluxDB 2, collectors and Grafana for Docker."""

import argparse
import sys
from pathlib import Path

from teleward_cloud.stack.render import Secrets, StackOptions, files
from teleward_gateway.embedded_broker.mosquitto import password_line
from teleward_signal.model import Provenance

_PRIVATE = (".env", ".toml")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    standard = StackOptions()
    parser.add_argument("folder", type=Path, help="new folder for the files")
    parser.add_argument("--field", action="store_true", help="for real patients; else simulated")
    parser.add_argument("--address", default=standard.address, help="address to listen at")
    parser.add_argument("--mqtt-port", type=int, default=standard.mqtt_port)
    parser.add_argument("--influx-port", type=int, default=standard.influx_port)
    parser.add_argument("--grafana-port", type=int, default=standard.grafana_port)
    parser.add_argument("--collectors", type=int, default=standard.collectors)
    parser.add_argument(
        "--package", default=standard.package, help="what pip installs in the collectors"
    )


def run(arguments: argparse.Namespace) -> int:
    """Write the files; an existing folder is not touched, as its passwords are in use."""
    folder: Path = arguments.folder
    if folder.exists() and any(folder.iterdir()):
        print(f"{folder} is not empty; name a new folder", file=sys.stderr)
        return 2
    options = StackOptions(
        address=arguments.address,
        mqtt_port=arguments.mqtt_port,
        influx_port=arguments.influx_port,
        grafana_port=arguments.grafana_port,
        collectors=arguments.collectors,
        provenance=Provenance.FIELD if arguments.field else Provenance.SIMULATED,
        package=arguments.package,
    )
    for name, text in files(options, Secrets(), password_line).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600 if name.endswith(_PRIVATE) else 0o644)
        path.write_text(text, encoding="utf-8")
        if name.endswith(".sh"):
            path.chmod(0o755)
    print(
        f"Written to {folder}. Put a wheel of Teleward beside the collectors' settings first; in "
        "the folder of its sources:\n"
        f"  pip wheel --no-deps -w {folder / 'collector'} .\n"
        "Start with:\n"
        f"  docker compose -f {folder / 'compose.json'} up -d\n"
        f"Grafana: http://{options.address}:{options.grafana_port}, user admin, password in "
        f"{folder / 'secrets.env'}\n"
        f"A gateway uses the [mqtt] section of {folder / 'gateway.toml'}.\n"
        "The files are checked by the project's tests; starting them with Docker is not."
    )
    return 0
