"""Alarms and changes of rhythm as FHIR observations.

FHIR R4 has no resource for alarms of devices. The terms are those of IHE's alert communication
(PCD-04): event, phase, state, priority and type, each with its MDC code.
"""

from teleward_cloud.exports.codes import CODES, MDC, Code
from teleward_cloud.exports.fhir.identity import References, Resource
from teleward_cloud.exports.fhir.observations import frame
from teleward_cloud.exports.fhir.parts import coding, concept, metric_concept, quantity
from teleward_signal.model import AlarmKind, Presence, Priority
from teleward_signal.record import Record

EVENT = Code("196616", "MDC_EVT_ALARM")
RHYTHM = Code("184327", "MDC_ECG_STAT_RHY")
PHASES: dict[str, tuple[str, str]] = {
    Presence.ON: ("start", "active"),
    Presence.LATCHED: ("end", "latched"),
    Presence.ACKNOWLEDGED: ("update", "active"),
    Presence.OFF: ("end", "inactive"),
}
"""Event phase and alarm state of PCD-04 by the presence of the condition."""
PRIORITIES: dict[str, str] = {
    Priority.HIGH: "PH",
    Priority.MEDIUM: "PM",
    Priority.LOW: "PL",
    Priority.INFO: "PN",
}
TYPES: dict[str, str] = {AlarmKind.PHYSIOLOGICAL: "SP", AlarmKind.TECHNICAL: "ST"}
PHASE = Code("68481", "MDC_ATTR_EVENT_PHASE")
STATE = Code("68482", "MDC_ATTR_ALARM_STATE")
PRIORITY = Code("68484", "MDC_ATTR_ALARM_PRIORITY")
TYPE = Code("68485", "MDC_ATTR_ALERT_TYPE")


def alarm(record: Record, references: References) -> Resource:
    """Return the observation of one change of an alarm condition."""
    payload = record.payload
    condition = str(payload.get("condition", "alarm"))
    resource = frame((record,), references, concept(condition, coding(MDC, EVENT)))
    resource["category"] = [concept("Alarm")]
    text = str(payload.get("text") or condition)
    resource["valueCodeableConcept"] = concept(text)
    phase, state = PHASES.get(str(payload.get("presence")), ("update", "active"))
    components = [
        _text(PHASE, phase),
        _text(STATE, state),
        _text(PRIORITY, PRIORITIES.get(str(payload.get("priority")), "PH")),
        _text(TYPE, TYPES.get(str(payload.get("kind")), "SP")),
    ]
    if record.metric in CODES:
        codes = CODES[str(record.metric)]
        for key, label in (("value", None), ("limit", "limit")):
            value = payload.get(key)
            if isinstance(value, int | float):
                code = concept(f"{codes.label}, {label}") if label else metric_concept(codes)
                components.append({"code": code, "valueQuantity": quantity(value, codes)})
    resource["component"] = components
    if author := payload.get("author"):
        resource["performer"] = [{"display": str(author)}]
    return resource


def rhythm(record: Record, references: References) -> Resource:
    """Return the observation of a change of rhythm."""
    resource = frame((record,), references, concept(RHYTHM.display, coding(MDC, RHYTHM)))
    resource["valueCodeableConcept"] = concept(str(record.payload["label"]))
    return resource


def _text(code: Code, value: str) -> Resource:
    return {"code": concept(code.display, coding(MDC, code)), "valueString": value}
