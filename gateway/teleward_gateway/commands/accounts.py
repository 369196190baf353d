"""``teleward accounts``: who may log in to a gateway, at its console.

Works on the file in the data folder, whether the gateway runs or not: it notices within a second.
"""

import argparse
import getpass
import secrets
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from teleward_gateway.access.accounts import Account, Accounts
from teleward_gateway.access.database import AccessFile
from teleward_gateway.access.log import AccessLog
from teleward_gateway.access.roles import OF_ACCOUNTS, Role
from teleward_gateway.access.sessions import Sessions
from teleward_gateway.settings.load import SettingsError, read
from teleward_gateway.settings.model import Settings
from teleward_signal.errors import Invalid, TelewardError


@dataclass(frozen=True, slots=True)
class AccessFiles:
    """Access of a gateway as its file has it."""

    settings: Settings
    accounts: Accounts
    sessions: Sessions
    log: AccessLog

    def note(self, action: str) -> None:
        """Keep what was done at the console."""
        self.log.note(getpass.getuser(), "console", "console", action)
        self.log.write()


Action = Callable[[AccessFiles, argparse.Namespace], None]


@contextmanager
def access_files(config: Path) -> Iterator[AccessFiles]:
    """Open the access file of a gateway; raises SettingsError or Invalid."""
    settings = read(config).settings
    folder = settings.gateway.data_folder / settings.gateway.mode.value
    if not folder.is_dir():
        raise Invalid(
            f"{folder} does not exist: start the gateway once, or check gateway.data_folder"
        )
    file = AccessFile(folder)
    try:
        sessions = Sessions(
            file, settings.access.idle_minutes * 60, settings.access.longest_hours * 3600
        )
        yield AccessFiles(
            settings, Accounts(file, settings.gateway.mode), sessions, AccessLog(file)
        )
    finally:
        file.close()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the actions."""
    parser.add_argument("--config", type=Path, default=Path("teleward.toml"), help="settings file")
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    add = actions.add_parser("add", help="add an account; asks for its password")
    add.add_argument("name", help='of the person, e.g. "Ward sister"')
    add.add_argument("--role", required=True, choices=[role.value for role in OF_ACCOUNTS])
    add.add_argument("--days", type=float, help="days until the account ends")
    _add_password(add)
    actions.add_parser("list", help="show the accounts")
    remove = actions.add_parser("remove", help="remove an account and end its sessions")
    remove.add_argument("name")
    password = actions.add_parser("password", help="give an account another password")
    password.add_argument("name")
    _add_password(password)
    sessions = actions.add_parser("sessions", help="show who is logged in; end a session")
    sessions.add_argument("--end", metavar="ID", help="end this session, or those of a NAME")


def _add_password(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--password-file", type=Path, help="read the password from a file, - for standard input"
    )
    parser.add_argument("--generate", action="store_true", help="make a password and print it once")


def run(arguments: argparse.Namespace) -> int:
    """Carry the action out; 0 when done, 1 with one line on standard error when not."""
    return carried_out("accounts", arguments, _ACTIONS[arguments.action])


def carried_out(command: str, arguments: argparse.Namespace, action: Action) -> int:
    """Return the exit code of an action on the access file; a refusal is one line."""
    try:
        with access_files(arguments.config) as files:
            action(files, arguments)
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 1
    except (TelewardError, OSError, sqlite3.Error) as error:
        print(f"teleward {command}: {error}", file=sys.stderr)
        return 1
    return 0


def _password(arguments: argparse.Namespace) -> str:
    """Return the password that was given, made or typed twice; raises Invalid."""
    if arguments.generate:
        made = "-".join(secrets.token_hex(3) for _ in range(4))
        print(f"password: {made}")
        return made
    if arguments.password_file is not None:
        if str(arguments.password_file) == "-":
            return sys.stdin.readline().rstrip("\n")
        return str(arguments.password_file.read_text(encoding="utf-8")).strip()
    typed = getpass.getpass("Password (four words are easy to remember): ")
    if getpass.getpass("Once more: ") != typed:
        raise Invalid("the two passwords differ")
    return typed


def _add(files: AccessFiles, arguments: argparse.Namespace) -> None:
    made = files.accounts.add(
        arguments.name, Role(arguments.role), _password(arguments), arguments.days
    )
    files.note(f"account added: {made.name}, {made.role.value}")
    print(f"{made.name} may log in as {made.role.value}{_until(made)}")


def _list(files: AccessFiles, arguments: argparse.Namespace) -> None:
    found = files.accounts.all()
    if not found:
        print('no account yet; add one: teleward accounts add "NAME" --role operator')
    for each in found:
        print(f"{each.name:<30} {each.role.value}{_until(each)}")


def _until(account: Account) -> str:
    return "" if account.until_s is None else f", until {shown(account.until_s)}"


def shown(seconds: float) -> str:
    """Return a time as the console shows it: local, to a minute."""
    return datetime.fromtimestamp(seconds).strftime("%Y-%m-%d %H:%M")


def _remove(files: AccessFiles, arguments: argparse.Namespace) -> None:
    gone = files.accounts.remove(arguments.name)
    files.note(f"account removed: {gone.name}")
    print(f"{gone.name} is removed")


def _set_password(files: AccessFiles, arguments: argparse.Namespace) -> None:
    account = files.accounts.find(arguments.name)
    files.accounts.set_password(account.name, _password(arguments))
    files.note(f"password changed: {account.name}")
    print(f"{account.name} has another password; logins until now have ended")


def _sessions(files: AccessFiles, arguments: argparse.Namespace) -> None:
    going = files.sessions.all()
    if arguments.end:
        ended = [s for s in going if arguments.end in (s.id, s.account.name)]
        if not ended:
            files.sessions.named(arguments.end)
        for session in ended:
            files.sessions.end(session)
            files.note(f"session ended: {session.account.name}")
            print(f"session {session.id} of {session.account.name} has ended")
        return
    for session in going:
        seen = shown(session.seen_s)
        print(f"{session.id}  {session.account.name:<30} {session.address:<15} last used {seen}")
    if not going:
        print("nobody is logged in")


_ACTIONS: dict[str, Action] = {
    "add": _add,
    "list": _list,
    "remove": _remove,
    "password": _set_password,
    "sessions": _sessions,
}
