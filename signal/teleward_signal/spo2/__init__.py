"""Oxygen saturation from red and infrared light."""
