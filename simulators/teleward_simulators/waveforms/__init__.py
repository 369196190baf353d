"""Waves drawn from the events of the heart and the lung, each sample by its number alone."""
