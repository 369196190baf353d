"""Sessions of logged-in people, and links of screens and scrapers, found by the hash of a secret.

What a request needs is in memory; the file is read again in a thread when something was written to
it, by this gateway or by a command at the console. A session ends when nothing used it for the
idle time, at its longest age, when its account ends, and when somebody ends it.
"""

import hashlib
import logging
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from teleward_gateway.access.accounts import Account
from teleward_gateway.access.database import AccessFile
from teleward_gateway.access.roles import Role
from teleward_signal.errors import NotFound

log = logging.getLogger(__name__)

NOTE_S = 60.0
"""A session's last use is kept to a minute."""
MOST_BROWSERS = 20
"""Browsers of an account that are remembered."""

LinkKind = Literal["kiosk", "metrics"]


def hashed(secret: str) -> bytes:
    """Return what is kept of a secret of 256 random bits."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


@dataclass(slots=True)
class Session:
    """One login of one browser."""

    hash: bytes
    account: Account
    address: str
    browser: str
    begun_s: float
    seen_s: float
    noted_s: float = 0.0

    @property
    def id(self) -> str:
        """Its name in lists: no secret."""
        return self.hash.hex()[:12]


@dataclass(frozen=True, slots=True)
class Link:
    """The secret of a screen (``subject``: that bed alone, all when empty) or of a scraper."""

    hash: bytes
    kind: LinkKind
    subject: str
    label: str
    author: str
    created_s: float

    @property
    def id(self) -> str:
        """Its name in lists: no secret."""
        return self.hash.hex()[:12]


class Sessions:
    """Sessions and links of a gateway."""

    def __init__(
        self,
        file: AccessFile,
        idle_s: float,
        longest_s: float,
        now_s: Callable[[], float] = time.time,
    ) -> None:
        self._file, self._now_s = file, now_s
        self._idle_s, self._longest_s = idle_s, longest_s
        self._sessions: dict[bytes, Session] = {}
        self._unsaved: dict[bytes, Session] = {}
        self._links: dict[bytes, Link] = {}
        self._browsers: dict[bytes, str] = {}
        self._ended: set[bytes] = set()
        self.has_accounts = False
        self._filling = threading.Lock()  # a login between reading and taking is not lost
        self.refresh()

    def refresh(self) -> None:
        """Take what was written to the file; blocks."""
        with self._filling:
            if self._file.has_changed():
                self._read()

    def _read(self) -> None:
        found = {}
        for row in self._file.read("SELECT * FROM sessions JOIN accounts ON account = key"):
            account = Account(
                row["key"], row["name"], Role(row["role"]), row["created_s"], row["until_s"]
            )
            session = Session(
                row["hash"], account, row["address"], row["browser"], row["begun_s"], row["seen_s"]
            )
            known = self._sessions.get(session.hash)
            if known is not None:
                session.seen_s = max(session.seen_s, known.seen_s)
            session.noted_s = row["seen_s"]
            found[session.hash] = session
        self._sessions = found
        self._links = {row["hash"]: _link(row) for row in self._file.read("SELECT * FROM links")}
        self.has_accounts = bool(self._file.read("SELECT 1 FROM accounts LIMIT 1"))
        rows = self._file.read("SELECT hash, account FROM browsers")
        self._browsers = {row["hash"]: row["account"] for row in rows}

    def begin(self, account: Account, address: str, browser: str) -> tuple[str, Session]:
        """Return the secret of a new session, and the session; blocks.

        On a disk that takes nothing it lasts until the gateway stops.
        """
        secret, now_s = secrets.token_urlsafe(32), self._now_s()
        session = Session(hashed(secret), account, address, browser[:120], now_s, now_s, now_s)
        row = (session.hash, account.key, address, session.browser, now_s, now_s)
        try:
            with self._filling, self._file.transaction() as database:
                database.execute("INSERT INTO sessions VALUES (?, ?, ?, ?, ?, ?)", row)
                self._sessions[session.hash] = session
        except sqlite3.OperationalError as error:
            log.warning("a session is kept until the next start only: %s", error)
            self._unsaved[session.hash] = session
        return secret, session

    def find(self, secret: str) -> Session | None:
        """Return the session of a secret, None when there is none or it is over; marks its use."""
        key = hashed(secret)
        session = self._sessions.get(key) or self._unsaved.get(key)
        if session is None or key in self._ended or self._is_over(session):
            return None
        session.seen_s = max(session.seen_s, self._now_s())
        return session

    def _is_over(self, session: Session) -> bool:
        now_s = self._now_s()
        return (
            now_s - session.seen_s >= self._idle_s
            or now_s - session.begun_s >= self._longest_s
            or session.account.is_over(now_s)
        )

    def all(self) -> list[Session]:
        """Return the sessions that go on, the newest first."""
        known = {**self._sessions, **self._unsaved}
        going = [s for key, s in known.items() if key not in self._ended and not self._is_over(s)]
        return sorted(going, key=lambda session: -session.begun_s)

    def end(self, session: Session) -> None:
        """End a session; blocks."""
        self._ended.add(session.hash)
        self._unsaved.pop(session.hash, None)
        with self._file.transaction() as database:
            database.execute("DELETE FROM sessions WHERE hash = ?", (session.hash,))

    def named(self, session: str) -> Session:
        """Return a session by its name in lists; raises NotFound."""
        for found in self.all():
            if found.id == session:
                return found
        raise NotFound(f"no session {session!r}; see: teleward accounts sessions")

    def keep(self) -> None:
        """Write when sessions were used, and forget those that are over; blocks."""
        used = [s for s in self._sessions.values() if s.seen_s - s.noted_s >= NOTE_S]
        over = [s for s in self._sessions.values() if self._is_over(s)]
        if not used and not over:
            return
        with self._file.transaction() as database:
            for session in used:
                session.noted_s = session.seen_s
                values = (session.seen_s, session.hash)
                database.execute("UPDATE sessions SET seen_s = ? WHERE hash = ?", values)
            for session in over:
                database.execute("DELETE FROM sessions WHERE hash = ?", (session.hash,))

    # browsers that have logged in before: somebody else's wrong passwords do not slow them

    def remember_browser(self, account: Account) -> str:
        """Return the secret of a browser that has logged in; blocks."""
        secret = secrets.token_urlsafe(32)
        with self._filling, self._file.transaction() as database:
            row = (hashed(secret), account.key, self._now_s())
            database.execute("INSERT INTO browsers VALUES (?, ?, ?)", row)
            database.execute(
                "DELETE FROM browsers WHERE account = ? AND hash NOT IN (SELECT hash FROM browsers"
                " WHERE account = ? ORDER BY since_s DESC LIMIT ?)",
                (account.key, account.key, MOST_BROWSERS),
            )
            self._browsers[hashed(secret)] = account.key
        return secret

    def knows_browser(self, secret: str, key: str) -> bool:
        """Return whether this browser has logged in to the account with ``key`` before."""
        return bool(secret) and self._browsers.get(hashed(secret)) == key

    # links

    def add_link(self, kind: LinkKind, subject: str, label: str, author: str) -> tuple[str, Link]:
        """Return the secret of a new link, and the link; blocks."""
        secret = secrets.token_urlsafe(32)
        link = Link(hashed(secret), kind, subject, label, author, self._now_s())
        row = (link.hash, kind, subject, label, author, link.created_s)
        with self._filling, self._file.transaction() as database:
            database.execute("INSERT INTO links VALUES (?, ?, ?, ?, ?, ?)", row)
            self._links[link.hash] = link
        return secret, link

    def links(self) -> list[Link]:
        """Return all links, the newest first."""
        found = [link for key, link in self._links.items() if key not in self._ended]
        return sorted(found, key=lambda link: -link.created_s)

    def find_link(self, secret: str, kind: LinkKind) -> Link | None:
        """Return the link of a secret, None when there is none."""
        key = hashed(secret)
        link = self._links.get(key)
        return link if link is not None and link.kind == kind and key not in self._ended else None

    def end_link(self, name: str) -> Link:
        """End a link by its name in lists; raises NotFound; blocks."""
        link = next((each for each in self.links() if each.id == name), None)
        if link is None:
            raise NotFound(f"no link {name!r}; see: teleward access links")
        self._ended.add(link.hash)
        with self._file.transaction() as database:
            database.execute("DELETE FROM links WHERE hash = ?", (link.hash,))
        return replace(link)


def _link(row: sqlite3.Row) -> Link:
    return Link(
        row["hash"], row["kind"], row["subject"], row["label"], row["author"], row["created_s"]
    )
