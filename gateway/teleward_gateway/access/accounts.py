"""Accounts: a name, a role and the argon2id hash of a password.

Hashes take 19 MiB and two passes (OWASP's smallest for argon2id), some 0.1 s on a Raspberry Pi 4;
one is computed at a time, so that many logins at once take no memory from the ward.
"""

import re
import sqlite3
import threading
import time
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from teleward_gateway.access.database import AccessFile
from teleward_gateway.access.roles import GUEST_DAYS, OF_ACCOUNTS, Role, exists
from teleward_signal.errors import Conflict, Invalid, NotFound
from teleward_signal.model import Provenance

DAY_S = 86400.0
SHORTEST, LONGEST = 10, 200
"""Characters of a password; length decides, not kinds of characters (NIST SP 800-63B)."""

_NAME = re.compile(r"[^\W_][\w .,'@-]{0,58}[^\W_]\.?|[^\W_]")
_HASHER = PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1)
_ONE_AT_A_TIME = threading.Lock()


@dataclass(frozen=True, slots=True)
class Account:
    """One person; ``key`` is the name as it is compared, ``until_s`` the end of a guest."""

    key: str
    name: str
    role: Role
    created_s: float
    until_s: float | None

    def is_over(self, now_s: float) -> bool:
        """Return whether its time is over."""
        return self.until_s is not None and now_s >= self.until_s


def key_of(name: str) -> str:
    """Return a name as it is compared: without case, forms of characters and double spaces."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def check_name(name: str) -> str:
    """Return a usable name; raises Invalid."""
    clean = " ".join(unicodedata.normalize("NFC", name).split())
    if not _NAME.fullmatch(_without_marks(clean)):
        raise Invalid(
            f"name {name!r}: 1 to 60 letters, digits and spaces, beginning with a letter or digit"
        )
    return clean


def _without_marks(text: str) -> str:
    """Return ``text`` without vowel signs and accents, which are no word characters."""
    return "".join(c for c in text if not unicodedata.category(c).startswith("M"))


def check_password(password: str, name: str) -> None:
    """Raise Invalid for a password that is soon found."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise Invalid(
            f"a password has {SHORTEST} to {LONGEST} characters; four words are easy to remember"
        )
    if len(set(password)) < 5 or key_of(password) == key_of(name):
        raise Invalid("this password is soon found; four words are easy to remember")


class Accounts:
    """The accounts of a gateway of one mode, in its file."""

    def __init__(
        self, file: AccessFile, mode: Provenance, now_s: Callable[[], float] = time.time
    ) -> None:
        self._file, self._mode, self._now_s = file, mode, now_s
        # an unknown name takes as long as a wrong password
        self._nobody = _HASHER.hash("nobody has this password")

    def all(self) -> list[Account]:
        """Return all accounts, by name."""
        rows = self._file.read("SELECT * FROM accounts ORDER BY key")
        return [_account(row) for row in rows]

    def find(self, name: str) -> Account:
        """Return the account of a name; raises NotFound."""
        rows = self._file.read("SELECT * FROM accounts WHERE key = ?", (key_of(name),))
        if not rows:
            raise NotFound(f"no account is called {name!r}; see: teleward accounts list")
        return _account(rows[0])

    def add(self, name: str, role: Role, password: str, days: float | None = None) -> Account:
        """Add an account, which ends after ``days``; raises Invalid or Conflict."""
        clean = check_name(name)
        check_password(password, clean)
        if role not in OF_ACCOUNTS:
            raise Invalid(f"{role.value} has no accounts; choose {', '.join(OF_ACCOUNTS)}")
        if not exists(role, self._mode):
            raise Invalid(f"role {role.value} exists on a simulated ward only")
        if days is None and role is Role.GUEST_EXPERT:
            days = GUEST_DAYS
        now_s = self._now_s()
        until_s = None if days is None else now_s + days * DAY_S
        account = Account(key_of(clean), clean, role, now_s, until_s)
        row = (account.key, clean, role.value, _hash(password), now_s, until_s)
        try:
            with self._file.transaction() as database:
                database.execute("INSERT INTO accounts VALUES (?, ?, ?, ?, ?, ?)", row)
        except sqlite3.IntegrityError:
            raise Conflict(f"an account is called {clean!r} already") from None
        return account

    def remove(self, name: str) -> Account:
        """Remove an account and end its sessions; Conflict for the only operator among several."""
        account = self.find(name)
        others = [a for a in self.all() if a.role is Role.OPERATOR and a.key != account.key]
        if account.role is Role.OPERATOR and not others and len(self.all()) > 1:
            raise Conflict(f"{account.name} is the only operator: add another one first")
        with self._file.transaction() as database:
            database.execute("DELETE FROM accounts WHERE key = ?", (account.key,))
        return account

    def set_password(self, name: str, password: str) -> Account:
        """Give an account another password and end its sessions; raises NotFound or Invalid."""
        account = self.find(name)
        check_password(password, account.name)
        hashed = _hash(password)
        with self._file.transaction() as database:
            database.execute(
                "UPDATE accounts SET password = ? WHERE key = ?", (hashed, account.key)
            )
            for table in ("sessions", "browsers"):
                database.execute(f"DELETE FROM {table} WHERE account = ?", (account.key,))
        return account

    def verified(self, name: str, password: str) -> Account | None:
        """Return the account when the password is right; as slow for an unknown name."""
        rows = self._file.read("SELECT * FROM accounts WHERE key = ?", (key_of(name),))
        if not _matches(rows[0]["password"] if rows else self._nobody, password) or not rows:
            return None
        account = _account(rows[0])
        if _HASHER.check_needs_rehash(rows[0]["password"]):
            with self._file.transaction() as database:
                database.execute(
                    "UPDATE accounts SET password = ? WHERE key = ?", (_hash(password), account.key)
                )
        usable = exists(account.role, self._mode) and not account.is_over(self._now_s())
        return account if usable else None


def _hash(password: str) -> str:
    with _ONE_AT_A_TIME:
        return _HASHER.hash(unicodedata.normalize("NFC", password))


def _matches(hashed: str, password: str) -> bool:
    try:
        with _ONE_AT_A_TIME:
            return _HASHER.verify(hashed, unicodedata.normalize("NFC", password))
    except (Argon2Error, InvalidHashError):
        return False


def _account(row: sqlite3.Row) -> Account:
    return Account(row["key"], row["name"], Role(row["role"]), row["created_s"], row["until_s"])
