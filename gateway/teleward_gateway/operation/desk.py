"""The operator's desk of a running gateway: what the page ``/gateway`` asks."""

from collections.abc import Callable
from typing import Any

import teleward_gateway
from teleward_gateway.health import HealthRegistry
from teleward_gateway.operation.cards import FIGURES, Card, Facts, cards
from teleward_gateway.operation.course import Course
from teleward_gateway.operation.log_tail import LogTail
from teleward_gateway.operation.support import bundle, registry_names
from teleward_gateway.operation.update_history import history
from teleward_gateway.registry.store import Registry
from teleward_gateway.settings.mistakes import Mistake
from teleward_gateway.settings.model import Settings


class OperatorDesk:
    """Cards, log and report; `course` is sampled by a task of the gateway."""

    def __init__(
        self,
        settings: Settings,
        health: HealthRegistry,
        registry: Registry,
        log: LogTail,
        mistakes: Callable[[], tuple[Mistake, ...]],
        accounts: Callable[[], list[str]] = list,
    ) -> None:
        self._settings, self._health, self._registry = settings, health, registry
        self._log, self._mistakes, self._accounts = log, mistakes, accounts
        self.course = Course(health.parts, FIGURES)

    def cards(self) -> list[Card]:
        """Return a card of each part."""
        settings = self._settings
        facts = Facts(
            settings.network.budget_mb_per_day,
            settings.mqtt is not None,
            settings.influx is not None,
            settings.lan.enabled,
            teleward_gateway.__version__,
            next(reversed(history()), {}),
        )
        return cards(self._health.parts(), self.course, facts)

    def uptime_s(self) -> float:
        """Return how long the gateway has run, in seconds."""
        return float(self._health.report()["uptime_s"])

    def log(self, most: int) -> list[str]:
        """Return the newest lines of the log, oldest first."""
        return self._log.lines(most)

    def report(self) -> bytes:
        """Return the report for a technician as a zip; it reads the registry and takes a moment."""
        names: list[str | None] = [*registry_names(self._registry), *self._accounts()]
        mistakes = [str(each) for each in self._mistakes()]
        health: dict[str, Any] = self._health.report()
        return bundle(self._settings, health, self._log.lines(), names, mistakes)
