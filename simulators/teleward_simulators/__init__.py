"""Patients that do not exist, behind devices that speak the protocols of real ones."""
