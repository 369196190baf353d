"""Training of the shipped detectors; never imported by a running gateway."""
