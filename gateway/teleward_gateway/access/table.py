"""The table of access: every route of the gateway, by method, and the roles that may use it.

A route that is not listed is served to the console alone; a test names each one that lacks. Over
loopback without a login the console may do everything.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from starlette.routing import compile_path

from teleward_gateway.access.roles import Role
from teleward_gateway.api.problems import PREFIX
from teleward_gateway.remote_commands.settings import COMMAND_ROLES, CommandName

Roles = frozenset[Role]

OPERATOR: Roles = frozenset({Role.OPERATOR})
TEACH: Roles = OPERATOR | {Role.TEACHER}
CARE: Roles = TEACH | {Role.CLINICIAN}
"""Who acts on patients; teachers exist on a simulated ward only."""
OBSERVE: Roles = CARE | {Role.GUEST_EXPERT}
READ: Roles = OBSERVE | {Role.OBSERVER}
SCREEN: Roles = READ | {Role.KIOSK}
SEAT: Roles = TEACH | {Role.LEARNER}
SCRAPE: Roles = OPERATOR | {Role.METRICS}
ANY: Roles = frozenset(Role)

SOCKET = "WEBSOCKET"


@dataclass(frozen=True, slots=True)
class Rule:
    """Who may use one route by one method."""

    method: str
    path: str
    roles: Roles
    views: bool = False
    """It shows what is known of a patient: kept in the access log."""
    plain: bool = False
    """It is of a learner's pages, which a simulated ward serves without HTTPS too."""
    pattern: re.Pattern[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Compile the path as the router does."""
        object.__setattr__(self, "pattern", compile_path(self.path)[0])


_PAGES = """
GET /                                   READ
GET /ward                               SCREEN view
GET /bed/{subject}                      SCREEN view
GET /bed/{subject}/strip                READ view
GET /bed/{subject}/trends               READ view
GET /bed/{subject}/news2                READ view
GET /devices                            CARE view
GET /docs                               OPERATOR
GET /login                              ANY
GET /trust                              ANY plain
GET /trust/ca.crt                       ANY plain
GET /trust/qr.svg                       ANY plain
GET /accounts                           OPERATOR
GET /gateway                            OPERATOR
GET /k/{token}                          ANY
GET /service-worker.js                  ANY plain
GET /manifest.webmanifest               ANY plain
GET /static/{path:path}                 ANY plain
GET /health                             OPERATOR
GET /health/live                        ANY plain
GET /health/ready                       OPERATOR
GET /metrics                            SCRAPE
GET /j/{code}                           ANY plain
GET /join                               ANY plain
GET /room                               SEAT plain
GET /teach                              TEACH
GET /wall                               TEACH
GET /class                              TEACH
GET /class/qr.svg                       TEACH
"""
_API = """
GET /openapi.json                       OPERATOR
GET /me                                 ANY plain
GET /gateway                            SCREEN
GET /settings/mistakes                  CARE
GET /gateway/cards                      OPERATOR
GET /gateway/log                        OPERATOR
GET /gateway/report                     OPERATOR
GET /health                             CARE
POST /losses/read                       CARE
GET /metrics                            SCRAPE
WEBSOCKET /stream                       SCREEN view
GET /subjects                           SCREEN view
GET /subjects/{subject}                 SCREEN view
POST /subjects                          CARE
PATCH /subjects/{subject}               CARE
POST /subjects/{subject}/move           CARE
POST /subjects/{subject}/discharge      CARE
GET /stays                              READ view
GET /subjects/{subject}/observations    SCREEN view
POST /subjects/{subject}/observations   OBSERVE
GET /subjects/{subject}/trends/{metric} SCREEN view
GET /subjects/{subject}/trends.csv      READ view
GET /subjects/{subject}/timeline        READ view
POST /subjects/{subject}/notes          OBSERVE
GET /subjects/{subject}/news2           READ view
GET /subjects/{subject}/pews            SCREEN view
GET /subjects/{subject}/waveforms       READ view
GET /subjects/{subject}/limits          SCREEN
PUT /subjects/{subject}/limits          CARE
GET /alarms                             READ view
POST /alarms/acknowledge                CARE
POST /subjects/{subject}/audio-pause    CARE
POST /audio-pause                       CARE
GET /drivers                            CARE
GET /devices                            CARE
GET /devices/{device}                   CARE
POST /devices                           CARE
PATCH /devices/{device}                 CARE
DELETE /devices/{device}                CARE
POST /devices/{device}/commands/{name}  CARE
POST /devices/{device}/pair             CARE
GET /devices/{device}/users             CARE
PUT /devices/{device}/users             CARE
GET /bindings                           CARE view
GET /bindings/whose                     CARE view
PUT /devices/{device}/binding           CARE
DELETE /devices/{device}/binding        CARE
POST /devices/{device}/swap             CARE
GET /readings                           CARE view
POST /readings/{number}/settle          CARE
DELETE /readings/{number}               CARE
GET /commissioning/scan                 CARE
GET /commissioning/ports                CARE
POST /commissioning/previews            CARE
POST /commissioning/ports/detect        CARE
GET /commissioning/pairings             CARE
POST /commissioning/pairings/{address}  CARE
GET /export-formats                     CARE
GET /exports                            CARE view
POST /subjects/{subject}/exports        CARE view
GET /exports/{export}                   CARE view
GET /exports/{export}/file              CARE view
DELETE /exports/{export}                CARE
GET /sinks                              OPERATOR
GET /sinks/{sink}/dead-letters          OPERATOR view
GET /sinks/{sink}/dead-letters/export   OPERATOR view
POST /sinks/{sink}/retry                OPERATOR
"""
_ACCESS = """
GET /access/languages                   ANY plain
POST /access/login                      ANY
POST /access/logout                     ANY
PUT /access/password                    READ
GET /access/trust                       ANY plain
GET /access/accounts                    OPERATOR
POST /access/accounts                   OPERATOR
DELETE /access/accounts/{name}          OPERATOR
PUT /access/accounts/{name}/password    OPERATOR
GET /access/sessions                    OPERATOR
DELETE /access/sessions/{session}       OPERATOR
GET /access/links                       OPERATOR
POST /access/links                      OPERATOR
DELETE /access/links/{link}             OPERATOR
GET /access/log                         OPERATOR
"""
_CLASSES = """
GET /lessons                            TEACH
POST /operator                          TEACH
POST /classes                           TEACH
POST /class/key                         TEACH
GET /class                              TEACH
DELETE /class                           TEACH
POST /class/phase                       TEACH
POST /class/doors                       TEACH
POST /class/wall                        TEACH
POST /class/pause                       TEACH
POST /class/freeze                      TEACH
POST /class/thaw                        TEACH
POST /class/changes                     TEACH
POST /class/messages                    TEACH
POST /class/bookmark                    TEACH
POST /class/rewind                      TEACH
PUT /class/seats/{seat}                 TEACH
DELETE /class/seats/{seat}              TEACH
GET /class/seats/{seat}/screen          TEACH
GET /class/rooms/{room}/truth           TEACH
GET /class/events                       TEACH
GET /class/scores                       TEACH
GET /class/debrief                      TEACH
WEBSOCKET /class/seats/{seat}/stream    TEACH
WEBSOCKET /class/stream                 TEACH
WEBSOCKET /class/wall                   TEACH
"""
_SEATS = """
GET /cases                              TEACH
POST /rooms                             TEACH
GET /rooms/{code}                       SEAT
GET /rooms/{code}/strips/{number}       SEAT plain
POST /rooms/{code}/findings             SEAT
GET /actions                            SEAT
POST /rooms/{code}/acts                 SEAT
POST /rooms/{code}/orders               TEACH
POST /rooms/{code}/rewind               TEACH
GET /rooms/{code}/truth                 TEACH
GET /rooms/{code}/log                   TEACH
DELETE /rooms/{code}                    TEACH
GET /class/languages                    ANY plain
POST /join                              ANY plain
GET /seat                               SEAT plain
DELETE /seat                            SEAT plain
POST /seat/ready                        SEAT plain
GET /seat/items                         SEAT plain
GET /seat/actions                       SEAT plain
POST /seat/asks                         SEAT plain
POST /seat/orders                       SEAT plain
POST /seat/orders/{task}                SEAT plain
POST /seat/news2                        SEAT plain
POST /seat/diagnosis                    SEAT plain
POST /seat/disposition                  SEAT plain
POST /seat/note                         SEAT plain
POST /seat/messages                     SEAT plain
POST /seat/hand                         SEAT plain
POST /seat/answer                       SEAT plain
POST /seat/handover                     SEAT plain
POST /seat/readback                     SEAT plain
POST /seat/reflection                   SEAT plain
GET /seat/log                           SEAT plain
GET /seat/score                         SEAT plain
GET /seat/debrief                       SEAT plain
WEBSOCKET /seat/stream                  SEAT plain
"""
_GROUPS = {
    "OPERATOR": OPERATOR, "TEACH": TEACH, "CARE": CARE, "OBSERVE": OBSERVE, "READ": READ,
    "SCREEN": SCREEN, "SEAT": SEAT, "SCRAPE": SCRAPE, "ANY": ANY,
}  # fmt: skip


def _rules(text: str, prefix: str = "") -> list[Rule]:
    """Return the rules of a part of the table: method, path, roles, marks."""
    found = []
    for line in text.split("\n"):
        words = line.split()
        if words:
            method, path, roles, *marks = words
            found.append(
                Rule(method, prefix + path, _GROUPS[roles], "view" in marks, "plain" in marks)
            )
    return found


RULES: tuple[Rule, ...] = (
    *_rules(_PAGES),
    *(rule for part in (_API, _ACCESS, _CLASSES, _SEATS) for rule in _rules(part, PREFIX)),
)

COMMANDS: dict[CommandName, Roles] = {
    command: frozenset(map(Role, roles)) for command, roles in COMMAND_ROLES.items()
}
"""Remote commands over MQTT, for the users with a key that the settings name."""

NEEDS: dict[str, tuple[str, str]] = {
    "acknowledge": ("POST", f"{PREFIX}/alarms/acknowledge"),
    "pause": ("POST", f"{PREFIX}/audio-pause"),
    "limits": ("PUT", f"{PREFIX}/subjects/{{subject}}/limits"),
    "observe": ("POST", f"{PREFIX}/subjects/{{subject}}/observations"),
    "admit": ("POST", f"{PREFIX}/subjects"),
    "export": ("POST", f"{PREFIX}/subjects/{{subject}}/exports"),
    "devices": ("GET", "/devices"),
    "ward": ("GET", "/ward"),
    "accounts": ("GET", "/accounts"),
    "gateway": ("GET", "/gateway"),
    "teach": ("GET", "/teach"),
    "login": ("PUT", f"{PREFIX}/access/password"),
}
"""What pages offer only to those who may, and the route behind it."""


def find(method: str, path: str) -> Rule | None:
    """Return the rule of a request, or None for what is not listed."""
    wanted = "GET" if method == "HEAD" else method
    return next((r for r in RULES if r.method == wanted and r.pattern.match(path)), None)


def is_open(rule: Rule) -> bool:
    """Return whether anybody may use a route: it shows nothing of a patient."""
    return rule.roles == ANY


def hidden_from(role: Role) -> frozenset[str]:
    """Return what pages do not offer to ``role``: words of `data-needs`."""
    by_route = {(rule.method, rule.path): rule for rule in RULES}
    return frozenset(need for need, route in NEEDS.items() if role not in by_route[route].roles)
