"""The rhythms that an ECG stream reports."""

from enum import IntEnum


class Rhythm(IntEnum):
    """Codes in the ``symbol`` of rhythm events; the value of the event is the evidence."""

    PAUSE = 1
    """No beat for 2 s; seconds."""
    ASYSTOLE = 2
    """No beat for 4 s on a signal that is not flat or off; seconds."""
    BRADYCARDIA = 3
    """Rate of the last beats below the limit; /min."""
    TACHYCARDIA = 4
    """Rate above the limit, mostly beats of supraventricular shape; /min."""
    WIDE_TACHYCARDIA = 5
    """Rate above the limit, mostly beats of ventricular shape; /min."""
    VENTRICULAR_RUN = 6
    """Three or more ventricular beats in a row at more than 100/min; beats."""
    VENTRICULAR_TACHYCARDIA = 7
    """Six or more of them; /min."""
    VENTRICULAR_FIBRILLATION = 8
    """Fibrillation or flutter of the ventricles; leakage."""
    BIGEMINY = 9
    """Every second beat ventricular, three times; beats."""
    TRIGEMINY = 10
    """Every third beat ventricular, three times; beats."""
    ATRIAL_FIBRILLATION = 11
    """Probability."""
