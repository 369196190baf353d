"""The photoplethysmogram: pulses, their quality and arrival time."""
