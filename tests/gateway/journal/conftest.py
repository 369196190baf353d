"""Journals of one folder, closed after each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from teleward_gateway.clock import GatewayClock
from teleward_gateway.journal import Journal, JournalConfig
from teleward_gateway.testing.journal_kit import QUICK, Open
from teleward_signal.model import Provenance


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Open]:
    """Open the journal of the test's folder, again after it was closed."""
    journals: list[Journal] = []

    def make(config: JournalConfig = QUICK, clock: GatewayClock | None = None) -> Journal:
        journal = Journal.open(
            tmp_path, gateway="gw", provenance=Provenance.FIELD,
            clock=clock or GatewayClock(), config=config,
        )  # fmt: skip
        journals.append(journal)
        return journal

    yield make
    for journal in journals:
        journal.close()
