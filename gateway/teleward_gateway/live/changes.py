"""What one kind of page does not know yet of a subject: parts, and values beside those it knows."""

from collections.abc import Iterator, Mapping
from typing import Any

Value = Mapping[str, Any]


class Changes:
    """Names of what changed, and each value as the pages know it."""

    __slots__ = ("_known", "_values", "parts")

    def __init__(self) -> None:
        self.parts: set[str] = {"info"}
        self._values: set[str] = set()
        self._known: dict[str, dict[str, Any]] = {}

    def note(self, metric: str) -> None:
        """Note that the value of a metric changed."""
        self._values.add(metric)

    def send_whole(self) -> None:
        """Send values that wait whole: some pages know them already, others what was before."""
        for metric in self._values:
            self._known.pop(metric, None)

    def forget(self) -> None:
        """Drop what nobody watches: a page that opens gets the whole state first."""
        self.send_whole()
        self.parts, self._values = set(), set()

    def send_all(self, metrics: Mapping[str, Value]) -> None:
        """Send every value whole the next time."""
        self._known.clear()
        self._values = set(metrics)

    def drain_parts(self) -> list[str]:
        """Return the names of the parts that changed."""
        parts, self.parts = sorted(self.parts), set()
        return parts

    def drain(
        self, values: Mapping[str, Value]
    ) -> Iterator[tuple[str, dict[str, Any], dict[str, Any] | None]]:
        """Yield (metric, value, fields that differ); None for one that no page knows.

        A field that is gone differs as None.
        """
        for metric in sorted(self._values):
            value = {key: each for key, each in values[metric].items() if key != "received"}
            known = self._known.get(metric)
            self._known[metric] = value
            if known is None:
                yield metric, value, None
                continue
            gone = {key: None for key in known if key not in value}
            differs = {key: each for key, each in value.items() if known.get(key) != each}
            yield metric, value, gone | differs
        self._values = set()
