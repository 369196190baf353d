"""Formats by name, loaded when they are used: a format is a line here and a module of its own."""

import importlib
from dataclasses import dataclass
from typing import cast

from teleward_cloud.exports.writer import MakeWriter
from teleward_signal.errors import Invalid, Unavailable


@dataclass(frozen=True, slots=True)
class Format:
    """One format: its name on the command line and in the API, and the module that writes it.

    ``extra`` names the optional dependency that it needs.
    """

    name: str
    summary: str
    module: str
    extra: str | None = None


_ALL = (
    Format("csv", "tables for spreadsheets and pandas", "teleward_cloud.exports.csv_tables"),
    Format("parquet", "tables for DuckDB, pandas, Spark", "teleward_cloud.exports.parquet",
           extra="parquet"),
    Format("wfdb", "waveforms and beats for PhysioNet's tools", "teleward_cloud.exports.wfdb"),
    Format("edf", "waveforms and marks as EDF+", "teleward_cloud.exports.edf"),
    Format("fhir", "FHIR R4 resources, a line each (NDJSON)", "teleward_cloud.exports.fhir"),
    Format("fhir-bundle", "FHIR R4 bundles to post", "teleward_cloud.exports.fhir.bundle"),
    Format("fhir-document", "FHIR wellness record (ABDM)", "teleward_cloud.exports.fhir.document"),
    Format("hl7", "HL7 v2.6 messages ORU^R01 (IHE PCD-01)", "teleward_cloud.exports.hl7"),
)  # fmt: skip
FORMATS: dict[str, Format] = {each.name: each for each in _ALL}
"""Every format by name."""


def find_format(name: str) -> Format:
    """Return the format of that name; raises Invalid with the names that there are."""
    if name not in FORMATS:
        raise Invalid(f"no export format {name!r}: use {', '.join(FORMATS)}")
    return FORMATS[name]


def maker_of(chosen: Format) -> MakeWriter:
    """Return what makes the writer of a format; raises Unavailable without its dependency."""
    try:
        module = importlib.import_module(chosen.module)
    except ModuleNotFoundError as error:
        if chosen.extra is None or (error.name or "").startswith("teleward"):
            raise
        raise Unavailable(
            f"{chosen.name} needs {error.name}, which is not installed: "
            f'pip install ".[{chosen.extra}]" in the folder of the sources of Teleward'
        ) from None
    return cast(MakeWriter, module.make_writer)
