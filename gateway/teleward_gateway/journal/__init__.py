"""The journal: one append-only log of everything of record, with every sink's place in it."""

from teleward_gateway.journal.commit import Commit
from teleward_gateway.journal.config import JournalConfig
from teleward_gateway.journal.journal import Journal
from teleward_gateway.journal.migrations import JournalTooNew
from teleward_gateway.journal.open_file import JournalInUse
from teleward_gateway.journal.reader import Batch
from teleward_gateway.journal.stats import JournalStats, Losses, SinkStats
from teleward_gateway.journal.ticket import Ticket

__all__ = [
    "Batch",
    "Commit",
    "Journal",
    "JournalConfig",
    "JournalInUse",
    "JournalStats",
    "JournalTooNew",
    "Losses",
    "SinkStats",
    "Ticket",
]
