"""The rhythms that an ECG stream reports."""

from enum import IntEnum


class Rhythm(IntEnum):
    """Codes in the ``symbol`` of rhythm events; the value of the event is the evidence."""

    PAUSE = 1
    """No beat for 2 s; seconds."""
    ASYSTOLE = 2
    """No beat for 4 s (8 s on a restless signal), not on one that is flat or off; seconds."""
    BRADYCARDIA = 3
    """Rate of the last beats below the limit; /min."""
    TACHYCARDIA = 4
    """Rate above the limit, mostly beats of supraventricular shape; /min."""
    WIDE_TACHYCARDIA = 5
    """Rate above the limit, mostly beats of ventricular shape; /min."""
    VENTRICULAR_RUN = 6
    """Three or more ventricular beats in a row at a mean rate over 100/min; beats."""
    VENTRICULAR_TACHYCARDIA = 7
    """Six or more of them, or even waves without rest between them; /min."""
    VENTRICULAR_FIBRILLATION = 8
    """Fibrillation or flutter of the ventricles: uneven or very fast waves; leakage."""
    BIGEMINY = 9
    """Every second beat ventricular, three times; beats."""
    TRIGEMINY = 10
    """Every third beat ventricular, three times; beats."""
    ATRIAL_FIBRILLATION = 11
    """Probability."""
