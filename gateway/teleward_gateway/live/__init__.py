"""The live path: newest wins, may drop, one WebSocket a page.

Everything of record goes through the journal; this package only shows what is happening now.
"""

from teleward_gateway.live.hub import LiveHub
from teleward_gateway.live.page import Page, Rung
from teleward_gateway.live.ward import LiveStatistics

__all__ = ["LiveHub", "LiveStatistics", "Page", "Rung"]
