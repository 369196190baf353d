"""What a sensor makes of a patient: lag, averaging, range, error, and the faults of a bad day."""
