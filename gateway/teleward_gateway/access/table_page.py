"""The page of the table of access, as Markdown: route, method and roles."""

from collections.abc import Iterator

from teleward_gateway.access.roles import SIMULATED_ONLY, Role
from teleward_gateway.access.table import COMMANDS, RULES, Roles

_HEAD = """# Who may do what

Every route of the gateway and the roles that may use it; written by `teleward access routes`.
A route that is not listed is served to the console alone: plain HTTP on loopback without a login,
which may do everything.

Roles that exist on a simulated ward only: {simulated}. Routes marked *plain* are served
without HTTPS too: none of them shows a real patient.
"""


def page() -> str:
    """Return the whole page."""
    simulated = ", ".join(sorted(role.value for role in SIMULATED_ONLY))
    roles = list(Role)
    names = " | ".join(role.value for role in roles)
    lines = [
        _HEAD.format(simulated=simulated),
        "## Pages, API and streams",
        "",
        f"| method | route | {names} | plain |",
        f"|---|---|{'---|' * (len(roles) + 1)}",
    ]
    for rule in RULES:
        plain = "plain" if rule.plain else ""
        lines.append(f"| {rule.method} | `{rule.path}` | {_cells(rule.roles)} | {plain} |")
    lines += ["", "## Remote commands over MQTT", "", *_commands()]
    return "\n".join(lines) + "\n"


def _cells(roles: Roles) -> str:
    return " | ".join("yes" if role in roles else "" for role in Role)


def _commands() -> Iterator[str]:
    """Yield the lines about commands: each user has a key and a list of commands of its own."""
    yield "A user of `[remote_commands]` has a key, a role and a list of commands within that role."
    yield ""
    yield f"| command | {' | '.join(role.value for role in Role)} |"
    yield f"|---|{'---|' * len(Role)}"
    for command, roles in COMMANDS.items():
        yield f"| {command.value} | {_cells(roles)} |"
