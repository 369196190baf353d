"""The writer of FHIR NDJSON; the manifest is that of the bulk data guide, without a server."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence

from teleward_cloud.exports.fhir.context import context
from teleward_cloud.exports.fhir.identity import Resource
from teleward_cloud.exports.fhir.mapping import Mapped, Mapper
from teleward_cloud.exports.fhir.parts import instant
from teleward_cloud.exports.writer import Part, Scope
from teleward_signal.record import Record

dump = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode
"""A resource as compact JSON; raises ValueError for what is no number."""


class NdjsonWriter:
    """Writes one resource a line."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._mapper = Mapper()
        self._counts: Counter[str] = Counter()
        self.left_out = self._mapper.left_out

    def begin(self) -> Iterable[Part]:
        """Return nothing: a file begins with its first line."""
        return ()

    def write(self, records: Sequence[Record]) -> Iterable[Part]:
        """Return the lines of the next records."""
        return self._lines([found.resource for found in self._mapper.take(records)])

    def finish(self) -> Iterable[Part]:
        """Return what was open, then patient, devices, metrics and the manifest."""
        yield from self._lines([found.resource for found in self._mapper.rest()])
        yield from self._lines(list(context(self._scope, self._mapper)))
        yield Part("manifest.json", (json.dumps(self._manifest(), indent=1) + "\n").encode())

    def _lines(self, resources: Sequence[Resource | None]) -> list[Part]:
        files: dict[str, list[str]] = {}
        for resource in resources:
            if resource is not None:
                files.setdefault(resource["resourceType"], []).append(dump(resource) + "\n")
        for name, lines in files.items():
            self._counts[name] += len(lines)
        return [Part(f"{name}.ndjson", "".join(lines).encode()) for name, lines in files.items()]

    def _manifest(self) -> Resource:
        output = [
            {"type": name, "url": f"{name}.ndjson", "count": count}
            for name, count in sorted(self._counts.items())
        ]
        return {
            "transactionTime": instant(self._scope.end_ns),
            "request": f"Patient/{self._scope.subject.id}/$export",
            "requiresAccessToken": False,
            "output": output,
            "error": [],
        }


def resources_of(mapped: Iterable[Mapped]) -> list[Resource]:
    """Return the resources among what was mapped."""
    return [found.resource for found in mapped if found.resource is not None]


def make_writer(scope: Scope) -> NdjsonWriter:
    """Return the writer of one export."""
    return NdjsonWriter(scope)
