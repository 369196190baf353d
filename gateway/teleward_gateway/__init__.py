"""The gateway process: clock, journal, delivery, sessions, live view and API."""

from importlib.metadata import version

__version__ = version("teleward")
