"""What was judged and how, kept for training when the trace of a bank has room for it."""

from teleward_signal.compiled.cache import Floats, Record, inner
from teleward_signal.ecg.state import N_QUALITY, TRACE_AT


@inner
def note(trace: Floats, features: Floats, at: int, p: float, n: int) -> None:
    """Keep the features of a judged candidate for training; row 0 counts the rows."""
    row = int(trace[0, 0]) + 1
    if row < trace.shape[0]:
        for k in range(n):
            trace[row, k] = features[k]
        trace[row, TRACE_AT] = at
        trace[row, TRACE_AT + 1] = p
        trace[0, 0] = row


@inner
def note_second(trace: Floats, s: Record) -> None:
    """Keep the quality features of a second for training."""
    row = int(trace[0, 0]) + 1
    if row < trace.shape[0]:
        for k in range(N_QUALITY):
            trace[row, k] = s.quality[k]
        trace[row, TRACE_AT] = s.n
        trace[0, 0] = row
