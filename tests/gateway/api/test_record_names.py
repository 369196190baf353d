"""The API, MQTT messages and exported tables name the parts of a record alike."""

import json
from collections.abc import Callable

from teleward_cloud.exports.tables import MEASUREMENTS
from teleward_cloud.mqtt.payload import BUNDLE_VERSION, encode
from teleward_gateway.api.schemas import Observation
from teleward_signal.record import Record

NAMES = frozenset(
    ["gateway", "journal", "seq", "part", "subject", "device", "metric", "value", "unit", "time",
     "uncertainty_s", "provenance"]
)  # fmt: skip


def test_a_record_has_the_same_names_everywhere(record: Callable[..., Record]) -> None:
    found = record(7)
    message = json.loads(encode([found], live=True, version=BUNDLE_VERSION))
    sent = message | message["records"][0]
    answer = Observation.of(found).model_dump()
    answer |= answer["id"]
    row = dict(
        zip([column.name for column in MEASUREMENTS.columns], MEASUREMENTS.row(found), strict=True)
    )
    assert sent.keys() >= NAMES
    assert answer.keys() >= NAMES
    assert row.keys() >= NAMES
    for name in NAMES - {"time"}:
        assert sent[name] == answer[name] == row[name], name
