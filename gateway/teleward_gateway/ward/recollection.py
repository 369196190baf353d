"""What the journal knows of readings that their own file does not, after a crash or a lost file."""

import logging
import sqlite3

from teleward_gateway.journal import Journal
from teleward_gateway.ward.readings import Readings
from teleward_signal.record import RecordKind

log = logging.getLogger(__name__)

PAGE = 2_000


async def recall_readings(journal: Journal, readings: Readings) -> None:
    """Look through the journal from where the last run ended, so that no reading counts twice.

    A journal that cannot be read leaves what the file of readings knows, and the log says so.
    """
    try:
        await _recall(journal, readings)
    except (sqlite3.Error, OSError) as error:
        log.warning("the journal cannot be read (%s): a reading of before may count twice", error)


async def _recall(journal: Journal, readings: Readings) -> None:
    number = readings.store.journal_number
    if number >= journal.next_number:
        number = 0  # another journal than the one that was looked through
    while True:
        batch = await journal.read(number, frozenset({RecordKind.MEASUREMENT}), PAGE)
        readings.recall(batch.records)
        if batch.through <= number:
            break
        number = batch.through
    readings.store.note_journal(number)
