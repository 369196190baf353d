"""``teleward doctor``: check this machine and what the gateway talks to, with remedies."""

import argparse
import asyncio
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from teleward_cloud.mqtt.profiles import BrokerProfile
from teleward_gateway.access.certificate import OwnCertificate, server_context
from teleward_gateway.access.database import has_accounts
from teleward_gateway.health import machine, servers
from teleward_gateway.health.findings import Finding, State, failed, ok, warning
from teleward_gateway.health.running import ask, check_running
from teleward_gateway.settings.load import SettingsError, read
from teleward_gateway.settings.model import Settings
from teleward_signal.errors import Unavailable

_DEFAULT = Path("teleward.toml")
_MARKS = {State.OK: "ok     ", State.WARNING: "warning", State.FAILED: "FAILED "}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "--config", type=Path, help=f"settings file; by default {_DEFAULT}, if there is one"
    )
    parser.add_argument(
        "--profile",
        type=BrokerProfile,
        choices=list(BrokerProfile),
        metavar="SERVICE",
        help="check [mqtt] against a service: aws, azure, emqx-serverless, hivemq",
    )
    parser.add_argument("--json", action="store_true", help="print a JSON array")


def run(arguments: argparse.Namespace) -> int:
    """Check all; 1 when something failed."""
    findings = asyncio.run(examine(arguments.config, arguments.profile))
    if arguments.json:
        print(json.dumps([asdict(finding) for finding in findings], indent=1))
    else:
        _show(findings)
    return int(any(finding.state is State.FAILED for finding in findings))


async def examine(config: Path | None, profile: BrokerProfile | None = None) -> list[Finding]:
    """Return the findings of all checks."""
    findings: list[Finding] = []
    settings, known = Settings(), set[tuple[int, str]]()
    path = config or (_DEFAULT if await asyncio.to_thread(_DEFAULT.exists) else None)
    if path is None:
        findings.append(ok("settings", "no file: the defaults are checked"))
    else:
        try:
            file = await asyncio.to_thread(read, path)
            settings = file.settings
            known |= {(m.line, m.key) for m in (*file.mistakes, *file.warnings)}
            remedy = "correct this row or section: it is left out, all others are used"
            wrong = [failed("settings", str(found), remedy) for found in file.mistakes]
            remedy = "correct this line, or leave it knowingly"
            wrong += [warning("settings", str(found), remedy) for found in file.warnings]
            findings += wrong or [ok("settings", str(path))]
        except SettingsError as error:
            remedy = "correct the file; the checks below are for the defaults"
            findings += [failed("settings", str(found), remedy) for found in error.mistakes]
    runs, running_findings = await asyncio.to_thread(_running, settings, frozenset(known))
    findings += running_findings
    findings += await asyncio.to_thread(_machine, settings)
    found_broker = servers.check_broker(settings, profile, gateway_runs=runs)
    findings += [found async for found in found_broker]
    findings += [found async for found in servers.check_influx(settings)]
    findings += await asyncio.to_thread(lambda: list(servers.check_certificates(settings)))
    return findings


def _running(settings: Settings, known: frozenset[tuple[int, str]]) -> tuple[bool, list[Finding]]:
    """Return whether the gateway of these settings runs, and what it reports of itself."""
    try:
        report = ask(settings, "/health")
        if report is not None and "parts" not in report:
            raise ValueError("it is no Teleward gateway")
        mistakes = ask(settings, "/settings/mistakes") if report else None
    except (ValueError, TypeError) as error:
        place = f"{settings.api.host}:{settings.api.port}"
        problem = f"another program answers at {place} ({error})"
        return False, [failed("gateway", problem, "stop it, or set another api.port")]
    return report is not None, list(check_running(report, mistakes, known))


def _machine(settings: Settings) -> list[Finding]:
    return [
        *machine.check_adapter(settings),
        *machine.check_permissions(settings),
        *machine.check_serial_ports(settings),
        *machine.check_clock(),
        *machine.check_disk(settings),
        *machine.check_cache(),
        *_network(settings),
    ]


def _network(settings: Settings) -> Iterator[Finding]:
    """Check what the local network needs: a certificate that can be used, and an account."""
    lan = settings.lan
    if not lan.enabled:
        return
    if lan.certificate is not None and lan.key is not None:
        try:
            OwnCertificate(lan.certificate, lan.key).refresh(server_context())
            yield ok("local network", f"{lan.certificate} can be used")
        except Unavailable as error:
            yield failed("local network", str(error), "correct lan.certificate and lan.key")
    folder = settings.gateway.data_folder / settings.gateway.mode.value
    try:
        accounts = has_accounts(folder)
    except Unavailable as error:
        yield failed("accounts", str(error), "until then nobody can log in")
        return
    if accounts:
        yield ok("accounts", "somebody can log in")
    else:
        remedy = "teleward accounts add NAME --role operator"
        yield warning("accounts", "nobody can log in over the local network yet", remedy)


def _show(findings: list[Finding]) -> None:
    for finding in findings:
        print(f"{_MARKS[finding.state]}  {finding.check}: {finding.text}")
        if finding.remedy:
            print(f"{'':9}-> {finding.remedy}")
    count = sum(finding.state is State.FAILED for finding in findings)
    print(f"\n{count} failed" if count else "\nready", file=sys.stderr)
