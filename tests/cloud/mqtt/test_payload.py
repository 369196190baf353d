"""Messages and topics lose nothing and let nothing through."""

import json
import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from teleward_cloud.influx.line_protocol import lines, point_time_ns
from teleward_cloud.mqtt import home_assistant, payload
from teleward_cloud.mqtt.topics import Topics, gateway_of, level, plain, record_filters
from teleward_signal.model import Provenance
from teleward_signal.record import Record, RecordId, RecordKind

Make = Callable[..., Record]
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | TEXT
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
KEYS = TEXT | st.sampled_from(["seq", "kind", "record", "unit", "value", "payload", "time", "boot"])
RECORDS = st.builds(
    Record,
    st.builds(RecordId, st.just("ward-3"), st.just("j"), st.integers(1, 2**60), st.integers(0, 99)),
    st.sampled_from(list(RecordKind)),
    st.just(Provenance.FIELD),
    st.integers(0, 4 * 10**18),
    st.integers(0, 10**15),
    st.integers(0, 2**60),
    TEXT,
    st.just("bed-1"),
    TEXT | st.none(),
    st.sampled_from(["spo2", "ecg_ii", "unknown", None]),
    st.dictionaries(KEYS, VALUES, max_size=6),
    st.binary(max_size=40),
)


@settings(suppress_health_check=[HealthCheck.too_slow])  # on a busy machine, by wall time
@given(st.lists(RECORDS, min_size=1, max_size=5), st.booleans())
def test_round_trip(records: list[Record], live: bool) -> None:
    message = payload.encode(records, live=live)
    plain_message = json.loads(message)
    assert plain_message["backfill"] is not live
    assert len(plain_message["records"]) == len(records)
    assert payload.decode(message) == records


def test_what_is_no_number_is_refused(record: Make) -> None:
    for value in (math.nan, math.inf, object()):
        with pytest.raises((TypeError, ValueError)):
            payload.encode([record(1, payload={"value": value})], live=True)


@given(
    st.binary(max_size=60)
    | st.text(max_size=60).map(str.encode)
    | VALUES.map(lambda value: json.dumps(value).encode())
)
def test_anything_else_is_a_payload_error(message: bytes) -> None:
    for read in (payload.decode, lambda m: payload.confirmed("g", m)):
        with pytest.raises(payload.PayloadError):
            read(message)


@given(
    st.dictionaries(
        st.builds(
            RecordId, st.just("g"), st.sampled_from("ab"), st.integers(1, 99), st.integers(0, 9)
        ),
        st.none() | TEXT,
    )
)
def test_confirmations_round_trip(answers: dict[RecordId, str | None]) -> None:
    stored = [found for found, refusal in answers.items() if refusal is None]
    refused = {found: refusal for found, refusal in answers.items() if refusal is not None}
    assert payload.confirmed("g", payload.confirmation(stored, refused)) == answers


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_a_name_is_one_level_and_comes_back(name: str) -> None:
    encoded = level(name)
    assert not set(encoded) & set("+#/\0")
    assert encoded != "-"
    assert plain(encoded) == name
    topic = Topics("a/b", name).records(RecordKind.ALARM, name, None, live=True)
    assert topic.count("/") == 5
    assert gateway_of("a/b", topic) == name


def test_the_topic_tree_as_documented() -> None:
    topics = Topics("teleward", "ward-3")
    wave = topics.records(RecordKind.WAVEFORM, "bed-1", "ecg_ii", live=True)
    assert wave == "teleward/ward-3/live/bed-1/waveforms/ecg_ii"
    clock = topics.records(RecordKind.CLOCK, None, None, live=False)
    assert clock == "teleward/ward-3/backfill/-/clock"
    assert record_filters("teleward")[0] == "teleward/+/live/#"


def at_one_moment(journal: str, seq: int, part: int, time_ns: int = 10**18) -> int:
    found = RecordId("g", journal, seq, part)
    record = Record(
        found, RecordKind.MEASUREMENT, Provenance.FIELD, time_ns, 0, 0, "", "s", "d", "m"
    )
    return point_time_ns(record)


@given(TEXT, st.integers(0, 10**6), st.integers(0, 30), st.integers(0, 30))
def test_records_of_one_row_are_different_points(
    journal: str, seq: int, one: int, other: int
) -> None:
    times = [at_one_moment(journal, seq, part) for part in (one, other)]
    assert (times[0] == times[1]) == (one == other)
    assert times[0] // 1000 == 10**18 // 1000


def test_records_of_several_journals_share_points_by_chance_only() -> None:
    """A device's memory is read again into each new journal: same stream, same moments."""
    journals = [f"{number * 0x9E3779B1 % 2**32:08x}" for number in range(400)]
    times = [at_one_moment(journal, 5, 2) for journal in journals]
    pairs = len(times) * (len(times) - 1) / 2
    shared = sum(times[i] == times[j] for i in range(len(times)) for j in range(i))
    assert shared < 2 * pairs / 1000


def test_points_never_change(record: Make) -> None:
    assert (
        lines(record(7))
        == lines(record(7))
        == [
            "numeric,device=ox-1,gateway=ward-3,metric=spo2,simulated=true,source=device,"
            'subject=bed-1 value=96.0,uncertainty_s=0.012,journal="9f86d081",seq=7i,part=0i '
            "1772352007000000194"
        ]
    )


def test_home_assistant_announces_a_sensor(record: Make) -> None:
    topics = Topics("teleward-sim", "ward-3")
    ((topic, message),) = home_assistant.discovery("homeassistant", topics, record(1))
    assert topic == "homeassistant/sensor/ward-3_bed-1/spo2/config"
    found = json.loads(message)
    assert found["state_topic"] == "teleward-sim/ward-3/home/bed-1/spo2"
    assert found["availability_topic"] == "teleward-sim/ward-3/status"
    assert found["unit_of_measurement"] == "%"
    assert found["expire_after"] == 30
    assert "simulated" in found["unique_id"]
    assert "not a medical device" in found["device"]["model"]
    assert list(home_assistant.discovery("ha", topics, record(1, subject=None))) == []
    cuff = record(2, metric="nibp_systolic", payload={"value": 120.0, "valid_s": 3600.0})
    ((_, message),) = home_assistant.discovery("homeassistant", topics, cuff)
    assert json.loads(message)["expire_after"] == 3600, "a reading stands for an hour"


def test_home_assistant_gets_the_newest_value_of_each_metric_alone(record: Make) -> None:
    topics = Topics("teleward-sim", "ward-3")
    batch = [
        record(1, payload={"value": 96.0}),
        record(1, 1, metric="pulse_rate", payload={"value": None, "reason": "motion"}),
        record(2, payload={"value": 97}),
        record(3, kind=RecordKind.ALARM, payload={"value": 5.0}),
        record(4, metric="unknown", payload={"value": 5.0}),
    ]
    assert home_assistant.states(topics, batch) == [
        ("teleward-sim/ward-3/home/bed-1/spo2", b"97.0"),
        ("teleward-sim/ward-3/home/bed-1/pulse_rate", b"None"),
    ]


HOSTILE: list[tuple[str, Any]] = [
    ("journal", []),
    ("journal", ""),
    ("gateway", 7),
    ("gateway", None),
    ("simulated", 1),
    ("subject", {}),
    ("records", {"a": 1}),
    ("records", [1]),
    ("records", None),
]
HOSTILE_ENTRIES: list[tuple[str, Any]] = [
    ("seq", 1e999),
    ("seq", -1),
    ("seq", True),
    ("seq", 2**63),
    ("part", "0"),
    ("part", 1.0),
    ("uncertainty_s", float("inf")),
    ("uncertainty_s", float("nan")),
    ("uncertainty_s", -1),
    ("uncertainty_s", "0"),
    ("monotonic_ns", float("inf")),
    ("monotonic_ns", None),
    ("device", 3),
    ("metric", ["spo2"]),
    ("boot", {}),
    ("time", 12),
    ("time", "9999999-01-01T00:00:00.0Z"),
    ("samples", 5),
    ("samples", "**"),
    ("payload", [1]),
    ("value", float("nan")),
    ("value", float("-inf")),
    ("detail", {"steps": [1.0, {"size": 1e999}]}),
    ("detail", [[float("nan")]]),
    ("record", "prescription"),
]


@pytest.mark.parametrize(("key", "value"), HOSTILE)
def test_a_head_of_the_wrong_type_is_unreadable(record: Make, key: str, value: Any) -> None:
    message = json.loads(payload.encode([record(1)], live=True)) | {key: value}
    with pytest.raises(payload.PayloadError):
        payload.decode(json.dumps(message).encode())


@pytest.mark.parametrize(("key", "value"), HOSTILE_ENTRIES)
def test_an_entry_of_the_wrong_type_is_unreadable(record: Make, key: str, value: Any) -> None:
    message = json.loads(payload.encode([record(1)], live=True))
    message["records"][0][key] = value
    with pytest.raises(payload.PayloadError):
        payload.decode(json.dumps(message).encode())
    del message["records"][0][key]
    if key not in ("value", "payload", "samples", "detail"):
        with pytest.raises(payload.PayloadError):
            payload.decode(json.dumps(message).encode())


@pytest.mark.parametrize(
    "message",
    [
        {"stored": {"j": [[1e999, 0]]}},
        {"stored": {"j": [["1", 0]]}},
        {"stored": [1]},
        {"stored": {}, "refused": [["j", float("inf"), 0, "why"]]},
        {"stored": {}, "refused": [1]},
    ],
)
def test_a_confirmation_of_the_wrong_type_is_unreadable(message: Any) -> None:
    with pytest.raises(payload.PayloadError):
        payload.confirmed("ward-3", json.dumps(message).encode())


def test_home_assistant_keeps_subjects_apart(record: Make) -> None:
    topics = Topics("teleward", "ward-3")
    made = [
        next(home_assistant.discovery("ha", topics, record(1, subject=subject)))
        for subject in ("bed.1", "bed_1", "bed-1", "bed_2e1")
    ]
    assert len({topic for topic, _ in made}) == 4
    assert len({json.loads(message)["unique_id"] for _, message in made}) == 4


def test_an_announcement_of_nobody_served_is_outdated(record: Make) -> None:
    topics = Topics("teleward", "ward-3")
    ((_, message),) = home_assistant.discovery("ha", topics, record(1))
    assert home_assistant.is_outdated(topics, frozenset({"bed-2"}), message)
    assert not home_assistant.is_outdated(topics, frozenset({"bed-1"}), message)
    assert not home_assistant.is_outdated(Topics("teleward", "ward-4"), frozenset(), message)
    assert not home_assistant.is_outdated(topics, frozenset(), b"{}")
    assert not home_assistant.is_outdated(topics, frozenset(), b"[1]")
