"""The memory of one metric of one subject."""

from teleward_signal.compiled.records import Float, layout


class Baseline:
    """What one metric of one subject usually is, and how far it is from that."""

    seen_s: Float  # seconds of values
    silent_s: Float  # seconds since the last value
    fast: Float  # mean of now
    level: Float  # this person's usual
    spread: Float
    deviation: Float  # mean |fast - level|
    z: Float
    up: Float  # cumulative sum of excess above the level, spread minutes
    down: Float
    up_since: Float  # s
    down_since: Float


BASELINE = layout(Baseline)
