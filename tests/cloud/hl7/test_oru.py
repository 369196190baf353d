"""ORU^R01 messages: by field, and before hl7apy, which knows HL7 v2.6."""

from dataclasses import replace
from typing import Any

import pytest
from hl7apy.consts import VALIDATION_LEVEL
from hl7apy.parser import parse_message
from hypothesis import example, given, settings
from hypothesis import strategies as st

from teleward_cloud.exports.codes import CODES
from teleward_cloud.exports.hl7 import make_writer
from teleward_cloud.exports.hl7.oru import message
from teleward_cloud.exports.hl7.segments import escape, unescape
from teleward_signal.model import Provenance
from teleward_signal.record import RecordKind
from tests.cloud.fhir.samples import SECOND_NS, cuff, everything, files, made, scope, value


def segments(content: bytes) -> list[list[str]]:
    """Return the segments of a message, cut into fields."""
    return [line.split("|") for line in content.decode().split("\r") if line]


def values(content: bytes) -> list[list[str]]:
    """Return the OBX segments with a metric."""
    found = [fields for fields in segments(content) if fields[0] == "OBX"]
    return [fields for fields in found if not fields[4].endswith(".0.0.0")]


def messages(content: bytes) -> list[bytes]:
    """Return the messages of a file."""
    return [b"MSH|" + part for part in content.split(b"MSH|")[1:]]


def test_a_validator_takes_every_message_of_a_file() -> None:
    writer = make_writer(scope(sex="female", birth_date="1981-01-12"))
    minute = [replace(r, time_ns=r.time_ns + 60 * SECOND_NS) for r in everything()]
    (content,) = files(writer, everything() + minute).values()
    found = messages(content)
    assert len(found) == 2
    for one in found:
        read: Any = parse_message(one.decode(), validation_level=VALIDATION_LEVEL.STRICT)
        assert read.validate()
        assert read.msh.msh_9.to_er7() == "ORU^R01^ORU_R01"
    every = [fields for one in found for fields in values(one)]
    records = everything() + minute
    measured = [r for r in records if r.kind is RecordKind.MEASUREMENT]
    assert len(every) == len(measured)
    identities = [f"ward-3/9f86d081/{r.id.seq}/{r.id.part}" for r in measured]
    assert sorted(fields[21].split("^")[0] for fields in every) == sorted(identities)
    by_identity = dict(zip(identities, measured, strict=True))
    for fields in every:
        record = by_identity[fields[21].split("^")[0]]
        codes = CODES[str(record.metric)]
        code, _, system = fields[3].split("^")[:3]
        known = codes.mdc or (codes.loinc[0] if codes.loinc else None)
        assert system == ("MDC" if codes.mdc else "LN" if codes.loinc else "99TELEWARD")
        assert code == (known.code if known else codes.name)
    assert sum(writer.left_out.values()) == len(records) - len(measured)


def test_simulated_messages_are_test_messages() -> None:
    (simulated,) = [segments(message([made(1)]))]
    assert (simulated[0][10], simulated[-1][8]) == ("T", "DEMO")
    (field,) = [segments(message([made(1, provenance=Provenance.FIELD)]))]
    assert (field[0][10], field[-1][8]) == ("P", "")


def test_repeats_are_recognisable() -> None:
    records = [made(n) for n in range(4)]
    assert message(records) == message(records)
    ids = {segments(message(part))[0][9] for part in (records, records[:3], records[1:])}
    assert len(ids) == 3
    assert {len(found) for found in ids} == {20}
    whole = {fields[21] for fields in values(message(records))}
    parts = {f[21] for part in (records[:2], records[2:]) for f in values(message(part))}
    assert whole == parts


def test_values_units_times_and_what_is_withheld() -> None:
    withheld = made(2, payload=value(None, reason="probe_off"))
    typed = made(3, metric="body_temperature", device=None,
                 payload=value(38.5, "manual", author="A|B"))  # fmt: skip
    found = segments(message([made(1), withheld, typed, *cuff(4)]))
    spo2, off, note = [fields for fields in found if fields[0] in ("OBX", "NTE")][1:4]
    assert (spo2[3].split("^")[0], spo2[5], spo2[6].split("^")[:3], spo2[14]) == (
        "150456", "96", ["262688", "MDC_DIM_PERCENT", "MDC"], "20260301080001.000+0000",
    )  # fmt: skip
    assert (off[5], off[8], off[11], note[3]) == ("", "NAV~DEMO", "X", "probe_off")
    (temperature,) = [fields for fields in found if fields[3:4] and "150364" in fields[3]]
    assert (temperature[5], temperature[11], temperature[16]) == ("38.5", "F", "^A\\F\\B")
    pressures = [fields[5] for fields in found if len(fields) > 5 and "PRESS" in fields[3]]
    assert pressures == ["120", "80", "93"]


@settings(max_examples=40)
@given(st.text(max_size=40))
@example("a|b^c~d&e\\f\r\n\\X0D\\ \\F\\")
def test_any_text_survives_inside_a_field(text: str) -> None:
    written = escape(text)
    assert not set("|^~&\r\n") & set(written)
    assert unescape(written) == text


@pytest.mark.parametrize("label", ["O'Neil & Söhne", "अनीता", "A\rMSH|^~\\&|x"])
def test_names_break_no_message(label: str) -> None:
    content = message([made(1)], label=label)
    assert [fields[0] for fields in segments(content)] == [
        "MSH", "PID", "PV1", "OBR", "OBX", "OBX",
    ]  # fmt: skip
    (pid,) = [fields for fields in segments(content) if fields[0] == "PID"]
    assert unescape(pid[5].split("^")[0]) == label
