"""The ticket of a record that waits for its commit: it resolves to the record's identity."""

from teleward_signal.record import RecordId


class Ticket:
    """What `Journal.append` returns; ``identity`` is None until the commit is on the disk.

    It stays None for a record that was given up, which `JournalStats.lost` counts, and for one that
    was ``withdrawn``: no commit that begins after that writes it. Waveform blocks that are joined
    into one record share its identity.
    """

    __slots__ = ("identity", "withdrawn")

    def __init__(self) -> None:
        self.identity: RecordId | None = None
        self.withdrawn = False
