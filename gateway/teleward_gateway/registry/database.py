"""The registry's SQLite file: tables, opening, and setting a damaged file aside.

Its rules are also in the tables, so that no program can break them: one open binding a device,
one open stay a subject and a bed.
"""

import contextlib
import json
import logging
import sqlite3
from dataclasses import astuple
from pathlib import Path

from teleward_gateway.clock.corrections import Correction, Corrections
from teleward_gateway.journal.damage import Damaged, check_versions
from teleward_gateway.journal.memory_copy import read_file, write_file
from teleward_gateway.registry.attributes import packed, rows_of
from teleward_gateway.registry.model import RegistryError
from teleward_signal.model import Provenance

log = logging.getLogger(__name__)

SCHEMA_VERSION = 2
KEPT_DAMAGED = 3  # enough to see what happens to a card, a few hundred kilobytes

SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS subjects (
    id TEXT PRIMARY KEY, label TEXT NOT NULL, provenance TEXT NOT NULL,
    admitted_ns INTEGER NOT NULL, admitted_boot TEXT, admitted_monotonic_ns INTEGER,
    discharged_ns INTEGER) STRICT;
CREATE TABLE IF NOT EXISTS attributes (
    subject TEXT NOT NULL REFERENCES subjects (id), key TEXT NOT NULL, value TEXT NOT NULL,
    version INTEGER NOT NULL, author TEXT, time_ns INTEGER NOT NULL,
    PRIMARY KEY (subject, key)) STRICT;
CREATE TABLE IF NOT EXISTS stays (
    subject TEXT NOT NULL REFERENCES subjects (id), bed TEXT NOT NULL,
    from_ns INTEGER NOT NULL, from_boot TEXT, from_monotonic_ns INTEGER,
    until_ns INTEGER, until_boot TEXT, until_monotonic_ns INTEGER) STRICT;
CREATE UNIQUE INDEX IF NOT EXISTS stay_of_subject ON stays (subject) WHERE until_ns IS NULL;
CREATE UNIQUE INDEX IF NOT EXISTS stay_in_bed ON stays (bed) WHERE until_ns IS NULL;
CREATE TABLE IF NOT EXISTS devices (
    id TEXT PRIMARY KEY, driver TEXT NOT NULL, address TEXT NOT NULL, label TEXT NOT NULL,
    provenance TEXT NOT NULL, options TEXT NOT NULL, removed_ns INTEGER) STRICT;
CREATE UNIQUE INDEX IF NOT EXISTS device_at ON devices (lower(address)) WHERE removed_ns IS NULL;
CREATE TABLE IF NOT EXISTS bindings (
    device TEXT NOT NULL REFERENCES devices (id), subject TEXT REFERENCES subjects (id), bed TEXT,
    provenance TEXT NOT NULL,
    from_ns INTEGER NOT NULL, from_boot TEXT, from_monotonic_ns INTEGER,
    until_ns INTEGER, until_boot TEXT, until_monotonic_ns INTEGER,
    CHECK ((subject IS NULL) <> (bed IS NULL))) STRICT;
CREATE UNIQUE INDEX IF NOT EXISTS binding_of_device ON bindings (device) WHERE until_ns IS NULL;
CREATE TABLE IF NOT EXISTS clamped (
    name TEXT NOT NULL, row INTEGER NOT NULL, edge TEXT NOT NULL, stated_ns INTEGER NOT NULL,
    boot TEXT, monotonic_ns INTEGER, clamped_ns INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS corrections (
    boot TEXT NOT NULL, since_ns INTEGER NOT NULL, until_ns INTEGER NOT NULL,
    shift_ns INTEGER NOT NULL, uncertainty_ns INTEGER NOT NULL) STRICT;
"""

TABLES = (
    "meta",
    "subjects",
    "attributes",
    "stays",
    "devices",
    "bindings",
    "clamped",
    "corrections",
)


def open_database(path: Path | str, mode: Provenance) -> tuple[sqlite3.Connection, Path | None]:
    """Return an open database in ``mode`` and where a damaged file was set aside, if one was.

    Raises RegistryError when the file belongs to the other mode or to a later version, or cannot
    be opened.
    """
    aside = None
    try:
        check_versions(Path(path))
        connection = _connect(path)
    except OSError as error:
        raise RegistryError(f"registry {path}: {error.strerror}") from error
    except (sqlite3.DatabaseError, Damaged) as error:
        if isinstance(error, sqlite3.OperationalError) and not _is_damage(error):
            raise RegistryError(f"registry {path}: {error}") from error
        aside = _set_aside(Path(path))
        log.error("registry %s is damaged (%s); set aside as %s", path, error, aside)
        connection = _connect(path)
        _salvage(aside, connection)
    try:
        _check_meta(connection, path, mode)
    except sqlite3.OperationalError as error:  # read-only, with a log that could be read
        connection.close()
        raise RegistryError(f"registry {path}: {error}") from error
    return connection, aside


def open_in_memory(mode: Provenance, copy_of: Path | None) -> tuple[sqlite3.Connection, bool]:
    """Return a database in memory with what a file holds, and whether that is all of it.

    Raises RegistryError when the file belongs to the other mode or to a later version.
    """
    connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    whole = copy_of is not None and read_file(copy_of, connection)
    try:
        _prepare(connection)
    except sqlite3.DatabaseError as error:
        connection.close()
        raise RegistryError(f"registry {copy_of}: {error}") from error
    _check_meta(connection, copy_of or ":memory:", mode)
    return connection, whole


def written_out(memory: sqlite3.Connection, path: Path, mode: Provenance) -> sqlite3.Connection:
    """Return the database of a file that holds what is in ``memory`` from now on.

    Raises OSError, sqlite3.Error or RegistryError while the disk does not take it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = _connect(path)
    try:
        _check_meta(connection, path, mode)
        write_file(memory, connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _is_damage(error: sqlite3.Error) -> bool:
    return error.sqlite_errorcode in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def _connect(path: Path | str) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=5.0)
    try:
        _prepare(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _prepare(connection: sqlite3.Connection) -> None:
    """Check an open database and bring its tables to this version."""
    connection.row_factory = sqlite3.Row
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    if connection.execute("PRAGMA quick_check").fetchone()[0] != "ok":
        raise sqlite3.DatabaseError("quick_check failed")
    _upgrade(connection)
    connection.executescript(SCHEMA)


def _set_aside(path: Path) -> Path:
    # counted, not stamped: on a gateway whose clock steps the newest must stay the newest
    begin = f"{path.name}.damaged-"
    kept = [file.name.removeprefix(begin) for file in path.parent.glob(f"{begin}*")]
    number = max((int(name) for name in kept if name.isdigit()), default=0) + 1
    aside = path.with_name(f"{begin}{number}")
    path.rename(aside)
    for suffix in ("-wal", "-shm"):
        with contextlib.suppress(FileNotFoundError):
            path.with_name(path.name + suffix).rename(aside.with_name(aside.name + suffix))
    _prune(path)
    return aside


def _prune(path: Path) -> None:
    """Delete all but the newest files that were set aside: a failing card must not fill itself."""
    begin = f"{path.name}.damaged-"
    kept = sorted(
        {
            file.name.removesuffix("-wal").removesuffix("-shm")
            for file in path.parent.iterdir()
            if file.name.startswith(begin)
        },
        key=lambda name: (len(name), name),
    )
    for name in kept[:-KEPT_DAMAGED]:
        for suffix in ("", "-wal", "-shm"):
            path.with_name(name + suffix).unlink(missing_ok=True)


def _salvage(aside: Path, connection: sqlite3.Connection) -> None:
    """Copy every row that can still be read."""
    with contextlib.suppress(sqlite3.Error):
        connection.execute("PRAGMA foreign_keys = OFF")
        old = sqlite3.connect(aside)
        old.row_factory = sqlite3.Row
        try:
            for table in TABLES:
                _salvage_table(old, connection, table)
        finally:
            old.close()
            connection.execute("PRAGMA foreign_keys = ON")


def _upgrade(connection: sqlite3.Connection) -> None:
    """Bring a file of version 1 to version 2: attributes as rows, edges with monotonic time."""
    columns = {row["name"] for row in connection.execute("PRAGMA table_info(subjects)")}
    if "attributes" not in columns:
        return
    connection.execute("PRAGMA foreign_keys = OFF")
    connection.execute("BEGIN IMMEDIATE")
    try:
        kept = {
            table: connection.execute(f"SELECT * FROM {table} ORDER BY rowid").fetchall()
            for table in ("subjects", "stays", "bindings")
        }
        for table in kept:
            connection.execute(f"DROP TABLE {table}")
        for statement in SCHEMA.split(";\n"):
            connection.execute(statement)
        for table, rows in kept.items():
            for row in rows:
                _copy(connection, table, row)
        connection.execute("INSERT OR REPLACE INTO meta VALUES ('version', ?)", (SCHEMA_VERSION,))
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("PRAGMA foreign_keys = ON")


def _copy(connection: sqlite3.Connection, table: str, row: sqlite3.Row) -> None:
    """Insert a row of this version or of version 1."""
    known = {each["name"] for each in connection.execute(f"PRAGMA table_info({table})")}
    columns = [name for name in row.keys() if name in known]  # noqa: SIM118
    marks = ", ".join("?" * len(columns))
    connection.execute(
        f"INSERT OR IGNORE INTO {table} ({', '.join(columns)}) VALUES ({marks})",
        [row[name] for name in columns],
    )
    if table == "subjects" and "attributes" in row.keys():  # noqa: SIM118
        for key, value in rows_of(json.loads(row["attributes"])).items():
            connection.execute(
                "INSERT OR IGNORE INTO attributes VALUES (?, ?, ?, 1, NULL, ?)",
                (row["id"], key, packed(value), row["admitted_ns"]),
            )


def _salvage_table(old: sqlite3.Connection, new: sqlite3.Connection, table: str) -> None:
    with contextlib.suppress(sqlite3.Error):
        for row in old.execute(f"SELECT * FROM {table}"):
            with contextlib.suppress(sqlite3.Error, ValueError):
                _copy(new, table, row)


def _check_meta(connection: sqlite3.Connection, path: Path | str, mode: Provenance) -> None:
    wanted = {"mode": str(mode), "version": str(SCHEMA_VERSION)}
    for key, value in wanted.items():
        connection.execute("INSERT OR IGNORE INTO meta VALUES (?, ?)", (key, value))
    meta = dict(connection.execute("SELECT key, value FROM meta").fetchall())
    if meta["mode"] != mode:
        connection.close()
        raise RegistryError(
            f"registry {path} belongs to a {meta['mode']} gateway and this one is {mode}: "
            "give each its own data folder"
        )
    if int(meta["version"]) > SCHEMA_VERSION:
        connection.close()
        raise RegistryError(f"registry {path} was written by a later version: upgrade Teleward")


def corrections_of(db: sqlite3.Connection) -> Corrections:
    """Return the corrections of the clock that intervals follow."""
    return Corrections(Correction(*row) for row in db.execute("SELECT * FROM corrections"))


def keep_correction(db: sqlite3.Connection, correction: Correction) -> None:
    """Keep one more correction."""
    db.execute("INSERT INTO corrections VALUES (?, ?, ?, ?, ?)", astuple(correction))


def clamp_future(db: sqlite3.Connection, now_ns: int) -> None:
    """Clamp begin and end to now; call it only when the time is confirmed.

    A boot that never learnt the time may have left such edges, and no correction speaks of them.
    What they stated is kept in the table ``clamped``.
    """
    corrections = corrections_of(db)
    for table in ("bindings", "stays"):
        for edge in ("from", "until"):
            for row in db.execute(
                f"SELECT rowid AS id, {edge}_ns AS stated, {edge}_boot AS boot, "
                f"{edge}_monotonic_ns AS mono FROM {table} WHERE {edge}_ns IS NOT NULL"
            ).fetchall():
                shift_ns = corrections.shift_ns(row["boot"], row["mono"]) if row["boot"] else 0
                if row["stated"] + shift_ns > now_ns:
                    stated = (table, row["id"], edge, row["stated"], row["boot"], row["mono"])
                    db.execute(
                        "INSERT INTO clamped VALUES (?, ?, ?, ?, ?, ?, ?)", (*stated, now_ns)
                    )
                    db.execute(
                        f"UPDATE {table} SET {edge}_ns = ? WHERE rowid = ?",
                        (now_ns - shift_ns, row["id"]),
                    )


def explain(error: sqlite3.IntegrityError) -> str:
    """Return a broken rule of the tables in words."""
    text = str(error)
    if "device_at" in text or "devices" in text:
        return "another device has this address: remove it first, or change its address"
    if "stay_in_bed" in text or "stays.bed" in text:
        return "the bed is taken: discharge or move its subject first"
    return f"the registry refused the change: {text}"
