"""Exports of a gateway: records from the journal's file, through a writer, into a folder or zip."""
