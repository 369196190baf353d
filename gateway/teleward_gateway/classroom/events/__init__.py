"""Events of a class: typed kinds, the append-only log, and the branch that counts."""

from teleward_gateway.classroom.events.event import SCHEMA, Draft, Event
from teleward_gateway.classroom.events.kinds import KINDS, Body

__all__ = ["KINDS", "SCHEMA", "Body", "Draft", "Event"]
