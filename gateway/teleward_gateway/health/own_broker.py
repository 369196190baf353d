"""Check of the broker that the gateway starts itself: that it can start, not only be found."""

import importlib.util
import subprocess
from collections.abc import Iterator

from teleward_gateway.embedded_broker.broker import (
    BrokerUnavailable,
    answers_mqtt,
    free_port,
    mosquitto_program,
)
from teleward_gateway.embedded_broker.settings import EmbeddedBrokerSettings
from teleward_gateway.health.findings import Finding, failed, ok, warning
from teleward_signal.model import Provenance

_CHECK = "broker"
_INSTALL = "sudo apt install mosquitto"
_ANSWER_S = 10.0


def check_own_broker(
    settings: EmbeddedBrokerSettings, provenance: Provenance, *, gateway_runs: bool
) -> Iterator[Finding]:
    """See that a broker is installed, can be run, and that its port is free.

    ``gateway_runs``: a gateway answers, so that the port may be taken by its own broker.
    """
    if not settings.enabled:
        yield warning(_CHECK, "none configured", "add [mqtt], or embedded_broker.enabled = true")
        return
    program = mosquitto_program()
    if program is not None:
        if problem := _cannot_run(program):
            yield failed(_CHECK, f"{program} does not run: {problem}", _INSTALL)
            return
        text = "mosquitto is started by the gateway"
    elif importlib.util.find_spec("iotcore") is None:
        yield failed(_CHECK, "none configured, none installed", _INSTALL)
        return
    elif provenance is Provenance.FIELD or settings.username is not None:
        yield failed(_CHECK, "mosquitto is not installed, and only it has passwords", _INSTALL)
        return
    else:
        text = "iotcore is started by the gateway; it forgets retained messages in a restart"
    taken = None if gateway_runs else _taken(settings)
    if taken is not None:
        yield taken
    elif program is None:
        yield warning(_CHECK, text, _INSTALL)
    else:
        yield ok(_CHECK, text)


def _cannot_run(program: str) -> str | None:
    """Return why a program that is there does not run."""
    try:
        done = subprocess.run([program, "-h"], capture_output=True, timeout=_ANSWER_S, check=False)
    except (OSError, subprocess.SubprocessError) as error:
        return str(error)
    shown = (done.stdout + done.stderr).decode(errors="replace")
    return None if "mosquitto version" in shown else shown.strip()[:200] or "no answer"


def _taken(settings: EmbeddedBrokerSettings) -> Finding | None:
    """Return what is wrong with the port, None when it can be used."""
    try:
        free_port(settings.host, settings.port)
    except BrokerUnavailable as error:
        problem, _, remedy = str(error).partition(": ")
        if answers_mqtt(settings.host, settings.port):
            return warning(_CHECK, problem, remedy)
        return failed(_CHECK, problem, remedy)
    return None
