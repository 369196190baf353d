"""What bodies of events have in common, and the words that several of them use."""

from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict

KINDS: dict[str, type["Body"]] = {}
"""Every kind by name."""

Mode = Literal["together", "parallel", "relay", "hub_spoke", "retry"]
Phase = Literal["doors", "prebrief", "encounter", "words", "debrief", "closed"]
Role = Literal["learner", "pen", "hub", "spoke", "watcher"]


class Body(BaseModel):
    """Payloads of events, besides time, place and author."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    kind: ClassVar[str] = ""

    def __init_subclass__(cls, kind: str = "", **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        if kind:
            cls.kind = kind
            KINDS[kind] = cls


class Unknown(BaseModel):
    """A body of a kind that this version does not know; kept as it is."""

    model_config = ConfigDict(extra="allow", frozen=True)
    kind: ClassVar[str] = "unknown"
