"""Schema changes, one step a version, each in one transaction that keeps every record and sink.

A file of a newer version is refused and left untouched: the remedy is the newer Teleward.
"""

from collections.abc import Callable, Mapping

from teleward_gateway.journal.damage import Damaged
from teleward_gateway.journal.store import IDENTITY, SCHEMA, TREND_TABLE, Store, Transaction
from teleward_signal.errors import Unavailable

Step = Callable[[Store], None]


def add_trends(store: Store) -> None:
    """Make room for trends; they are filled from the rows while the gateway runs."""
    store.run(TREND_TABLE)


STEPS: dict[int, Step] = {1: add_trends}
"""From version to the step that leads to the next."""


class JournalTooNew(Unavailable):
    """The file was written by a newer Teleward; nothing was changed."""


def migrate(store: Store, steps: Mapping[int, Step] = STEPS, target: int = SCHEMA) -> None:
    """Bring the tables to version ``target``; raises `JournalTooNew` for a newer file.

    The version stands in a sealed blob, so that damage cannot pass for a newer version.
    """
    identity = store.read_states().get(IDENTITY)
    if identity is None:
        raise Damaged("the identity is damaged")
    version = int(identity["schema"])
    refuse_newer(version, target)
    while version < target:
        with Transaction(store.database):
            steps[version](store)
            version += 1
            identity["schema"] = version
            store.write_state(IDENTITY, identity)


def refuse_newer(version: int, target: int = SCHEMA) -> None:
    """Raise `JournalTooNew` for a version above ``target``."""
    if version > target:
        raise JournalTooNew(
            f"the journal has version {version} and this Teleward knows up to {target}; "
            "nothing was changed: start the newer Teleward again"
        )
