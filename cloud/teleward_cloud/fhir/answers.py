"""Answers of a FHIR server, of a whole request and of one entry: what they mean. Pure.

2xx                                stored, now or before
412                                there already, more than once: counted, never sent again
400, 404, 409, 410, 422            this resource is refused
401, 403                           the login, or its rights: a person corrects it
429, 503 and others, no answer     later
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

_LONGEST = 300


class Meaning(Enum):
    """What becomes of a resource."""

    STORED = "stored"
    MANY = "there more than once"
    REFUSED = "refused"
    LATER = "later"


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer about one resource, or about a whole request."""

    status: int
    meaning: Meaning
    reason: str = ""
    retry_after_s: float | None = None
    location: str | None = None


def judge(
    status: int,
    outcome: Any = None,
    *,
    retry_after_s: float | None = None,
    location: str | None = None,
) -> Answer:
    """Return what a status means; ``outcome`` is the OperationOutcome that came with it."""
    if 200 <= status < 300:
        return Answer(status, Meaning.STORED, location=location)
    reason = f"HTTP {status}: {outcome_text(outcome)}{_REMEDIES.get(status, '')}"
    if status == 412:
        return Answer(status, Meaning.MANY, reason)
    if status in (400, 404, 405, 409, 410, 413, 415, 422):
        return Answer(status, Meaning.REFUSED, reason)
    return Answer(status, Meaning.LATER, reason, retry_after_s)


_REMEDIES = {
    401: " (the login is refused: correct token or oauth2 of sinks.fhir)",
    403: " (no right to write: give this client the scopes Patient, Device, Observation)",
}


def outcome_text(outcome: Any) -> str:
    """Return the words of an OperationOutcome, or what else came."""
    issues = outcome.get("issue") if isinstance(outcome, Mapping) else None
    found = []
    for issue in issues if isinstance(issues, list) else []:
        if not isinstance(issue, Mapping):
            continue
        details = issue.get("details")
        text = details.get("text") if isinstance(details, Mapping) else None
        text = text or issue.get("diagnostics") or issue.get("code") or "no reason given"
        places = issue.get("expression")
        place = f" at {places[0]}" if isinstance(places, list) and places else ""
        found.append(f"{text}{place}")
    return "; ".join(found)[:_LONGEST] or "no reason given"


def entry_answer(entry: Any) -> Answer | None:
    """Return the answer of one entry of a batch response; ``None`` if it is none."""
    response = entry.get("response") if isinstance(entry, Mapping) else None
    if not isinstance(response, Mapping):
        return None
    digits = str(response.get("status", ""))[:3]
    if not digits.isdigit():
        return None
    location = response.get("location")
    return judge(
        int(digits),
        response.get("outcome"),
        location=location if isinstance(location, str) else None,
    )
