"""FHIR R4 as transaction bundles that any server takes, again without a second copy.

    bundle-000000.json     patient, devices, metrics: post it first
    bundle-000001.json     up to 500 observations each
    ...

Each entry is a PUT to the id of the resource, so that posting a bundle again changes nothing.
"""

from collections.abc import Iterable, Iterator, Sequence

from teleward_cloud.exports.fhir.context import context
from teleward_cloud.exports.fhir.identity import Resource
from teleward_cloud.exports.fhir.mapping import Mapper
from teleward_cloud.exports.fhir.ndjson import dump, resources_of
from teleward_cloud.exports.writer import Part, Scope
from teleward_signal.record import Record

_ENTRIES = 500
"""Entries of a bundle; many servers refuse more than a thousand."""


class BundleWriter:
    """Writes bundles; an unfinished one is all that it keeps."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._mapper = Mapper()
        self._entries: list[Resource] = []
        self._number = 0
        self.left_out = self._mapper.left_out

    def begin(self) -> Iterable[Part]:
        """Return nothing: who has records is known at the end."""
        return ()

    def write(self, records: Sequence[Record]) -> Iterable[Part]:
        """Return the bundles that the next records fill."""
        self._entries += resources_of(self._mapper.take(records))
        return self._full()

    def finish(self) -> Iterable[Part]:
        """Return the last bundle, and the first."""
        self._entries += resources_of(self._mapper.rest())
        yield from self._full()
        if self._entries:
            self._number += 1
            yield _part(self._number, self._entries)
        yield _part(0, list(context(self._scope, self._mapper)))

    def _full(self) -> Iterator[Part]:
        while len(self._entries) >= _ENTRIES:
            entries, self._entries = self._entries[:_ENTRIES], self._entries[_ENTRIES:]
            self._number += 1
            yield _part(self._number, entries)


def put_entry(resource: Resource) -> Resource:
    """Return the entry of a bundle that stores a resource under its own id."""
    return {
        "fullUrl": f"urn:uuid:{resource['id']}",
        "resource": resource,
        "request": {"method": "PUT", "url": f"{resource['resourceType']}/{resource['id']}"},
    }


def _part(number: int, resources: Sequence[Resource]) -> Part:
    bundle = {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [put_entry(resource) for resource in resources],
    }
    return Part(f"bundle-{number:06d}.json", (dump(bundle) + "\n").encode())


def make_writer(scope: Scope) -> BundleWriter:
    """Return the writer of one export."""
    return BundleWriter(scope)
