"""The gateway process: sessions, clock, journal, delivery, live view and API."""
