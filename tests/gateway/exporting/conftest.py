"""A data folder with a journal and a registry of known records, as a gateway leaves it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from teleward_gateway.clock import GatewayClock
from teleward_gateway.journal import Journal, JournalConfig
from teleward_gateway.registry.model import Subject
from teleward_gateway.registry.store import Registry
from teleward_gateway.testing.export_kit import Records
from teleward_signal.model import Provenance
from teleward_signal.record import Draft

Fill = Callable[..., Path]
CONFIG = JournalConfig(commit_interval_s=0.25, span_s=60.0)


@pytest.fixture
def filled(tmp_path: Path) -> Fill:
    """Write records into the journal of a simulated gateway; return its settings file."""

    def fill(*batches: Records, label: str = "Bed one") -> Path:
        folder = tmp_path / "data" / "simulated"
        folder.mkdir(parents=True, exist_ok=True)
        settings = tmp_path / "teleward.toml"
        settings.write_text(
            f'[gateway]\nname = "gw"\nmode = "simulated"\ndata_folder = "{tmp_path / "data"}"\n'
        )
        clock = GatewayClock()
        registry = Registry(folder / "registry.sqlite", Provenance.SIMULATED, clock=clock)
        if not registry.subjects():
            registry.admit(Subject("bed-1", label, Provenance.SIMULATED))
            registry.admit(Subject("bed-2", "", Provenance.SIMULATED))
            registry.admit(Subject("sim-02", "", Provenance.SIMULATED))
        registry.close()
        for records in batches:
            # a journal each: closing ends the minute, so that every batch is a span of its own
            journal = Journal.open(
                folder, gateway="gw", provenance=Provenance.SIMULATED, clock=clock, config=CONFIG
            )
            for each in records.all:
                journal.append(
                    Draft(
                        each.kind, each.subject, each.device, each.metric, each.time_ns,
                        each.uncertainty_ns, each.payload, each.samples,
                    )
                )  # fmt: skip
            journal.close()
        return settings

    return fill
