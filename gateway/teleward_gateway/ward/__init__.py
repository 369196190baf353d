"""The record path of the ward: ingest, choice of source, derived values, alarm store."""
