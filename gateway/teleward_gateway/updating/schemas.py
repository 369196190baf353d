"""The versions of the files that a gateway writes, for the manifest of an update.

Rule: a gateway opens what the one after it wrote. What is added (tables, columns, keys) leaves the
number as it is, and the older version passes over it. A number rises only where that cannot be;
the update then takes a snapshot of the data first, because the older version refuses such a file.
"""

from collections.abc import Mapping

from teleward_gateway.access.database import SCHEMA_VERSION as ACCESS
from teleward_gateway.classroom.events.event import SCHEMA as CLASSES
from teleward_gateway.journal.store import SCHEMA as JOURNAL
from teleward_gateway.registry.database import SCHEMA_VERSION as REGISTRY

SCHEMAS: dict[str, int] = {
    "journal": JOURNAL,
    "registry": REGISTRY,
    "access": ACCESS,
    "classes": CLASSES,
}


def not_additive(theirs: Mapping[str, int], ours: Mapping[str, int] = SCHEMAS) -> list[str]:
    """Return the kinds of files that this version will not open once the other has written."""
    return sorted(name for name, number in theirs.items() if number > ours.get(name, 0))
