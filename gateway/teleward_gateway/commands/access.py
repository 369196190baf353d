"""``teleward access``: routes by role, screens and scrapers, the access log, the certificate."""

import argparse
from pathlib import Path

from cryptography import x509

from teleward_gateway.access.authority import fingerprint
from teleward_gateway.access.table_page import page
from teleward_gateway.commands.accounts import AccessFiles, Action, carried_out, shown
from teleward_signal.errors import Invalid


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the actions."""
    parser.add_argument("--config", type=Path, default=Path("teleward.toml"), help="settings file")
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    actions.add_parser("routes", help="print which role may use which route, as Markdown")
    log = actions.add_parser("log", help="show who saw and did what, the newest first")
    log.add_argument("--limit", type=int, default=50, help="lines")
    actions.add_parser("links", help="show the links of screens and scrapers")
    metrics = actions.add_parser("metrics-token", help="make a token for Prometheus")
    metrics.add_argument("--label", default="", help="of the server that uses it")
    actions.add_parser("ca", help="show the fingerprint of the certificate that phones trust")
    end = actions.add_parser("end-link", help="end a link or a token")
    end.add_argument("id", help="see: teleward access links")


def run(arguments: argparse.Namespace) -> int:
    """Carry the action out; 0 when done, 1 with one line on standard error when not."""
    if arguments.action == "routes":
        print(page(), end="")
        return 0
    return carried_out("access", arguments, _ACTIONS[arguments.action])


def _log(files: AccessFiles, arguments: argparse.Namespace) -> None:
    for _, each in files.log.read(limit=arguments.limit):
        answer = f" ({each.answer})" if each.answer >= 400 else ""
        subject = f" of {each.subject}" if each.subject else ""
        who = f"{each.name or '-'} ({each.role})"
        print(f"{shown(each.time_s)}  {who:<32} {each.address:<15} {each.action}{subject}{answer}")


def _links(files: AccessFiles, arguments: argparse.Namespace) -> None:
    for link in files.sessions.links():
        target = link.subject or ("the ward" if link.kind == "kiosk" else "metrics")
        made = f"{shown(link.created_s)} by {link.author}"
        print(f"{link.id}  {link.kind:<8} {target:<20} {link.label:<24} {made}")


def _metrics_token(files: AccessFiles, arguments: argparse.Namespace) -> None:
    token, link = files.sessions.add_link("metrics", "", arguments.label, "console")
    files.note(f"metrics token made: {link.id}")
    print(f"token, shown once: {token}")


def _end_link(files: AccessFiles, arguments: argparse.Namespace) -> None:
    link = files.sessions.end_link(arguments.id)
    files.note(f"link ended: {link.id}")
    print(f"link {link.id} has ended")


def _ca(files: AccessFiles, arguments: argparse.Namespace) -> None:
    settings = files.settings
    path = settings.gateway.data_folder / settings.gateway.mode.value / "tls" / "ca.crt"
    if settings.lan.certificate is not None:
        raise Invalid(
            f"[lan] names a certificate, {settings.lan.certificate}: none is to be trusted"
        )
    if not path.exists():
        raise Invalid(f"{path} is not there yet: start the gateway with [lan] enabled = true")
    ca = x509.load_pem_x509_certificate(path.read_bytes())
    print(f"certificate: {path}\nvalid until: {ca.not_valid_after_utc.date()}")
    print(f"SHA-256:     {fingerprint(ca)}")


_ACTIONS: dict[str, Action] = {
    "log": _log,
    "links": _links,
    "metrics-token": _metrics_token,
    "end-link": _end_link,
    "ca": _ca,
}
